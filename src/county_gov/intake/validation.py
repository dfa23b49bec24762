"""Which readable rows are readings of this county, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from attrs import evolve, frozen

from county_gov.contract.batch import NO_TIME, Bools, Float64s, Int64s, UInt8s
from county_gov.contract.clock import EARLIEST, LATEST
from county_gov.contract.source import Reason
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.readable import Readable
from county_gov.intake.reasons import Fault, suggest
from county_gov.store.observations.flags import FLAG_NUMBERS, FLAGS
from county_gov.store.observations.rows import Readings, without_result_time

EXACT = 2.0**53
"""Scaled values stay below what a double holds exactly."""

POWERS = 10.0 ** np.arange(16)
POWERS.flags.writeable = False
UNKNOWN_FLAG = 255


class Registers(Protocol):
    """What validation needs to know of the registers; arrays are indexed by datastream number."""

    @property
    def numbers(self) -> Mapping[str, int]:
        """Datastream's code to its number; the numbers begin with 1."""
        ...

    @property
    def period(self) -> Int64s:
        """Microseconds; 0 for irregular readings."""
        ...

    @property
    def decimals(self) -> Int64s:
        """Decimals with which values are scaled to integers."""
        ...

    @property
    def minimum(self) -> Float64s:
        """Least possible value, ``-inf`` for none."""
        ...

    @property
    def maximum(self) -> Float64s:
        """Greatest possible value, ``inf`` for none."""
        ...

    @property
    def active(self) -> Bools:
        """Whether readings are taken in."""
        ...


@frozen
class Rejected:
    """A row on its way into quarantine.

    Args:
        reason: Why.
        raw: Raw text that can be decoded by itself.
        wire_format: How the raw text is decoded.
        datastream: Code of its datastream, as far as it could be read.
    """

    reason: Reason
    raw: bytes
    wire_format: str
    datastream: str


@frozen(eq=False)
class Validated:
    """A delivery taken apart.

    Args:
        readings: The good rows, ready to land.
        rejected: The others, by row.
    """

    readings: Readings
    rejected: tuple[Rejected, ...]

    def from_row(self, first: int) -> Validated:
        """The same where the delivery's rows are counted from ``first``."""
        if not first or not self.rejected:
            return self
        rejected = [
            evolve(one, reason=evolve(one.reason, row=(one.reason.row or 0) + first))
            for one in self.rejected
        ]
        return Validated(self.readings, tuple(rejected))


@frozen(eq=False)
class _Rows:
    """The columns of a batch beside what the registers say about each row."""

    datastream: Int64s
    time: Int64s
    floored: Int64s
    value: Float64s
    scaled: Float64s
    result_time: Int64s
    flag: UInt8s
    minimum: Float64s
    maximum: Float64s
    active: Bools
    latest: int

    def good(self) -> Bools:
        """The rows that nothing is wrong with; `_fault` says what is wrong with the others."""
        result_time = self.result_time
        good = (self.datastream > 0) & self.active
        good &= (self.time >= EARLIEST) & (self.floored >= EARLIEST)
        good &= (self.time < LATEST) & (self.time <= self.latest)
        good &= (self.value >= self.minimum) & (self.value <= self.maximum)
        good &= np.abs(self.scaled) < EXACT
        good &= self.flag != UNKNOWN_FLAG
        if (result_time != NO_TIME).any():
            good &= (result_time == NO_TIME) | (
                (result_time >= EARLIEST) & (result_time < LATEST) & (result_time <= self.latest)
            )
        return good


def validate(
    readable: Readable,
    registers: Registers,
    *,
    received_at: int,
    limits: IntakeLimits,
    now: int | None = None,
) -> Validated:
    """Check readable rows against the registers, scale their values and floor their times.

    A row's result depends on nothing but the row, the registers and the instant of arrival.
    Values are rounded to the datastream's resolution, halves (of the double) to even.

    Args:
        readable: What a decoder read.
        registers: The snapshot to check against.
        received_at: Instant of arrival, microseconds UTC.
        limits: The deployment's.
        now: The instant against which future times are judged, if another than the arrival.
    """
    latest = (received_at if now is None else now) + limits.future_tolerance
    rows = _join(readable, registers, limits.day_offset, latest)
    good = rows.good()
    everything = bool(good.all())
    rejected = [] if everything else _reject(readable, rows, np.flatnonzero(~good))
    rejected += [
        Rejected(one.reason, one.raw, readable.refused_format, one.datastream)
        for one in readable.refused
    ]
    rejected.sort(key=lambda one: -1 if one.reason.row is None else one.reason.row)
    chosen = slice(None) if everything else good
    readings = Readings(
        datastream=rows.datastream[chosen],
        time=rows.floored[chosen],
        value=rows.scaled[chosen].astype(np.int64),
        flag=rows.flag[chosen],
        result_time=rows.result_time[chosen],
        received_at=received_at,
    )
    return Validated(readings, tuple(rejected))


def _join(readable: Readable, registers: Registers, offset: int, latest: int) -> _Rows:
    batch = readable.batch
    count = batch.rows
    numbers = _numbers(batch["datastream"].tolist(), registers.numbers)
    time: Int64s = batch["time"]
    value: Float64s = batch["value"]
    period = np.maximum(registers.period[numbers], 1)
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = time + offset
        scaled: Float64s = np.rint(value * POWERS[registers.decimals[numbers]])
    return _Rows(
        datastream=numbers,
        time=time,
        floored=shifted - shifted % period - offset,
        value=value,
        scaled=scaled,
        result_time=batch["result_time"] if "result_time" in batch else without_result_time(count),
        flag=_flags(batch["flag"].tolist()) if "flag" in batch else np.zeros(count, np.uint8),
        minimum=registers.minimum[numbers],
        maximum=registers.maximum[numbers],
        active=registers.active[numbers],
        latest=latest,
    )


def _numbers(codes: Sequence[str], numbers: Mapping[str, int]) -> Int64s:
    """The datastreams' numbers; 0, which no datastream has, for an unknown code."""
    try:
        return np.fromiter(map(numbers.__getitem__, codes), dtype=np.int64, count=len(codes))
    except KeyError:
        known = [numbers.get(code, 0) for code in codes]
        return np.array(known, dtype=np.int64)


def _flags(texts: Sequence[str]) -> UInt8s:
    numbers = [FLAG_NUMBERS.get(text, UNKNOWN_FLAG) for text in texts]
    return np.array(numbers, dtype=np.uint8)


def _reject(readable: Readable, rows: _Rows, bad: Int64s) -> list[Rejected]:
    """Say what is wrong with each bad row, and fetch its raw text."""
    codes, numbers = readable.batch["datastream"][bad], readable.rows[bad].tolist()
    flags = readable.batch.get("flag")
    rejected = []
    raws = readable.raw_of(numbers)
    for index, code, number, raw in zip(bad.tolist(), codes, numbers, raws, strict=True):
        fault = _fault(rows, index, code, "" if flags is None else flags[index])
        rejected.append(Rejected(fault.at(number), raw, readable.row_format, code))
    return rejected


def _fault(rows: _Rows, index: int, code: str, flag: str) -> Fault:
    """The first thing that is wrong with a bad row."""
    if rows.datastream[index] == 0:
        message = f"no datastream has the code {code[:80]!r}; register it, then retry this row"
        return Fault("unknown_datastream", message, "datastream", code)
    if not rows.active[index]:
        message = f"the datastream {code[:80]!r} or its thing is not active"
        return Fault("inactive_datastream", message, "datastream", code)
    result_time = int(rows.result_time[index])
    return (
        _time_fault("time", int(rows.time[index]), int(rows.floored[index]), rows.latest)
        or _value_fault(rows, index)
        or (_unknown_flag(flag) if rows.flag[index] == UNKNOWN_FLAG else None)
        or _time_fault("result_time", result_time, result_time, rows.latest)
        or Fault("malformed_row", "the row was refused")
    )


def _time_fault(name: str, time: int, floored: int, latest: int) -> Fault | None:
    if not (EARLIEST <= time < LATEST and floored >= EARLIEST):
        message = f"{name} lies outside of 1900 to 2099; expected microseconds UTC"
        return Fault("time_out_of_range", message, name, str(time))
    if time > latest:
        ahead = (time - latest) / 1e6
        message = f"{name} lies {ahead:.0f} s further in the future than is tolerated"
        return Fault("future_time", message, name, str(time))
    return None


def _value_fault(rows: _Rows, index: int) -> Fault | None:
    value = float(rows.value[index])
    least, most = float(rows.minimum[index]), float(rows.maximum[index])
    if not np.isfinite(value):
        return Fault("not_finite", "the value is not a finite number", "value", str(value))
    if not least <= value <= most:
        message = f"{value:.6g} lies outside of the datastream's bounds {least:g} to {most:g}"
        return Fault("out_of_bounds", message, "value", repr(value))
    if not abs(float(rows.scaled[index])) < EXACT:
        message = "the value is too large to be held exactly with the datastream's decimals"
        return Fault("number_out_of_range", message, "value", repr(value))
    return None


def _unknown_flag(flag: str) -> Fault:
    known = ", ".join(FLAGS[1:])
    message = f"unknown flag {flag[:40]!r}{suggest(flag, FLAGS[1:])}; known are {known}"
    return Fault("unknown_flag", message, "flag", flag)
