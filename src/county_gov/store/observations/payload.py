"""What a batch changed, packed for the journal: followers need not read it again.

Layout, little-endian: a header, then the columns datastream, time, value, flag and revised. Each
integer column is ``minimum + unit * offset`` with offsets in the smallest width; flag and revised
are left out where all are zero. One reading a batch is common, and has a fixed layout of its own.
"""

from __future__ import annotations

import struct

import numpy as np
from attrs import frozen

from county_gov.contract.batch import Bools, Int64s, UInt8s
from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import StoreError

_ONE = struct.Struct("<BqqqqBB")
_HEAD = struct.Struct("<BqIBB")
_COLUMN = struct.Struct("<qqB")
_KIND_ONE = 1
_KIND_MANY = 2
_UNITS = (3600 * MICROSECONDS, 60 * MICROSECONDS, MICROSECONDS, 1000)
_WIDTHS = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<u8"}
_U64 = (1 << 64) - 1


@frozen(eq=False)
class Changes:
    """The current values that a batch changed, each datastream and time once.

    Args:
        datastream: int64, shape (n,).
        time: int64 microseconds UTC, shape (n,).
        value: int64, shape (n,), scaled by the datastream's decimals.
        flag: uint8, shape (n,).
        revised: bool, shape (n,): whether there had been another value before.
        received_at: Instant at which the batch was received, microseconds UTC.
    """

    datastream: Int64s
    time: Int64s
    value: Int64s
    flag: UInt8s
    revised: Bools
    received_at: int

    def __len__(self) -> int:
        return len(self.time)


def encode_changes(changes: Changes) -> bytes:
    """The changes as bytes; `decode_changes` reads them."""
    if len(changes) == 1:
        return _ONE.pack(
            _KIND_ONE,
            changes.received_at,
            changes.datastream.item(),
            changes.time.item(),
            changes.value.item(),
            changes.flag.item(),
            changes.revised.item(),
        )
    flagged = bool(changes.flag.any())
    revised = bool(changes.revised.any())
    parts = [_HEAD.pack(_KIND_MANY, changes.received_at, len(changes), flagged, revised)]
    if len(changes):
        parts.append(_pack(changes.datastream, ()))
        parts.append(_pack(changes.time, _UNITS))
        parts.append(_pack(changes.value, ()))
    if flagged:
        parts.append(changes.flag.astype(np.uint8).tobytes())
    if revised:
        parts.append(np.packbits(changes.revised).tobytes())
    return b"".join(parts)


def decode_changes(payload: bytes) -> Changes:
    """The changes that `encode_changes` packed.

    Raises:
        StoreError: if the bytes are not such a packing.
    """
    try:
        if payload[:1] == bytes([_KIND_ONE]):
            _kind, received_at, *row, flag, revised = _ONE.unpack(payload)
            datastream, time, value = (np.array([number], np.int64) for number in row)
            flags = np.array([flag], np.uint8)
            return Changes(datastream, time, value, flags, np.array([revised], bool), received_at)
        return _decode_many(payload)
    except (struct.error, ValueError, IndexError, KeyError) as error:
        msg = f"journal: a payload of {len(payload)} bytes cannot be read: {error}"
        raise StoreError(msg) from error


def _decode_many(payload: bytes) -> Changes:
    kind, received_at, rows, flagged, revised = _HEAD.unpack_from(payload)
    if kind != _KIND_MANY:
        msg = f"unknown kind {kind}"
        raise ValueError(msg)
    at = _HEAD.size
    columns = []
    for _ in range(3 if rows else 0):
        column, at = _unpack(payload, at, rows)
        columns.append(column)
    datastream, time, value = columns or [np.empty(0, np.int64)] * 3
    flags = np.zeros(rows, np.uint8)
    if flagged:
        flags = np.frombuffer(payload, np.uint8, rows, at)
        at += rows
    marks = np.zeros(rows, bool)
    if revised:
        bits = np.frombuffer(payload, np.uint8, -(-rows // 8), at)
        marks = np.unpackbits(bits, count=rows).astype(bool)
        at += len(bits)
    if at != len(payload):
        msg = f"{len(payload) - at} bytes too many"
        raise ValueError(msg)
    return Changes(datastream, time, value, flags, marks, received_at)


def _pack(column: Int64s, units: tuple[int, ...]) -> bytes:
    low = int(column.min())
    offsets = (column - np.int64(low)).view(np.uint64)
    unit = next((one for one in units if not (offsets % np.uint64(one)).any()), 1)
    if unit > 1:
        offsets //= np.uint64(unit)
    highest = int(offsets.max())
    width = next(width for width in _WIDTHS if highest <= _U64 >> (64 - 8 * width))
    return _COLUMN.pack(low, unit, width) + offsets.astype(_WIDTHS[width]).tobytes()


def _unpack(payload: bytes, at: int, rows: int) -> tuple[Int64s, int]:
    low, unit, width = _COLUMN.unpack_from(payload, at)
    at += _COLUMN.size
    offsets = np.frombuffer(payload, _WIDTHS[width], rows, at).astype(np.uint64)
    column = (offsets * np.uint64(unit)).view(np.int64) + np.int64(low)
    return column, at + rows * int(width)
