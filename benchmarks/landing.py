"""How fast observations land, settle and are read, beside plain ways to insert the same rows.

    python benchmarks/landing.py [--rows 1000000] [--rounds 5] [--datastreams 2000] [--folder DIR]

Rows are one value a minute of every datastream, 10,000 a commit, ``synchronous=FULL``. The peers
insert into the same keyed table and do nothing else: no duplicate check, no journal, no batch row.
All ways take turns, round after round, and the medians are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sized
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from county_gov.contract.batch import Int64s
from county_gov.contract.clock import DAY, SystemClock
from county_gov.store import Priority, Snapshot, Store, Transaction, tables
from county_gov.store.observations import (
    ACCEPTED,
    Changes,
    Observations,
    Readings,
    without_result_time,
)
from county_gov.store.sqlite import SqliteDatabase

MINUTE = 60_000_000
FIRST = 19_700 * DAY
BATCH = 10_000
TABLE = (
    "CREATE TABLE landing_1 (time INTEGER NOT NULL, datastream INTEGER NOT NULL,"
    " value INTEGER NOT NULL, flag INTEGER NOT NULL, result_time INTEGER,"
    " batch INTEGER NOT NULL, PRIMARY KEY (time, datastream)) WITHOUT ROWID, STRICT"
)

Columns = tuple[Int64s, Int64s, Int64s]
"""Datastream, time and value."""


class Seconds(NamedTuple):
    """What something took, by the clock and by the processor: other programs disturb the first."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> Seconds:
        """The beginning."""
        return cls(time.perf_counter(), time.process_time())

    def since(self) -> Seconds:
        """What has passed since the beginning."""
        now = self.now()
        return Seconds(now.clock - self.clock, now.processor - self.processor)


Way = Callable[[list[Columns]], Seconds]
"""Inserts all batches and says what it took."""


def batches(rows: int, datastreams: int) -> Iterator[Columns]:
    """Minute after minute, all datastreams, values that wander a little."""
    rng = np.random.default_rng(1)
    level = rng.integers(100, 900, datastreams)
    for first in range(0, rows, BATCH):
        index = np.arange(first, min(first + BATCH, rows))
        series = index % datastreams
        level += rng.integers(-3, 4, datastreams)
        noise = rng.integers(-4, 5, len(index))
        yield series + 1, FIRST + index // datastreams * MINUTE, level[series] + noise


def raw(folder: Path, insert: Callable[[sqlite3.Connection, int, Columns], None]) -> Way:
    """A peer: inserts all batches, a commit each."""

    def run(work: list[Columns]) -> Seconds:
        file = folder / f"raw-{time.monotonic_ns()}.db"
        connection = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA wal_autocheckpoint=8192")
        connection.execute(TABLE)
        begun = Seconds.now()
        for number, columns in enumerate(work, 1):
            connection.execute("BEGIN IMMEDIATE")
            insert(connection, number, columns)
            connection.execute("COMMIT")
        seconds = begun.since()
        connection.close()
        _remove(file)
        return seconds

    return run


def insert_executemany(connection: sqlite3.Connection, batch: int, columns: Columns) -> None:
    """The usual way: one prepared statement, row after row."""
    datastream, times, values = (column.tolist() for column in columns)
    connection.executemany(
        "INSERT INTO landing_1 VALUES (?, ?, ?, 0, NULL, ?)",
        zip(times, datastream, values, [batch] * len(times), strict=True),
    )


def insert_values(connection: sqlite3.Connection, batch: int, columns: Columns) -> None:
    """The fastest raw load known: some thousand rows a statement."""
    datastream, times, values = columns
    flat = np.column_stack((times, datastream, values)).ravel().tolist()
    size = 2000
    for start in range(0, len(times), size):
        count = min(size, len(times) - start)
        rows = ", ".join(["(?2, ?3, ?4, 0, NULL, ?1)", *["(?, ?, ?, 0, NULL, ?1)"] * (count - 1)])
        part = flat[3 * start : 3 * (start + count)]
        connection.execute(f"INSERT INTO landing_1 VALUES {rows}", [batch, *part])  # noqa: S608


def opened(file: Path) -> tuple[Store, Observations]:
    """A started store."""
    database = SqliteDatabase(f"sqlite:///{file}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    observations = Observations(store)
    observations.start()
    return store, observations


def land_batch(observations: Observations, columns: Columns, tx: Transaction) -> None:
    """What intake does for a batch: its row, and its readings."""
    datastream, times, values = columns
    rows = len(times)
    batch = tx.insert(
        tables.batches,
        key=f"{times[0]}-{datastream[0]}-{rows}",
        source="benchmark",
        wire_format="none",
        provenance="benchmark",
        received_at=tx.at,
        committed_at=tx.at,
        accepted=rows,
        duplicate=0,
        revised=0,
        quarantined=0,
    )
    none = np.zeros(rows, np.uint8)
    readings = Readings(datastream, times, values, none, without_result_time(rows), tx.at)
    landed = observations.land(tx, readings, batch=batch)
    if landed.count(ACCEPTED) != rows:
        msg = f"{rows - landed.count(ACCEPTED)} of {rows} rows were not new"
        raise SystemExit(msg)


def landing(folder: Path) -> Way:
    """Ours: lands all batches, a commit each."""

    def run(work: list[Columns]) -> Seconds:
        file = folder / f"land-{time.monotonic_ns()}.db"
        store, observations = opened(file)
        begun = Seconds.now()
        for columns in work:
            store.submit(partial(land_batch, observations, columns), Priority.INTAKE).result()
        seconds = begun.since()
        store.close()
        _remove(file)
        return seconds

    return run


def compare(folder: Path, work: list[Columns], rounds: int) -> None:
    """Print rows a second of each way, and ours as a ratio."""
    rows = sum(len(columns[0]) for columns in work)
    ways = {
        "executemany": raw(folder, insert_executemany),
        "multi-row VALUES": raw(folder, insert_values),
        "land()": landing(folder),
    }
    seconds: dict[str, list[Seconds]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            seconds[name].append(run(work))
    clock = {name: statistics.median(one.clock for one in all_) for name, all_ in seconds.items()}
    processor = {
        name: statistics.median(one.processor for one in all_) for name, all_ in seconds.items()
    }
    ours, own = clock["land()"], processor["land()"]
    for name in ways:
        print(
            f"{name:18} {rows / clock[name]:12,.0f} rows/s,"
            f" {processor[name] / rows * 1e6:.2f} us of processor a row; land() is"
            f" {clock[name] / ours:.2f} x by the clock, {processor[name] / own:.2f} x by processor"
        )


def settle_and_read(folder: Path, datastreams: int, days: int) -> None:
    """Fill a store with whole days, settling beside, and measure settling and reading."""
    store, observations = opened(folder / "county.db")
    rows = datastreams * 1440 * days
    settled, settling = 0, 0.0
    begun = time.perf_counter()
    for number, columns in enumerate(batches(rows, datastreams)):
        store.submit(partial(land_batch, observations, columns), Priority.INTAKE).result()
        if number % 100 == 0:
            start = time.perf_counter()
            settled += asyncio.run(observations.settle(budget_seconds=60))
            settling += time.perf_counter() - start
    seconds = time.perf_counter() - begun
    print(
        f"{days} days of {datastreams} datastreams landed and settled: {rows / seconds:,.0f} rows/s"
    )
    stored = store.read_now(
        lambda snapshot: snapshot.scalar(sa.text("SELECT sum(length(body)) FROM blocks"))
    )
    print(
        f"settling alone     {settled / settling:12,.0f} rows/s, {stored / settled:.2f} bytes a row"
        f", longest commit {store.writer.longest * 1000:.1f} ms"
    )
    read(store, observations, datastreams, days)
    store.close()


def read(store: Store, observations: Observations, datastreams: int, days: int) -> None:
    """Print how long typical reads take: of blocks, and of what landed since."""
    numbers = np.arange(datastreams) + 1
    none = np.zeros(datastreams, np.uint8)
    newest = Changes(numbers, numbers, numbers, none, none.astype(bool), 0)
    newest_rows = observations.newest([newest])
    store.submit(lambda tx: observations.update_latest(tx, newest_rows), Priority.UPKEEP).result()
    end = FIRST + days * DAY
    measure(store, "one week", lambda s: observations.read(s, 7, end - 7 * DAY, end))
    measure(store, "30 days by hour", lambda s: observations.hourly(s, 7, end - 30 * DAY, end))
    measure(store, "newest of all", observations.read_latest)


def measure(store: Store, name: str, function: Callable[[Snapshot], Sized]) -> None:
    """Print the median and the worst of nine reads."""
    measured = []
    rows: Sized = ()
    for _ in range(9):
        begun = time.perf_counter()
        rows = store.read_now(function)
        measured.append((time.perf_counter() - begun) * 1000)
    median, worst = statistics.median(measured), max(measured)
    print(f"{name:18} {median:12.2f} ms, worst {worst:.2f} ms, {len(rows):,} rows")


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--datastreams", type=int, default=2000)
    parser.add_argument("--days", type=int, default=3, help="days that are settled and read")
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        compare(Path(name), list(batches(options.rows, options.datastreams)), options.rounds)
        settle_and_read(Path(name), options.datastreams, options.days)


if __name__ == "__main__":
    main()
