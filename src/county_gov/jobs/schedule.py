"""When a job is due: pure arithmetic over a schedule, in the county's local time.

A local time that the clock jumps over (the beginning of summer time) comes right after the jump;
one that comes twice (its end) counts the first time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.contract.job import Daily, Every, Monthly, Schedule, Weekly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BACK = timedelta(days=2)
"""So far before an instant's local day a search begins: no zone has jumped further than a day."""


@frozen
class Passed:
    """The instants of a stretch of time.

    Args:
        latest: The last of them, in their order.
        count: How many there were in all.
    """

    latest: tuple[int, ...]
    count: int


def next_after(schedule: Schedule, instant: int, zone: ZoneInfo) -> int:
    """The first instant of a schedule that lies after another, microseconds UTC.

    Args:
        schedule: When.
        instant: Microseconds UTC.
        zone: The county's time zone.
    """
    if isinstance(schedule, Every):
        steps = (instant - schedule.offset) // schedule.length + 1
        return schedule.offset + steps * schedule.length
    return next(one for one in _from(schedule, instant, zone) if one > instant)


def passed(schedule: Schedule, after: int, until: int, zone: ZoneInfo, *, limit: int) -> Passed:
    """The instants of a schedule in (after, until]; of many only the latest are listed.

    Args:
        schedule: When.
        after: Microseconds UTC, itself left out.
        until: Microseconds UTC.
        zone: The county's time zone.
        limit: How many are listed at most.
    """
    if until <= after:
        return Passed((), 0)
    if isinstance(schedule, Every):
        first = next_after(schedule, after, zone)
        count = max(0, (until - first) // schedule.length + 1)
        last = first + (count - 1) * schedule.length
        listed = range(min(count, limit) - 1, -1, -1)
        return Passed(tuple(last - step * schedule.length for step in listed), count)
    found: list[int] = []
    for instant in _from(schedule, after, zone):
        if instant > until:
            break
        if instant > after and (not found or instant > found[-1]):
            found.append(instant)
    return Passed(tuple(found[-limit:]), len(found))


def _from(schedule: Daily | Weekly | Monthly, instant: int, zone: ZoneInfo) -> Iterator[int]:
    """The instants of a schedule by local days, beginning some days before an instant."""
    at = time.fromisoformat(schedule.at)
    moment = EPOCH + timedelta(microseconds=instant)
    day = (moment.astimezone(zone) - BACK).date()
    while True:
        if _falls_on(schedule, day):
            yield _instant(datetime.combine(day, at), zone)
        day += timedelta(days=1)


def _falls_on(schedule: Daily | Weekly | Monthly, day: date) -> bool:
    if isinstance(schedule, Weekly):
        return day.weekday() == schedule.weekday
    if isinstance(schedule, Monthly):
        return day.day == schedule.day
    return True


def _instant(local: datetime, zone: ZoneInfo) -> int:
    """A local time as microseconds UTC: the first of two, or the end of the jump over it."""
    found = local.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local:
        return _microseconds(found)
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _jump_between(before, found, zone)


def _jump_between(before: datetime, after: datetime, zone: ZoneInfo) -> int:
    """The first second in (before, after] that has the offset of ``after``."""
    offset = after.astimezone(zone).utcoffset()
    low, high = round(before.timestamp()), round(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high * MICROSECONDS


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
