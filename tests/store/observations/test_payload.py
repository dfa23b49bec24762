"""Tests of what the journal tells followers of a batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.errors import StoreError
from county_gov.store.observations import Changes, decode_changes, encode_changes

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
TIMES = st.one_of(INT64, st.integers(0, 90).map(lambda minute: minute * 60_000_000))
ROWS = st.lists(st.tuples(INT64, TIMES, INT64, st.integers(0, 255), st.booleans()), max_size=30)
PLAIN = st.lists(
    st.tuples(st.integers(0, 300), TIMES, st.integers(0, 9), st.just(0), st.just(False)),
    max_size=30,
)


def changes_of(rows: list[tuple[int, ...]], received_at: int) -> Changes:
    """Rows as columns."""
    columns = np.array(rows, np.int64).reshape(-1, 5).T.copy()
    datastream, time, value, flag, revised = columns
    return Changes(
        datastream, time, value, flag.astype(np.uint8), revised.astype(bool), received_at
    )


@given(st.one_of(ROWS, PLAIN), INT64)
def test_changes_come_back(rows: list[tuple[int, ...]], received_at: int) -> None:
    """Any changes decode to themselves."""
    decoded = decode_changes(encode_changes(changes_of(rows, received_at)))
    columns = (decoded.datastream, decoded.time, decoded.value, decoded.flag, decoded.revised)
    assert rows == list(zip(*(column.tolist() for column in columns), strict=True))
    assert received_at == decoded.received_at


@given(st.one_of(ROWS, PLAIN), st.data())
def test_a_payload_that_breaks_off_is_refused(
    rows: list[tuple[int, ...]], data: st.DataObject
) -> None:
    """A payload without its end, or with more than its end, is an error of the store's."""
    payload = encode_changes(changes_of(rows, 0))
    with pytest.raises(StoreError, match="cannot be read"):
        decode_changes(payload[: data.draw(st.integers(0, len(payload) - 1))])
    with pytest.raises(StoreError, match="cannot be read"):
        decode_changes(payload + b"\0")


def test_a_minute_of_two_thousand_values_is_small() -> None:
    """The usual batch takes no more than 5 bytes a row."""
    rows: list[tuple[int, ...]] = [
        (number, 60_000_000, number % 900, 0, 0) for number in range(2000)
    ]
    assert len(encode_changes(changes_of(rows, 0))) < 5 * 2000 + 100
