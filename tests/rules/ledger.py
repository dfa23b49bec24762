"""What the tests of judging share: a county's worth of invented readings, and a rule over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import define, evolve, field
from hypothesis import strategies as st

from county_gov.contract.alert import AlertPolicy, Level
from county_gov.contract.batch import NO_TIME, Batch
from county_gov.contract.clock import EARLIEST, HOUR
from county_gov.contract.context import DatastreamView
from county_gov.contract.rule import (
    Citation,
    Condition,
    Driving,
    Hourly,
    Judgement,
    Latest,
    Rule,
)
from county_gov.contract.text import Text
from county_gov.rules.episode import States
from county_gov.rules.evaluation import RuleEvaluator
from county_gov.rules.hours import Carried, Coverage, hours_over
from county_gov.rules.samples import Samples
from county_gov.rules.scan import Track, scan
from county_gov.store import Snapshot, Store, tables
from county_gov.store.observations.flags import FLAG_NUMBERS
from county_gov.store.observations.payload import Changes, decode_changes, encode_changes
from county_gov.store.observations.rows import Stored

Key = tuple[int, int]
Found = tuple[int, int, int | None, str, float, int]
MINUTE = HOUR // 60
LIMITS = {"high": 150.0, "over": 115.0, "higher": 250.0, "less": 200.0}


def compare(batch: Batch) -> Mapping[str, Judgement]:
    """Above 150 or 250, below 115 or 200."""
    values = batch["value"]

    def judgement(name: str) -> Judgement:
        limit = LIMITS[name]
        holds = values < limit if name in {"over", "less"} else values > limit
        return Judgement(holds.astype(np.int8), values, np.full(len(values), limit))

    return {name: judgement(name) for name in LIMITS}


def rule_over(series_input: Driving) -> Rule:
    """A rule with the four conditions of `compare`."""
    conditions = tuple(
        Condition(name, Text(name), Citation("试验标准", "T 1-2026")) for name in LIMITS
    )
    return Rule("t.rule", Text("试验"), {"value": series_input}, conditions, compare)


def policy_with(hold_for: int = 0) -> AlertPolicy:
    """Two levels: above 150 (clear below 115), above 250 (clear below 200)."""
    levels = (
        Level("warning", "high", "over", hold_for),
        Level("alarm", "higher", "less"),
    )
    return AlertPolicy("t.policy", Text("试验"), "t.rule", levels, workflow="t.case")


LATEST = Latest("pm25")
HOURLY = Hourly("pm25")


def datastream(number: int, period: int = HOUR) -> DatastreamView:
    """An invented datastream of PM2.5 with one decimal."""
    return DatastreamView(
        number=number,
        code=f"s{number}.pm25",
        thing=f"s{number}",
        observed_property="pm25",
        name=f"{number} 号站 PM2.5",
        name_en=f"Station {number} PM2.5",
        unit="µg/m³",
        period=period,
        decimals=1,
        area="990101001001001",
        responsible_unit="environment",
        longitude=None,
        latitude=None,
        minimum=0.0,
        maximum=1000.0,
    )


@define(eq=False)
class Streams:
    """A register of datastreams 1 and 2."""

    period: int = HOUR

    def datastream(self, number: int) -> DatastreamView:
        """Numbers from 1 to 9 exist."""
        if not 1 <= number <= 9:
            raise KeyError(number)
        return datastream(number, self.period)

    def datastreams_at(self, thing: str) -> tuple[DatastreamView, ...]:
        """Each datastream has a thing of its own."""
        return (self.datastream(int(thing.removeprefix("s"))),)


@define
class Row:
    """One reading as it arrives; a later result replaces an earlier one."""

    datastream: int
    time: int
    value: int
    flag: str = ""
    result: int = 0


@define(eq=False)
class Memory:
    """Readings kept in a dictionary, with the reads that judging needs."""

    rows: dict[Key, Row] = field(factory=dict)
    batches: dict[Key, int] = field(factory=dict)
    landed: int = 0
    reads: int = 0

    def land(self, rows: Sequence[Row]) -> bytes:
        """Take rows in; the journal's payload tells what is current now."""
        told: dict[Key, bool] = {}
        self.landed += 1
        for row in rows:
            key = (row.datastream, row.time)
            known = self.rows.get(key)
            if known is None:
                told[key] = False
                self.rows[key] = row
            elif (row.result, row.value) > (known.result, known.value):
                told[key] = told.get(key, True)
                self.rows[key] = row
        current = [self.rows[key] for key in told]
        self.batches |= dict.fromkeys(told, self.landed)
        return encode_changes(
            Changes(
                np.array([row.datastream for row in current], np.int64),
                np.array([row.time for row in current], np.int64),
                np.array([row.value for row in current], np.int64),
                np.array([FLAG_NUMBERS[row.flag] for row in current], np.uint8),
                np.array(list(told.values()), np.bool_),
                self.landed,
            )
        )

    def read(self, snapshot: Snapshot, datastream: int, start: int, end: int) -> Stored:
        """One datastream's readings in [start, end)."""
        return self.read_many(snapshot, [datastream], start, end)

    def read_many(
        self, snapshot: Snapshot, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        """Several datastreams' readings in [start, end)."""
        self.reads += 1
        rows = [
            row
            for key, row in sorted(self.rows.items())
            if key[0] in datastreams and start <= key[1] < end
        ]
        none = np.full(len(rows), NO_TIME)
        batches = [self.batches[row.datastream, row.time] for row in rows]
        return Stored(
            np.array([row.datastream for row in rows], np.int64),
            np.array([row.time for row in rows], np.int64),
            np.array([row.value for row in rows], np.int64),
            np.array([FLAG_NUMBERS[row.flag] for row in rows], np.uint8),
            none,
            np.array(batches, np.int64),
        )


@define(eq=False)
class SetClock:
    """A clock that stands still until it is set."""

    time: int = 1_700_000_000_000_000

    def now(self) -> int:
        """The instant that was set."""
        return self.time


@define
class Told:
    """An entry of the journal."""

    payload: bytes
    kind: str = "observations"
    at: int = EARLIEST
    """Before everything: the clock ends nothing unless a test says so."""

    @property
    def ref(self) -> str:
        """The batch: `Memory` counts them where others have the time of arrival."""
        return str(decode_changes(self.payload).received_at)


def empty_tables(store: Store) -> None:
    """Forget all that judging has written."""

    def clear(tx: Snapshot) -> None:
        for table in (
            tables.episodes,
            tables.episode_changes,
            tables.judging_states,
            tables.journal,
        ):
            tx.connection.execute(table.delete())

    store.submit(clear).result()


def standing(store: Store) -> list[Found]:
    """The episodes that are not withdrawn."""
    table = tables.episodes.c
    statement = (
        tables.episodes.select()
        .where(table.withdrawn == 0)
        .order_by(table.datastream, table.started_at)
    )
    rows = store.read_now(lambda snapshot: snapshot.rows(statement))
    return [
        (row.datastream, row.started_at, row.ended_at, row.severity, row.peak, row.last_reading_at)
        for row in rows
    ]


def expected(
    memory: Memory, series_input: Driving, period: int, hold_for: int, over_until: int = NO_TIME
) -> list[Found]:
    """What one look at all readings, in order, finds."""
    policy, rule = policy_with(hold_for), rule_over(series_input)
    rows = [row for _, row in sorted(memory.rows.items())]
    streams = sorted({row.datastream for row in rows})
    kept = np.array([row.flag != "faulty" for row in rows], np.bool_)
    series = np.array([streams.index(row.datastream) for row in rows], np.int64)
    times = np.array([row.time for row in rows], np.int64)
    values = np.array([row.value for row in rows], np.int64)
    if isinstance(series_input, Hourly):
        coverage = Coverage.of(np.full(len(streams), period), series_input.coverage)
        scales = np.full(len(streams), 10.0)
        carried = Carried.nothing(len(streams), over_until)
        samples = Samples(series, times, values, kept)
        hours, _ = hours_over(samples, series_input.how, scales, coverage, carried)
        series, times, scaled = hours.series, hours.times, hours.values
    else:
        series, times, scaled = series[kept], times[kept], values[kept] / 10
    batch = Batch({"datastream": series.copy(), "time": times, "value": scaled})
    track = Track.of(policy, series, times, RuleEvaluator(rule).judge(batch))
    _, episodes = scan(policy, track, States.quiet(len(streams), 2))
    return [
        (
            streams[index],
            one.started_at,
            one.ended_at,
            policy.levels[one.level].severity,
            one.peak,
            one.last_reading_at,
        )
        for index, one in episodes
    ]


@st.composite
def arrivals(draw: st.DrawFn, step: int, longest: int) -> list[list[Row]]:
    """Readings of two stations, revisions and repetitions, in any order and any parts."""
    times = draw(st.lists(st.integers(0, longest), min_size=1, max_size=40, unique=True))
    rows = [
        Row(
            draw(st.integers(1, 2)),
            time * step,
            draw(st.sampled_from([900, 1149, 1150, 1500, 1501, 1700, 2500, 2600])),
            draw(st.sampled_from(["", "", "", "", "faulty"])),
        )
        for time in times
    ]
    revised = draw(st.lists(st.sampled_from(rows), max_size=6))
    values = st.sampled_from([500, 1300, 2000, 3000])
    rows += [
        evolve(row, value=draw(values), flag="", result=index + 1)
        for index, row in enumerate(revised)
    ]
    shuffled = draw(st.one_of(st.permutations(rows), st.just(sorted(rows, key=lambda r: r.time))))
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=8)))
    return [
        list(shuffled[low:high]) for low, high in zip([0, *cuts], [*cuts, len(rows)], strict=True)
    ]
