"""Counters and durations, written in Prometheus' text format (version 0.0.4).

A request costs two dictionary look-ups here, which a general client library does not reach.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from county_gov.deployment.events import EventState
    from county_gov.deployment.plugins import PluginState
    from county_gov.registry.gateway import Circuit

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of durations, seconds."""

Sample = tuple[str, str, str, float]
"""Name, help, labels as ``key="value"``, value."""


PLUGIN_METRICS: tuple[tuple[str, str, str, Callable[[Circuit], float]], ...] = (
    ("county_gov_plugin_calls_total", "counter", "Calls of a plugin.", lambda one: one.calls),
    ("county_gov_plugin_failures_total", "counter", "Calls that failed.", lambda one: one.failures),
    ("county_gov_plugin_hung_total", "counter", "Calls given up.", lambda one: one.hung),
    ("county_gov_plugin_cut_off_total", "counter", "Calls not made.", lambda one: one.cut_off),
    ("county_gov_plugin_seconds_total", "counter", "Seconds in calls.", lambda one: one.seconds),
    (
        "county_gov_plugin_circuit_open",
        "gauge",
        "Whether calls are not made.",
        lambda one: int(not one.breaker.allows),
    ),
)
"""Name, type, help and value of what is counted for each purpose of a plugin."""


EVENT_METRICS: tuple[tuple[str, str, Callable[[EventState, int], float]], ...] = (
    (
        "county_gov_plugin_events_waiting",
        "Events that a plugin was not told of yet.",
        lambda one, _now: one.waiting.events,
    ),
    (
        "county_gov_plugin_events_oldest_seconds",
        "Age of the oldest of them.",
        lambda one, now: one.oldest_seconds(now),
    ),
    (
        "county_gov_plugin_events_attempts",
        "Attempts at an event that a plugin fails on.",
        lambda one, _now: one.delay.attempts if one.delay else 0,
    ),
    (
        "county_gov_plugin_events_missed",
        "Events that a plugin has missed.",
        lambda one, _now: one.missed,
    ),
)
"""Name, help and value of what is told of each plugin's events."""


@define(eq=False)
class _Durations:
    buckets: list[int] = field(factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0


@define(eq=False)
class RequestMetrics:
    """What requests there were, how they ended and how long they took."""

    _ended: Counter[tuple[str, int]] = field(factory=Counter, init=False)
    _durations: defaultdict[str, _Durations] = field(
        factory=lambda: defaultdict(_Durations), init=False
    )
    running: int = field(default=0, init=False)

    def record(self, route: str, status: int, seconds: float) -> None:
        """One request has ended."""
        self._ended[route, status] += 1
        durations = self._durations[route]
        durations.buckets[bisect_left(BOUNDS, seconds)] += 1
        durations.total += seconds

    def lines(self) -> Iterator[str]:
        """The requests in Prometheus' text format."""
        name = "county_gov_http_requests_total"
        yield f"# HELP {name} Requests by route and status."
        yield f"# TYPE {name} counter"
        for (route, status), count in sorted(self._ended.items()):
            yield f'{name}{{route="{escape(route)}",status="{status}"}} {count}'
        name = "county_gov_http_request_seconds"
        yield f"# HELP {name} Seconds from the request's head to its answer."
        yield f"# TYPE {name} histogram"
        for route, durations in sorted(self._durations.items()):
            label, running = escape(route), 0
            for bound, count in zip((*BOUNDS, "+Inf"), durations.buckets, strict=True):
                running += count
                yield f'{name}_bucket{{route="{label}",le="{bound}"}} {running}'
            yield f'{name}_sum{{route="{label}"}} {durations.total:.6f}'
            yield f'{name}_count{{route="{label}"}} {running}'
        yield from gauge_lines(
            [("county_gov_http_requests_running", "Requests under way.", "", self.running)]
        )


def plugin_lines(states: Iterable[PluginState]) -> Iterator[str]:
    """Calls of plugins by purpose in Prometheus' text format."""
    found = list(states)
    circuits = [one for state in found for one in state.circuits]
    for name, kind, words, value in PLUGIN_METRICS:
        yield f"# HELP {name} {words}"
        yield f"# TYPE {name} {kind}"
        for one in circuits:
            labels = f'plugin="{escape(one.plugin)}",purpose="{escape(one.what)}"'
            yield f"{name}{{{labels}}} {value(one)!r}"
    name = "county_gov_plugin_process_starts_total"
    yield f"# HELP {name} Starts of a plugin's own process."
    yield f"# TYPE {name} counter"
    for state in found:
        starts = state.process.starts if state.process else 0
        yield f'{name}{{plugin="{escape(state.plugin.name)}"}} {starts}'


def event_samples(
    plugins: Iterable[str], events: Mapping[str, EventState], now: int
) -> Iterator[Sample]:
    """How far each plugin was told of cases and alerts; zeros for one that does not listen."""
    named = [(f'plugin="{escape(one)}"', events.get(one)) for one in plugins]
    for name, words, value in EVENT_METRICS:
        for labels, state in named:
            yield name, words, labels, 0 if state is None else value(state, now)


def gauge_lines(samples: Iterable[Sample]) -> Iterator[str]:
    """Gauges in Prometheus' text format; samples of one name stand together."""
    named = ""
    for name, words, labels, value in samples:
        if name != named:
            yield f"# HELP {name} {words}"
            yield f"# TYPE {name} gauge"
            named = name
        exact = repr(value).removesuffix(".0")
        yield f"{name}{{{labels}}} {exact}" if labels else f"{name} {exact}"


def escape(value: str) -> str:
    """A label's value."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
