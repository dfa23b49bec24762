"""The part of the page of plugins that says what they were told of, and what they have missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.page import Column, Row, Status, Table
from county_gov.contract.text import Text
from county_gov.server.identifiers import ulid
from county_gov.server.plugins import NAME, NUMBER, WRITE, deliver_again, sees_plugins
from county_gov.server.render import Action
from county_gov.server.routes import Route, permitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiohttp import web

    from county_gov.deployment.events import EventState
    from county_gov.server.call import Call
    from county_gov.store.missed_events import Missed

FORM = "application/x-www-form-urlencoded"
BEHIND_SECONDS = 300.0
"""A plugin whose oldest event waits longer lags behind."""
LONGEST_REASON = 200
COLUMNS = (
    Column("plugin", Text(zh="插件", en="Plugin"), sortable=False),
    Column("state", Text(zh="状态", en="State"), "state", sortable=False),
    Column("waiting", Text(zh="待送达", en="Waiting"), "number", sortable=False),
    Column("oldest", Text(zh="最早一条", en="Oldest"), "instant", sortable=False),
    Column("attempts", Text(zh="已试次数", en="Attempts"), "number", sortable=False),
    Column("next", Text(zh="下次尝试", en="Next attempt"), "instant", sortable=False),
    Column("missed", Text(zh="错过", en="Missed"), "number", sortable=False),
    Column("reason", Text(zh="原因", en="Reason"), sortable=False),
)
TOLD = Text(zh="已全部送达", en="all told")
UNDER_WAY = Text(zh="送达中", en="being told")
HELD_UP = Text(zh="送达受阻", en="held up")
LAGS = Text(zh="滞后", en="lags behind")
MISSED = Text(zh="有错过的", en="some missed")
KINDS = {
    "case": Text(zh="事项变动", en="A case moved"),
    "alert": Text(zh="告警变动", en="An alert changed"),
}


@frozen
class MissedEvent:
    """An event that a plugin has missed, as the page shows it."""

    id: int
    plugin: str
    kind: Text
    at: int
    status: Status
    state: Text
    reason: str
    actions: tuple[Action, ...]


def is_behind(events: EventState, now: int) -> bool:
    """Whether a plugin fails on its events, lags behind, or has missed some."""
    lags = events.oldest_seconds(now) > BEHIND_SECONDS
    return events.delay is not None or events.missed > 0 or lags


def events_table(states: Mapping[str, EventState], now: int) -> Table:
    """How far each plugin that listens was told."""
    return Table(
        id="events",
        title=Text(zh="事项与告警变动的送达", en="Telling plugins of cases and alerts"),
        columns=COLUMNS,
        rows=tuple(_events(name, one, now) for name, one in states.items()),
        total=len(states),
        empty=Text(zh="没有插件接收变动消息。", en="No plugin listens to events."),
    )


def _events(name: str, events: EventState, now: int) -> Row:
    delay = events.delay
    status, words = _state(events, now)
    return Row(
        {
            "plugin": name,
            "state": status,
            "waiting": events.waiting.events,
            "oldest": events.waiting.oldest_at,
            "attempts": delay.attempts if delay else None,
            "next": delay.next_at if delay else None,
            "missed": events.missed,
            "reason": delay.reason[:LONGEST_REASON] if delay else "",
        },
        texts={"state": words},
        status="warning" if status == "warning" else "neutral",
    )


def _state(events: EventState, now: int) -> tuple[Status, Text]:
    if events.delay is not None:
        return "warning", HELD_UP
    if events.oldest_seconds(now) > BEHIND_SECONDS:
        return "warning", LAGS
    if events.missed:
        return "warning", MISSED
    return ("notice", UNDER_WAY) if events.waiting.events else ("good", TOLD)


def missed_events(call: Call, found: Iterable[Missed]) -> tuple[MissedEvent, ...]:
    """What was missed, each with the button where the person may have it delivered again."""
    may = sees_plugins(call, WRITE)
    return tuple(_missed(call, one, may=may) for one in found)


def _missed(call: Call, one: Missed, *, may: bool) -> MissedEvent:
    asked = one.state == "asked"
    times = "attempt" if one.attempts == 1 else "attempts"
    tried = Text(zh=f"已试 {one.attempts} 次", en=f"{one.attempts} {times}")
    again = Action(
        id=f"deliver-{one.id}",
        label=Text(zh="重新送达", en="Deliver again"),
        href=f"/plugins/missed-events/{one.id}/deliver",
        idempotency_key=ulid(call.now),
    )
    return MissedEvent(
        id=one.id,
        plugin=one.plugin,
        kind=KINDS.get(one.event.kind, Text(zh=one.event.kind)),
        at=one.event.at,
        status="notice" if asked else "warning",
        state=Text(zh="等待重新送达", en="To be delivered again") if asked else tried,
        reason=one.reason[:LONGEST_REASON],
        actions=(again,) if may and not asked else (),
    )


def deliver_all_actions(call: Call, states: Mapping[str, EventState]) -> tuple[Action, ...]:
    """A button for each plugin that has missed more than one event."""
    if not sees_plugins(call, WRITE):
        return ()
    return tuple(
        Action(
            id=f"deliver-all-{name}",
            label=Text(
                zh=f"重新送达 {name} 错过的全部消息", en=f"Deliver all that {name} has missed"
            ),
            href=f"/plugins/{name}/missed-events/deliver",
            idempotency_key=ulid(call.now),
        )
        for name, one in states.items()
        if one.missed > 1
    )


async def post_delivery(call: Call) -> web.StreamResponse:
    """Have what was missed delivered again."""
    form = await call.form()
    await deliver_again(call, form.get("idempotency_key", ""), place="idempotency_key")
    return call.redirect("/plugins", flash="event_asked")


ROUTES = (
    Route(
        "POST",
        f"/plugins/missed-events/{NUMBER}/deliver",
        post_delivery,
        permitted(WRITE),
        Text(zh="重新送达错过的消息", en="Have a missed event delivered again"),
        media=(FORM,),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/plugins/{NAME}/missed-events/deliver",
        post_delivery,
        permitted(WRITE),
        Text(
            zh="重新送达插件错过的全部消息", en="Have all that a plugin has missed delivered again"
        ),
        media=(FORM,),
        failures=(404,),
    ),
)
