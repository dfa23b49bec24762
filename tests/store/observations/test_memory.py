"""Tests of what landing keeps in memory: highest times, and columns that will settle."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.batch import Int64s
from county_gov.store.observations import Stored, without_result_time
from county_gov.store.observations.heads import Heads
from county_gov.store.observations.kept import Kept

ROWS = st.lists(st.tuples(st.integers(0, 3000), st.integers(-99, 99)), min_size=1, max_size=20)


def columns(rows: list[tuple[int, int]]) -> tuple[Int64s, Int64s]:
    """Datastreams and times, ordered by time."""
    datastream, time = np.array(sorted(rows, key=lambda row: row[1]), np.int64).T.copy()
    return datastream, time


@given(st.lists(ROWS, max_size=5), ROWS)
def test_heads_are_the_highest_times_and_can_be_restored(
    batches: list[list[tuple[int, int]]], last: list[tuple[int, int]]
) -> None:
    """A row is above its head exactly when no stored row of its datastream is as late."""
    heads = Heads()
    stored: dict[int, int] = {}
    for rows in batches:
        heads.raise_to(*columns(rows))
        for datastream, time in rows:
            stored[datastream] = max(time, stored.get(datastream, time))
    before = heads.raise_to(*columns(last))
    heads.restore(columns(last)[0], before)
    for datastream, time in last:
        above = datastream not in stored or time > stored[datastream]
        assert above == heads.is_above(datastream, time)
        assert [above] == heads.above(np.array([datastream]), np.array([time])).tolist()


def part(count: int, batch: int = 1) -> Stored:
    """Some rows."""
    number = np.arange(count)
    flag = np.zeros(count, np.uint8)
    return Stored(number, number, number, flag, without_result_time(count), np.full(count, batch))


def test_rows_are_kept_in_the_order_of_landing() -> None:
    """What was appended is given back, without what was taken back or forgotten."""
    kept = Kept()
    kept.begin(1)
    first, second = part(3), part(2, batch=2)
    kept.append(1, first)
    kept.append(1, second)
    kept.append(9, part(1))
    kept.take_back(1, second)
    rows = kept.rows_of(1)
    assert rows is not None
    assert [0, 1, 2] == rows.time.tolist()
    assert kept.rows_of(9) is None
    kept.forget(1)
    assert kept.rows_of(1) is None


def test_too_much_is_forgotten_from_the_newest_table_on() -> None:
    """Memory is bounded, a table is kept whole or not at all, and the next to settle stays."""
    kept = Kept(most_bytes=3 * (900 + 41 * 100))
    for number in (1, 2):
        kept.begin(number)
        kept.append(number, part(100))
    kept.append(2, part(100))
    assert kept.rows_of(2) is not None
    kept.append(2, part(100))
    assert kept.rows_of(2) is None
    rows = kept.rows_of(1)
    assert rows is not None
    assert 100 == len(rows)
    kept.append(2, part(1))
    assert kept.rows_of(2) is None
    kept.forget(1)
    kept.begin(3)
    kept.append(3, part(300))
    assert kept.rows_of(3) is not None
