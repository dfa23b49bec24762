"""Which readable rows are readings of this county, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from attrs import evolve, frozen

from county_gov.contract.batch import NO_TIME, Bools, Float64s, Int64s, UInt8s
from county_gov.contract.clock import EARLIEST, LATEST
from county_gov.contract.source import Reason
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.readable import Readable
from county_gov.intake.reasons import Fault
from county_gov.intake.row_faults import EXACT, UNKNOWN_FLAG, Facts, find_fault
from county_gov.store.observations.flags import FLAG_NUMBERS
from county_gov.store.observations.rows import Readings, without_result_time

POWERS = 10.0 ** np.arange(16)
POWERS.flags.writeable = False
FEW = 8
"""Up to so many rows are judged one by one, which is then faster."""


class Registers(Protocol):
    """What validation needs to know of the registers; arrays are indexed by datastream number."""

    @property
    def version(self) -> int:
        """Rises with each change."""
        ...

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
        registers: The snapshot that they were checked against.
    """

    readings: Readings
    rejected: tuple[Rejected, ...]
    registers: Registers

    def from_row(self, first: int) -> Validated:
        """The same where the delivery's rows are counted from ``first``."""
        if not first or not self.rejected:
            return self
        rejected = tuple(
            one
            if one.reason.row is None
            else evolve(one, reason=evolve(one.reason, row=one.reason.row + first))
            for one in self.rejected
        )
        return evolve(self, rejected=rejected)


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
        """The rows that nothing is wrong with; `find_fault` says what is wrong with the others."""
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

    def facts(self, index: int, code: str, flag: str) -> Facts:
        """One row by itself."""
        return Facts(
            code=code,
            datastream=int(self.datastream[index]),
            time=int(self.time[index]),
            floored=int(self.floored[index]),
            value=float(self.value[index]),
            scaled=float(self.scaled[index]),
            result_time=int(self.result_time[index]),
            flag=flag,
            minimum=float(self.minimum[index]),
            maximum=float(self.maximum[index]),
            active=bool(self.active[index]),
        )


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
    judge = _judge_few if readable.batch.rows <= FEW else _judge_many
    readings, faults = judge(readable, registers, limits.day_offset, latest, received_at)
    if not faults and not readable.refused:
        return Validated(readings, (), registers)
    rejected = _reject(readable, faults) if faults else []
    rejected += [
        Rejected(one.reason, one.raw, readable.refused_format, one.datastream)
        for one in readable.refused
    ]
    rejected.sort(key=lambda one: -1 if one.reason.row is None else one.reason.row)
    return Validated(readings, tuple(rejected), registers)


def _judge_many(
    readable: Readable, registers: Registers, offset: int, latest: int, received_at: int
) -> tuple[Readings, dict[int, Fault]]:
    """The readings of a batch and what is wrong with its other rows, in columns."""
    rows = _join(readable, registers, offset, latest)
    good = rows.good()
    bad = np.flatnonzero(~good)
    chosen = good if len(bad) else slice(None)
    readings = Readings(
        datastream=rows.datastream[chosen],
        time=rows.floored[chosen],
        value=rows.scaled[chosen].astype(np.int64),
        flag=rows.flag[chosen],
        result_time=rows.result_time[chosen],
        received_at=received_at,
    )
    codes, flags = readable.batch["datastream"], readable.batch.get("flag")
    faults = {}
    for index in bad.tolist():
        facts = rows.facts(index, codes[index], "" if flags is None else flags[index])
        fault = find_fault(facts, latest)
        faults[index] = fault or Fault("malformed_row", "the row was refused")
    return readings, faults


def _judge_few(
    readable: Readable, registers: Registers, offset: int, latest: int, received_at: int
) -> tuple[Readings, dict[int, Fault]]:
    """As `_judge_many`, a row at a time: some 20 µs less where there is only one."""
    good, faults = [], {}
    for index, facts in enumerate(_few_facts(readable, registers, offset)):
        fault = find_fault(facts, latest)
        if fault is None:
            good.append(facts)
        else:
            faults[index] = fault
    readings = Readings(
        datastream=np.array([row.datastream for row in good], dtype=np.int64),
        time=np.array([row.floored for row in good], dtype=np.int64),
        value=np.array([int(row.scaled) for row in good], dtype=np.int64),
        flag=np.array([FLAG_NUMBERS[row.flag] for row in good], dtype=np.uint8),
        result_time=np.array([row.result_time for row in good], dtype=np.int64),
        received_at=received_at,
    )
    return readings, faults


def _few_facts(readable: Readable, registers: Registers, offset: int) -> Iterator[Facts]:
    batch = readable.batch
    absent = [NO_TIME] * batch.rows
    result_times = batch["result_time"].tolist() if "result_time" in batch else absent
    flags = batch["flag"].tolist() if "flag" in batch else [""] * batch.rows
    codes, times, values = batch["datastream"], batch["time"].tolist(), batch["value"].tolist()
    for code, time, value, result_time, flag in zip(
        codes.tolist(), times, values, result_times, flags, strict=True
    ):
        yield row_facts(registers, offset, (code, time, value, result_time, flag))


def row_facts(registers: Registers, offset: int, row: tuple[str, int, float, int, str]) -> Facts:
    """What the registers say of one row, its time floored and its value scaled.

    Args:
        registers: The snapshot to check against.
        offset: Microseconds by which the county's days are ahead of UTC.
        row: Code, time, value, result time (or `NO_TIME`) and flag ("" for none).
    """
    code, time, value, result_time, flag = row
    number = registers.numbers.get(code, 0)
    period = registers.period.item(number) or 1
    scaled = value * POWERS.item(registers.decimals.item(number))
    return Facts(
        code,
        number,
        time,
        time - (time + offset) % period,
        value,
        float(round(scaled)) if abs(scaled) < EXACT else scaled,
        result_time,
        flag,
        registers.minimum.item(number),
        registers.maximum.item(number),
        registers.active.item(number),
    )


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


def _reject(readable: Readable, faults: Mapping[int, Fault]) -> list[Rejected]:
    """Fetch the raw text of each faulty row."""
    numbers = readable.rows[list(faults)].tolist()
    codes = readable.batch["datastream"][list(faults)]
    found = zip(faults.values(), numbers, readable.raw_of(numbers), codes, strict=True)
    return [
        Rejected(fault.at(number), raw, readable.row_format, code)
        for fault, number, raw, code in found
    ]
