"""Integer columns of many blocks at once, packed into as few bytes as their range needs.

A column is one of

- ``1``: one value for all rows (int64);
- ``2``: lowest value (int64), width (uint8), one offset from the lowest per row;
- ``3``: first value and lowest step (int64 each), width (uint8), one offset from the lowest step
  per row but the first.

Offsets are little-endian and unsigned, 1, 2, 4 or 8 bytes wide. Arithmetic is modulo 2^64, so any
int64 survives. Packing many blocks in one pass of numpy is what makes short blocks cheap: a day
of hourly values has 24 rows, and twenty calls of numpy for each would cost more than its insert.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from county_gov.contract.batch import Int64s

CONSTANT: Final = 1
OFFSETS: Final = 2
STEPS: Final = 3

_CONSTANT = struct.Struct("<Bq")
_OFFSETS = struct.Struct("<BqB")
_STEPS = struct.Struct("<BqqB")
_DTYPES: Final = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<u8"}
_LIMITS = np.array([1 << 8, 1 << 16, 1 << 32], np.uint64)
_WIDTHS = np.array([1, 2, 4, 8], np.int64)


class Unreadable(ValueError):
    """Packed bytes that are not what they should be."""


@frozen(eq=False)
class Cuts:
    """Where a long column is cut into blocks.

    Args:
        starts: int64, shape (k,): first row of each block; the first is 0.
        counts: int64, shape (k,): rows of each block, at least 1.
    """

    starts: Int64s
    counts: Int64s

    @classmethod
    def between(cls, changes: NDArray[np.bool_], rows: int) -> Cuts:
        """Cut before every row whose mark differs from the row before; marks have rows - 1."""
        starts = np.concatenate(([0], np.flatnonzero(changes) + 1)).astype(np.int64)
        return cls(starts, np.diff(starts, append=rows))


def pack_columns(column: Int64s, cuts: Cuts) -> list[bytes]:
    """Pack each block's part of a column.

    Args:
        column: int64, shape (n,), at least one row.
        cuts: The blocks.

    Returns:
        One packing per block.
    """
    low, span = _range(column, cuts.starts)
    if not span.any():
        return [_CONSTANT.pack(CONSTANT, value) for value in low.tolist()]
    steps = step_column(column, cuts)
    step_low, step_span = step_range(steps, cuts)
    width, step_width = _width(span), _width(step_span)
    by_step = step_width * (cuts.counts - 1) + _STEPS.size < width * cuts.counts + _OFFSETS.size
    offsets = _bytes_by_width(column, low, cuts, width[~by_step & (span > 0)])
    step_offsets = _bytes_by_width(steps, step_low, cuts, step_width[by_step])
    packed = []
    for start, count, lowest, flat, stepped, wide, step_wide, first, step in zip(
        cuts.starts.tolist(),
        cuts.counts.tolist(),
        low.tolist(),
        (span == 0).tolist(),
        by_step.tolist(),
        width.tolist(),
        step_width.tolist(),
        column[cuts.starts].tolist(),
        step_low.tolist(),
        strict=True,
    ):
        if flat:
            packed.append(_CONSTANT.pack(CONSTANT, lowest))
        elif stepped:
            data = step_offsets[step_wide][start * step_wide : (start + count - 1) * step_wide]
            packed.append(_STEPS.pack(STEPS, first, step, step_wide) + data)
        else:
            data = offsets[wide][start * wide : (start + count) * wide]
            packed.append(_OFFSETS.pack(OFFSETS, lowest, wide) + data)
    return packed


def unpack_column(body: bytes, at: int, rows: int) -> tuple[Int64s, int]:
    """One packed column and where the next one begins.

    Raises:
        Unreadable: if the bytes are not a packed column of so many rows.
    """
    kind = body[at] if at < len(body) else 0
    try:
        if kind == CONSTANT:
            _kind, value = _CONSTANT.unpack_from(body, at)
            return np.full(rows, value, np.int64), at + _CONSTANT.size
        if kind == OFFSETS:
            _kind, low, width = _OFFSETS.unpack_from(body, at)
            offsets, end = unpack_offsets(body, at + _OFFSETS.size, rows, width)
            offsets += _unsigned(low)
            return offsets.view(np.int64), end
        if kind == STEPS:
            _kind, first, step, width = _STEPS.unpack_from(body, at)
            offsets, end = unpack_offsets(body, at + _STEPS.size, rows - 1, width)
            column = np.empty(rows, np.uint64)
            column[0] = _unsigned(first)
            np.add(offsets, _unsigned(step), out=column[1:])
            return np.cumsum(column, dtype=np.uint64).view(np.int64), end
    except struct.error as error:
        raise Unreadable(f"a column breaks off at byte {at}") from error
    raise Unreadable(f"no column begins at byte {at}")


def unpack_offsets(body: bytes, at: int, rows: int, width: int) -> tuple[NDArray[np.uint64], int]:
    """Unsigned offsets of a width, and where they end.

    Raises:
        Unreadable: if the width is none of ours or the bytes break off.
    """
    if width not in _DTYPES:
        raise Unreadable(f"offsets at byte {at} are {width} bytes wide; expected 1, 2, 4 or 8")
    end = at + rows * width
    if end > len(body):
        raise Unreadable(f"offsets at byte {at} break off")
    return np.frombuffer(body, _DTYPES[width], rows, at).astype(np.uint64), end


def pack_offsets(offsets: NDArray[np.uint64]) -> tuple[int, bytes]:
    """Width and bytes of unsigned offsets, at least one."""
    width = int(_width(offsets.max(keepdims=True))[0])
    return width, offsets.astype(_DTYPES[width]).tobytes()


def step_column(column: Int64s, cuts: Cuts) -> Int64s:
    """From each row to the next, shape (n,); a block's last row repeats the step before it.

    The repetition keeps `step_range` from seeing what lies between two blocks; a block of one row
    has the step 0.
    """
    steps = np.empty_like(column)
    np.subtract(column[1:], column[:-1], out=steps[:-1])
    ends = cuts.starts + cuts.counts - 1
    steps[ends] = np.where(cuts.counts > 1, steps[ends - 1], 0)
    return steps


def step_range(steps: Int64s, cuts: Cuts) -> tuple[Int64s, NDArray[np.uint64]]:
    """Lowest step and range of the steps per block, each of shape (k,)."""
    return _range(steps, cuts.starts)


def _range(column: Int64s, starts: Int64s) -> tuple[Int64s, NDArray[np.uint64]]:
    low = np.minimum.reduceat(column, starts)
    high = np.maximum.reduceat(column, starts)
    return low, (high - low).view(np.uint64)


def _width(span: NDArray[np.uint64]) -> Int64s:
    return _WIDTHS[np.searchsorted(_LIMITS, span, side="right")]


def _bytes_by_width(column: Int64s, low: Int64s, cuts: Cuts, widths: Int64s) -> dict[int, bytes]:
    """The whole column as offsets, once for each width that some block needs."""
    if not len(widths):
        return {}
    offsets = column - np.repeat(low, cuts.counts)
    return {width: offsets.astype(_DTYPES[width]).tobytes() for width in np.unique(widths).tolist()}


def _unsigned(value: int) -> np.uint64:
    return np.uint64(value & 0xFFFF_FFFF_FFFF_FFFF)
