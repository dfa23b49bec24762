"""The machine of an alert policy: one series or many, whole or in parts, it finds the same."""

from __future__ import annotations

import csv
import gzip
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.alert import AlertPolicy, Level
from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import HOUR
from county_gov.contract.rule import (
    FAIL,
    PASS,
    UNKNOWN,
    Judgement,
    Latest,
    Verdicts,
)
from county_gov.contract.text import Text
from county_gov.rules.episode import (
    Episode,
    States,
    fingerprint,
    is_stale,
    put,
    read_written,
    write_down,
)
from county_gov.rules.scan import Track, scan
from tests.rules.ledger import rule_over

EXCERPT = (
    Path(__file__).parents[2] / "examples" / "demo_county" / "data" / "aotizhongxin_pm25.csv.gz"
)


def policy(*levels: Level, stale_after: int = 3 * HOUR) -> AlertPolicy:
    """A policy over the conditions of `verdicts`."""
    return AlertPolicy("t.policy", Text("试验"), "t.rule", levels, stale_after=stale_after)


def level(number: int, hold: int = 0) -> Level:
    """Level ``number`` of a policy."""
    severity = ("notice", "warning", "alarm", "urgent")[number]
    return Level(severity, f"raise{number}", f"clear{number}", hold)  # type: ignore[arg-type]


def verdicts(rows: list[Judged], levels: int) -> Verdicts:
    """The rows' answers as a rule gives them."""
    values = np.array([row.value for row in rows], np.float64)

    def judgement(outcomes: list[int], limit: float) -> Judgement:
        return Judgement(
            np.array(outcomes, np.int8).reshape(len(rows)), values, np.full(len(rows), limit)
        )

    judged = {}
    for number in range(levels):
        judged[f"raise{number}"] = judgement([row.raising[number] for row in rows], 10.0 + number)
        judged[f"clear{number}"] = judgement([row.clearing[number] for row in rows], 5.0 + number)
    return Verdicts("t.rule", "1", judged)


@define
class Judged:
    """One judged row."""

    time: int
    value: float
    raising: tuple[int, ...]
    clearing: tuple[int, ...]


@define
class Plain:
    """The machine once more, row by row, as one would explain it."""

    policy: AlertPolicy
    levels: int
    on: list[bool] = field(init=False)
    runs: list[list[Judged]] = field(init=False)
    confirmed: list[int] = field(init=False)
    rows: list[Judged] = field(factory=list)
    episode: Episode | None = None
    done: list[Episode] = field(factory=list)
    direction: int = 1

    def __attrs_post_init__(self) -> None:
        self.on = [False] * self.levels
        self.runs = [[] for _ in range(self.levels)]
        self.confirmed = [0] * self.levels

    def take(self, row: Judged) -> None:
        """Move on by one row."""
        if all(one == UNKNOWN for one in (*row.raising, *row.clearing)):
            return
        was_on, raised = list(self.on), []
        for number, (up, down) in enumerate(zip(row.raising, row.clearing, strict=True)):
            if up == PASS:
                if self.runs[number] and (
                    row.time - self.confirmed[number] > self.policy.stale_after
                ):
                    self.runs[number] = []
                self.runs[number].append(row)
                self.confirmed[number] = row.time
                held = row.time - self.runs[number][0].time
                if held >= self.policy.levels[number].hold_for:
                    self.on[number] = True
                    raised.append(number)
            elif up == FAIL or down == PASS:
                self.runs[number] = []
            elif self.runs[number]:
                self.runs[number].append(row)
            if up != PASS and down == PASS:
                self.on[number] = False
        self._tell(row, was_on, raised)

    def _tell(self, row: Judged, was_on: list[bool], raised: list[int]) -> None:
        if any(self.on) and not any(was_on):
            first = min(raised, key=lambda number: self.runs[number][0].time)
            self.rows = list(self.runs[first])
            lowest = min(raised)
            self.direction = -1 if row.value < 10.0 + lowest else 1
            self.episode = Episode(self.rows[0].time, None, -1, 0.0, 0.0, 0, 0)
        elif any(self.on):
            self.rows.append(row)
        if self.episode is None:
            return
        best = max if self.direction > 0 else min
        top = max([self.episode.level, *(n for n, on in enumerate(self.on) if on)])
        self.episode = Episode(
            self.episode.started_at,
            None if any(self.on) else row.time,
            top,
            best(one.value for one in self.rows),
            10.0 + top,
            self.episode.limited_at if top == self.episode.level else row.time,
            row.time,
        )
        if not any(self.on):
            self.done.append(self.episode)
            self.episode = None

    def episodes(self) -> list[Episode]:
        """What was found."""
        return [*self.done, *([self.episode] if self.episode else [])]


LEVELS = 2
HOLDS = st.sampled_from([0, HOUR, 3 * HOUR])
OUTCOMES = st.tuples(*[st.sampled_from([PASS, FAIL, FAIL, UNKNOWN])] * LEVELS)


@st.composite
def histories(draw: st.DrawFn) -> list[Judged]:
    """Rows in rising time with gaps and every mix of verdicts."""
    steps = draw(st.lists(st.sampled_from([HOUR, HOUR, HOUR, 2 * HOUR, 7 * HOUR]), max_size=25))
    times = np.cumsum(steps).tolist()
    return [
        Judged(at, float(draw(st.integers(0, 20))), draw(OUTCOMES), draw(OUTCOMES)) for at in times
    ]


def track(one: AlertPolicy, many: list[list[Judged]]) -> Track:
    """The rows of several series as one track."""
    rows = [row for history in many for row in history]
    series = np.repeat(np.arange(len(many)), [len(history) for history in many])
    times = np.array([row.time for row in rows], np.int64)
    return Track.of(one, series, times, verdicts(rows, LEVELS))


def same(expected: States, actual: States) -> bool:
    """Whether two states are equal in every column."""
    columns = States.__attrs_attrs__
    return all(
        np.array_equal(
            getattr(expected, one.name).astype(float),
            getattr(actual, one.name).astype(float),
            equal_nan=True,
        )
        for one in columns
    )


@given(st.lists(histories(), min_size=1, max_size=4), HOLDS, HOLDS)
def test_equals_the_plain_machine(many: list[list[Judged]], first: int, second: int) -> None:
    """Many series in one scan give what each gives row by row."""
    one = policy(level(0, first), level(1, second))
    _, found = scan(one, track(one, many), States.quiet(len(many), LEVELS))

    expected = []
    for number, history in enumerate(many):
        plain = Plain(one, LEVELS)
        for row in history:
            plain.take(row)
        expected += [(number, episode) for episode in plain.episodes()]
    assert expected == list(found)


@given(st.lists(histories(), min_size=1, max_size=3), HOLDS, HOLDS, st.data())
def test_any_split_gives_the_same(
    many: list[list[Judged]], first: int, second: int, data: st.DataObject
) -> None:
    """A history in parts, the state written down in between, ends as the whole does."""
    one = policy(level(0, first), level(1, second))
    mark = fingerprint(one, rule_over(Latest("pm25")))
    whole, expected = scan(one, track(one, many), States.quiet(len(many), LEVELS))
    cuts = sorted(data.draw(st.lists(st.integers(0, 150 * HOUR), max_size=6)))
    states = States.quiet(len(many), LEVELS)
    found: dict[tuple[int, int], Episode] = {}
    for low, high in zip([0, *cuts], [*cuts, 10**18], strict=True):
        part = [[row for row in history if low <= row.time < high] for history in many]
        states, episodes = scan(one, track(one, part), states)
        found.update({(series, episode.started_at): episode for series, episode in episodes})
        texts = write_down(states, mark, [None] * len(many))
        states = States.quiet(len(many), LEVELS)
        for row, text in enumerate(texts):
            written = read_written(text, mark)
            assert written is not None
            put(states, row, written)

    assert {(series, one.started_at): one for series, one in expected} == found
    assert same(whole, states)


def columns(times: np.ndarray, values: np.ndarray) -> tuple[AlertPolicy, Track]:
    """A track of one series under raise > 150, clear < 115, no delay."""
    one = policy(Level("warning", "up", "down"))
    judged = Verdicts(
        "t.rule",
        "1",
        {
            "up": Judgement((values > 150).astype(np.int8), values, np.full(len(values), 150.0)),
            "down": Judgement((values < 115).astype(np.int8), values, np.full(len(values), 115.0)),
        },
    )
    return one, Track.of(one, np.zeros(len(times), np.int64), times, judged)


def test_four_years_of_aotizhongxin() -> None:
    """Raise > 150, clear < 115 gives 389 episodes where naive upward crossings are 536."""
    if not EXCERPT.exists():
        pytest.skip("the demonstration county's data is not beside the tests")
    rows = list(csv.reader(gzip.decompress(EXCERPT.read_bytes()).decode().splitlines()))[1:]
    times = np.array([round(datetime.fromisoformat(row[1]).timestamp() * 1e6) for row in rows])
    values = np.array([float(row[2]) for row in rows])
    above = values > 150
    assert 536 == int(above[0]) + int((above[1:] & ~above[:-1]).sum())

    one, whole = columns(times, values)
    begun = time.perf_counter()
    _, found = scan(one, whole, States.quiet(1, 1))
    seconds = time.perf_counter() - begun

    assert 389 == len(found)
    assert 0.2 > seconds


def test_unknown_verdicts_and_gaps_change_nothing() -> None:
    """An open episode is not cleared by hours without a value, however many."""
    one = policy(level(0))
    rows = [
        Judged(0, 12, (PASS,), (FAIL,)),
        Judged(HOUR, 1, (UNKNOWN,), (UNKNOWN,)),
        Judged(100 * HOUR, 8, (FAIL,), (FAIL,)),
    ]
    judged = Track.of(
        one, np.zeros(3, np.int64), np.array([row.time for row in rows]), verdicts(rows, 1)
    )
    states, found = scan(one, judged, States.quiet(1, 1))

    assert [(0, Episode(0, None, 0, 12.0, 10.0, 0, 100 * HOUR))] == list(found)
    assert [True] == states.on[:, 0].tolist()


def test_the_peak_is_known_where_only_a_higher_level_could_be_judged() -> None:
    """A rule that has no limit for the lowest level gives NaN there, and no episode takes it."""
    one = policy(level(0), level(1))
    nothing = np.array([np.nan])
    unknown = Judgement(np.array([UNKNOWN], np.int8), nothing, nothing)
    high = np.array([12.0])
    judged = Verdicts(
        "t.rule",
        "1",
        {
            "raise0": unknown,
            "clear0": unknown,
            "raise1": Judgement(np.array([PASS], np.int8), high, np.array([11.0])),
            "clear1": Judgement(np.array([FAIL], np.int8), high, np.array([6.0])),
        },
    )
    track = Track.of(one, np.zeros(1, np.int64), np.zeros(1, np.int64), judged)
    _, found = scan(one, track, States.quiet(1, 2))
    assert [(0, Episode(0, None, 1, 12.0, 11.0, 0, 0))] == list(found)


def test_a_fall_below_a_limit_has_its_lowest_value_as_peak() -> None:
    """Dissolved oxygen under its limit: the peak is the lowest value."""
    one = policy(level(0))
    rows = [Judged(0, 4, (PASS,), (FAIL,)), Judged(HOUR, 2, (PASS,), (FAIL,))]
    judged = Track.of(
        one, np.zeros(2, np.int64), np.array([row.time for row in rows]), verdicts(rows, 1)
    )
    _, found = scan(one, judged, States.quiet(1, 1))

    assert 2.0 == found[0][1].peak


def test_stale_is_derived_and_never_resolves() -> None:
    """Only an open episode without readings is stale."""
    assert is_stale(None, 0, 3 * HOUR, 4 * HOUR)
    assert not is_stale(None, 0, 3 * HOUR, 3 * HOUR)
    assert not is_stale(2 * HOUR, 0, 3 * HOUR, 40 * HOUR)


def test_a_state_of_another_policy_is_not_read() -> None:
    """Another policy or garbage gives None, so that the state is made anew."""
    one = policy(level(0))
    mark = fingerprint(one, rule_over(Latest("pm25")))
    (text,) = write_down(States.quiet(1, 1), mark, [None])

    assert read_written(text, mark) is not None
    assert read_written(text, "other") is None
    assert read_written('{"format": "x"}', mark) is None


def test_nothing_to_scan() -> None:
    """An empty track leaves the states as they were."""
    one = policy(level(0))
    before = States.quiet(1, 1)
    empty = Track.of(one, np.zeros(0, np.int64), np.zeros(0, np.int64), verdicts([], 1))

    assert (before, ()) == scan(one, empty, before)
    assert NO_TIME == before.started[0]
