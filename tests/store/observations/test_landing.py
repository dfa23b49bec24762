"""Tests of landing: what is new, what is known, what revises."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import DAY, HOUR
from county_gov.errors import ContractError
from county_gov.store import Priority, Store, tables
from county_gov.store.observations import (
    ACCEPTED,
    DUPLICATE,
    REVISED,
    Observations,
    Readings,
    Small,
    Tally,
    decode_changes,
)
from tests.store.observations.county import EVER, Row, begin_batch, land, readings, values

if TYPE_CHECKING:
    from county_gov.store import Transaction
    from tests.store_fixtures import StandingClock

import sqlalchemy as sa


def revisions(store: Store) -> list[tuple[int, ...]]:
    """All values that are not current: datastream, time, value, result time."""
    table = tables.revisions
    statement = sa.select(
        table.c.datastream, table.c.time, table.c.value, table.c.result_time
    ).order_by(table.c.id)
    return [tuple(row) for row in store.read_now(lambda snapshot: snapshot.rows(statement))]


def test_new_rows_are_accepted_and_read(any_store: Store, any_observations: Observations) -> None:
    """Rows in any order are read back by datastream and time."""
    rows = [(2, 20, 7), (1, 30, -8), (1, 10, 1 << 52), (2, 10, 0, 3, 15)]
    assert [ACCEPTED] * 4 == land(any_store, any_observations, rows)
    expected = [
        (1, 10, 1 << 52, 0, NO_TIME),
        (1, 30, -8, 0, NO_TIME),
        (2, 10, 0, 3, 15),
        (2, 20, 7, 0, NO_TIME),
    ]
    assert expected == values(any_store, any_observations, [1, 2])


def test_an_empty_batch_changes_nothing(any_store: Store, any_observations: Observations) -> None:
    """A batch without rows has no status and no journal entry."""
    landed = any_store.submit(lambda tx: any_observations.land(tx, readings([]), batch=1)).result(
        timeout=30
    )
    assert (0, None) == (len(landed.status), landed.entry)


def test_the_same_value_again_is_a_duplicate(
    any_store: Store, any_observations: Observations
) -> None:
    """A batch that is sent again changes nothing, whole or in part, within a batch or after it."""
    rows: list[Row] = [(1, 10, 5), (1, 20, 6), (2, 10, 7)]
    assert [ACCEPTED, ACCEPTED, DUPLICATE, ACCEPTED] == land(
        any_store, any_observations, [*rows[:2], rows[0], rows[2]]
    )
    assert [DUPLICATE] * 3 == land(any_store, any_observations, rows)
    assert [DUPLICATE] == land(any_store, any_observations, rows[:1])
    assert 3 == len(values(any_store, any_observations, [1, 2]))
    assert [] == revisions(any_store)


def test_a_late_row_is_new(any_store: Store, any_observations: Observations) -> None:
    """A row below the highest time of its datastream is accepted when nothing is there."""
    land(any_store, any_observations, [(1, 100, 5)])
    assert [ACCEPTED] == land(any_store, any_observations, [(1, 50, 6)])
    assert [DUPLICATE] == land(any_store, any_observations, [(1, 50, 6)])


def test_the_latest_result_time_is_current(
    any_store: Store, any_observations: Observations
) -> None:
    """Of several values the one with the latest result time is current; the others are kept."""
    assert [ACCEPTED] == land(any_store, any_observations, [(1, 10, 5, 0, 100)], received_at=1)
    assert [REVISED] == land(any_store, any_observations, [(1, 10, 6, 0, 200)], received_at=2)
    assert [REVISED] == land(any_store, any_observations, [(1, 10, 7, 0, 150)], received_at=3)
    assert [(1, 10, 6, 0, 200)] == values(any_store, any_observations, [1])
    assert [(1, 10, 5, 100), (1, 10, 7, 150)] == revisions(any_store)


def test_without_result_times_the_later_received_is_current(
    any_store: Store, any_observations: Observations
) -> None:
    """The later received value wins, and one with a result time wins over one without."""
    land(any_store, any_observations, [(1, 10, 5), (2, 10, 5, 0, 1)], received_at=1)
    land(any_store, any_observations, [(1, 10, 6), (2, 10, 6)], received_at=2)
    land(any_store, any_observations, [(1, 10, 7)], received_at=1)
    assert [(1, 10, 6, 0, NO_TIME), (2, 10, 5, 0, 1)] == values(any_store, any_observations, [1, 2])


def test_a_revision_sent_again_is_a_duplicate(
    any_store: Store, any_observations: Observations
) -> None:
    """A retry of any batch is a duplicate, also of one that lost or was replaced meanwhile."""
    batches: list[list[Row]] = [
        [(1, 10, 5, 0, 100)],
        [(1, 10, 6, 0, 200)],
        [(1, 10, 7, 0, 150)],
        [(2, 10, 1)],
    ]
    last: list[Row] = [(2, 10, 2)]
    for received_at, rows in enumerate([*batches, last]):
        land(any_store, any_observations, rows, received_at=received_at)
    for batch in batches:
        assert [DUPLICATE] == land(any_store, any_observations, batch, received_at=9)
    assert [(1, 10, 6, 0, 200), (2, 10, 2, 0, NO_TIME)] == values(
        any_store, any_observations, [1, 2]
    )
    assert 3 == len(revisions(any_store))


def test_a_flag_is_part_of_the_value(any_store: Store, any_observations: Observations) -> None:
    """The same number with another flag is a revision."""
    land(any_store, any_observations, [(1, 10, 5, 0, 1)])
    assert [REVISED] == land(any_store, any_observations, [(1, 10, 5, 3, 2)])
    assert [(1, 10, 5, 3, 2)] == values(any_store, any_observations, [1])


def test_the_journal_tells_each_changed_key_once(
    any_store: Store, any_observations: Observations
) -> None:
    """Followers hear of new and revised values, not of duplicates and values that lost."""
    land(any_store, any_observations, [(1, 10, 5, 0, 100), (1, 20, 5), (1, 30, 5, 0, 100)])

    def change(tx: Transaction) -> bytes | None:
        rows = [(1, 10, 6, 0, 200), (1, 20, 5), (1, 30, 6, 0, 50), (2, 1, 1, 0, 1), (2, 1, 2, 0, 2)]
        landed = any_observations.land(tx, readings(rows, received_at=77), batch=9)
        assert [REVISED, DUPLICATE, REVISED, ACCEPTED, REVISED] == landed.status.tolist()
        assert landed.entry is not None
        assert ("observations", "9") == (landed.entry.kind, landed.entry.ref)
        return landed.entry.payload

    changes = decode_changes(any_store.submit(change).result(timeout=30) or b"")
    told = zip(changes.datastream, changes.time, changes.value, changes.revised, strict=True)
    assert [(1, 10, 6, True), (2, 1, 2, False)] == sorted(told)
    assert 77 == changes.received_at


def test_a_batch_of_duplicates_has_no_entry(
    any_store: Store, any_observations: Observations
) -> None:
    """What changes nothing wakes no follower."""
    land(any_store, any_observations, [(1, 10, 5)])
    landed = any_store.submit(
        lambda tx: any_observations.land(tx, readings([(1, 10, 5)]), batch=2)
    ).result(timeout=30)
    assert landed.entry is None


def test_landing_tables_are_full_after_their_rows(
    any_store: Store, any_observations: Observations
) -> None:
    """A table that is full is closed, and duplicates are found in all of them."""
    for batch in range(6):
        rows = [(1, 1000 * batch + row, row) for row in range(15)]
        land(any_store, any_observations, rows)
    register = sa.select(tables.landings.c.rows).where(tables.landings.c.closed_at.is_not(None))
    assert [(45,)] == [tuple(row) for row in any_store.read_now(lambda s: s.rows(register))]
    for batch in range(6):
        rows = [(1, 1000 * batch + row, row) for row in range(15)]
        assert [DUPLICATE] * 15 == land(any_store, any_observations, rows)
    assert 90 == len(values(any_store, any_observations, [1]))


def test_a_landing_table_covers_one_hour_of_arrival(
    store: Store, observations: Observations, clock: StandingClock
) -> None:
    """After an hour the next table is made, however few rows came."""
    land(store, observations, [(1, 10, 5)])
    clock.instant += HOUR
    land(store, observations, [(1, 20, 5)])
    register = sa.select(tables.landings.c.number, tables.landings.c.closed_at)
    closed = store.read_now(lambda snapshot: snapshot.rows(register))
    assert [True, False] == [row.closed_at is not None for row in closed]


def test_what_is_rolled_back_leaves_nothing_in_memory(
    store: Store, observations: Observations
) -> None:
    """A change that fails after landing loses its rows, and they can land again."""

    def fail(tx: Transaction) -> None:
        observations.land(tx, readings([(1, 10, 5), (3000, 20, 5)]), batch=1)
        observations.land(tx, readings([(1, 30, 5)]), batch=1)
        msg = "no"
        raise LookupError(msg)

    for _ in range(3):
        with pytest.raises(LookupError, match="no"):
            store.submit(fail).result(timeout=30)
    assert [ACCEPTED] * 2 == land(store, observations, [(1, 10, 5), (3000, 20, 5)])
    assert 2 == len(values(store, observations, [1, 3000]))


def test_a_failed_change_costs_the_group_nothing(store: Store, observations: Observations) -> None:
    """Rows that landed in the same commit before and after a failed change are all there."""

    def change(rows: list[tuple[int, ...]], *, fail: bool = False) -> object:
        def run(tx: Transaction) -> None:
            observations.land(tx, readings(rows), batch=begin_batch(tx, 0))
            if fail:
                msg = "no"
                raise LookupError(msg)

        return store.submit(run)

    futures = [change([(1, t, t)], fail=t % 3 == 1) for t in range(30)]
    for future in futures:
        future.exception(timeout=30)  # type: ignore[attr-defined]
    assert [t for t in range(30) if t % 3 != 1] == [
        row[1] for row in values(store, observations, [1])
    ]


def test_a_new_process_knows_what_landed(store: Store, observations: Observations) -> None:
    """Heads and the open table are loaded again: duplicates are found, rows are counted on."""
    land(store, observations, [(1, t, t) for t in range(30)])
    again = Observations(store, most_rows=40)
    again.start()
    assert [DUPLICATE] * 30 == land(store, again, [(1, t, t) for t in range(30)])
    land(store, again, [(1, t, t) for t in range(30, 45)])
    land(store, again, [(1, t, t) for t in range(45, 50)])
    count = sa.select(sa.func.count()).select_from(tables.landings)
    assert 2 == store.read_now(lambda snapshot: snapshot.scalar(count))
    assert list(range(50)) == [row[1] for row in values(store, again, [1])]


def test_another_writing_session_loads_again(
    any_store: Store, any_observations: Observations
) -> None:
    """What is kept in memory is forgotten when somebody else may have written meanwhile."""
    land(any_store, any_observations, [(1, t, t) for t in range(10)])
    other = Observations(any_store, most_rows=40)
    other.start()
    land(any_store, other, [(1, t, t) for t in range(10, 70)])
    any_observations._landing._session = -1
    rows: list[Row] = [(1, t, t) for t in range(72)]
    statuses = land(any_store, any_observations, rows)
    assert [DUPLICATE] * 70 + [ACCEPTED] * 2 == statuses
    assert 72 == asyncio.run(any_observations.settle(budget_seconds=60, close=True))
    assert list(range(72)) == [row[1] for row in values(any_store, any_observations, [1])]


def test_a_delivery_is_cut_where_looking_up_takes_long(
    store: Store, observations: Observations
) -> None:
    """New rows are cut by four thousand, late ones earlier, and earliest where days differ."""
    new: list[Row] = [(1, DAY * 10_000 + t, t) for t in range(25_000)]
    assert [*range(0, 25_000, 4_096), 25_000] == observations.cuts(readings(new))
    assert [0, 0] == observations.cuts(readings([]))
    land(store, observations, [(1, DAY * 9_000, 1)])
    late: list[Row] = [(1, t, t) for t in range(2_000)]
    assert [0, 1_000, 2_000] == observations.cuts(readings(late))
    mixed = [*new[:9_000], *late, *new[9_000:20_000]]
    assert [0, 4_096, 8_192, 10_000, 14_096, 18_192, 22_000] == observations.cuts(readings(mixed))
    days: list[Row] = [(1, t * DAY, t) for t in range(700)]
    assert [0, 250, 500, 700] == observations.cuts(readings(days))


def test_large_batches_with_gaps_flags_and_repetitions(
    any_store: Store, any_observations: Observations
) -> None:
    """Ten thousand rows arrive as they were sent, in every statement size."""
    rng = np.random.default_rng(5)
    keys = rng.permutation(12_000)[:9_999]
    rows = [(k % 7, k // 7, k, k % 9 if k % 5 == 0 else 0, k if k % 3 else NO_TIME) for k in keys]
    assert {ACCEPTED} == set(land(any_store, any_observations, rows))
    assert {DUPLICATE} == set(land(any_store, any_observations, [*rows, *rows[:100]]))
    assert sorted(tuple(map(int, row)) for row in rows) == values(
        any_store, any_observations, range(7)
    )


def test_columns_of_unequal_length_are_refused() -> None:
    """Readings whose columns differ in length are a mistake of the caller."""
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    with pytest.raises(ContractError, match="equally long"):
        Readings(one, two, one, np.zeros(1, np.uint8), one, 0)


def land_together(
    store: Store, observations: Observations, deliveries: list[list[Row]]
) -> list[Tally]:
    """Land each list of rows as a batch of its own, received one after another, in one change."""
    small = [Small.of(readings(rows, received_at=at)) for at, rows in enumerate(deliveries)]

    def change(tx: Transaction) -> list[Tally]:
        batches = [begin_batch(tx, one.received_at) for one in small]
        return observations.land_together(tx, small, batches)

    return store.submit(change, Priority.INTAKE).result(timeout=60)


def test_small_batches_land_together(any_store: Store, any_observations: Observations) -> None:
    """New rows of several batches share one entry of the journal and keep their batches."""
    found = land_together(
        any_store, any_observations, [[(2, 20, 7)], [(1, 10, 5, 3, 9), (2, 10, 6)], [(1, 30, 8)]]
    )
    assert [(1, 0, 0), (2, 0, 0), (1, 0, 0)] == [one[:3] for one in found]
    assert len({one.entry.position if one.entry else None for one in found}) == 1
    entry = found[0].entry
    assert entry is not None
    changes = decode_changes(entry.payload or b"")
    assert [(2, 10), (1, 10), (2, 20), (1, 30)] == sorted(
        zip(changes.datastream.tolist(), changes.time.tolist(), strict=True),
        key=lambda key: (key[1], -key[0]),
    )
    assert 2 == changes.received_at
    rows = any_store.read_now(lambda snapshot: any_observations.read_many(snapshot, [1, 2], *EVER))
    first = int(entry.ref)
    assert [first + 1, first + 2, first + 1, first] == rows.batch.tolist()
    assert [9, NO_TIME, NO_TIME, NO_TIME] == rows.result_time.tolist()


@pytest.fixture
def fresh() -> Iterator[int]:
    """Give numbers that no datastream was given yet, ten apart."""
    return count(0, 10)


ROWS = st.tuples(
    st.integers(1, 2),
    st.integers(1, 4).map(lambda at: at * HOUR),
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from([NO_TIME, 5, 6]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(groups=st.lists(st.lists(st.lists(ROWS, min_size=1, max_size=3), max_size=5), max_size=4))
def test_together_is_as_one_after_another(
    store: Store,
    observations: Observations,
    fresh: Iterator[int],
    groups: list[list[list[Row]]],
) -> None:
    """Tallies, values and revisions are those of landing one batch after another."""
    kept = []
    for together in (True, False):
        first = next(fresh)
        tallies: list[tuple[int, ...]] = []
        for group in groups:
            moved = [[(first + row[0], *row[1:]) for row in rows] for rows in group]
            if together:
                tallies += [one[:3] for one in land_together(store, observations, moved)]
                continue
            for at, rows in enumerate(moved):
                status = land(store, observations, rows, received_at=at)
                tallies.append((status.count(0), status.count(1), status.count(2)))
        current = values(store, observations, [first + 1, first + 2])
        lost = [row for row in revisions(store) if row[0] in (first + 1, first + 2)]
        plain = [[(row[0] - first, *row[1:]) for row in rows] for rows in (current, lost)]
        kept.append((tallies, plain[0], sorted(plain[1], key=repr)))
    assert kept[1] == kept[0]
