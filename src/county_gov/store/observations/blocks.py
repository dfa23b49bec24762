"""Blocks: the observations of one datastream and one day (UTC) in one row of the database.

A body is a header (version, packing, rows, checksum) and the columns time, value, flag,
result time and batch. Times count from the day's midnight and are, whichever is smallest,

- ``1``: first and step (int64 each): no gap;
- ``2``: first, step (int64), slots (uint32) and one bit per slot: gaps on a regular grid;
- ``3``: first, unit (int64), width (uint8) and one step per row but the first, in units.

Flags are one byte for all rows (``1``) or one per row (``2``), and ``0`` where there is none.
Result times are ``0`` where there is none, else one bit per row and the lags behind the rows'
times. See `packing` for integer columns. Zlib is used where it saves a tenth.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from county_gov.contract.batch import NO_TIME, Int64s, UInt8s
from county_gov.contract.clock import DAY
from county_gov.errors import StoreError
from county_gov.store.observations.packing import (
    Cuts,
    Unreadable,
    pack_columns,
    pack_offsets,
    step_column,
    step_range,
    unpack_column,
    unpack_offsets,
)
from county_gov.store.observations.rows import Stored

VERSION: Final = 1
MOST_ROWS: Final = 100_000_000
"""More rows than any datastream has in a day; what claims more is damaged."""
MOST_BYTES: Final = 1 << 30
WORTH_COMPRESSING: Final = 256
"""Bytes below which zlib costs more than it saves."""

_HEADER = struct.Struct("<BBII")
_IDENTITY = struct.Struct("<qqIB")
_REGULAR = struct.Struct("<Bqq")
_BITMAP = struct.Struct("<BqqI")
_STEPPED = struct.Struct("<BqqB")
_PLAIN = 0
_ZLIB = 1


class Block(NamedTuple):
    """One row of the table ``blocks``."""

    datastream: int
    day: int
    """Days since 1970-01-01, UTC."""
    rows: int
    last: int
    """Time of its last row, microseconds UTC."""
    body: bytes


def encode_blocks(rows: Stored) -> list[Block]:
    """Blocks of rows that are ordered by datastream, then time, each key once."""
    if not len(rows):
        return []
    day = rows.day
    changes = (rows.datastream[1:] != rows.datastream[:-1]) | (day[1:] != day[:-1])
    cuts = Cuts.between(changes, len(rows))
    columns = zip(
        _pack_times(rows.time - day * DAY, cuts),
        pack_columns(rows.value, cuts),
        _pack_flags(rows.flag, cuts),
        _pack_result_times(rows.result_time, rows.time, cuts),
        pack_columns(rows.batch, cuts),
        strict=True,
    )
    ends = cuts.starts + cuts.counts - 1
    places = zip(
        rows.datastream[ends].tolist(),
        day[ends].tolist(),
        cuts.counts.tolist(),
        rows.time[ends].tolist(),
        strict=True,
    )
    return [
        Block(*place, _seal(*place[:3], b"".join(parts)))
        for place, parts in zip(places, columns, strict=True)
    ]


def decode_block(body: bytes, datastream: int, day: int) -> Stored:
    """The rows of a block, ordered by time.

    Raises:
        StoreError: if the body is damaged, or belongs to another datastream or day.
    """
    try:
        rows, content = _unseal(body, datastream, day)
        return _unpack(content, rows, datastream, day)
    except (Unreadable, zlib.error) as error:
        msg = f"block of datastream {datastream}, day {day}: {error}; restore it from a backup"
        raise StoreError(msg) from error


def _seal(datastream: int, day: int, rows: int, content: bytes) -> bytes:
    packing = _PLAIN
    if len(content) >= WORTH_COMPRESSING:
        smaller = zlib.compress(content, 1)
        if len(smaller) * 10 <= len(content) * 9:
            content, packing = smaller, _ZLIB
    checksum = _checksum(content, datastream, day, rows, packing)
    return _HEADER.pack(VERSION, packing, rows, checksum) + content


def _unseal(body: bytes, datastream: int, day: int) -> tuple[int, bytes]:
    if len(body) < _HEADER.size:
        raise Unreadable(f"{len(body)} bytes are fewer than a header has")
    version, packing, rows, checksum = _HEADER.unpack_from(body)
    if version != VERSION:
        raise Unreadable(f"version {version}; this program reads version {VERSION}")
    content = body[_HEADER.size :]
    if checksum != _checksum(content, datastream, day, rows, packing):
        raise Unreadable("the checksum does not fit")
    if not 1 <= rows <= MOST_ROWS or packing not in {_PLAIN, _ZLIB}:
        raise Unreadable(f"{rows} rows in packing {packing}")
    if packing == _ZLIB:
        inflater = zlib.decompressobj()
        content = inflater.decompress(content, MOST_BYTES)
        if not inflater.eof or inflater.unused_data:
            raise Unreadable("the compressed columns break off or go on too long")
    return rows, content


def _checksum(content: bytes, datastream: int, day: int, rows: int, packing: int) -> int:
    return zlib.crc32(content, zlib.crc32(_IDENTITY.pack(datastream, day, rows, packing)))


def _unpack(content: bytes, rows: int, datastream: int, day: int) -> Stored:
    time, at = _unpack_times(content, rows)
    if time[0] < 0 or time[-1] >= DAY or (time[1:] <= time[:-1]).any():
        raise Unreadable("times do not ascend within the day")
    time += day * DAY
    value, at = unpack_column(content, at, rows)
    flag, at = _unpack_flags(content, at, rows)
    result_time, at = _unpack_result_times(content, at, time)
    batch, at = unpack_column(content, at, rows)
    if at != len(content):
        raise Unreadable(f"{len(content) - at} bytes are left over")
    return Stored(np.full(rows, datastream, np.int64), time, value, flag, result_time, batch)


def _pack_times(offsets: Int64s, cuts: Cuts) -> list[bytes]:
    steps = step_column(offsets, cuts)
    low, span = step_range(steps, cuts)
    first = offsets[cuts.starts].tolist()
    packed = []
    for index, (start, step, irregular) in enumerate(
        zip(first, low.tolist(), span.tolist(), strict=True)
    ):
        if irregular:
            begin = int(cuts.starts[index])
            packed.append(_pack_gaps(offsets[begin : begin + int(cuts.counts[index])]))
        else:
            packed.append(_REGULAR.pack(1, start, step))
    return packed


def _pack_gaps(offsets: Int64s) -> bytes:
    steps = np.diff(offsets)
    unit = int(np.gcd.reduce(steps))
    first = int(offsets[0])
    places = (offsets - first) // unit
    slots = int(places[-1]) + 1
    width, data = pack_offsets((steps // unit).view(np.uint64))
    if slots // 8 > len(data):
        return _STEPPED.pack(3, first, unit, width) + data
    bits = np.zeros(slots, bool)
    bits[places] = True
    return _BITMAP.pack(2, first, unit, slots) + np.packbits(bits).tobytes()


def _unpack_times(content: bytes, rows: int) -> tuple[Int64s, int]:
    kind = content[0] if content else 0
    try:
        if kind == 1:
            _kind, first, step = _REGULAR.unpack_from(content)
            _check_grid(first, step, rows)
            return np.arange(rows, dtype=np.int64) * step + first, _REGULAR.size
        if kind == 2:  # noqa: PLR2004
            _kind, first, step, slots = _BITMAP.unpack_from(content)
            _check_grid(first, step, slots)
            places, end = _unpack_bits(content, _BITMAP.size, slots)
            if len(places) != rows:
                raise Unreadable(f"{len(places)} times for {rows} rows")
            return places * step + first, end
        if kind == 3:  # noqa: PLR2004
            _kind, first, unit, width = _STEPPED.unpack_from(content)
            steps, end = unpack_offsets(content, _STEPPED.size, rows - 1, width)
            if not 0 <= first < DAY or not 1 <= unit < DAY or steps.max(initial=0) >= DAY // unit:
                raise Unreadable("steps lead out of the day")
            places = np.concatenate(([0], np.cumsum(steps.astype(np.int64))))
            return places * unit + first, end
    except struct.error as error:
        raise Unreadable("the times break off") from error
    raise Unreadable("no times")


def _check_grid(first: int, step: int, slots: int) -> None:
    fits = 0 <= first < DAY and 0 <= step < DAY and first + (slots - 1) * step < DAY
    if not fits or (step == 0 and slots > 1):
        raise Unreadable(f"{slots} times from {first} by {step} lead out of the day")


def _unpack_bits(content: bytes, at: int, slots: int) -> tuple[Int64s, int]:
    length = -(-slots // 8)
    if at + length > len(content):
        raise Unreadable(f"bits at byte {at} break off")
    bits = np.unpackbits(np.frombuffer(content, np.uint8, length, at), count=slots)
    return np.flatnonzero(bits).astype(np.int64), at + length


def _pack_flags(flags: UInt8s, cuts: Cuts) -> list[bytes]:
    if not flags.any():
        return [b"\0"] * len(cuts.starts)
    low = np.minimum.reduceat(flags, cuts.starts)
    high = np.maximum.reduceat(flags, cuts.starts)
    packed = []
    for start, count, lowest, highest in zip(
        cuts.starts.tolist(), cuts.counts.tolist(), low.tolist(), high.tolist(), strict=True
    ):
        if lowest == highest:
            packed.append(bytes((1, lowest)) if lowest else b"\0")
        else:
            packed.append(b"\2" + flags[start : start + count].tobytes())
    return packed


def _unpack_flags(content: bytes, at: int, rows: int) -> tuple[UInt8s, int]:
    kind = content[at] if at < len(content) else -1
    if kind == 0:
        return np.zeros(rows, np.uint8), at + 1
    if kind == 1 and at + 1 < len(content):
        return np.full(rows, content[at + 1], np.uint8), at + 2
    if kind == 2 and at + 1 + rows <= len(content):  # noqa: PLR2004
        return np.frombuffer(content, np.uint8, rows, at + 1), at + 1 + rows
    raise Unreadable(f"no flags begin at byte {at}")


def _pack_result_times(result_time: Int64s, time: Int64s, cuts: Cuts) -> list[bytes]:
    given = result_time != NO_TIME
    if not given.any():
        return [b"\0"] * len(cuts.starts)
    packed = []
    for start, count in zip(cuts.starts.tolist(), cuts.counts.tolist(), strict=True):
        here = slice(start, start + count)
        packed.append(_pack_lags(result_time[here], time[here], given[here]))
    return packed


def _pack_lags(result_time: Int64s, time: Int64s, given: NDArray[np.bool_]) -> bytes:
    if not given.any():
        return b"\0"
    lags = result_time[given] - time[given]
    whole = Cuts(np.zeros(1, np.int64), np.array([len(lags)]))
    return b"\1" + np.packbits(given).tobytes() + pack_columns(lags, whole)[0]


def _unpack_result_times(content: bytes, at: int, time: Int64s) -> tuple[Int64s, int]:
    result_time = np.full(len(time), NO_TIME, np.int64)
    kind = content[at] if at < len(content) else -1
    if kind == 0:
        return result_time, at + 1
    if kind == 1:
        given, at = _unpack_bits(content, at + 1, len(time))
        if len(given):
            lags, at = unpack_column(content, at, len(given))
            result_time[given] = lags + time[given]
            return result_time, at
    raise Unreadable(f"no result times begin at byte {at}")
