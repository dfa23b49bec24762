"""What is wrong with one row of observations, as far as the registers and the clock know."""

from __future__ import annotations

import math
from typing import NamedTuple

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import EARLIEST, LATEST
from county_gov.intake.reasons import Fault, suggest
from county_gov.store.observations.flags import FLAG_NUMBERS, FLAGS

EXACT = 2.0**53
"""Scaled values stay below what a double holds exactly."""

UNKNOWN_FLAG = 255


class Facts(NamedTuple):
    """A row beside what the registers say of its datastream.

    Args:
        code: The datastream's code.
        datastream: Its number, 0 where the code is unknown.
        time: Microseconds UTC, as sent.
        floored: The start of the period it lies in.
        value: As sent.
        scaled: Rounded, in units of the datastream's last decimal.
        result_time: Microseconds UTC, or `NO_TIME`.
        flag: As sent, "" for none.
        minimum, maximum: The datastream's bounds.
        active: Whether it takes readings.
    """

    code: str
    datastream: int
    time: int
    floored: int
    value: float
    scaled: float
    result_time: int
    flag: str
    minimum: float
    maximum: float
    active: bool


def find_fault(row: Facts, latest: int) -> Fault | None:
    """The first thing that is wrong with a row, or None.

    Args:
        row: The row.
        latest: The last instant that is not too far in the future, microseconds UTC.
    """
    if row.datastream == 0:
        message = f"no datastream has the code {row.code[:80]!r}; register it, then retry this row"
        return Fault("unknown_datastream", message, "datastream", row.code)
    if not row.active:
        message = f"the datastream {row.code[:80]!r} or its thing is not active"
        return Fault("inactive_datastream", message, "datastream", row.code)
    return (
        _time_fault("time", row.time, row.floored, latest)
        or _value_fault(row)
        or _flag_fault(row.flag)
        or _result_time_fault(row.result_time, latest)
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


def _result_time_fault(time: int, latest: int) -> Fault | None:
    return None if time == NO_TIME else _time_fault("result_time", time, time, latest)


def _value_fault(row: Facts) -> Fault | None:
    if not math.isfinite(row.value):
        return Fault("not_finite", "the value is not a finite number", "value", str(row.value))
    if not row.minimum <= row.value <= row.maximum:
        bounds = f"{row.minimum:g} to {row.maximum:g}"
        message = f"{row.value:.6g} lies outside of the datastream's bounds {bounds}"
        return Fault("out_of_bounds", message, "value", repr(row.value))
    if not abs(row.scaled) < EXACT:
        message = "the value is too large to be held exactly with the datastream's decimals"
        return Fault("number_out_of_range", message, "value", repr(row.value))
    return None


def _flag_fault(flag: str) -> Fault | None:
    if flag in FLAG_NUMBERS:
        return None
    known = ", ".join(FLAGS[1:])
    message = f"unknown flag {flag[:40]!r}{suggest(flag, FLAGS[1:])}; known are {known}"
    return Fault("unknown_flag", message, "flag", flag)
