"""Judging through the real store: land, follow the journal, settle, and judge late arrivals."""

from __future__ import annotations

import asyncio
import csv
import gzip
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from attrs import define, evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import HOUR, SystemClock
from county_gov.contract.rule import Driving
from county_gov.rules.judging import Judging
from county_gov.store import Priority, Store, Transaction, tables
from county_gov.store.followers import JournalRow, read_journal
from county_gov.store.observations import FLAG_NUMBERS, Observations, Readings
from county_gov.store.sqlite import SqliteDatabase
from tests.rules.ledger import (
    HOURLY,
    LATEST,
    MINUTE,
    Memory,
    Row,
    Streams,
    arrivals,
    expected,
    policy_with,
    rule_over,
    standing,
)

EXCERPT = Path(__file__).parents[2] / "examples/demo_county/data/aotizhongxin_pm25.csv.gz"
REFERENCE = "COUNTY_GOV_REFERENCE_DATA"
STATION = "sensors/beijing_multisite/PRSA_Data_Aotizhongxin_20130301-20170228.csv.gz"
BEIJING = timezone(timedelta(hours=8))


@define(eq=False)
class County:
    """A store with observations, and one who judges them."""

    store: Store
    observations: Observations
    judging: Judging
    position: int = 0
    batches: int = 0

    def land(self, rows: Sequence[Row]) -> None:
        """Take a batch in."""
        self.batches += 1
        number = self.batches

        def column(values: list[int]) -> np.ndarray:
            return np.array(values, np.int64)

        readings = Readings(
            column([row.datastream for row in rows]),
            column([row.time for row in rows]),
            column([row.value for row in rows]),
            np.array([FLAG_NUMBERS[row.flag] for row in rows], np.uint8),
            column([row.result or NO_TIME for row in rows]),
            number,
        )

        def change(tx: Transaction) -> None:
            batch = tx.insert(
                tables.batches,
                key=str(number),
                source="t",
                wire_format="",
                provenance="",
                received_at=number,
                committed_at=number,
                accepted=0,
                duplicate=0,
                revised=0,
                quarantined=0,
            )
            self.observations.land(tx, readings, batch=batch)

        self.store.submit(change, Priority.INTAKE).result()

    def judge(self, limit: int = 1000) -> None:
        """Follow the journal to its head."""
        while True:
            rows = self.store.read_now(lambda s: read_journal(s, self.position, limit=limit))
            if not rows:
                return
            self._judge(rows)

    def _judge(self, rows: Sequence[JournalRow]) -> None:
        plan = self.store.read_now(lambda s: self.judging.plan(s, rows))
        self.store.submit(lambda tx: self.judging.apply(tx, plan)).result()
        self.position = rows[-1].position

    def settle(self) -> None:
        """Turn what has landed into blocks."""
        asyncio.run(self.observations.settle(budget_seconds=60, close=True))


@contextmanager
def county_at(path: Path, series_input: Driving = LATEST, period: int = HOUR) -> Iterator[County]:
    """A county with one policy in a file."""
    database = SqliteDatabase(f"sqlite:///{path}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    observations = Observations(store, most_rows=20_000)
    observations.start()
    streams = Streams(period)
    judging = Judging(
        [policy_with()],
        {"t.rule": rule_over(series_input)},
        observations,
        lambda: streams,
        SystemClock(),
    )
    try:
        yield County(store, observations, judging)
    finally:
        store.close()


@pytest.mark.parametrize(("series_input", "period"), [(LATEST, HOUR), (HOURLY, 20 * MINUTE)])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_split_through_the_store(
    tmp_path_factory: pytest.TempPathFactory,
    series_input: Driving,
    period: int,
    data: st.DataObject,
) -> None:
    """Landing, revisions, settling and judging in any interleaving end in the same episodes."""
    parts = data.draw(arrivals(period, 60))
    memory = Memory()
    path = tmp_path_factory.mktemp("county") / "county.db"
    with county_at(path, series_input, period) as county:
        for part in parts:
            memory.land(part)
            if part:
                county.land(part)
            if data.draw(st.booleans()):
                county.judge(data.draw(st.integers(1, 3)))
            if data.draw(st.integers(0, 3)) == 0:
                county.settle()
        county.judge()
        found = standing(county.store)

    assert expected(memory, series_input, period, 0) == found


def excerpt() -> list[Row]:
    """Four years of hourly PM2.5 at Aotizhongxin, hours without a value left out."""
    if EXCERPT.exists():
        lines = gzip.decompress(EXCERPT.read_bytes()).decode().splitlines()
        return [
            Row(1, micros(datetime.fromisoformat(row["time"])), round(float(row["value"]) * 10))
            for row in csv.DictReader(lines)
        ]
    if not os.environ.get(REFERENCE):
        pytest.skip(f"neither the demonstration county's data nor {REFERENCE} is there")
    return reference()


def reference() -> list[Row]:
    """The same from the source."""
    path = Path(os.environ[REFERENCE]) / STATION
    rows = csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines())
    return [
        Row(
            1,
            micros(datetime(*(int(row[name]) for name in ("year", "month", "day", "hour")),  # type: ignore[misc, arg-type]
                            tzinfo=BEIJING)),
            round(float(row["PM2.5"]) * 10),
        )
        for row in rows
        if row["PM2.5"] not in {"", "NA"}
    ]  # fmt: skip


def micros(instant: datetime) -> int:
    """Microseconds UTC."""
    return round(instant.timestamp()) * 1_000_000


def in_parts(rows: list[Row], size: int) -> list[list[Row]]:
    """Batches of a size."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def arrival(rows: list[Row], kind: str) -> list[list[Row]]:
    """The same four years as they might come."""
    chance = random.Random(5)
    if kind == "late":
        late = [row for row in rows if chance.random() < 0.1]
        kept = {row.time for row in late}
        return [
            *in_parts([row for row in rows if row.time not in kept], 2000),
            *in_parts(late, 500),
        ]
    if kind == "shuffled":
        rows = chance.sample(rows, len(rows))
    return in_parts(rows, 2500)


def naive_crossings(rows: list[Row]) -> int:
    """Readings above 150 whose reading before was not."""
    above = [row.value > 1500 for row in rows]
    return sum(now and not before for before, now in zip([False, *above], above, strict=False))


@pytest.mark.parametrize("kind", ["in order", "shuffled", "late"])
def test_four_years_of_aotizhongxin_in_any_arrival(tmp_path: Path, kind: str) -> None:
    """389 episodes of raise > 150, clear < 115 in four years; naive crossings are 536."""
    rows = excerpt()
    assert 536 == naive_crossings(rows)
    memory = Memory({(row.datastream, row.time): row for row in rows})
    with county_at(tmp_path / "county.db") as county:
        for part in arrival(rows, kind):
            county.land(part)
            county.judge()
        found = standing(county.store)

    assert 389 == len(found)
    assert expected(memory, LATEST, HOUR, 0) == found


@pytest.mark.skipif(not os.environ.get(REFERENCE), reason=f"{REFERENCE} is not set")
def test_the_excerpt_is_the_sources_column() -> None:
    """What is shipped for the known answer is what the source says."""
    assert reference() == excerpt()


def test_a_redelivered_journal_changes_nothing(tmp_path: Path) -> None:
    """A follower that lost its position judges all again, to the same episodes and journal."""
    rows = [evolve(Row(1, 0, 0), time=i * HOUR, value=v) for i, v in enumerate([900, 1600, 900])]
    with county_at(tmp_path / "county.db") as county:
        county.land(rows)
        county.judge()
        before = county.store.read_now(lambda s: s.rows(tables.journal.select()))
        county.position = 0
        county.judge()
        after = county.store.read_now(lambda s: s.rows(tables.journal.select()))
        assert before == after
        assert 1 == len(standing(county.store))
