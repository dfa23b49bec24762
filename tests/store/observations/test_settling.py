"""Tests of settling: rows move into blocks, and no crash or revision loses or doubles one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import DAY, HOUR
from county_gov.errors import StoreError
from county_gov.store import Store, tables
from county_gov.store.observations import ACCEPTED, DUPLICATE, REVISED, Observations, settling
from county_gov.store.sqlite import SqliteDatabase
from tests.store.observations.county import Row, begin_batch, land, readings, values
from tests.store_fixtures import StandingClock

if TYPE_CHECKING:
    from county_gov.store import Transaction

MINUTE = 60_000_000


def settle(observations: Observations, *, seconds: float = 60, close: bool = True) -> int:
    """Settle from a test that is not asynchronous."""
    return asyncio.run(observations.settle(budget_seconds=seconds, close=close))


def count(store: Store, table: sa.Table) -> int:
    """How many rows a table has."""
    statement = sa.select(sa.func.count()).select_from(table)
    number: int = store.read_now(lambda snapshot: snapshot.scalar(statement))
    return number


def landed(store: Store) -> int:
    """How many landing tables exist."""
    names = store.read_now(lambda snapshot: sa.inspect(snapshot.connection).get_table_names())
    return sum(name.startswith("landing_") for name in names)


def some_rows(rows: int, *, first: int = 0) -> list[Row]:
    """Rows of five datastreams over several days."""
    return [
        (number % 5, first + number // 5 * 7 * HOUR // 2, number * 3, number % 4, number)
        for number in range(rows)
    ]


@pytest.fixture
def slices_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice have one block; with a budget of 0 seconds one slice is written."""
    monkeypatch.setattr(settling, "SLICE_BLOCKS", 1)


def test_rows_move_into_blocks(any_store: Store, any_observations: Observations) -> None:
    """After settling there are no rows in landing tables, and the same values are read."""
    rows = some_rows(100)
    land(any_store, any_observations, rows[:60])
    land(any_store, any_observations, rows[60:])
    before = values(any_store, any_observations, range(5))
    assert 100 == settle(any_observations)
    assert sorted(rows) == before == values(any_store, any_observations, range(5))
    assert 0 == settle(any_observations)
    assert [DUPLICATE] * 100 == land(any_store, any_observations, rows)


def test_settled_tables_are_dropped(store: Store, observations: Observations) -> None:
    """Nothing stays of a landing table but its rows in blocks."""
    for start in range(3):
        land(store, observations, some_rows(50, first=start * 40 * DAY))
    assert 150 == settle(observations)
    assert (0, 0) == (landed(store), count(store, tables.landings))
    assert [ACCEPTED] == land(store, observations, [(1, 1, 1)])


def test_an_open_table_settles_when_its_hour_is_over(
    store: Store, observations: Observations, clock: StandingClock
) -> None:
    """Without being told to close, settling waits for the hour."""
    land(store, observations, some_rows(10))
    assert 0 == settle(observations, close=False)
    clock.instant += HOUR
    assert 10 == settle(observations, close=False)


def test_late_rows_join_the_block_of_their_day(
    any_store: Store, any_observations: Observations
) -> None:
    """A row of a settled day lands, is read with the block, and settles into it."""
    rows = [(1, minute * MINUTE, minute) for minute in range(0, 100, 2)]
    late = [(1, minute * MINUTE, minute) for minute in range(1, 100, 2)]
    land(any_store, any_observations, rows)
    settle(any_observations)
    assert [ACCEPTED] * 50 == land(any_store, any_observations, late)
    expected = [(1, minute * MINUTE, minute, 0, NO_TIME) for minute in range(100)]
    assert expected == values(any_store, any_observations, [1])
    settle(any_observations)
    assert expected == values(any_store, any_observations, [1])
    assert 1 == count(any_store, tables.blocks)


def test_a_revision_of_a_settled_row_rewrites_its_block(
    any_store: Store, any_observations: Observations
) -> None:
    """The new value stands in the block, the old one among the revisions."""
    land(any_store, any_observations, [(1, minute, minute) for minute in range(20)], received_at=1)
    settle(any_observations)
    revised: list[Row] = [(1, 3, 99), (1, 4, 98), (1, 5, 5)]
    assert [REVISED, REVISED, DUPLICATE] == land(
        any_store, any_observations, revised, received_at=2
    )
    read = values(any_store, any_observations, [1])
    assert [99, 98, 5] == [row[2] for row in read[3:6]]
    assert (20, 2) == (len(read), count(any_store, tables.revisions))


@pytest.mark.usefixtures("slices_of_one_block")
def test_revisions_between_slices_are_not_lost(
    any_store: Store, any_observations: Observations
) -> None:
    """Rows that are revised while their table settles, in blocks or not, keep the new value."""
    rows = some_rows(90)
    land(any_store, any_observations, rows)
    expected = {row[:2]: row[2] for row in rows}
    read: list[Row] = []
    for number in range(90):
        settle(any_observations, seconds=0)
        key = rows[(number * 37) % 90][:2]
        expected[key] = 10_000 + number
        revision = (*key, expected[key], 0, 1000 + number)
        assert [REVISED] == land(any_store, any_observations, [revision])
        read = values(any_store, any_observations, range(5))
        assert expected == {row[:2]: row[2] for row in read}
    assert 90 == len(read)


@pytest.mark.parametrize("minute", [5, 25], ids=["settled", "landed"])
async def test_revisions_during_a_slice_are_not_lost(
    store: Store, observations: Observations, monkeypatch: pytest.MonkeyPatch, minute: int
) -> None:
    """A revision after a slice was computed and before it is written makes it be computed again."""
    rows = [(1, minute, minute, 0, 1) for minute in range(20)]
    land(store, observations, rows)
    await observations.settle(budget_seconds=9, close=True)
    land(store, observations, [(1, minute, minute, 0, 1) for minute in range(20, 40)])
    encode = settling._encode
    meanwhile: list[Row] = [(1, minute, 500, 0, 2)]

    def encode_slowly(*arguments: object, **options: object) -> object:
        made = encode(*arguments, **options)  # type: ignore[arg-type]
        while meanwhile:
            assert [REVISED] == land(store, observations, [meanwhile.pop()])
        return made

    monkeypatch.setattr(settling, "_encode", encode_slowly)
    assert 20 == await observations.settle(budget_seconds=9, close=True)
    read = values(store, observations, [1])
    assert (40, 500) == (len(read), read[minute][2])


@pytest.mark.usefixtures("slices_of_one_block")
def test_a_process_that_ends_between_slices_loses_nothing(
    any_store: Store, any_observations: Observations
) -> None:
    """After each slice a new process reads the same rows, and goes on where the last one ended."""
    rows = some_rows(90)
    land(any_store, any_observations, rows)
    settled = 0
    for _ in range(100):
        again = Observations(any_store, most_rows=40)
        again.start()
        settled += settle(again, seconds=0)
        assert sorted(rows) == values(any_store, again, range(5))
        assert [DUPLICATE] * 3 == land(any_store, again, rows[::31])
    assert 90 == settled


def test_a_failed_slice_changes_nothing(
    store: Store, observations: Observations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice whose transaction fails leaves rows and boundary as they were."""
    rows = some_rows(60)
    land(store, observations, rows)

    def fail(*arguments: object) -> None:
        msg = "the disk is gone"
        raise OSError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(settling, "_raise_heads", fail)
        with pytest.raises(OSError, match="the disk is gone"):
            settle(observations)
    assert 0 == count(store, tables.blocks)
    assert sorted(rows) == values(store, observations, range(5))
    assert 60 == settle(observations)
    assert sorted(rows) == values(store, observations, range(5))


def test_a_row_in_both_places_stops_settling(store: Store, observations: Observations) -> None:
    """What must never be is reported with its place, and nothing is overwritten."""
    land(store, observations, [(1, 10, 5)])
    settle(observations)
    land(store, observations, [(1, 20, 5)])
    number = store.read_now(lambda snapshot: snapshot.scalar(sa.select(tables.landings.c.number)))
    store.submit(
        lambda tx: tx.driver.execute(
            f"INSERT INTO landing_{number} VALUES (10, 1, 6, 0, NULL, 1)"  # noqa: S608
        ).close()
    ).result(timeout=30)
    again = Observations(store)
    again.start()
    with pytest.raises(StoreError, match="datastream 1, time 10"):
        settle(again)


def test_a_damaged_block_is_named(store: Store, observations: Observations) -> None:
    """Reading a damaged block says which one it is."""
    land(store, observations, [(1, 10, 5)])
    settle(observations)
    store.submit(lambda tx: tx.execute(sa.update(tables.blocks).values(body=b"rubbish"))).exception(
        timeout=30
    )
    with pytest.raises(StoreError, match="block of datastream 1, day 0"):
        values(store, observations, [1])


@contextmanager
def county(most_rows: int) -> Iterator[tuple[Store, Observations]]:
    """A store of one example."""
    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(f"sqlite:///{Path(folder) / 'county.db'}")
        database.create_tables()
        store = Store(database, StandingClock())
        store.start()
        observations = Observations(store, most_rows=most_rows)
        observations.start()
        try:
            yield store, observations
        finally:
            store.close()


KEYS = st.tuples(st.integers(0, 2), st.sampled_from([-1, 0, 5, DAY - 1, DAY, DAY + 7]))


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(KEYS, st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=30),
    data=st.data(),
)
def test_the_order_of_arrival_does_not_matter(
    rows: list[tuple[tuple[int, int], int, int]], data: st.DataObject
) -> None:
    """Whatever the order, the batches, and what settles or restarts in between: current values are
    those with the latest result times, each row is there once, and sending all again changes
    nothing.
    """
    revisions = [(*key, value, flag, at) for at, (key, value, flag) in enumerate(rows)]
    expected = {revision[:2]: revision for revision in revisions}
    arriving = data.draw(st.permutations(revisions))
    with pytest.MonkeyPatch.context() as patch, county(most_rows=4) as (store, first):
        observations = first
        patch.setattr(settling, "SLICE_BLOCKS", 1)
        accepted = 0
        while arriving:
            size = data.draw(st.integers(1, len(arriving)))
            accepted += land(store, observations, arriving[:size]).count(ACCEPTED)
            arriving = arriving[size:]
            what = data.draw(st.sampled_from(["nothing", "slice", "all", "restart"]))
            if what in {"slice", "all"}:
                settle(observations, seconds=60 * (what == "all"), close=data.draw(st.booleans()))
            if what == "restart":
                observations = Observations(store, most_rows=4)
                observations.start()
        assert sorted(expected.values()) == values(store, observations, range(3))
        assert len(expected) == accepted
        assert {DUPLICATE} == set(land(store, observations, revisions))
        settle(observations)
        assert sorted(expected.values()) == values(store, observations, range(3))
        assert 0 == landed(store)


def test_writers_and_settling_side_by_side(store: Store, observations: Observations) -> None:
    """Rows that land, revise and repeat while tables settle are all there in the end."""
    expected: dict[tuple[int, ...], int] = {}

    async def run() -> None:
        done = False

        async def keep_settling() -> None:
            while not done:
                await observations.settle(budget_seconds=0.01)

        task = asyncio.create_task(keep_settling())
        rng = np.random.default_rng(3)
        for at in range(150):
            keys = [(int(number), int(rng.integers(0, 40)) * HOUR) for number in range(8)]
            rows: list[Row] = [(*key, int(rng.integers(0, 5)), 0, at) for key in keys]
            expected.update({row[:2]: row[2] for row in rows})

            def change(tx: Transaction, rows: list[Row] = rows) -> object:
                return observations.land(tx, readings(rows), batch=begin_batch(tx, 0))

            await store.write(change)
        done = True
        await task

    asyncio.run(run())
    read = values(store, observations, range(8))
    assert expected == {row[:2]: row[2] for row in read}
    assert len(expected) == len(read)
    assert settle(observations) > 0
    assert read == values(store, observations, range(8))
