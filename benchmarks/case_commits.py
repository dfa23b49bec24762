"""How long a person waits for a case's commit while intake runs at full speed.

::

    python -m benchmarks.case_commits             # 20 seconds of full ingest
    python -m benchmarks.case_commits --seconds 5 --check

Batches of 10,000 rows, cut as intake cuts them, are landed without a pause, closed landing tables
are settled beside them, and persons move cases at random moments: history, task, notice,
idempotency key and audit entry in one commit each, at `Priority.PERSON`. Measured is the commit,
from handing the change to the store to its durable answer on the event loop, and the whole call of
`Cases.send_event`, which also reads the case; before that, the same without any ingest, for a
quarter of the time, which tells how fast the machine is at the moment. ``--check`` fails where the
99th percentile of the commits beside ingest is above 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from attrs import define, field

from county_gov.api import Actor, CaseView, Event, State, TaskSpec, Text, Workflow
from county_gov.cases import Cases
from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import SystemClock
from county_gov.server.serving import settle_memory
from county_gov.store import Priority, Store, Transaction, migration, open_database
from county_gov.store.observations.observations import Observations
from county_gov.store.observations.rows import Readings

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock
    from county_gov.store.database import Database

T = TypeVar("T")

PROMISED_SECONDS = 0.050
DATASTREAMS = 2_000
BATCH = 10_000
IN_FLIGHT = 4
"""Batches that wait for the writer at any moment: it never runs dry."""
MEAN_PAUSE = 0.02
"""Seconds between two persons' commands, on average."""
MINUTE = 60_000_000
START = 1_700_000_000_000_000
ACTOR = Actor("system", "benchmark")


def _words(word: str) -> Text:
    return Text(zh=word, en=word)


WORKFLOW = Workflow(
    id="benchmark.matter",
    title=_words("matter"),
    version=1,
    number="B-{county}-{year}-{serial:06}",
    initial="waiting",
    read_permission="benchmark.read",
    states=(
        State("waiting", _words("waiting"), TaskSpec(_words("take"), "officer")),
        State("working", _words("working"), TaskSpec(_words("work"), "officer")),
        State("closed", _words("closed"), final=True),
    ),
    events=(
        Event("take", _words("take"), ("waiting",), "working", "benchmark.move"),
        Event("return", _words("return"), ("working",), "waiting", "benchmark.move"),
        Event("close", _words("close"), ("working",), "closed", "benchmark.move"),
    ),
)


class TimedStore(Store):
    """A store that notes how long persons wait for their commits."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self.commit_seconds: list[float] = []

    async def write(
        self,
        function: Callable[[Transaction], T],
        priority: Priority = Priority.PERSON,
        *,
        rows: int = 1,
    ) -> T:
        """As `Store.write`."""
        started = time.perf_counter()
        result = await super().write(function, priority, rows=rows)
        if priority is Priority.PERSON:
            self.commit_seconds.append(time.perf_counter() - started)
        return result


@define(eq=False)
class Run:
    """What is counted while the benchmark runs."""

    rows: int = 0
    settled: int = 0
    moves: int = 0
    minute: int = 0
    latencies: list[float] = field(factory=list)
    stop: bool = False

    def readings(self) -> Readings:
        """The next batch: five minutes of all datastreams."""
        minutes = BATCH // DATASTREAMS
        at = START + (self.minute + np.arange(minutes, dtype=np.int64)) * MINUTE
        self.minute += minutes
        return Readings(
            datastream=np.tile(np.arange(1, DATASTREAMS + 1, dtype=np.int64), minutes),
            time=np.repeat(at, DATASTREAMS),
            value=np.arange(BATCH, dtype=np.int64),
            flag=np.zeros(BATCH, np.uint8),
            result_time=np.full(BATCH, NO_TIME, np.int64),
            received_at=START,
        )


async def _ingest(store: Store, observations: Observations, run: Run) -> None:
    while not run.stop:
        parts, batch = _parts(run.readings(), observations), run.minute
        await asyncio.gather(
            *(
                store.write(_landing(observations, part, batch), Priority.INTAKE, rows=len(part))
                for part in parts
            )
        )
        run.rows += BATCH


def _parts(readings: Readings, observations: Observations) -> list[Readings]:
    """A batch, cut as intake cuts it."""
    return [
        Readings(
            datastream=readings.datastream[start:end],
            time=readings.time[start:end],
            value=readings.value[start:end],
            flag=readings.flag[start:end],
            result_time=readings.result_time[start:end],
            received_at=readings.received_at,
        )
        for start, end in pairwise(observations.cuts(readings))
    ]


def _landing(
    observations: Observations, readings: Readings, batch: int
) -> Callable[[Transaction], object]:
    return lambda tx: observations.land(tx, readings, batch=batch)


async def _settle(observations: Observations, run: Run) -> None:
    while not run.stop:
        run.settled += await observations.settle(budget_seconds=0.5)
        await asyncio.sleep(0.1)


async def _move_cases(cases: Cases, views: list[CaseView], seconds: float, run: Run) -> None:
    """Persons come at random; each moves a case that nobody else moves at the moment."""
    rng = random.Random(20261122)
    pending: set[asyncio.Task[None]] = set()
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        await asyncio.sleep(rng.expovariate(1 / MEAN_PAUSE))
        if views:
            run.moves += 1
            task = asyncio.create_task(_move(cases, views.pop(0), views, run.moves, run))
            pending.add(task)
            task.add_done_callback(pending.discard)
    await asyncio.gather(*pending)


async def _open(cases: Cases, number: int) -> CaseView:
    return await cases.open(
        WORKFLOW.id,
        title="Smoke behind the school",
        area="990101",
        subject=f"thing:{number}",
        data={},
        actor=ACTOR,
        key=f"open-{number}",
    )


async def _move(cases: Cases, view: CaseView, views: list[CaseView], number: int, run: Run) -> None:
    started = time.perf_counter()
    moved = await cases.send_event(
        view.id,
        "take" if view.state == "waiting" else "return",
        data={},
        actor=ACTOR,
        expected_version=view.version,
        key=f"move-{number}",
    )
    run.latencies.append(time.perf_counter() - started)
    views.append(moved)


async def measure(url: str, seconds: float) -> dict[str, float]:
    """Run it on a new database, and say what was found; times in milliseconds."""
    database = open_database(url)
    migration.upgrade(database)
    store = TimedStore(database, SystemClock())
    store.start()
    observations = Observations(store)
    observations.start()
    cases = Cases(
        store,
        {WORKFLOW.id: WORKFLOW},
        county="990101",
        timezone="Asia/Shanghai",
        channels=(),
    )
    run = Run()
    views = [await _open(cases, number) for number in range(50)]
    settle_memory()
    await _move_cases(cases, views, seconds / 4, run)
    alone = _percentiles(store.commit_seconds)
    store.commit_seconds, run.latencies = [], []
    intake = [asyncio.create_task(_ingest(store, observations, run)) for _ in range(IN_FLIGHT)]
    upkeep = asyncio.create_task(_settle(observations, run))
    started = time.perf_counter()
    await _move_cases(cases, views, seconds, run)
    elapsed = time.perf_counter() - started
    rows = run.rows
    run.stop = True
    await asyncio.gather(*intake, upkeep)
    figures = store.writer.figures()
    store.close()
    commits, calls = _percentiles(store.commit_seconds), _percentiles(run.latencies)
    return {
        "case_commits": len(store.commit_seconds),
        "p50_ms": commits[0],
        "p99_ms": commits[1],
        "max_ms": commits[2],
        "alone_p50_ms": alone[0],
        "alone_p99_ms": alone[1],
        "call_p50_ms": calls[0],
        "call_p99_ms": calls[1],
        "rows_per_second": rows / elapsed,
        "settled_rows": run.settled,
        "longest_commit_ms": 1000 * figures.longest_seconds,
        "longest_change_ms": 1000 * figures.longest_change_seconds,
    }


def _percentiles(seconds: list[float]) -> list[float]:
    """Milliseconds: the median, the 99th percentile and the longest."""
    found: list[float] = (1000 * np.percentile(seconds, (50, 99, 100))).tolist()
    return found


def main() -> int:
    """Measure, print a line for people and one for programs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--url", default="", help="an empty database; by default a new SQLite file")
    parser.add_argument("--check", action="store_true", help="fail where p99 is above 50 ms")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd()))
        url = options.url or f"sqlite:///{folder}/county.db"
        found = asyncio.run(measure(url, options.seconds))
    print(
        f"{found['case_commits']:.0f} case commits beside {found['rows_per_second']:,.0f} rows/s: "
        f"p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms, "
        f"max {found['max_ms']:.1f} ms\n"
        f"without ingest: p50 {found['alone_p50_ms']:.1f} ms, p99 {found['alone_p99_ms']:.1f} ms; "
        f"whole calls beside it: p50 {found['call_p50_ms']:.1f} ms, "
        f"p99 {found['call_p99_ms']:.1f} ms"
    )
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))
    return int(options.check and found["p99_ms"] > 1000 * PROMISED_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
