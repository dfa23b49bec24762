"""Tests of reads: ranges, hours and newest values."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from county_gov.contract.clock import DAY, HOUR
from county_gov.store.observations import FLAG_NUMBERS, Changes, Observations, sqlite
from tests.store.observations.county import EVER, Row, land

if TYPE_CHECKING:
    from county_gov.store import Store


def spread_rows() -> list[Row]:
    """Three datastreams with gaps over five days, one of them at odd instants."""
    rng = np.random.default_rng(4)
    rows: list[Row] = []
    for datastream, step in ((1, HOUR), (2, HOUR // 3), (3, 1_234_567_891)):
        times = np.arange(2 * DAY, 7 * DAY, step)
        kept = times[rng.random(len(times)) > 0.2]
        rows += [(datastream, int(time), int(rng.integers(-500, 500))) for time in kept]
    return rows


def test_ranges_hold_their_start_and_not_their_end(
    any_store: Store, any_observations: Observations
) -> None:
    """Any range gives the rows in it, from blocks, landing tables and both."""
    rows = spread_rows()
    rng = np.random.default_rng(6)
    shuffled = [rows[index] for index in rng.permutation(len(rows))]
    third = len(rows) // 3
    for part in (shuffled[:third], shuffled[third : 2 * third], shuffled[2 * third :]):
        land(any_store, any_observations, part)
        if part[0] != shuffled[2 * third]:
            asyncio.run(any_observations.settle(budget_seconds=60, close=True))
    times = sorted({row[1] for row in rows})
    for _ in range(40):
        start, end = sorted(rng.choice([*times[::9], 3 * DAY, 4 * DAY, *EVER], 2).tolist())
        for wanted in ([1], [2], [3], [3, 1], [2, 9]):
            read = any_store.read_now(
                lambda snapshot, a=(wanted, start, end): any_observations.read_many(snapshot, *a)  # type: ignore[misc]
            )
            got = list(zip(read.datastream, read.time, read.value, strict=True))
            inside = (row for row in rows if row[0] in wanted and start <= row[1] < end)
            assert sorted(inside) == got


def test_an_empty_range_is_empty(store: Store, observations: Observations) -> None:
    """A range without time, without datastreams or before all rows gives no rows."""
    land(store, observations, [(1, 10, 5)])
    for numbers, start, end in (
        ([1], 10, 10),
        ([1], 20, 5),
        ([], 0, 99),
        ([1], 0, 10),
        ([2], 0, 99),
    ):
        rows = store.read_now(
            lambda snapshot, a=(numbers, start, end): observations.read_many(snapshot, *a)  # type: ignore[misc]
        )
        assert 0 == len(rows)


def test_many_times_are_scanned_instead_of_sought(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a landing table has too many different times, the read is the same."""
    monkeypatch.setattr(sqlite, "STEPS", 20)
    observations = Observations(store)
    observations.start()
    land(store, observations, [(1 + time % 2, time, time) for time in range(100)])
    read = store.read_now(lambda snapshot: observations.read(snapshot, 2, 10, 80))
    assert list(range(11, 80, 2)) == read.time.tolist()


@pytest.mark.parametrize("settled", [False, True])
def test_hours_count_what_was_measured(
    store: Store, observations: Observations, settled: bool
) -> None:
    """Figures are those of each hour's measured values; a faulty instrument's do not count."""
    faulty, estimated = FLAG_NUMBERS["faulty"], FLAG_NUMBERS["estimated"]
    rows: list[Row] = [
        (1, HOUR - 1, 10),
        (1, HOUR, 20),
        (1, HOUR + 5, -40, estimated),
        (1, 2 * HOUR - 1, 900, faulty),
        (1, 5 * HOUR, 900, faulty),
        (1, DAY + HOUR, 7),
    ]
    land(store, observations, rows)
    if settled:
        asyncio.run(observations.settle(budget_seconds=60, close=True))
    hours = store.read_now(lambda snapshot: observations.hourly(snapshot, 1, 0, 2 * DAY))
    columns = (hours.time, hours.count, hours.total, hours.minimum, hours.maximum)
    assert [(0, 1, 10, 10, 10), (HOUR, 2, -20, -40, 20), (DAY + HOUR, 1, 7, 7, 7)] == list(
        zip(*(column.tolist() for column in columns), strict=True)
    )
    none = store.read_now(lambda snapshot: observations.hourly(snapshot, 1, 5 * HOUR, 6 * HOUR))
    assert 0 == len(none)


def changes(*rows: Row, received_at: int = 0) -> Changes:
    """Rows of datastream, time and value, as a follower gets them."""
    datastream, time, value = np.array(rows, np.int64).T.copy()
    flag = np.zeros(len(rows), np.uint8)
    return Changes(datastream, time, value, flag, flag.astype(bool), received_at)


def latest(store: Store, observations: Observations, numbers: list[int] | None) -> list[Row]:
    """The newest values as rows."""
    read = store.read_now(lambda snapshot: observations.read_latest(snapshot, numbers))
    columns = (read.datastream, read.time, read.value, read.received_at)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_latest_keeps_the_newest(any_store: Store, any_observations: Observations) -> None:
    """Newer values and revisions of the newest are shown, late rows are not."""

    def update(*told: Changes) -> None:
        newest = any_observations.newest(told)
        any_store.submit(lambda tx: any_observations.update_latest(tx, newest)).result(timeout=30)

    update(changes((1, 10, 5), (2, 10, 6), (1, 20, 7), received_at=3), changes((2, 5, 1)))
    assert [(1, 20, 7, 3), (2, 10, 6, 3)] == latest(any_store, any_observations, None)
    update(
        changes((1, 20, 8), (2, 9, 9), (3, 1, 1), received_at=4), changes((1, 20, 9), received_at=5)
    )
    assert [(1, 20, 9, 5), (2, 10, 6, 3), (3, 1, 1, 4)] == latest(any_store, any_observations, None)
    assert [(3, 1, 1, 4)] == latest(any_store, any_observations, [3, 4])
    update()
    assert [] == latest(any_store, any_observations, [])
