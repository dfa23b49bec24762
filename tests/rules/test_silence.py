"""What is judged although no reading comes: hours whose time is over, and silences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.alert import AlertPolicy, Level
from county_gov.contract.batch import Batch
from county_gov.contract.clock import HOUR
from county_gov.contract.rule import Citation, Condition, Driving, Hourly, Judgement, Latest, Rule
from county_gov.contract.text import Text
from county_gov.rules.episode import States
from county_gov.rules.evaluation import RuleEvaluator
from county_gov.rules.judging import EpisodeChange, Judging
from county_gov.rules.scan import Track, scan
from county_gov.store import Store
from tests.rules.ledger import (
    HOURLY,
    MINUTE,
    Found,
    Memory,
    Row,
    SetClock,
    Streams,
    Told,
    arrivals,
    empty_tables,
    expected,
    policy_with,
    rule_over,
    standing,
)

PERIOD = 20 * MINUTE
LATENESS = HOURLY.lateness
SILENT = 2 * HOUR


def silent_or_high(batch: Batch) -> Mapping[str, Judgement]:
    """Silent for two hours, and heard again; both tell the hours of silence."""
    silent = np.isnan(batch["value"])
    hours = np.where(silent, SILENT / HOUR, 0.0)
    limits = np.full(batch.rows, SILENT / HOUR)
    return {
        "silent": Judgement(silent.astype(np.int8), hours, limits),
        "heard": Judgement((~silent).astype(np.int8), hours, limits),
    }


SILENCE = Rule(
    "t.silence",
    Text("无数据"),
    {"value": Latest("pm25", within=SILENT)},
    tuple(Condition(name, Text(name), Citation("试验规程")) for name in ("silent", "heard")),
    silent_or_high,
)
NO_DATA = AlertPolicy(
    "t.policy", Text("无数据"), "t.silence", (Level("notice", "silent", "heard"),)
)


def judging_of(memory: Memory, clock: SetClock, driving: Driving, hold_for: int = 0) -> Judging:
    """Judging by levels, or by silence where the input says how long one may last."""
    streams = Streams(PERIOD)
    if isinstance(driving, Latest):
        return Judging([NO_DATA], {SILENCE.id: SILENCE}, memory, lambda: streams, clock)
    rules = {"t.rule": rule_over(driving)}
    return Judging([policy_with(hold_for)], rules, memory, lambda: streams, clock)


def run(
    store: Store, judging: Judging, payloads: list[bytes], at: int
) -> tuple[EpisodeChange, ...]:
    """Judge some entries that were written at an instant, or only the time that is over."""
    told = [Told(one, at=at) for one in payloads]
    plan = store.read_now(lambda snapshot: judging.plan(snapshot, told))
    return store.submit(lambda tx: judging.apply(tx, plan)).result()


def rest(store: Store, judging: Judging) -> list[EpisodeChange]:
    """Judge until nothing is over that was not judged."""
    told: list[EpisodeChange] = []
    while judging.has_work:
        told += run(store, judging, [], 0)
    return told


def silences(memory: Memory, now: int) -> list[Found]:
    """The episodes of silence that one look at all readings finds."""
    found: list[Found] = []
    for number in (1, 2):
        own = sorted(row.time for row in memory.rows.values() if row.datastream == number)
        counting = [
            row.time
            for row in memory.rows.values()
            if row.datastream == number and row.flag != "faulty"
        ]
        ends = [*own[1:], None][: len(own)]
        instants = [
            (time + SILENT, np.nan)
            for time, end in zip(own, ends, strict=True)
            if (end is None and time + SILENT <= now) or (end is not None and end - time > SILENT)
        ]
        rows = sorted([*instants, *((time, 1.0) for time in counting)])
        times = np.array([time for time, _ in rows], np.int64)
        values = np.array([value for _, value in rows], np.float64)
        zeros = np.zeros(len(rows), np.int64)
        batch = Batch({"datastream": zeros + number, "time": times, "value": values})
        track = Track.of(NO_DATA, zeros, times, RuleEvaluator(SILENCE).judge(batch))
        _, episodes = scan(NO_DATA, track, States.quiet(1, 1))
        found += [
            (number, one.started_at, one.ended_at, "notice", one.peak, one.last_reading_at)
            for _, one in episodes
        ]
    return found


@pytest.mark.parametrize(
    ("driving", "hold_for"),
    [
        (HOURLY, 0),
        (HOURLY, HOUR),
        (Hourly("pm25", "equivalent_level", 0.3), 0),
        (SILENCE.driving, 0),
    ],
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_any_steps_of_the_clock_end_in_the_same_episodes(
    shared_store: Store, driving: Driving, hold_for: int, data: st.DataObject
) -> None:
    """Late readings, restarts and a clock that is set forth and back: one look finds the same."""
    empty_tables(shared_store)
    memory, clock = Memory(), SetClock(0)
    judging = judging_of(memory, clock, driving, hold_for)
    for part in data.draw(arrivals(PERIOD, 60)):
        payload = memory.land(part)
        clock.time = data.draw(st.integers(0, 30)) * HOUR + data.draw(
            st.sampled_from([0, LATENESS])
        )
        if data.draw(st.integers(0, 4)) == 0:
            judging = judging_of(memory, clock, driving, hold_for)
        run(shared_store, judging, [payload], clock.time)
        if data.draw(st.booleans()):
            rest(shared_store, judging)
    clock.time = 31 * HOUR
    rest(shared_store, judging)

    if isinstance(driving, Hourly):
        wanted = expected(memory, driving, PERIOD, hold_for, clock.time - LATENESS)
    else:
        wanted = silences(memory, clock.time)
    assert wanted == standing(shared_store)


def test_an_hour_is_judged_once_when_its_time_is_over(shared_store: Store) -> None:
    """The meter falls silent at 0:40; the hour is judged at 1:05, and not again after a restart."""
    empty_tables(shared_store)
    memory, clock = Memory(), SetClock(0)
    driving = Hourly("pm25", coverage=0.6)
    judging = judging_of(memory, clock, driving)
    payload = memory.land([Row(1, 0, 1600), Row(1, PERIOD, 1800)])
    assert () == run(shared_store, judging, [payload], 2 * PERIOD)
    assert HOUR + LATENESS == judging.next_close

    clock.time = HOUR + LATENESS - 1
    assert [] == rest(shared_store, judging)
    clock.time += 1
    (raised,) = rest(judging=judging_of(memory, clock, driving), store=shared_store)
    assert ("raised", 0, 170.0) == (raised.change, raised.episode.started_at, raised.episode.peak)
    again = judging_of(memory, clock, driving)
    clock.time = 9 * HOUR
    assert [] == rest(shared_store, again)
    assert None is again.next_close

    (late,) = run(shared_store, again, [memory.land([Row(1, 2 * PERIOD, 0)])], clock.time)
    assert ("withdrawn", 0) == (late.change, late.episode.started_at)


def test_what_waits_in_the_journal_is_judged_before_its_time_is_over(shared_store: Store) -> None:
    """A judge that lags an hour behind finds the readings that came in time, and tells once."""
    empty_tables(shared_store)
    memory, clock = Memory(), SetClock(5 * HOUR)
    judging = judging_of(memory, clock, HOURLY)
    first = memory.land([Row(1, 0, 1600), Row(1, PERIOD, 1600)])
    second = memory.land([Row(1, 2 * PERIOD, 1000)])

    assert () == run(shared_store, judging, [first], 30 * MINUTE)
    assert () == run(shared_store, judging, [second], 50 * MINUTE)
    assert [] == rest(shared_store, judging)


def test_a_silence_is_an_alert_until_something_is_heard(shared_store: Store) -> None:
    """Two hours after the last reading it begins; the next reading ends it."""
    empty_tables(shared_store)
    memory, clock = Memory(), SetClock(HOUR)
    judging = judging_of(memory, clock, SILENCE.driving)
    run(shared_store, judging, [memory.land([Row(1, HOUR, 500)])], HOUR)
    clock.time = 3 * HOUR - 1
    assert [] == rest(shared_store, judging)
    clock.time = 3 * HOUR
    (raised,) = rest(shared_store, judging)
    assert ("raised", 3 * HOUR, None) == (
        raised.change,
        raised.episode.started_at,
        raised.episode.ended_at,
    )
    (cleared,) = run(shared_store, judging, [memory.land([Row(1, 7 * HOUR, 500)])], 7 * HOUR)
    assert ("cleared", 7 * HOUR) == (cleared.change, cleared.episode.ended_at)

    (withdrawn,) = run(
        shared_store,
        judging,
        [memory.land([Row(1, hour * HOUR, 500) for hour in (2, 4, 6)])],
        7 * HOUR,
    )
    assert "withdrawn" == withdrawn.change


def test_what_nobody_knows_any_more_waits_for_nothing(shared_store: Store) -> None:
    """A datastream that left the register does not keep the judge awake."""
    empty_tables(shared_store)
    memory, clock = Memory(), SetClock(0)
    judging = judging_of(memory, clock, HOURLY)
    run(shared_store, judging, [memory.land([Row(1, 0, 1600)])], 0)

    class Empty(Streams):
        def datastream(self, number: int) -> object:  # type: ignore[override]
            raise KeyError(number)

    clock.time = 2 * HOUR
    empty = Empty()
    rules = {"t.rule": rule_over(HOURLY)}
    judging = Judging([policy_with()], rules, memory, lambda: empty, clock)  # type: ignore[arg-type, return-value]
    assert [] == rest(shared_store, judging)
    assert None is judging.next_close
