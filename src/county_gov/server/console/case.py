"""One case: its way, its data, and the actions that who looks may take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from county_gov.cases.cases import DISABLED
from county_gov.contract.page import Entry, Paragraphs, Timeline
from county_gov.contract.text import Text
from county_gov.contract.values import from_words
from county_gov.errors import CaseConflict, EventDataInvalid, EventNotAllowed
from county_gov.server.console.case_alerts import alerts_of
from county_gov.server.console.case_forms import (
    ACCOUNT,
    UNIT,
    Names,
    actions_of,
    fact,
    read_names,
    with_errors,
)
from county_gov.server.console.case_tasks import occurrences, task_rows
from county_gov.server.console.cases import case_status
from county_gov.server.console.frame import draw
from county_gov.server.console.naming import (
    area_name,
    datastream_of,
    state_title,
    subject_name,
)
from county_gov.server.identifiers import ulid
from county_gov.server.problems import failure_of
from county_gov.server.render import CaseSheet, Flash, Step
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.cases import CaseDetail
    from county_gov.contract.schema import Field
    from county_gov.contract.workflow import Event, Workflow
    from county_gov.server.call import Call

TITLE = Text(zh="事项", en="Case")
OPENED = Text(zh="立案", en="Opened")
KEPT = Text(
    zh="您打开之后，别人已先办理；本次没有提交。请查看最新情况，您填写的内容保留在下方。",
    en="Somebody acted since you opened it; nothing was sent. See what is new; "
    "what you typed is kept below.",
)
UNSENT = Text(zh="您填写的内容（没有提交）", en="What you typed (not sent)")
_VERSION = re.compile(r"[0-9]{1,15}")


async def show_case(call: Call) -> web.StreamResponse:
    """One case."""
    return await _page(call, await call.county.cases.get(call.actor, call.part("id")))


async def post_event(call: Call) -> web.StreamResponse:
    """What a person does with a case; a form that fails comes back with all that was typed."""
    case = call.part("id")
    tried = await send_event(call, case, call.part("event"))
    if tried is not None:
        return await _page(call, await call.county.cases.get(call.actor, case), tried=tried)
    return call.redirect(f"/cases/{case}", flash="moved")


async def send_event(call: Call, case: str, event_id: str) -> Tried | None:
    """Make the event that a form asks for; None where it was made.

    Raises:
        CaseNotFound: if there is no such case for who asks.
        StoreError: if it cannot be written just now.
    """
    form = dict(await call.form())
    key = form.pop("idempotency_key", "")
    version = form.pop("expected_version", "")
    form.pop("confirmed", None)
    detail = await call.county.cases.get(call.actor, case)
    workflow = call.county.cases.workflow_of(detail.view)
    event = workflow.event(event_id) if workflow else None
    timezone = ZoneInfo(call.county.settings.county.timezone)
    try:
        await call.county.cases.send_event(
            case,
            event_id,
            data=from_words(event.form, form, timezone) if event else form,
            actor=call.actor,
            expected_version=_version(version),
            key=key,
            request=call.id,
        )
    except (EventDataInvalid, EventNotAllowed, CaseConflict) as error:
        return event_id, form, error
    return None


def _version(text: str) -> int:
    """The version that the form was drawn with; one that never was where the form is broken."""
    return int(text) if _VERSION.fullmatch(text) else -1


Tried = tuple[str, Mapping[str, str], EventDataInvalid | EventNotAllowed | CaseConflict]
"""An event that was refused: its id, what was typed, and why."""


async def _page(call: Call, detail: CaseDetail, tried: Tried | None = None) -> web.StreamResponse:
    workflow = call.county.cases.workflow_of(detail.view)
    events = _usual_first(workflow, detail, call.county.cases.actions(detail, call.actor))
    names = await read_names(call, detail, events)
    actions = actions_of(detail, events, names, keys=lambda: ulid(call.now))
    retired = detail.view.workflow in call.county.cases.retired
    flash = Flash(DISABLED, status="warning") if retired else None
    status = 200
    views = await alerts_of(call, detail)
    if tried is not None:
        event_id, typed, error = tried
        failure = failure_of(error)
        status = failure.status
        actions = with_errors(actions, event_id, typed, error)
        if all(one.id != event_id for one in actions):
            flash = Flash(failure.words.what, failure.why or KEPT, status="warning")
            views = (*kept(workflow, event_id, typed), *views)
    return await draw(
        call,
        "case.html",
        title=workflow.title if workflow else TITLE,
        refresh_on=("case", "alert"),
        status=status,
        flash=flash,
        case=_sheet(call, detail, workflow, names),
        timeline=_timeline(detail, workflow, names),
        actions=actions,
        views=(*occurrences(call, detail, workflow, names), *views),
    )


def _usual_first(
    workflow: Workflow | None, detail: CaseDetail, events: Sequence[Event]
) -> tuple[Event, ...]:
    """The events that carry a case on before those that send it back, else in their order."""
    order = [one.id for one in workflow.states] if workflow else []
    completing = {one.task.done_by for one in workflow.states if one.task} if workflow else set()

    def goes_back(event: Event) -> bool:
        known = detail.view.state in order and event.target in order
        back = known and order.index(event.target) <= order.index(detail.view.state)
        return back and event.id not in completing

    return tuple(sorted(events, key=goes_back))


def kept(
    workflow: Workflow | None, event_id: str, typed: Mapping[str, str]
) -> tuple[Paragraphs, ...]:
    """What was typed into a form that is no longer there, so that nothing is lost."""
    event = workflow.event(event_id) if workflow else None
    paragraphs = tuple(
        Text(zh=f"{one.title.zh}：{words}", en=f"{one.title.in_language('en')}: {words}")
        for one in (event.form.fields if event else ())
        if not one.name.endswith((ACCOUNT, UNIT)) and (words := typed.get(one.name, "").strip())
    )
    return (Paragraphs("kept", UNSENT, paragraphs),) if paragraphs else ()


def _sheet(call: Call, detail: CaseDetail, workflow: Workflow | None, names: Names) -> CaseSheet:
    view, registers = detail.view, call.county.registers.snapshot
    fields = {one.name: one for one in _fields(workflow)}
    facts = tuple(
        (
            fields[name].title if name in fields else Text(zh=name),
            fact(fields.get(name), value, names),
        )
        for name, value in view.data.items()
        if value is not None
    )
    datastream = datastream_of(registers, view.subject)
    linked = datastream is not None and call.actor.may("core.observations.read")
    return CaseSheet(
        number=view.number,
        title=Text(zh=view.title, en=view.title_en),
        status=case_status(workflow, view.state),
        state=state_title(workflow, view.state),
        version=view.version,
        opened_at=view.opened_at,
        subject=subject_name(registers, view.subject),
        area=area_name(registers, view.area),
        steps=_steps(detail, workflow, names),
        facts=facts,
        tasks=task_rows(call, detail, names),
        subject_href=f"/datastreams/{view.subject}" if linked else "",
    )


def _fields(workflow: Workflow | None) -> list[Field]:
    if workflow is None:
        return []
    return [*workflow.data.fields, *(one for event in workflow.events for one in event.form.fields)]


def _steps(detail: CaseDetail, workflow: Workflow | None, names: Names) -> tuple[Step, ...]:
    """The workflow's states in their order, with when and by whom each was left last."""
    if workflow is None:
        return ()
    left = {entry.from_state: entry for entry in detail.history if entry.from_state}
    order = [one.id for one in workflow.states]
    now = order.index(detail.view.state) if detail.view.state in order else len(order)
    closed = detail.closed_at is not None
    steps = []
    for place, state in enumerate(workflow.states):
        done = place < now or (closed and place == now)
        entry = left.get(state.id) if done else None
        steps.append(
            Step(
                state.title,
                "done" if done else "current" if place == now else "ahead",
                at=entry.at if entry else None,
                actor=names.actor(entry.actor, entry.account) if entry else "",
            )
        )
    return tuple(steps)


def _timeline(detail: CaseDetail, workflow: Workflow | None, names: Names) -> Timeline:
    entries = []
    for entry in detail.history:
        event = workflow.event(entry.event) if workflow and entry.event else None
        fields = {one.name: one for one in (event.form.fields if event else ())}
        details = tuple(
            (
                fields[name].title if name in fields else Text(zh=name),
                names.spoken(fact(fields.get(name), value, names)),
            )
            for name, value in entry.data.items()
            if value is not None and entry.event
        )
        title = event.title if event else Text(zh=entry.event) if entry.event else OPENED
        who = names.actor(entry.actor, entry.account)
        entries.append(Entry(entry.at, title, who, details))
    return Timeline("history", Text(zh="办理经过", en="What happened"), tuple(entries))


ROUTES = (
    Route(
        "GET",
        "/cases/{id:[0-9]{1,19}}",
        show_case,
        SIGNED_IN,
        Text(zh="事项详情", en="One case: data, history, tasks, actions"),
        failures=(404,),
    ),
    Route(
        "POST",
        "/cases/{id:[0-9]{1,19}}/events/{event:[a-z0-9_.-]{1,64}}",
        post_event,
        SIGNED_IN,
        Text(zh="办理事项", en="Act on a case"),
        media=("application/x-www-form-urlencoded",),
        failures=(404, 409),
    ),
)
