"""What the county's clocks show as a further input of a rule."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.api import ContractError, Latest, LocalTime
from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.contract.rule import ClockPart
from county_gov.rules.dated import clock_part
from county_gov.testing import Scenario
from tests.rules.night import NightPlugin

ZONES = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC")


@given(st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=30), st.sampled_from(ZONES))
def test_it_is_what_the_clock_shows(seconds: list[int], name: str) -> None:
    """Hour, weekday and day of the year are those of Python's own calendar."""
    zone = ZoneInfo(name)
    times = np.array(seconds, np.int64) * MICROSECONDS
    local = [datetime.fromtimestamp(one, zone) for one in seconds]
    expected: dict[ClockPart, list[float]] = {
        "hour": [one.hour + one.minute / 60 + one.second / 3600 for one in local],
        "weekday": [one.weekday() for one in local],
        "day": [one.timetuple().tm_yday for one in local],
    }
    for part, values in expected.items():
        assert values == pytest.approx(clock_part(times, zone, part).tolist())


async def test_a_night_rule_by_the_county_s_own_time() -> None:
    """The same sound is allowed by day and too loud at night."""
    async with Scenario(NightPlugin, datastreams=["square.laeq"], start="2026-06-01 20:00") as s:
        await s.feed("square.laeq", [("21:00", 50.0), ("21:59", 50.0)])
        assert [] == await s.episodes()
        await s.feed("square.laeq", [("22:00", 50.0)])
        (episode,) = await s.episodes()
        assert s.at("22:00") == episode.started_at
        await s.advance(to="2026-06-02 05:59")
        await s.feed("square.laeq", [("2026-06-02 06:00", 50.0)])
        (episode,) = await s.episodes()
        assert s.at("2026-06-02 06:00") == episode.ended_at
        assert 8 * HOUR == s.at("2026-06-02 06:00") - s.at("2026-06-01 22:00")


def test_what_it_refuses() -> None:
    """An unknown part, and local time as what gives the rows."""
    with pytest.raises(ContractError, match="expected one of hour, weekday, day"):
        NightPlugin.rule({"laeq": Latest("laeq"), "hour": LocalTime("minute")})  # type: ignore[arg-type]
    with pytest.raises(ContractError, match="the first input gives the rows"):
        NightPlugin.rule({"hour": LocalTime("hour")})
