"""Events of cases that a page offers: beside a row or a place on the map, each with its form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from county_gov.contract.page import Map, Table, View
from county_gov.contract.text import Text
from county_gov.errors import CaseNotFound, ContractError
from county_gov.server.console.case import KEPT, Tried, kept, send_event
from county_gov.server.console.case_forms import actions_of, read_names, with_errors
from county_gov.server.console.frame import draw
from county_gov.server.identifiers import ulid
from county_gov.server.problems import failure_of
from county_gov.server.render import Flash
from county_gov.server.render.records import Link

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.cases import CaseDetail
    from county_gov.contract.page import Page
    from county_gov.server.call import Call

ADDRESS = "{id:[0-9]{1,19}}/events/{event:[a-z0-9_.-]{1,64}}"
"""Of an event, below the page's cases."""
MOST_CASES = 200
"""Cases of one page that offer events."""


def events_of(page: Page) -> tuple[tuple[str, str], ...]:
    """The events that a page offers, as ids of workflow and event."""
    pairs = (action.partition(":") for action in page.actions)
    return tuple((workflow, event) for workflow, colon, event in pairs if colon)


def check_cases(views: Sequence[View]) -> None:
    """Refuse a row or place whose case is no text.

    Raises:
        ContractError: naming the view.
    """
    for name, case in _cases(views):
        if not isinstance(case, str):
            raise ContractError(f"{name}: case: expected a case's id, got {type(case).__name__}")


async def offers(call: Call, page: Page, views: Sequence[View]) -> Mapping[str, tuple[Link, ...]]:
    """Ways to the events that who looks may make now, by the id of the case."""
    wanted = events_of(page)
    ids = list(dict.fromkeys(case for _name, case in _cases(views) if case))[:MOST_CASES]
    if not (wanted and ids):
        return {}
    found = await call.county.cases.offers(call.actor, ids, wanted)
    return {
        case: tuple(Link(one.title, f"/{page.path}/cases/{case}/events/{one.id}") for one in events)
        for case, events in found.items()
    }


async def show_event(page: Page, call: Call) -> web.StreamResponse:
    """The form of an event."""
    return await _draw(page, call)


async def post_event(page: Page, call: Call) -> web.StreamResponse:
    """Make the event, and go back to the page; a form that fails comes back as it was typed."""
    await _require_offered(page, call)
    tried = await send_event(call, call.part("id"), call.part("event"))
    if tried is not None:
        return await _draw(page, call, tried)
    return call.redirect(f"/{page.path}", flash="moved")


async def _draw(page: Page, call: Call, tried: Tried | None = None) -> web.StreamResponse:
    detail = await _require_offered(page, call)
    event_id, cases = call.part("event"), call.county.cases
    events = [one for one in cases.actions(detail, call.actor) if one.id == event_id]
    names = await read_names(call, detail, events)
    at = f"/{page.path}/cases/{detail.view.id}"
    actions = actions_of(detail, events, names, keys=lambda: ulid(call.now), at=at)
    flash: Flash | None = None
    status = 200
    views: tuple[View, ...] = ()
    if tried is not None:
        failure = failure_of(tried[2])
        status = failure.status
        actions = with_errors(actions, *tried)
        if not actions:
            flash = Flash(failure.words.what, failure.why or KEPT, status="warning")
            views = kept(cases.workflow_of(detail.view), event_id, tried[1])
    elif not actions:
        raise CaseNotFound(f"case {detail.view.number}: {event_id!r} is not for you now")
    workflow = cases.workflow_of(detail.view)
    event = workflow.event(event_id) if workflow else None
    said = event.title if event else page.title
    return await draw(
        call,
        "plugin.html",
        title=page.title,
        headline=Text(
            zh=f"{said.zh}：{detail.view.title}",
            en=f"{said.in_language('en')}: {detail.view.title}",
        ),
        status=status,
        flash=flash,
        views=views,
        actions=actions,
        forms=actions,
        charts=False,
    )


async def _require_offered(page: Page, call: Call) -> CaseDetail:
    """The case of the address, of which the page offers the event.

    Raises:
        CaseNotFound: if there is no such case for who asks, or the page does not offer the event.
    """
    detail = await call.county.cases.get(call.actor, call.part("id"))
    if (detail.view.workflow, call.part("event")) not in events_of(page):
        raise CaseNotFound(f"{page.path} does not offer {call.part('event')!r} for this case")
    return detail


def _cases(views: Sequence[View]) -> list[tuple[str, str]]:
    """The cases that views speak of, each with the view's id."""
    found: list[tuple[str, str]] = []
    for view in views:
        if isinstance(view, Table):
            found += [(view.id, one.case) for one in view.rows]
        elif isinstance(view, Map):
            found += [(view.id, one.case) for one in view.markers]
            found += [(view.id, one.case) for one in view.shapes]
    return found
