"""Tests of the blocks' codec: what goes in comes out, and damage is noticed."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import DAY
from county_gov.errors import StoreError
from county_gov.store.observations import Stored
from county_gov.store.observations.blocks import decode_block, encode_blocks
from county_gov.store.observations.packing import Cuts, pack_columns, unpack_column

MINUTE = 60_000_000
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
COLUMNS = st.one_of(INT64, st.integers(-300, 300), st.integers(0, 70_000), st.just(7))


def stored(table: list[tuple[int, ...]]) -> Stored:
    """Rows of datastream, time, value, flag, result time and batch as columns."""
    columns = np.array(table, np.int64).reshape(-1, 6).T.copy()
    datastream, time, value, flag, result_time, batch = columns
    return Stored(datastream, time, value, flag.astype(np.uint8), result_time, batch)


def regular(count: int, *, step: int = MINUTE) -> Stored:
    """One datastream's day of slowly changing values."""
    time = 19_000 * DAY + np.arange(count) * step
    value = np.cumsum(np.random.default_rng(1).integers(-3, 4, count))
    return Stored(
        np.full(count, 7),
        time,
        value,
        np.zeros(count, np.uint8),
        np.full(count, NO_TIME),
        np.arange(count) + 1000,
    )


def rows_of(rows: Stored) -> list[tuple[int, ...]]:
    """Columns as rows."""
    return list(zip(*(column.tolist() for column in rows.columns), strict=True))


@st.composite
def days(draw: st.DrawFn) -> list[tuple[int, ...]]:
    """Rows of some datastreams and days, regular or not, ordered and without repetition."""
    step = draw(st.sampled_from([1, 1000, MINUTE, 60 * MINUTE]))
    offsets = st.integers(0, 2 * DAY // step - 1).map(lambda slot: slot * step)
    near = st.integers(0, 40).map(lambda slot: slot * step)
    keys = draw(st.sets(st.tuples(st.integers(0, 3), near | offsets), min_size=1, max_size=60))
    first = draw(st.sampled_from([-25_567, -1, 0, 19_000, 47_000])) * DAY
    value = draw(st.sampled_from([COLUMNS, st.integers(0, 9)]))
    result_time = draw(st.sampled_from([st.just(NO_TIME), INT64, st.integers(0, 9)]))
    flag = draw(st.sampled_from([st.just(0), st.just(3), st.integers(0, 255)]))
    batch = st.integers(1, 1 << 40)
    return [
        (key[0], first + key[1], *draw(st.tuples(value, flag, result_time, batch)))
        for key in sorted(keys)
    ]


@given(days())
def test_rows_come_back_from_their_blocks(table: list[tuple[int, ...]]) -> None:
    """Any rows, cut into blocks by datastream and day, decode to the same rows."""
    blocks = encode_blocks(stored(table))
    decoded = [decode_block(block.body, block.datastream, block.day) for block in blocks]
    assert table == rows_of(Stored.join(decoded))
    assert [len(rows) for rows in decoded] == [block.rows for block in blocks]
    assert [int(rows.time[-1]) for rows in decoded] == [block.last for block in blocks]
    assert len(blocks) == len({(row[0], row[1] // DAY) for row in table})


@given(days(), st.data())
def test_damage_is_noticed(table: list[tuple[int, ...]], data: st.DataObject) -> None:
    """A changed byte, a missing end, or another place of the block is never read as data."""
    block = data.draw(st.sampled_from(encode_blocks(stored(table))))
    at = data.draw(st.integers(0, len(block.body) - 1))
    flipped = bytearray(block.body)
    flipped[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StoreError, match=f"datastream {block.datastream}, day {block.day}"):
        decode_block(bytes(flipped), block.datastream, block.day)
    with pytest.raises(StoreError):
        decode_block(block.body[:at], block.datastream, block.day)
    with pytest.raises(StoreError):
        decode_block(block.body, block.datastream + 1, block.day)
    with pytest.raises(StoreError):
        decode_block(block.body, block.datastream, block.day - 1)


@given(st.binary(max_size=80), st.integers(0, 1), st.integers(0, 1 << 32 - 1))
def test_any_bytes_with_a_right_checksum_are_data_or_an_error(
    content: bytes, packing: int, rows: int
) -> None:
    """Not even bytes that carry a fitting checksum make the decoder do anything but refuse."""
    rows = min(rows, 100)
    body = zlib.compress(content) if packing else content
    checksum = zlib.crc32(body, zlib.crc32(struct.pack("<qqIB", 7, 3, rows, packing)))
    whole = struct.pack("<BBII", 1, packing, rows, checksum) + body
    try:
        decoded = decode_block(whole, 7, 3)
    except StoreError:
        return
    assert rows == len(decoded)


@given(st.lists(st.lists(COLUMNS, min_size=1, max_size=20), min_size=1, max_size=8))
def test_integer_columns_come_back(parts: list[list[int]]) -> None:
    """Columns packed in one pass unpack one by one, whatever lies between them."""
    counts = np.array([len(part) for part in parts])
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    column = np.array([value for part in parts for value in part], np.int64)
    for part, packed in zip(parts, pack_columns(column, Cuts(starts, counts)), strict=True):
        values, end = unpack_column(packed, 0, len(part))
        assert (part, len(packed)) == (values.tolist(), end)


def test_a_regular_day_is_small() -> None:
    """A day of slowly changing minute values takes less than 1.4 bytes a row."""
    (block,) = encode_blocks(regular(1440))
    assert len(block.body) < 1.4 * 1440


def test_gaps_cost_a_bit_each() -> None:
    """A regular day with a tenth of its rows missing needs at most one bit a slot more."""
    whole = regular(1440)
    some = whole.take(np.random.default_rng(2).random(1440) > 0.1)
    (first,), (second,) = encode_blocks(whole), encode_blocks(some)
    assert len(second.body) < len(first.body) + 1440 // 8 + 400
    assert rows_of(some) == rows_of(decode_block(second.body, 7, 19_000))


def test_no_rows_make_no_blocks() -> None:
    """Nothing is encoded as nothing."""
    assert [] == encode_blocks(Stored.empty())


def test_another_version_is_named() -> None:
    """A block of a later program says so."""
    (block,) = encode_blocks(regular(3))
    with pytest.raises(StoreError, match="version 2; this program reads version 1"):
        decode_block(b"\2" + block.body[1:], 7, 19_000)
