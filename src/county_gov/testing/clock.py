"""Time in tests: a clock that stands until it is moved, and moments as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from attrs import define

Moment = int | str | datetime
"""An instant (microseconds UTC), "08:00" (on the clock's day), "2026-06-01 08:00" (local time), or
a `datetime` with a time zone."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")


@define
class SetClock:
    """A clock that stands until a test moves it. Instants are microseconds UTC."""

    at: int = 0

    def now(self) -> int:
        """The instant that was set."""
        return self.at


def instant_of(moment: Moment, *, zone: ZoneInfo, now: int = 0) -> int:
    """The instant that a moment means, microseconds UTC.

    Args:
        moment: The moment.
        zone: Whose local time a text speaks of.
        now: The instant on whose local day a time without a day lies.

    Raises:
        ValueError: if it is no moment.
    """
    if isinstance(moment, int):
        return moment
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(f"{moment!r} has no time zone; give it one, or write it as a text")
        return _microseconds(moment)
    text = moment.strip()
    if _TIME.fullmatch(text):
        text = f"{local(now, zone):%Y-%m-%d} {text}"
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        form = "expected '08:00' or '2026-06-01 08:00'"
        raise ValueError(f"{moment!r} is no moment; {form}") from error
    return _microseconds(found if found.tzinfo else found.replace(tzinfo=zone))


def local(instant: int, zone: ZoneInfo) -> datetime:
    """An instant in local time."""
    return (EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
