"""Whether it lives, whether it can serve, and what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from msgspec import Struct

from county_gov.contract.text import Text
from county_gov.server.metrics import event_samples, gauge_lines, plugin_lines
from county_gov.server.routes import PUBLIC, Route, loopback_or
from county_gov.store import followers
from county_gov.store.writer import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from county_gov.server.call import Call
    from county_gov.server.metrics import Sample

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class Health(Struct):
    """The process lives."""

    status: str = "ok"


class Readiness(Struct):
    """Whether it can serve; the log says why where it cannot."""

    ready: bool


async def show_health(call: Call) -> web.StreamResponse:
    """The process lives."""
    return call.answer(Health())


async def show_readiness(call: Call) -> web.StreamResponse:
    """Whether it can serve; 503 where it cannot. Reasons are told to this machine only."""
    reasons = call.county.ready()
    if call.service.stopping.is_set():
        reasons = [*reasons, "the server is stopping"]
    return call.answer(Readiness(not reasons), status=503 if reasons else 200)


async def show_metrics(call: Call) -> web.StreamResponse:
    """Counters in Prometheus' text format."""
    head = await call.county.store.read(followers.head)
    events, states = await call.county.event_states(), call.county.plugins.states()
    names = [one.plugin.name for one in states]
    lines = [
        *call.service.metrics.lines(),
        *gauge_lines(_samples(call, head)),
        *plugin_lines(states),
        *gauge_lines(event_samples(names, events, call.now)),
    ]
    return web.Response(
        body=("\n".join(lines) + "\n").encode(), headers={"Content-Type": TEXT_FORMAT}
    )


def _samples(call: Call, head: int) -> Iterator[Sample]:
    county, writer = call.county, call.county.store.writer
    yield "county_gov_ready", "Whether it can serve.", "", float(not county.ready())
    yield "county_gov_journal_position", "Newest entry of the journal.", "", head
    for one in county.followers:
        words, label = "Entry that a follower has passed.", f'follower="{one.name}"'
        yield "county_gov_follower_position", words, label, one.position
    for priority in Priority:
        words, label = "Changes that wait.", f'priority="{priority.name.lower()}"'
        yield "county_gov_writer_waiting", words, label, writer.waiting(priority)
    yield "county_gov_writer_commits", "Commits since the start.", "", writer.commits
    yield "county_gov_writer_longest_seconds", "Longest commit.", "", writer.longest
    yield "county_gov_event_streams", "Pages that listen.", "", county.live.pages


ROUTES = (
    Route(
        "GET",
        "/healthz",
        show_health,
        PUBLIC,
        Text(zh="存活检查", en="Whether the process lives"),
        "api",
        answers=Health,
    ),
    Route(
        "GET",
        "/readyz",
        show_readiness,
        PUBLIC,
        Text(zh="就绪检查", en="Whether it can serve"),
        "api",
        answers=Readiness,
    ),
    Route(
        "GET",
        "/metrics",
        show_metrics,
        loopback_or("core.metrics.read"),
        Text(zh="运行指标", en="Counters in Prometheus' text format"),
        "api",
        answer_media="text/plain",
    ),
)
