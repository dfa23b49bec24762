"""The short way in for deliveries of a few good rows: devices that send one reading are many.

What is not plainly JSON with a few good rows is left to the general way, which says what is wrong
with it. Both ways find the same readings (a test compares them); arrays of one element cost the
general way some 150 microseconds a delivery.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from county_gov.contract.batch import NO_TIME
from county_gov.intake.instants import parse_instant
from county_gov.intake.json_rows import UNREADABLE, Row
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.readable import INT64, MISTAKEN, TimeText
from county_gov.intake.row_faults import find_fault
from county_gov.intake.validation import FEW, Registers, row_facts
from county_gov.intake.wire_format import JSON
from county_gov.store.observations.flags import FLAG_NUMBERS
from county_gov.store.observations.rows import Reading

LONGEST = 2048
"""Bytes of a delivery that may be of few rows."""
_LEAST, _GREATEST = int(INT64.min), int(INT64.max)
_ROW = msgspec.json.Decoder(Row)
_ROWS = msgspec.json.Decoder(list[Row])


def read_few(
    raw: bytes, wire_format: str, registers: Registers, *, latest: int, limits: IntakeLimits
) -> list[Reading] | None:
    """The readings of a delivery of a few good rows, or None for any other.

    Args:
        raw: Its bytes.
        wire_format: Its content type.
        registers: The snapshot to check against.
        latest: The last instant that is not too far in the future, microseconds UTC.
        limits: The deployment's.
    """
    if wire_format != JSON or len(raw) > min(LONGEST, limits.max_bytes) or b"\\" in raw:
        return None
    rows = _decode(raw)
    if rows is None or not 0 < len(rows) <= min(FEW, limits.max_rows):
        return None
    readings: list[Reading] = []
    quotes = 0
    for row in rows:
        time, result_time = _instant(row.time), _optional_instant(row.result_time)
        if time is None or result_time is None:
            return None
        given = (row.datastream, time, row.value, result_time, row.flag or "")
        facts = row_facts(registers, limits.day_offset, given)
        if find_fault(facts, latest) is not None:
            return None
        quotes += _quotes(row)
        flag = FLAG_NUMBERS[facts.flag]
        readings.append((facts.datastream, facts.floored, int(facts.scaled), flag, result_time))
    return readings if raw.count(b'"') == quotes else None


def _decode(raw: bytes) -> Sequence[Row] | None:
    """The rows of a list, or one row; None where the general way must look."""
    try:
        if raw[:1] == b"[":
            return _ROWS.decode(raw)
        return [_ROW.decode(raw)]
    except UNREADABLE:
        return None


def _quotes(row: Row) -> int:
    """Quotation marks of a row that gives each key once; two more for each that it repeats."""
    pairs = 4 + isinstance(row.time, str)
    for value in (row.result_time, row.flag):
        if value is not UNSET:
            pairs += 1 + isinstance(value, str)
    return 2 * pairs


def _optional_instant(value: TimeText | UnsetType | None) -> int | None:
    return NO_TIME if value is None or value is UNSET else _instant(value)


def _instant(value: TimeText) -> int | None:
    """Microseconds UTC; None for what is no instant, as `read_instants` has it."""
    if isinstance(value, str):
        return parse_instant(value)
    return value if _LEAST < value < 0 or MISTAKEN <= value <= _GREATEST else None
