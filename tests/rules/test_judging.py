"""Judging: whatever the order and the parts in which readings come, the episodes are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from county_gov.contract.batch import NO_TIME, Batch
from county_gov.contract.clock import HOUR
from county_gov.contract.rule import Driving, Judgement
from county_gov.errors import ContractError, LeaseLost
from county_gov.rules.judging import EpisodeChange, Judging, decode_change
from county_gov.store import Store, tables
from county_gov.store.alerts import link_case
from county_gov.store.observations import decode_changes
from tests.rules.ledger import (
    HOURLY,
    LATEST,
    MINUTE,
    Memory,
    Row,
    SetClock,
    Streams,
    Told,
    arrivals,
    compare,
    empty_tables,
    expected,
    policy_with,
    rule_over,
    standing,
)


def judging_of(memory: Memory, series_input: Driving, period: int, hold_for: int = 0) -> Judging:
    """Judging by one policy over readings in memory."""
    rules = {"t.rule": rule_over(series_input)}
    streams = Streams(period)
    return Judging([policy_with(hold_for)], rules, memory, lambda: streams, SetClock(0))


def run(store: Store, judging: Judging, payloads: Sequence[bytes]) -> tuple[EpisodeChange, ...]:
    """Plan and apply some entries."""
    plan = store.read_now(lambda snapshot: judging.plan(snapshot, [Told(one) for one in payloads]))
    return store.submit(lambda tx: judging.apply(tx, plan)).result()


@pytest.mark.parametrize(
    ("series_input", "period", "hold_for"),
    [(LATEST, HOUR, 0), (LATEST, HOUR, 2 * HOUR), (HOURLY, 20 * MINUTE, 0), (HOURLY, 0, HOUR)],
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_split_ends_in_the_same_episodes(
    shared_store: Store, series_input: Driving, period: int, hold_for: int, data: st.DataObject
) -> None:
    """Late, revised, repeated and redelivered readings end where one look at all would."""
    empty_tables(shared_store)
    step = period or 7 * MINUTE
    parts = data.draw(arrivals(step, 24 * 20 * HOUR // step // 8))
    memory = Memory()
    judging = judging_of(memory, series_input, period, hold_for)
    payloads: list[bytes] = []
    waiting: list[bytes] = []
    for part in parts:
        payloads.append(memory.land(part))
        waiting.append(payloads[-1])
        if data.draw(st.booleans()):
            run(shared_store, judging, waiting)
            waiting = []
        if data.draw(st.integers(0, 4)) == 0 and not waiting:
            judging = judging_of(memory, series_input, period, hold_for)
            run(shared_store, judging, payloads[-2:])
    run(shared_store, judging, waiting)

    assert expected(memory, series_input, period, hold_for) == standing(shared_store)
    assert () == run(shared_store, judging, payloads)


@pytest.mark.parametrize(
    ("series_input", "period", "hold_for"),
    [(LATEST, HOUR, 0), (LATEST, HOUR, 2 * HOUR), (HOURLY, 20 * MINUTE, 0)],
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_policy_that_first_meets_a_history_judges_it_whole(
    shared_store: Store, series_input: Driving, period: int, hold_for: int, data: st.DataObject
) -> None:
    """Whichever reading is told first, a datastream that is told of ends as one look has it."""
    empty_tables(shared_store)
    parts = data.draw(arrivals(period, 24 * 20 * HOUR // period // 8))
    untold = data.draw(st.integers(0, len(parts)))
    memory = Memory()
    for part in parts[:untold]:
        memory.land(part)
    judging = judging_of(memory, series_input, period, hold_for)
    payloads: list[bytes] = []
    waiting: list[bytes] = []
    for part in parts[untold:]:
        payloads.append(memory.land(part))
        waiting.append(payloads[-1])
        if data.draw(st.booleans()):
            run(shared_store, judging, waiting)
            waiting = []
    run(shared_store, judging, waiting)

    known = {number for one in payloads for number in decode_changes(one).datastream.tolist()}
    wanted = [one for one in expected(memory, series_input, period, hold_for) if one[0] in known]
    assert wanted == standing(shared_store)
    assert () == run(shared_store, judging, payloads)


def test_a_late_reading_told_first_does_not_hide_the_history(shared_store: Store) -> None:
    """An episode stored before the policy is found, though an older reading is told first."""
    empty_tables(shared_store)
    memory = Memory()
    history = hourly_rows([160 if hour in {5, 6} else 50 for hour in range(11)])
    memory.land([row for row in history if row.time != 2 * HOUR])
    judging = judging_of(memory, LATEST, HOUR)
    told = run(shared_store, judging, [memory.land(hourly_rows([50], 2))])
    told += run(shared_store, judging, [memory.land(hourly_rows([50], 11))])

    assert [("raised", 5, 7)] == changes(told)


def test_what_is_told_later_is_not_taken_for_history(shared_store: Store) -> None:
    """A judge that lags behind the intake goes on with what it is told, and reads nothing again."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    payloads = [memory.land(hourly_rows([160 if hour % 3 else 90], hour)) for hour in range(20)]
    run(shared_store, judging, payloads[:1])
    before = memory.reads
    for payload in payloads[1:]:
        run(shared_store, judging, [payload])

    assert 1 == before == memory.reads
    assert expected(memory, LATEST, HOUR, 0) == standing(shared_store)


@pytest.mark.parametrize(
    ("series_input", "period", "hold_for"), [(LATEST, HOUR, HOUR), (HOURLY, 20 * MINUTE, 0)]
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_readings_in_order_correct_nothing(
    shared_store: Store, series_input: Driving, period: int, hold_for: int, data: st.DataObject
) -> None:
    """What comes in order raises and clears each episode once, and takes nothing back."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, series_input, period, hold_for)
    rows = sorted(
        (row for part in data.draw(arrivals(period, 60)) for row in part if not row.result),
        key=lambda row: (row.time, row.datastream),
    )
    told: list[tuple[int, str]] = []
    while rows:
        part, rows = rows[: (size := data.draw(st.integers(1, 8)))], rows[size:]
        happened = run(shared_store, judging, [memory.land(part)])
        told += [(one.episode.id, one.change) for one in happened]

    assert {"raised", "level", "cleared"} >= {change for _, change in told}
    for change in ("raised", "cleared"):
        episodes = [episode for episode, one in told if one == change]
        assert len(episodes) == len(set(episodes))
    assert expected(memory, series_input, period, hold_for) == standing(shared_store)


def hourly_rows(values: Sequence[float], start: int = 0, station: int = 1) -> list[Row]:
    """One reading an hour."""
    return [Row(station, (start + i) * HOUR, round(v * 10)) for i, v in enumerate(values)]


def changes(told: Sequence[EpisodeChange]) -> list[tuple[str, int, int | None]]:
    """What happened, when the episode began and ended, in hours."""
    return [
        (
            one.change,
            one.episode.started_at // HOUR,
            None if one.episode.ended_at is None else one.episode.ended_at // HOUR,
        )
        for one in told
    ]


def test_an_episode_rises_grows_and_clears(shared_store: Store) -> None:
    """Raised, a higher level, cleared; each told once, in the journal as well."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    told = [
        run(shared_store, judging, [memory.land(hourly_rows(values, start))])
        for start, values in ((0, [100, 160]), (2, [140]), (3, [260, 180]), (5, [90]))
    ]

    assert [("raised", 1, None)] == changes(told[0])
    assert [] == changes(told[1])
    assert [("level", 1, None)] == changes(told[2])
    assert [("cleared", 1, 5)] == changes(told[3])
    assert (260.0, "alarm") == (told[3][0].episode.peak, told[3][0].episode.severity)
    assert ["t.case"] == [one.workflow for one in told[0]]
    payloads = shared_store.read_now(
        lambda snapshot: snapshot.rows(tables.journal.select().order_by("position"))
    )
    assert ["raised", "level", "cleared"] == [decode_change(row.payload)[0] for row in payloads]
    assert told[3][0].episode == decode_change(payloads[-1].payload)[1]


def test_late_data_merges_and_splits(shared_store: Store) -> None:
    """A late high reading joins two episodes, its revision to a low one parts them again."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    first = run(shared_store, judging, [memory.land(hourly_rows([160, 100, 160, 100]))])
    merged = run(shared_store, judging, [memory.land([Row(1, HOUR, 1400, "", 1)])])
    split = run(shared_store, judging, [memory.land([Row(1, HOUR, 900, "", 2)])])

    assert [("raised", 0, 1), ("raised", 2, 3)] == changes(first)
    assert {("withdrawn", 2, 3), ("corrected", 0, 3)} == set(changes(merged))
    assert {("corrected", 0, 1), ("raised", 2, 3)} == set(changes(split))
    by_change = {one.change: one for one in (*merged, *split)}
    first_id = first[0].episode.id
    assert {"merged_into": first_id} == by_change["withdrawn"].details
    assert first_id == by_change["raised"].details["split_from"]
    assert by_change["raised"].late
    assert ["shrunk"] == by_change["corrected"].details["reasons"]
    stored = shared_store.read_now(lambda s: s.rows(tables.episodes.select()))
    assert [(1, 0), (1, 1), (0, 0)] == [(row.corrected, row.withdrawn) for row in stored]


def test_a_revision_withdraws_an_episode_and_keeps_its_case(shared_store: Store) -> None:
    """A false reading's episode is withdrawn, marked, and never deleted."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    (raised,) = run(shared_store, judging, [memory.land(hourly_rows([90, 900]))])
    shared_store.submit(lambda tx: link_case(tx, raised.episode.id, 77)).result()
    (withdrawn,) = run(shared_store, judging, [memory.land([Row(1, HOUR, 900, "", 1)])])

    assert ("withdrawn", True, True, "77") == (
        withdrawn.change,
        withdrawn.episode.withdrawn,
        withdrawn.episode.corrected,
        withdrawn.episode.case,
    )
    assert [] == standing(shared_store)


def test_an_hourly_mean_clears_without_being_corrected(shared_store: Store) -> None:
    """An hour that ends with its last reading goes on from the one before."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, HOURLY, 20 * MINUTE)
    told: list[EpisodeChange] = []
    for number, value in enumerate([1600] * 6 + [900] * 3):
        told += run(shared_store, judging, [memory.land([Row(1, number * 20 * MINUTE, value)])])

    assert [("raised", 0, None), ("cleared", 0, 2)] == changes(told)


def test_an_hour_with_too_few_readings_is_a_gap(shared_store: Store) -> None:
    """Two of three readings are less than three quarters; faulty ones do not count."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, HOURLY, 20 * MINUTE)
    rows = [Row(1, number * 20 * MINUTE, 1600) for number in (0, 1, 3, 4)]
    rows += [Row(1, 5 * 20 * MINUTE, 9999, "faulty"), Row(1, 6 * 20 * MINUTE, 100)]

    assert () == run(shared_store, judging, [memory.land(rows)])
    (late,) = run(shared_store, judging, [memory.land([Row(1, 2 * 20 * MINUTE, 1700)])])
    assert ("raised", 0, 163.3) == (
        late.change,
        late.episode.started_at,
        round(late.episode.peak, 1),
    )


def test_readings_in_order_are_not_read_again(shared_store: Store) -> None:
    """The journal's payload is enough for readings that follow what was judged."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    run(shared_store, judging, [memory.land(hourly_rows([90]))])
    before = memory.reads
    for hour in range(1, 20):
        run(shared_store, judging, [memory.land(hourly_rows([160 if hour % 3 else 90], hour))])

    assert before == memory.reads


def test_a_plan_made_from_moved_states_is_refused(shared_store: Store) -> None:
    """Two judges at once: the second one's plan writes nothing."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    entries = [Told(memory.land(hourly_rows([160])))]
    plans = [shared_store.read_now(lambda s: judging.plan(s, entries)) for _ in range(2)]
    shared_store.submit(lambda tx: judging.apply(tx, plans[0])).result()

    with pytest.raises(LeaseLost, match="somebody else is judging"):
        shared_store.submit(lambda tx: judging.apply(tx, plans[1])).result()
    assert 1 == len(standing(shared_store))


def test_what_another_judge_skipped_is_not_forgotten(shared_store: Store) -> None:
    """A judge with an older state in its memory is refused, then reads anew and judges all."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    run(shared_store, judging, [memory.land(hourly_rows([90]))])
    memory.land(hourly_rows([160], 1))
    skipped = {"skipped_from": HOUR, "skipped_to": HOUR}
    shared_store.submit(lambda tx: tx.execute(tables.judging_states.update(), [skipped])).result()
    payload = memory.land(hourly_rows([90], 2))

    with pytest.raises(LeaseLost, match="somebody else is judging"):
        run(shared_store, judging, [payload])
    assert [("raised", 1, 2)] == changes(run(shared_store, judging, [payload]))


def test_a_failing_rule_is_cut_off_and_judged_later(shared_store: Store) -> None:
    """No opinion while it fails, no call while it is cut off, the same episodes afterwards."""
    empty_tables(shared_store)
    memory, clock, calls = Memory(), SetClock(), []
    broken = True

    def judge(batch: Batch) -> Any:
        calls.append(batch.rows)
        if broken:
            raise ZeroDivisionError
        return compare(batch)

    rule = evolve(rule_over(LATEST), judge=judge)
    streams = Streams()
    judging = Judging([policy_with()], {"t.rule": rule}, memory, lambda: streams, clock)
    with capture_logs() as logs:
        for hour in range(12):
            run(shared_store, judging, [memory.land(hourly_rows([160 if hour % 4 else 90], hour))])
            clock.time += 61_000_000
            if len(calls) >= 5:
                break
    assert {"t.policy"} == set(judging.cut_off)
    assert [False] * 4 + [True] == [one["cut_off"] for one in logs]
    called = len(calls)
    assert () == run(shared_store, judging, [memory.land(hourly_rows([170, 90], 20))])
    assert called == len(calls)
    state = shared_store.read_now(lambda s: s.rows(tables.judging_states.select()))[0]
    assert (NO_TIME, 0, 21 * HOUR) == (state.judged_until, state.skipped_from, state.skipped_to)

    broken = False
    clock.time += 301_000_000
    run(shared_store, judging, [])

    assert expected(memory, LATEST, HOUR, 0) == standing(shared_store)
    assert {} == judging.cut_off
    state = shared_store.read_now(lambda s: s.rows(tables.judging_states.select()))[0]
    assert (21 * HOUR, None) == (state.judged_until, state.skipped_from)


def test_one_poisoned_station_does_not_silence_the_others(shared_store: Store) -> None:
    """Where a rule fails for one datastream's rows only, the others are judged."""
    empty_tables(shared_store)
    memory, clock = Memory(), SetClock()

    def judge(batch: Batch) -> Any:
        answers = dict(compare(batch))
        if (batch["datastream"] == 1).any():
            high = answers["high"]
            answers["high"] = Judgement(high.outcomes, high.values * np.nan, high.limits)
        return answers

    rule = evolve(rule_over(LATEST), judge=judge)
    streams = Streams()
    judging = Judging([policy_with()], {"t.rule": rule}, memory, lambda: streams, clock)
    with capture_logs() as logs:
        for hour in range(8):
            rows = hourly_rows([160], hour, 1) + hourly_rows([160], hour, 2)
            run(shared_store, judging, [memory.land(rows)])

    assert [2, 1] == [one["datastreams"] for one in logs]
    assert [2] == [one[0] for one in standing(shared_store)]
    assert {} == judging.cut_off


def test_another_policy_makes_the_state_anew(shared_store: Store) -> None:
    """After a change of the levels an open episode is corrected by the new ones."""
    empty_tables(shared_store)
    memory = Memory()
    run(
        shared_store,
        judging_of(memory, LATEST, HOUR),
        [memory.land(hourly_rows([90, 160, 160]))],
    )
    judging = judging_of(memory, LATEST, HOUR, 5 * HOUR)
    told = run(shared_store, judging, [memory.land(hourly_rows([160], 3))])

    assert [("withdrawn", 1, None)] == changes(told)
    assert [("raised", 1, None)] == changes(
        run(shared_store, judging, [memory.land(hourly_rows([160] * 3, 4))])
    )


def test_another_version_of_the_rule_makes_the_state_anew(shared_store: Store) -> None:
    """After a change of a limit an open episode does not go on under the old one."""
    empty_tables(shared_store)
    memory, streams = Memory(), Streams()
    run(
        shared_store,
        judging_of(memory, LATEST, HOUR),
        [memory.land(hourly_rows([90, 160, 160]))],
    )

    def judge(batch: Batch) -> Any:
        answers = dict(compare(batch))
        values = batch["value"]
        limits = np.full(len(values), 170.0)
        answers["high"] = Judgement((values > limits).astype(np.int8), values, limits)
        return answers

    rule = evolve(rule_over(LATEST), judge=judge, version="2")
    judging = Judging([policy_with()], {"t.rule": rule}, memory, lambda: streams, SetClock())
    told = run(shared_store, judging, [memory.land(hourly_rows([160], 3))])

    assert [("withdrawn", 1, None)] == changes(told)


def test_unknown_datastreams_are_passed_over(shared_store: Store) -> None:
    """A number that the register does not know harms nobody."""
    empty_tables(shared_store)
    memory = Memory()
    judging = judging_of(memory, LATEST, HOUR)
    rows = [Row(77, 0, 9000), *hourly_rows([160])]

    assert [("raised", 0, None)] == changes(run(shared_store, judging, [memory.land(rows)]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rule": "t.other"}, "expected one of"),
        ({"ignore_flags": ("faulti",)}, "are not flags"),
        ({"levels": ()}, "at least one"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(change: dict[str, Any], words: str) -> None:
    """The error names the policy, the value and what is expected."""
    policy = evolve(policy_with(), **change)
    streams = Streams()
    with pytest.raises(ContractError, match=words):
        Judging([policy], {"t.rule": rule_over(LATEST)}, Memory(), lambda: streams, SetClock())


def test_levels_must_exist_and_rise() -> None:
    """A level's condition must be one of the rule's, and severities rise."""
    policy, streams = policy_with(), Streams()
    rules = {"t.rule": rule_over(LATEST)}
    wrong = evolve(policy, levels=(evolve(policy.levels[0], raise_when="hihg"),))
    with pytest.raises(ContractError, match="'hihg': expected one of"):
        Judging([wrong], rules, Memory(), lambda: streams, SetClock())
    with pytest.raises(ContractError, match="rising severity"):
        Judging(
            [evolve(policy, levels=policy.levels[::-1])],
            rules,
            Memory(),
            lambda: streams,
            SetClock(),
        )
