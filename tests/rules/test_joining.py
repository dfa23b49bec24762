"""Joined inputs: whatever the order in which anything comes, the episodes are those of one look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from attrs import define, evolve, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.batch import Batch
from county_gov.contract.clock import DAY, EARLIEST, HOUR
from county_gov.contract.context import DatastreamView
from county_gov.contract.dataset import Dataset
from county_gov.contract.parameter import Parameter, ParameterValue
from county_gov.contract.rule import (
    FAIL,
    PASS,
    UNKNOWN,
    Attribute,
    Citation,
    Condition,
    Driving,
    Hourly,
    Input,
    Judgement,
    Latest,
    Rule,
    Setting,
    Window,
)
from county_gov.contract.schema import Field, Schema, Value
from county_gov.contract.text import Text
from county_gov.errors import StoreError
from county_gov.rules import desk
from county_gov.rules.dated import DatedSources, first_instant, local_days
from county_gov.rules.episode import States
from county_gov.rules.evaluation import RuleEvaluator
from county_gov.rules.hours import Carried, Coverage, hours_over
from county_gov.rules.joined import SeriesInput
from county_gov.rules.judging import EpisodeChange, Judging
from county_gov.rules.samples import Samples
from county_gov.rules.scan import Track, scan
from county_gov.store import Snapshot, Store
from tests.rules.ledger import (
    LIMITS,
    MINUTE,
    Found,
    Memory,
    Row,
    SetClock,
    Told,
    datastream,
    empty_tables,
    policy_with,
    standing,
)

ZONE = ZoneInfo("Asia/Shanghai")
PERIOD = 20 * MINUTE
DATASET, PARAMETER = "t.works", "t.limit"
FIRST = "pm25"
SECOND = "rain"


def stream(number: int) -> DatastreamView:
    """Of thing 1: 1 drives and 3 is joined; of thing 2: 2 and 4. Joined ones have two decimals."""
    view = datastream(number, PERIOD)
    thing = 2 - number % 2
    if number <= 2:
        return evolve(view, thing=f"s{thing}", area=f"a{thing}")
    return evolve(view, thing=f"s{thing}", area=f"a{thing}", observed_property=SECOND, decimals=2)


@frozen(eq=False)
class Things:
    """A register of two things with two datastreams each."""

    def datastream(self, number: int) -> DatastreamView:
        """Numbers from 1 to 4 exist."""
        if not 1 <= number <= 4:
            raise KeyError(number)
        return stream(number)

    def datastreams_at(self, thing: str) -> Sequence[DatastreamView]:
        """The driving one and the other."""
        number = int(thing[1:])
        return stream(number), stream(number + 2)


@define(eq=False)
class Dated:
    """Records and parameter values: by key, the days from which they hold."""

    kept: dict[str, dict[int, float | None]] = field(factory=dict)
    asked: int = 0

    def holding(self, key: str, day: int) -> float | None:
        """What holds on a day."""
        begun = [one for one in self.kept.get(key, {}) if one <= day]
        return self.kept[key][max(begun)] if begun else None

    def in_force(
        self, snapshot: Snapshot, dataset: str, key: str, day: int
    ) -> Mapping[str, Value] | None:
        """A record with one field."""
        self.asked += 1
        assert DATASET == dataset
        value = self.holding(key, day)
        return None if value is None else {"code": key, "height": value}

    def value_at(
        self, snapshot: Snapshot, parameter: str, area: str, subject: str, day: int
    ) -> ParameterValue | None:
        """A parameter's value."""
        self.asked += 1
        assert PARAMETER == parameter
        value = self.holding(area, day)
        if value is None:
            return None
        return ParameterValue(value, date(2026, 1, 1), area, Citation("文件"))


def sources(dated: Dated) -> DatedSources:
    """A dataset and a parameter that are declared, and looked up in a dictionary."""
    height = Field("height", "int64", Text("高程"), decimals=1)
    dataset = Dataset(
        DATASET,
        Text("工程"),
        Schema((Field("code", "text", Text("编码")), height), key=("code",)),
        kind="records",
        read_permission="t.read",
        write_permission="t.write",
    )
    parameter = Parameter(PARAMETER, Text("限值"), height, "t.propose", "t.approve")
    return DatedSources(dated, dated, {DATASET: dataset}, {PARAMETER: parameter})


def add_up(batch: Batch) -> Mapping[str, Judgement]:
    """Both inputs together against the limits; unknown where the joined one is."""
    values = batch["value"] + batch["other"]
    known = np.isfinite(values)

    def judgement(name: str) -> Judgement:
        limit = LIMITS[name]
        holds = values < limit if name in {"over", "less"} else values > limit
        outcomes = np.where(known, np.where(holds, PASS, FAIL), UNKNOWN).astype(np.int8)
        return Judgement(outcomes, values, np.full(len(values), limit))

    return {name: judgement(name) for name in LIMITS}


def rule_of(driving: Driving, other: Input) -> Rule:
    """A rule with one joined input."""
    conditions = tuple(Condition(name, Text(name), Citation("试验标准")) for name in LIMITS)
    inputs = {"value": driving, "other": other}
    return Rule("t.rule", Text("试验"), inputs, conditions, add_up)


def judging_of(rule: Rule, memory: Memory, dated: Dated, hold_for: int = 0) -> Judging:
    """Judging by one policy over readings in memory."""
    things = Things()
    return Judging(
        [policy_with(hold_for)],
        {rule.id: rule},
        memory,
        lambda: things,
        SetClock(0),
        dated=sources(dated),
    )


@frozen
class Entry:
    """An entry of the journal about a record or a parameter."""

    kind: str
    ref: str
    payload: bytes | None
    at: int = EARLIEST


def run(
    store: Store, judging: Judging, entries: Sequence[Told | Entry]
) -> tuple[EpisodeChange, ...]:
    """Plan and apply some entries."""
    plan = store.read_now(lambda snapshot: judging.plan(snapshot, entries))
    return store.submit(lambda tx: judging.apply(tx, plan)).result()


def naive_value(dated: Dated, one: Attribute | Setting, number: int, day: int) -> float:
    """What holds on a day."""
    thing = 2 - number % 2
    by_thing = isinstance(one, Attribute) and one.key == "thing"
    value = dated.holding(f"s{thing}" if by_thing else f"a{thing}", day)
    return np.nan if value is None else value


def series_of(one: Input) -> SeriesInput:
    """An input that is read from a datastream."""
    assert isinstance(one, Latest | Hourly | Window)
    return one


def naive_figure(memory: Memory, one: Latest | Hourly | Window, number: int, at: int) -> float:
    """One joined figure, looked for in all readings one by one."""
    partner = number if one.observed_property == FIRST else number + 2
    scale = 10 if partner <= 2 else 100
    rows = sorted(
        (row.time, row.value)
        for row in memory.rows.values()
        if row.datastream == partner and row.flag != "faulty"
    )

    def between(after: int, to: int) -> list[float]:
        return [value for time, value in rows if after < time <= to]

    def newest(to: int, within: int) -> float:
        return (between(to - within - 1, to) or [np.nan])[-1]

    if isinstance(one, Latest):
        return newest(at, one.within) / scale
    if isinstance(one, Hourly):
        over = (at + 1) // HOUR * HOUR
        found = between(over - HOUR - 1, over - 1)
        return sum(found) / len(found) / scale if len(found) >= one.coverage * 3 else np.nan
    found = between(at - one.length, at)
    if len(found) < one.coverage * one.length / PERIOD:
        return np.nan
    if one.how == "rise":
        return (newest(at, one.tolerance) - newest(at - one.length, one.tolerance)) / scale
    figures: dict[str, Callable[[list[float]], float]] = {
        "sum": sum,
        "mean": lambda values: sum(values) / len(values),
        "minimum": min,
        "maximum": max,
        "count": lambda values: len(values) * scale,
    }
    return figures[one.how](found) / scale if found or one.how == "count" else np.nan


def expected(memory: Memory, dated: Dated, rule: Rule, hold_for: int) -> list[Found]:
    """What one look at everything, in order, finds."""
    found: list[Found] = []
    policy = policy_with(hold_for)
    other = rule.inputs["other"]
    for number in (1, 2):
        rows = sorted(
            (row.time, row.value, row.flag != "faulty")
            for row in memory.rows.values()
            if row.datastream == number
        )
        times = np.array([row[0] for row in rows], np.int64)
        scaled = np.array([row[1] for row in rows], np.int64)
        kept = np.array([row[2] for row in rows], np.bool_)
        zeros = np.zeros(len(rows), np.int64)
        instants = times = times if isinstance(rule.driving, Hourly) else times[kept]
        values = scaled[kept] / 10
        if isinstance(rule.driving, Hourly):
            coverage = Coverage.of(np.array([PERIOD]), rule.driving.coverage)
            samples = Samples(zeros, times, scaled, kept)
            carried = Carried.nothing(1)
            hours, _ = hours_over(samples, "mean", np.array([10.0]), coverage, carried)
            times, values, instants = hours.times, hours.values, hours.times + HOUR - 1
        days = [(int(time) + 8 * HOUR) // DAY for time in times.tolist()]
        others = [
            naive_value(dated, other, number, day)
            if isinstance(other, Attribute | Setting)
            else naive_figure(memory, series_of(other), number, at)
            for at, day in zip(instants.tolist(), days, strict=True)
        ]
        batch = Batch(
            {
                "datastream": np.full(len(times), number),
                "time": times,
                "value": values,
                "other": np.array(others, np.float64),
            }
        )
        verdicts = RuleEvaluator(rule).judge(batch)
        track = Track.of(policy, np.zeros(len(times), np.int64), times, verdicts)
        _, episodes = scan(policy, track, States.quiet(1, 2))
        found += [
            (
                number,
                one.started_at,
                one.ended_at,
                policy.levels[one.level].severity,
                one.peak,
                one.last_reading_at,
            )
            for _, one in episodes
        ]
    return found


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Row]]:
    """Readings of four datastreams, late, revised and repeated, in any parts."""
    keys = draw(
        st.lists(
            st.tuples(st.integers(1, 4), st.integers(0, 120)), min_size=1, max_size=45, unique=True
        )
    )
    values = st.sampled_from([100, 600, 1149, 1500, 1700, 2600])
    rows = [
        Row(
            number,
            slot * PERIOD,
            draw(values) * (1 if number <= 2 else 5),
            draw(st.sampled_from(["", "", "", "", "faulty"])),
        )
        for number, slot in keys
    ]
    revised = draw(st.lists(st.sampled_from(rows), max_size=6))
    rows += [
        evolve(row, value=draw(values), flag="", result=index + 1)
        for index, row in enumerate(revised)
    ]
    in_order = st.just(sorted(rows, key=lambda row: (row.time, row.result)))
    shuffled = draw(st.one_of(st.permutations(rows), in_order))
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=8)))
    return [
        list(shuffled[low:high]) for low, high in zip([0, *cuts], [*cuts, len(rows)], strict=True)
    ]


VARIANTS: list[tuple[Driving, Input, int]] = [
    (Latest(FIRST), Latest(SECOND, within=HOUR), 0),
    (Latest(FIRST), Hourly(SECOND, coverage=0.6), 0),
    (Latest(FIRST), Window(FIRST, HOUR, "rise"), 0),
    (Latest(FIRST), Window(SECOND, 3 * HOUR, "rise", coverage=0.3, within=HOUR), HOUR),
    (Latest(FIRST), Window(SECOND, 3 * HOUR, "sum"), 0),
    (Latest(FIRST), Window(SECOND, 7 * HOUR, "mean", coverage=0.1), 0),
    (Latest(FIRST), Window(SECOND, 5 * HOUR, "minimum"), 0),
    (Latest(FIRST), Window(FIRST, 4 * HOUR, "maximum"), 2 * HOUR),
    (Latest(FIRST), Window(SECOND, 2 * HOUR, "count"), 0),
    (Hourly(FIRST, coverage=0.4), Hourly(SECOND, coverage=0.3), 0),
    (Hourly(FIRST, coverage=0.3), Window(SECOND, 3 * HOUR, "sum"), 0),
    (Hourly(FIRST, coverage=0.3), Window(FIRST, 3 * HOUR, "mean"), HOUR),
]


@pytest.mark.parametrize(("driving", "other", "hold_for"), VARIANTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_of_both_series_ends_in_the_same_episodes(
    shared_store: Store, driving: Driving, other: Input, hold_for: int, data: st.DataObject
) -> None:
    """Late, revised and redelivered readings of both series end where one look at all would."""
    empty_tables(shared_store)
    memory, dated, rule = Memory(), Dated(), rule_of(driving, other)
    judging = judging_of(rule, memory, dated, hold_for)
    payloads: list[bytes] = []
    waiting: list[bytes] = []
    for part in data.draw(arrivals()):
        payloads.append(memory.land(part))
        waiting.append(payloads[-1])
        if data.draw(st.booleans()):
            run(shared_store, judging, [Told(one) for one in waiting])
            waiting = []
        if data.draw(st.integers(0, 4)) == 0 and not waiting:
            judging = judging_of(rule, memory, dated, hold_for)
            run(shared_store, judging, [Told(one) for one in payloads[-2:]])
    run(shared_store, judging, [Told(one) for one in waiting])

    assert expected(memory, dated, rule, hold_for) == standing(shared_store)
    assert () == run(shared_store, judging, [Told(one) for one in payloads])


@pytest.mark.parametrize(
    ("driving", "other"),
    [
        (Latest(FIRST), Attribute(DATASET, "height")),
        (Latest(FIRST), Attribute(DATASET, "height", key="area")),
        (Hourly(FIRST, coverage=0.3), Setting(PARAMETER)),
    ],
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_of_readings_and_dated_values_ends_in_the_same_episodes(
    shared_store: Store, driving: Driving, other: Input, data: st.DataObject
) -> None:
    """Records and parameters that are set later, for days before, are judged by as if at once."""
    empty_tables(shared_store)
    memory, dated, rule = Memory(), Dated(), rule_of(driving, other)
    judging = judging_of(rule, memory, dated)
    keys = ["s1", "s2"] if isinstance(other, Attribute) and other.key == "thing" else ["a1", "a2"]
    kind, ref = ("parameter", PARAMETER) if isinstance(other, Setting) else ("record", DATASET)
    waiting: list[Told | Entry] = []
    for part in data.draw(arrivals()):
        waiting.append(Told(memory.land(part)))
        if data.draw(st.booleans()):
            key, day = data.draw(st.sampled_from(keys)), data.draw(st.integers(-1, 3))
            height = data.draw(st.sampled_from([None, 10.0, 60.0, 120.5]))
            dated.kept.setdefault(key, {})[day] = height
            told = data.draw(
                st.sampled_from([f"{day}", f'{{"day":{day},"keys":["{key}"]}}', "null"])
            )
            waiting.append(Entry(kind, ref, None if told == "null" else told.encode()))
        if data.draw(st.booleans()):
            run(shared_store, judging, waiting)
            waiting = []
    run(shared_store, judging, waiting)

    assert expected(memory, dated, rule, 0) == standing(shared_store)


def test_a_local_day_begins_at_local_midnight() -> None:
    """Instants belong to the county's days, also before 1970."""
    times = np.array([-8 * HOUR - 1, -8 * HOUR, 16 * HOUR - 1, 16 * HOUR])

    assert [-1, 0, 0, 1] == local_days(times, ZONE).tolist()
    assert [-8 * HOUR, 16 * HOUR] == [first_instant(day, ZONE) for day in (0, 1)]


def batches(count: int) -> Any:
    """Rows of one datastream, for asking a rule about them."""
    return np.arange(count, dtype=np.int64) * PERIOD, np.full(count, 50.0)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_rows_columns_do_not_depend_on_other_rows(
    shared_store: Store, data: st.DataObject
) -> None:
    """Asked alone or among others, an instant has the same joined values."""
    memory, dated = Memory(), Dated()
    for part in data.draw(arrivals()):
        memory.land(part)
    _, other, _ = data.draw(st.sampled_from(VARIANTS))
    rule = rule_of(Latest(FIRST), other)
    judging = judging_of(rule, memory, dated)
    times, values = batches(160)

    def column(rows: slice) -> list[float]:
        batch = shared_store.read_now(
            lambda snapshot: judging.rows(snapshot, rule.id, stream(1), times[rows], values[rows])
        )
        return batch["other"].tolist()  # type: ignore[no-any-return]

    together = column(slice(0, 160))
    alone = [column(slice(at, at + 1))[0] for at in range(0, 160, 7)]
    np.testing.assert_array_equal(together[::7], alone)


def test_rows_far_apart_are_joined_one_datastream_at_a_time(shared_store: Store) -> None:
    """A station that comes back after a year does not make the others read that year."""
    empty_tables(shared_store)
    memory, rule = Memory(), rule_of(Latest(FIRST), Window(SECOND, 3 * HOUR, "sum"))
    judging = judging_of(rule, memory, Dated())
    far = 400 * DAY
    rows = [
        Row(1, HOUR, 1000), Row(3, HOUR - PERIOD, 6000), Row(3, HOUR, 100),
        Row(2, far, 1490), Row(4, far - 2 * HOUR, 200), Row(4, far - 4 * HOUR, 90000),
    ]  # fmt: skip
    run(shared_store, judging, [Told(memory.land(rows))])

    assert [(1, 161.0), (2, 151.0)] == [(one[0], one[4]) for one in standing(shared_store)]


@frozen(eq=False)
class Many:
    """A register of a thousand things with a datastream each, all in one area."""

    def datastream(self, number: int) -> DatastreamView:
        """Any number."""
        return evolve(datastream(number, PERIOD), area="a1")

    def datastreams_at(self, thing: str) -> Sequence[DatastreamView]:
        """One."""
        return (self.datastream(int(thing[1:])),)


def test_a_change_for_all_is_judged_a_part_at_a_time(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is forgotten: what one plan does not do stays marked, and the next ones do it."""
    monkeypatch.setattr(desk, "REPLAYED_AT_ONCE", 10)
    monkeypatch.setattr(desk, "RECOVERED_AT_ONCE", 10)
    empty_tables(shared_store)
    memory, dated, rule = Memory(), Dated(), rule_of(Latest(FIRST), Setting(PARAMETER))
    many, clock = Many(), SetClock()
    judging = Judging(
        [policy_with()], {rule.id: rule}, memory, lambda: many, clock, dated=sources(dated)
    )
    dated.kept["a1"] = {0: 0.5}
    run(shared_store, judging, [Told(memory.land([Row(n, HOUR, 1000) for n in range(1, 36)]))])
    assert [] == standing(shared_store)
    dated.kept["a1"] = {0: 100.0}
    run(shared_store, judging, [Entry("parameter", PARAMETER, b"0")])
    counts = [len(standing(shared_store))]
    while judging.has_work:
        run(shared_store, judging, [])
        counts.append(len(standing(shared_store)))

    assert [10, 20, 30, 35] == counts[:4]
    assert 200.0 == standing(shared_store)[-1][4]


def test_a_value_is_looked_up_once_a_day_until_it_changes(shared_store: Store) -> None:
    """Readings in order ask nothing again; an entry of the journal makes it look anew."""
    empty_tables(shared_store)
    memory, dated, rule = Memory(), Dated(), rule_of(Latest(FIRST), Setting(PARAMETER))
    judging = judging_of(rule, memory, dated)
    for slot in range(6):
        run(shared_store, judging, [Told(memory.land([Row(1, slot * PERIOD, 1000)]))])
    assert 1 == dated.asked
    run(shared_store, judging, [Entry("parameter", "t.other", b"0")])
    assert 1 == dated.asked
    run(shared_store, judging, [Entry("parameter", PARAMETER, b"0")])
    assert 2 == dated.asked


def test_a_record_of_another_thing_changes_nothing(shared_store: Store) -> None:
    """The journal says whose record it is, and only that thing is judged again."""
    empty_tables(shared_store)
    memory, dated = Memory(), Dated()
    judging = judging_of(rule_of(Latest(FIRST), Attribute(DATASET, "height")), memory, dated)
    run(shared_store, judging, [Told(memory.land([Row(1, 0, 1000)]))])
    reads = memory.reads
    run(shared_store, judging, [Entry("record", DATASET, b'{"day":0,"keys":["s2"]}')])
    assert reads == memory.reads
    run(shared_store, judging, [Entry("record", DATASET, b'{"day":0,"keys":["s1"]}')])
    assert reads < memory.reads


def test_an_entry_that_cannot_be_read_is_refused(shared_store: Store) -> None:
    """It names what was expected and what came."""
    judging = judging_of(rule_of(Latest(FIRST), Setting(PARAMETER)), Memory(), Dated())
    with pytest.raises(StoreError, match="journal: expected a day, or day and keys, got b'x'"):
        run(shared_store, judging, [Entry("parameter", PARAMETER, b"x")])
