"""Plugins over HTTP: how they do, what they have missed, and having it delivered again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from county_gov.contract.text import Text
from county_gov.errors import Problem
from county_gov.server.api.documents import Instant, clean, rfc3339
from county_gov.server.parameters import read_parameters
from county_gov.server.plugins import NAME, NUMBER, READ, WRITE, deliver_again, require_plugins
from county_gov.server.refusal import RequestInvalid
from county_gov.server.routes import Parameter, Route, permitted

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.deployment.events import EventState
    from county_gov.deployment.plugins import PluginState
    from county_gov.server.call import Call
    from county_gov.store.missed_events import Missed

LIST = (
    Parameter("limit", "whole", "Events in one answer", minimum=1, maximum=500),
    Parameter("offset", "whole", "Events to pass over", minimum=0, maximum=1_000_000),
)


class EventsDocument(Struct):
    """How far a plugin was told of cases and alerts.

    ``waiting`` counts up to 10,000; ``oldest_at`` is when the oldest of them happened. Where the
    plugin fails: since when, how often the event was tried, when next, and why it failed.
    """

    waiting: int
    oldest_at: Instant | None
    missed: int
    failing_since: Instant | None
    attempts: int
    next_at: Instant | None
    reason: str


class PluginDocument(Struct):
    """A plugin and its calls since the start; ``events`` is null where it does not listen.

    ``isolated`` says whether it runs in a process of its own; ``cut_off`` names the purposes for
    which it is not called just now.
    """

    name: str
    distribution: str
    version: str
    isolated: bool
    alive: bool
    calls: int
    failures: int
    cut_off: list[str]
    events: EventsDocument | None


class PluginList(Struct):
    """The enabled plugins, in the order of the deployment file."""

    plugins: list[PluginDocument]


class MissedDocument(Struct):
    """An event that a plugin has missed: ``state`` is missed, or asked (to be delivered again)."""

    id: int
    plugin: str
    kind: str
    at: Instant
    missed_at: Instant
    attempts: int
    state: str
    asked_by: str
    reason: str


class MissedPage(Struct):
    """Events that were missed and not delivered since, oldest first."""

    rows: list[MissedDocument]
    total: int


class AskedEvents(Struct):
    """For how many events the key has asked."""

    events: int


async def list_plugins(call: Call) -> web.StreamResponse:
    """The enabled plugins."""
    require_plugins(call, READ)
    read_parameters(call.request.query, ())
    events = await call.county.event_states()
    states = call.county.plugins.states()
    return call.answer(PluginList([_plugin(one, events.get(one.plugin.name)) for one in states]))


async def list_missed(call: Call) -> web.StreamResponse:
    """Missed events."""
    require_plugins(call, READ)
    values = read_parameters(call.request.query, LIST)
    found, total = await call.county.missed_events.list_open(
        limit=values.number("limit", 50), offset=values.number("offset", 0)
    )
    return call.answer(MissedPage([_missed(one) for one in found], total))


async def ask_for_delivery(call: Call) -> web.StreamResponse:
    """Have what was missed delivered again; the same idempotency key asks once."""
    read_parameters(call.request.query, ())
    if await call.read() not in (b"", b"{}"):
        raise RequestInvalid([Problem("body", "nothing is read here: leave it empty")])
    key = call.request.headers.get("Idempotency-Key", "")
    count = await deliver_again(call, key, place="header: Idempotency-Key")
    return call.answer(AskedEvents(count), status=202)


def _plugin(state: PluginState, events: EventState | None) -> PluginDocument:
    plugin, process = state.plugin, state.process
    return PluginDocument(
        name=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        isolated=process is not None,
        alive=process is None or process.alive,
        calls=state.calls,
        failures=state.failures,
        cut_off=[one.what for one in state.circuits if not one.breaker.closed],
        events=None if events is None else _events(events),
    )


def _events(events: EventState) -> EventsDocument:
    delay, oldest_at = events.delay, events.waiting.oldest_at
    return EventsDocument(
        waiting=events.waiting.events,
        oldest_at=None if oldest_at is None else rfc3339(oldest_at),
        missed=events.missed,
        failing_since=None if delay is None else rfc3339(delay.since),
        attempts=0 if delay is None else delay.attempts,
        next_at=None if delay is None else rfc3339(delay.next_at),
        reason="" if delay is None else clean(delay.reason),
    )


def _missed(one: Missed) -> MissedDocument:
    return MissedDocument(
        id=one.id,
        plugin=one.plugin,
        kind=one.event.kind,
        at=rfc3339(one.event.at),
        missed_at=rfc3339(one.missed_at),
        attempts=one.attempts,
        state=one.state,
        asked_by=clean(one.asked_by),
        reason=clean(one.reason),
    )


KEY = (("Idempotency-Key", "The same key asks once"),)
ROUTES = (
    Route(
        "GET",
        "/api/v1/plugins",
        list_plugins,
        permitted(READ),
        Text(zh="插件运行情况", en="How plugins do, and how far they were told of events"),
        "api",
        answers=PluginList,
    ),
    Route(
        "GET",
        "/api/v1/plugins/missed-events",
        list_missed,
        permitted(READ),
        Text(zh="插件错过的消息", en="List events that plugins have missed"),
        "api",
        parameters=LIST,
        answers=MissedPage,
    ),
    Route(
        "POST",
        f"/api/v1/plugins/missed-events/{NUMBER}/deliver",
        ask_for_delivery,
        permitted(WRITE),
        Text(zh="重新送达错过的消息", en="Have a missed event delivered again"),
        "api",
        headers=KEY,
        answers=AskedEvents,
        failures=(404,),
    ),
    Route(
        "POST",
        f"/api/v1/plugins/{NAME}/missed-events/deliver",
        ask_for_delivery,
        permitted(WRITE),
        Text(
            zh="重新送达插件错过的全部消息", en="Have all that a plugin has missed delivered again"
        ),
        "api",
        headers=KEY,
        answers=AskedEvents,
        failures=(404,),
    ),
)
