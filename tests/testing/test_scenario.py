"""Scenario: stories told to a real county, in a few lines each."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from county_gov.api import HOUR, AccessDenied, EventNotAllowed
from county_gov.testing import Area, Datastream, Role, Scenario, Thing
from county_gov_sensors import SensorsPlugin

STREAM = Datastream("west.pm25", unit="µg/m³", decimals=1)


# --8<-- [start:story]
async def test_a_whole_story_in_ten_lines() -> None:
    """A high reading, its case, the way through the hands of three roles, and the end."""
    async with Scenario(SensorsPlugin, datastreams=[STREAM]) as s:
        await s.feed("west.pm25", [("08:00", 20), ("09:00", 180), ("10:00", 100)])
        (episode,) = await s.episodes()
        (case,) = await s.cases()
        assert (s.at("09:00"), s.at("10:00"), case.id) == (
            episode.started_at, episode.ended_at, episode.case,
        )  # fmt: skip
        await s.act("dispatch_centre", case, "dispatch", worker_account="grid_worker")
        assert ["grid_worker"] == [task.role for task in await s.tasks(case)]
        await s.act("grid_worker", case, "report", source_found="no")
        await s.act("department_officer", case, "sign_for")
        await s.act("department_officer", case, "feed_back", measure_taken="洒水")
        closed = await s.act("dispatch_centre", case, "close")
        assert ("closed", []) == (closed.state, await s.tasks())
        assert ["请到现场查找污染源", "已结案"] == [
            one.subject.partition("：")[0] for one in s.notices("grid_worker")
        ]


# --8<-- [end:story]
async def test_late_readings_come_at_once_and_later_ones_at_their_instant() -> None:
    """The clock stands still for the past and goes on for the future."""
    async with Scenario(SensorsPlugin, datastreams=[STREAM], start="2026-06-01 12:00") as s:
        late = await s.feed("west.pm25", [("07:00", 160), ("08:00", 10)])
        assert (2, s.at("12:00")) == (late.accepted, s.now)
        await s.feed("west.pm25", [("13:00", 20), ("2026-06-02 00:30", 30)])
        assert "2026-06-02T00:30:00+08:00" == s.local.isoformat()
        assert [s.at("2026-06-01 08:00")] == [one.ended_at for one in await s.episodes()]


async def test_a_single_value_is_read_now() -> None:
    """A number alone is the value at the clock's instant."""
    async with Scenario(SensorsPlugin, datastreams=[STREAM]) as s:
        await s.feed("west.pm25", 151)
        await s.advance(hours=5)
        await s.feed("west.pm25", 20.5)
        (episode,) = await s.episodes()
        assert 5 * HOUR == (episode.ended_at or 0) - episode.started_at


async def test_a_refused_reading_fails_the_story_unless_it_may() -> None:
    """What is quarantined is said with its reason."""
    async with Scenario(SensorsPlugin, datastreams=[STREAM]) as s:
        with pytest.raises(AssertionError, match="unknown_datastream"):
            await s.feed("east.pm25", 3)
        outcome = await s.feed("east.pm25", 4, refused=True)
        assert 1 == outcome.quarantined


async def test_roles_are_what_the_story_says() -> None:
    """A role has its permissions, area and people, and nobody else's."""
    roles: dict[str, Role | Sequence[str]] = {
        "dispatch_centre": ["sensors.pollution.read", "sensors.pollution.dispatch"],
        "grid_worker": Role(
            ("sensors.pollution.read", "sensors.pollution.report"), area="990101002", persons=2
        ),
        "onlooker": (),
    }
    async with Scenario(
        SensorsPlugin,
        things=[Thing("west", area="990101002003")],
        datastreams=[STREAM],
        areas=[Area("990101002", "西乡")],
        roles=roles,
    ) as s:
        await s.feed("west.pm25", 170)
        (case,) = await s.cases("sensors.pollution")
        assert ("dispatch",) == await s.allowed("dispatch_centre", case)
        assert () == await s.allowed("onlooker", case)
        await s.act("dispatch_centre", case, "dispatch", worker_account="grid_worker-2")
        assert [s.account("grid_worker-2")] == [task.account for task in await s.tasks(case)]
        with pytest.raises(EventNotAllowed):
            await s.act("grid_worker", case, "report", source_found="no")
        with pytest.raises(AccessDenied):
            await s.look("onlooker", "sensors/stations")
        with pytest.raises(KeyError, match="dispatch_centre"):
            await s.actor("dispatcher")


async def test_a_page_is_looked_at_as_somebody() -> None:
    """The page has what the person may see."""
    async with Scenario(
        SensorsPlugin,
        datastreams=[STREAM],
        roles={"reader": ["sensors.pollution.read", "core.observations.read"]},
    ) as s:
        await s.feed("west.pm25", 170)
        assert await s.look("reader", "sensors/stations", property="pm25")


async def test_time_does_not_go_back() -> None:
    """A moment of the past, or none at all, is refused."""
    async with Scenario(SensorsPlugin) as s:
        with pytest.raises(ValueError, match="time goes on"):
            await s.advance(to="07:00")
        with pytest.raises(ValueError, match="is no moment"):
            await s.advance(to="noon")
