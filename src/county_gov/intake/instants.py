"""Reading instants: RFC 3339 texts with an offset, ten thousand at a time.

Texts of the same length are laid out as one matrix of bytes and parsed column by column; whatever
does not fit the layout of the first text of its length is read again, alone, by a strict pattern.
Both ways accept the same texts and give the same instants (a test compares them).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from county_gov.contract.batch import Bools, Int64s, UInt8s
from county_gov.contract.clock import MICROSECONDS

RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FEW = 24
"""Up to so many texts are parsed one by one, which is then faster."""
SECONDS_END = 19
"""Characters up to and including the seconds."""
_LENGTHS = frozenset(range(20, 36))
MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.uint8)
_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_FEBRUARY, _DECEMBER = 2, 12
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_DAYS_TO_1970 = 719_469
"""Days from the day before 0000-03-01 to 1970-01-01."""


def parse_instant(text: str) -> int | None:
    """Microseconds UTC of one RFC 3339 text, or None where it is not one.

    The seconds' fraction may have up to nine digits and is cut after the sixth. Leap seconds
    (``:60``) cannot be told from the second after them and are refused.

    >>> parse_instant("2026-01-01T08:00:00+08:00") == parse_instant("2026-01-01T00:00:00Z")
    True
    """
    if RFC3339.fullmatch(text) is None:
        return None
    try:
        since = datetime.fromisoformat(text.upper()) - EPOCH
    except ValueError:
        return None
    return (since.days * _DAY + since.seconds) * MICROSECONDS + since.microseconds


def parse_instants(texts: Sequence[str]) -> tuple[Int64s, Bools]:
    """Microseconds UTC of many RFC 3339 texts.

    Returns:
        Instants, shape (n,), and whether each could be read; 0 stands where it could not.
    """
    count = len(texts)
    if count <= FEW:
        return _parse_few(texts)
    instants, readable = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    length = len(texts[0])
    joined = "\n".join(texts).encode("ascii", "replace")
    if length in _LENGTHS and len(joined) == count * (length + 1) - 1:
        instants, readable = _parse_alike(joined, count, length)
    if not readable.all():
        instants, readable = _parse_by_length(texts)
    for row in np.flatnonzero(~readable).tolist():
        instant = parse_instant(texts[row])
        if instant is not None:
            instants[row], readable[row] = instant, True
    return instants, readable


def _parse_few(texts: Sequence[str]) -> tuple[Int64s, Bools]:
    parsed = [parse_instant(text) for text in texts]
    instants = np.array([instant or 0 for instant in parsed], dtype=np.int64)
    return instants, np.array([instant is not None for instant in parsed], dtype=np.bool_)


def _parse_by_length(texts: Sequence[str]) -> tuple[Int64s, Bools]:
    """Parse texts of several lengths; what differs from the first of its length is left out."""
    instants = np.zeros(len(texts), dtype=np.int64)
    readable = np.zeros(len(texts), dtype=np.bool_)
    lengths = np.fromiter(map(len, texts), dtype=np.int32, count=len(texts))
    for length in {*lengths.tolist()} & _LENGTHS:
        rows = np.flatnonzero(lengths == length)
        joined = "\n".join([texts[row] for row in rows.tolist()]).encode("ascii", "replace")
        instants[rows], readable[rows] = _parse_alike(joined, len(rows), length)
    return instants, readable


def _parse_alike(joined: bytes, count: int, length: int) -> tuple[Int64s, Bools]:
    """Parse texts joined by line feeds, all of one length; say which are laid out like the first.

    Where every row is good there is a line feed after each and none inside, so that the rows are
    the texts; a caller that is not sure of the lengths believes nothing else.
    """
    padded = np.frombuffer(joined + b"\n", dtype=np.uint8)
    chars = np.ascontiguousarray(padded.reshape(count, length + 1).T)
    tail = joined[SECONDS_END:length]
    point = tail[:1] == b"."
    fraction = len(tail[1:]) - len(tail[1:].lstrip(b"0123456789")) if point else 0
    zone = SECONDS_END + fraction + point
    zone_length = length - zone
    if (point and not 0 < fraction <= 9) or zone_length not in {1, 6}:  # noqa: PLR2004
        return np.zeros(count, np.int64), np.zeros(count, np.bool_)
    digits = [*_DIGITS, *range(SECONDS_END + 1, SECONDS_END + 1 + fraction)]
    good = (chars[length] == ord("\n")) & (chars[4] == ord("-")) & (chars[7] == ord("-"))
    good &= (chars[10] == ord("T")) | (chars[10] == ord(" ")) | (chars[10] == ord("t"))
    good &= (chars[13] == ord(":")) & (chars[16] == ord(":"))
    if point:
        good &= chars[SECONDS_END] == ord(".")
    if zone_length == 1:
        good &= (chars[zone] == ord("Z")) | (chars[zone] == ord("z"))
    else:
        digits += [zone + 1, zone + 2, zone + 4, zone + 5]
        good &= (chars[zone] == ord("+")) | (chars[zone] == ord("-"))
        good &= chars[zone + 3] == ord(":")
    numbers = chars - np.uint8(ord("0"))
    good &= (numbers[digits] <= 9).all(axis=0)  # noqa: PLR2004
    seconds = _local_seconds(numbers, good)
    if zone_length != 1:
        shift = _pair(numbers, zone + 1, good, 24).astype(np.int64) * _HOUR
        shift += _pair(numbers, zone + 4, good, _MINUTE).astype(np.int64) * _MINUTE
        seconds -= np.where(chars[zone] == ord("-"), -shift, shift)
    instants = seconds * MICROSECONDS
    for place in range(min(fraction, 6)):
        instants += numbers[SECONDS_END + 1 + place].astype(np.int64) * 10 ** (5 - place)
    instants[~good] = 0
    return instants, good


def _pair(numbers: UInt8s, at: int, good: Bools, below: int, least: int = 0) -> UInt8s:
    """Two digits as a number; ``good`` loses the rows in which it lies outside the bounds."""
    pair: UInt8s = numbers[at] * np.uint8(10) + numbers[at + 1]
    good &= (pair >= least) & (pair < below)
    return pair


def _local_seconds(numbers: UInt8s, good: Bools) -> Int64s:
    """Seconds since 1970 of the local date and time of day; ``good`` loses impossible dates.

    The days are counted in years that begin in March, as in Howard Hinnant's ``days_from_civil``.
    """
    year = _pair(numbers, 0, good, 100).astype(np.int32) * 100 + _pair(numbers, 2, good, 100)
    month = _pair(numbers, 5, good, _DECEMBER + 1, least=1)
    day = _pair(numbers, 8, good, 32, least=1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = MONTH_DAYS.take(month, mode="clip") + ((month == _FEBRUARY) & leap)
    good &= (day <= days) & (year > 0)
    year -= month <= _FEBRUARY
    since_march = (month + np.uint8(9)) % np.uint8(12)
    date = year * 365 + year // 4 - year // 100 + year // 400 - _DAYS_TO_1970
    date += (since_march.astype(np.int32) * 153 + 2) // 5 + day
    seconds: Int64s = date.astype(np.int64) * _DAY
    time = _pair(numbers, 11, good, 24).astype(np.int32) * _HOUR
    time += _pair(numbers, 14, good, _MINUTE).astype(np.int32) * _MINUTE
    seconds += time + _pair(numbers, 17, good, _MINUTE)
    return seconds
