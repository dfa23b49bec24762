"""When jobs are due, in zones where the clock jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.clock import DAY, HOUR, MICROSECONDS
from county_gov.contract.job import Daily, Every, Monthly, Schedule, Weekly
from county_gov.errors import ContractError
from county_gov.jobs import next_after, passed

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
ZONES = [
    "Asia/Shanghai",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]


def instant(text: str) -> int:
    """Give an ISO 8601 time with offset as microseconds UTC."""
    moment = datetime.fromisoformat(text)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def local(at: int, zone: ZoneInfo) -> str:
    """Give an instant in local time with its offset."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.astimezone(zone).isoformat()


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        (Daily("08:00"), "2026-06-01T07:59:59+08:00", "2026-06-01T08:00:00+08:00"),
        (Daily("08:00"), "2026-06-01T08:00:00+08:00", "2026-06-02T08:00:00+08:00"),
        (Weekly(0, "00:00"), "2026-06-01T00:00:00+08:00", "2026-06-08T00:00:00+08:00"),
        (Weekly(6, "23:59"), "2026-06-01T00:00:00+08:00", "2026-06-07T23:59:00+08:00"),
        (Monthly(28, "12:30"), "2026-02-28T12:30:00+08:00", "2026-03-28T12:30:00+08:00"),
        (Monthly(1, "00:00"), "2026-12-31T23:59:59+08:00", "2027-01-01T00:00:00+08:00"),
        (Every(HOUR), "2026-06-01T08:00:00+08:00", "2026-06-01T09:00:00+08:00"),
        (
            Every(DAY, offset=30 * MICROSECONDS),
            "2026-06-01T08:00:00+08:00",
            "2026-06-01T08:00:30+08:00",
        ),
    ],
)
def test_the_next_instant_in_local_time(schedule: Schedule, after: str, expected: str) -> None:
    """Days, weeks and months are the county's; the instant itself is not its own next."""
    assert expected == local(next_after(schedule, instant(after), SHANGHAI), SHANGHAI)


def test_a_time_that_is_jumped_over_comes_right_after_the_jump() -> None:
    """2026-03-08 in New York has no 02:30: the job runs at 03:00, and the next day at 02:30."""
    first = next_after(Daily("02:30"), instant("2026-03-08T00:00:00-05:00"), NEW_YORK)
    assert "2026-03-08T03:00:00-04:00" == local(first, NEW_YORK)
    second = next_after(Daily("02:30"), first, NEW_YORK)
    assert "2026-03-09T02:30:00-04:00" == local(second, NEW_YORK)


def test_a_time_that_comes_twice_counts_once() -> None:
    """2026-11-01 in New York has 01:30 twice: the first counts."""
    first = next_after(Daily("01:30"), instant("2026-11-01T00:00:00-04:00"), NEW_YORK)
    assert "2026-11-01T01:30:00-04:00" == local(first, NEW_YORK)
    assert "2026-11-02T01:30:00-05:00" == local(
        next_after(Daily("01:30"), first, NEW_YORK), NEW_YORK
    )


def test_a_day_that_never_was() -> None:
    """Samoa had no 30 December 2011: that day's run comes as the 31st begins."""
    apia = ZoneInfo("Pacific/Apia")
    first = next_after(Daily("08:00"), instant("2011-12-29T20:00:00-10:00"), apia)
    assert "2011-12-31T00:00:00+14:00" == local(first, apia)
    assert "2011-12-31T08:00:00+14:00" == local(next_after(Daily("08:00"), first, apia), apia)


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
schedules = st.one_of(
    st.builds(Daily, times),
    st.builds(Weekly, st.integers(0, 6), times),
    st.builds(Monthly, st.integers(1, 28), times),
    st.builds(Every, st.integers(HOUR, 3 * DAY), st.integers(0, DAY)),
)


@given(schedules, st.integers(0, 2**51), st.sampled_from(ZONES), st.integers(0, 70 * DAY))
def test_what_passed_is_what_came_next_one_after_another(
    schedule: Schedule, after: int, zone: str, length: int
) -> None:
    """The instants of a stretch are found alike from either side, and rise."""
    found, known = [], ZoneInfo(zone)
    at = next_after(schedule, after, known)
    while at <= after + length:
        found.append(at)
        at = next_after(schedule, at, known)
    come = passed(schedule, after, after + length, known, limit=5)
    assert (tuple(found[-5:]), len(found)) == (come.latest, come.count)
    assert all(earlier < later for earlier, later in pairwise(found))


@given(times, st.integers(0, 2**51), st.sampled_from(ZONES))
def test_each_day_has_its_run(at: str, after: int, zone: str) -> None:
    """Whatever the clock does, the next daily run is at most a day and a jump away."""
    assert 0 < next_after(Daily(at), after, ZoneInfo(zone)) - after <= 2 * DAY


def test_a_long_gap_is_counted_without_being_walked_through() -> None:
    """A year of seconds: the last two, and how many there were."""
    come = passed(Every(MICROSECONDS), 0, 365 * DAY, SHANGHAI, limit=2)
    assert 365 * 86_400 == come.count
    assert (365 * DAY - MICROSECONDS, 365 * DAY) == come.latest
    assert 0 == passed(Every(MICROSECONDS), 10, 5, SHANGHAI, limit=2).count


@pytest.mark.parametrize(
    ("cls", "given_values"),
    [
        (Daily, ("8:00",)),
        (Daily, ("24:00",)),
        (Weekly, (7, "08:00")),
        (Monthly, (29, "08:00")),
        (Every, (999_999,)),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    cls: type[Any], given_values: tuple[object, ...]
) -> None:
    """With what was expected and what was given."""
    with pytest.raises(ContractError, match="expected"):
        cls(*given_values)
