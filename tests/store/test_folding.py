"""Old batches are added up: nothing of the counts is lost, and what is still asked for stays."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from attrs import asdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.clock import DAY
from county_gov.store import tables
from county_gov.store.folding import FOLDED_AT_ONCE, first_young, fold_batches
from county_gov.store.intake import BatchRow, insert_batches, read_batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from county_gov.store import Store, Transaction
    from tests.store_fixtures import StandingClock

SUMS = ("batches", "accepted", "duplicate", "revised")
COUNTS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 1))
BATCHES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), COUNTS), max_size=12)


def put(rows: list[BatchRow], tx: Transaction) -> list[int]:
    """Insert batches."""
    return insert_batches(tx, rows)


def read(store: Store, table: sa.Table) -> list[sa.RowMapping]:
    """All rows of a table."""
    statement = sa.select(table).order_by(*table.primary_key)
    return [row._mapping for row in store.read_now(lambda one: one.rows(statement))]


def add(sums: list[int], batch: Mapping[str, Any]) -> None:
    """Count a batch that was not folded."""
    counts = (1, *(batch[name] for name in SUMS[1:]))
    sums[:] = [total + count for total, count in zip(sums, counts, strict=True)]


def fold(store: Store, before: int) -> list[int]:
    """Fold until nothing is left to fold; how many each time."""
    below = store.read_now(partial(first_young, before=before))
    done: list[int] = []
    while not done or done[-1]:
        done.append(store.submit(partial(fold_batches, below=below)).result(timeout=60))
    return done


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(portions=st.lists(BATCHES, max_size=3))
def test_the_counts_of_each_source_and_day_stay(
    any_store: Store, portions: list[list[Any]]
) -> None:
    """However often it is folded, folds and the batches left add up to what was taken in."""
    any_store.submit(
        lambda tx: [tx.execute(sa.delete(one)) for one in (tables.batches, tables.batch_folds)]
    ).result(timeout=60)
    expected: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for number, portion in enumerate(portions):
        rows = [
            BatchRow(f"{number}-{at}", source, "f", "p", day * DAY + at, *counts)
            for at, (source, day, counts) in enumerate(portion)
        ]
        any_store.submit(partial(put, rows)).result(timeout=60)
        for row in rows:
            add(expected[row.source, row.received_at // DAY], asdict(row))
        fold(any_store, any_store.clock.now() + 1)
    found: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for one in read(any_store, tables.batch_folds):
        found[one["source"], one["day"]] = [one[name] for name in SUMS]
        assert one["first"] <= one["last"]
    left = read(any_store, tables.batches)
    for one in left:
        add(found[one["source"], one["received_at"] // DAY], dict(one))
    assert expected == found
    assert all(one["quarantined"] for one in left[:-1])


def test_what_is_young_or_still_asked_for_stays(any_store: Store, clock: StandingClock) -> None:
    """Young batches, those with quarantined rows, those of retries and the last one stay."""
    kept = [
        BatchRow("bad", "s", "f", "p", 0, quarantined=1),
        BatchRow("retry", "s", "f", "p (quarantine)", 0),
    ]
    old = [BatchRow(f"old{at}", "s", "f", "p", at) for at in range(FOLDED_AT_ONCE + 5)]
    numbers = any_store.submit(partial(put, [*kept, *old])).result(timeout=60)
    clock.advance(seconds=86_400)
    young = BatchRow("young", "s", "f", "p", 0)
    (last,) = any_store.submit(partial(put, [young])).result(timeout=60)
    assert [FOLDED_AT_ONCE, 5, 0] == fold(any_store, clock.now())
    assert ["bad", "retry", "young"] == [one["key"] for one in read(any_store, tables.batches)]
    (folded,) = read(any_store, tables.batch_folds)
    assert (numbers[2], numbers[-1]) == (folded["first"], folded["last"])
    clock.advance(seconds=86_400)
    assert [0] == fold(any_store, clock.now())
    assert young == any_store.read_now(lambda one: read_batch(one, last))
