"""Scenario: stories told to a real county, in a few lines each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from county_gov.api import HOUR, AccessDenied, EventNotAllowed, NotFound
from county_gov.testing import Area, Datastream, Role, Scenario, Thing
from county_gov_sensors import SensorsPlugin

STREAM = Datastream("west.pm25", unit="µg/m³", decimals=1)


# --8<-- [start:story]
async def test_a_whole_story_in_ten_lines() -> None:
    """A high reading, its case, the way through the hands of three roles, and the end."""
    async with Scenario(SensorsPlugin, datastreams=[STREAM]) as s:
        await s.feed("west.pm25", [("08:00", 20), ("09:00", 180), ("10:00", 100)])
        (episode,), (case,) = await s.episodes(), await s.cases()
        assert (s.at("09:00"), s.at("10:00")) == (episode.started_at, episode.ended_at)
        await s.act("dispatch_centre", case, "dispatch", worker_account="grid_worker")
        await s.act("grid_worker", case, "report", source_found="no")
        await s.act("department_officer", case, "sign_for")
        await s.act("department_officer", case, "feed_back", measure_taken="洒水")
        assert "closed" == (await s.act("dispatch_centre", case, "close")).state
        assert ["请到", "已结"] == [one.subject[:2] for one in s.notices("grid_worker")]


# --8<-- [end:story]
def test_the_story_has_ten_lines() -> None:
    """A whole story is told in ten lines, the one that begins it among them."""
    text = Path(__file__).read_text(encoding="utf-8")
    story = text.partition("[start:story]")[2].partition("# --8<--")[0].strip().splitlines()
    assert ["async def", '    """A', "    async with"] == [
        story[0][:9], story[1][:8], story[2][:14],
    ]  # fmt: skip
    assert 10 == len(story[2:])


async def test_a_story_that_fails_says_what_there_is() -> None:
    """Under the error stand the alerts, cases, open tasks and notices."""

    async def fail() -> None:
        async with Scenario(SensorsPlugin, datastreams=[STREAM]) as s:
            await s.feed("west.pm25", [("09:00", 180)])
            (case,) = await s.cases()
            assert "closed" == case.state

    with pytest.raises(AssertionError, match="closed") as failed:
        await fail()
    (told,) = failed.value.__notes__
    assert [
        "the story stands at 2026-06-01 09:00; there is",
        "  alert sensors.pm25_heavy of west.pm25: warning, 2026-06-01 09:00 to now",
        "  case WR-990101-2026-000001 sensors.pollution: dispatch",
        "  open task of WR-990101-2026-000001 for dispatch_centre",
    ] == told.splitlines()[:4]
    assert told.splitlines()[4].startswith("  notice to dispatch_centre: ")


async def test_a_misspelled_name_is_no_empty_answer() -> None:
    """Whoever asks for what nobody declares is told, with the nearest name."""
    async with Scenario(SensorsPlugin, datastreams=[STREAM]) as s:
        with pytest.raises(NotFound, match=r"no workflow .*did you mean 'sensors.pollution'"):
            await s.cases("sensors.polution")
        with pytest.raises(NotFound, match=r"no alert policy .*did you mean 'sensors.pm25_heavy'"):
            await s.episodes("sensors.pm25_heavi")


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
