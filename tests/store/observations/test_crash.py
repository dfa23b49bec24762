"""Tests that a killed process leaves every promised row exactly once."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from county_gov.store import Store
from county_gov.store.observations import DUPLICATE, Observations
from county_gov.store.sqlite import SqliteDatabase
from tests.store.observations.county import Row, land, values
from tests.store.observations.crashing import batch_rows
from tests.store_fixtures import StandingClock

ROOT = Path(__file__).parents[3]


def run_and_kill(file: Path, first: int, promises: int) -> int:
    """Let a process land and settle, kill it after some promises; return its last promise."""
    command = [sys.executable, "-m", "tests.store.observations.crashing", str(file), str(first)]
    last = first - 1
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().isdigit():
                last = int(line)
            if last >= first + promises:
                process.kill()
                break
        for line in process.stdout:
            if line.strip().isdigit():
                last = int(line)
    return last


def test_a_killed_process_keeps_its_promises(tmp_path: Path) -> None:
    """Killed while it lands and settles: what was promised is there, once, and current."""
    file = tmp_path / "county.db"
    database = SqliteDatabase(f"sqlite:///{file}")
    database.create_tables()
    database.close()
    last = -1
    for _ in range(4):
        last = run_and_kill(file, last + 1, random.randint(1, 40))
    assert last >= 3
    expected: dict[tuple[int, ...], Row] = {}
    for batch in range(last + 2):
        for row in batch_rows(batch):
            expected[row[:2]] = max(row, expected.get(row[:2], row), key=lambda one: one[4])
    store = Store(SqliteDatabase(f"sqlite:///{file}"), StandingClock())
    store.start()
    try:
        observations = Observations(store)
        observations.start()
        # The batch after the last promise may be there or not: send it again, as its sender would.
        land(store, observations, batch_rows(last + 1), received_at=last + 1)
        assert sorted(expected.values()) == values(store, observations, range(5))
        assert {DUPLICATE} == {
            status
            for batch in range(last + 1)
            for status in land(store, observations, batch_rows(batch), received_at=batch)
        }
        asyncio.run(observations.settle(budget_seconds=60, close=True))
        assert sorted(expected.values()) == values(store, observations, range(5))
    finally:
        store.close()
