"""Limits that belong to a thing or a zone, hold from a day on, and are named by the alert."""

from __future__ import annotations

from functools import partial

import pytest

from county_gov.contract.access import Scope
from county_gov.errors import ProposalInvalid
from county_gov.store.alerts import EpisodeDetail, get_episode
from county_gov.testing import Datastream, Scenario
from tests.rules.zones import USE, ZonesPlugin

ROLES = {"office": [USE]}
METERS = [Datastream(f"{one}.laeq", period_seconds=1800, decimals=1) for one in ("m1", "m2")]


def story() -> Scenario:
    """Two meters in different zones, on the first of June."""
    return Scenario(ZonesPlugin, datastreams=METERS, roles=ROLES, start="2026-06-01 00:00")


async def explained(s: Scenario) -> list[EpisodeDetail]:
    """Every episode that stands, with what explains it."""
    everything, today = Scope.everything(), s.county.parameters.today()
    return [
        s.county.store.read_now(partial(get_episode, scope=everything, episode=one.id, day=today))
        for one in await s.episodes()
        if not one.withdrawn
    ]


async def test_each_zone_has_its_limit_and_a_thing_its_own() -> None:
    """The record tells a meter's zone; what a meter has itself goes before what all have."""
    async with story() as s:
        await s.put("zones.meters", code="m1", zone="1")
        await s.put("zones.meters", code="m2", zone="2")
        await s.set("zones.limit", 45.0, subject="1", number="声〔2026〕1号")
        await s.set("zones.limit", 60.0, subject="2", number="声〔2026〕2号")
        for meter in ("m1", "m2"):
            await s.feed(f"{meter}.laeq", [("10:00", 50.0), ("10:30", 50.0)])
        (first,) = await explained(s)
        assert ("m1.laeq", 45.0) == (first.view.datastream, first.limit)
        assert "声〔2026〕1号" in first.citation

        await s.set("zones.own", 40.0, subject="m2")
        assert ["m1.laeq", "m2.laeq"] == sorted(one.view.datastream for one in await explained(s))
        own = await s.parameter("zones.own", subject="m2")
        assert own is not None
        assert (40.0, "m2", None) == (
            own.value,
            own.subject,
            await s.parameter("zones.own", subject="m1"),
        )
        await s.put("zones.meters", code="m1", zone="2")
        assert ["m2.laeq"] == [one.view.datastream for one in await explained(s)]


async def test_a_limit_that_is_set_for_the_past_judges_the_past() -> None:
    """Each hour is judged by the limit of its day, and the alert names that limit's document."""
    async with story() as s:
        await s.put(
            "zones.meters",
            code="m1",
            zone="1",
        )
        await s.set("zones.limit", 55.0, subject="1", number="声〔2026〕1号")
        for day in (1, 3):
            moment = f"2026-06-0{day}"
            await s.advance(to=f"{moment} 12:00")
            readings = [(f"{moment} 10:00", 50.0), (f"{moment} 10:30", 50.0)]
            await s.feed(
                "m1.laeq", [*readings, (f"{moment} 11:00", 30.0), (f"{moment} 11:30", 30.0)]
            )
        assert [] == await explained(s)

        await s.set("zones.limit", 45.0, subject="1", on="2026-06-03", number="声〔2026〕9号")
        (late,) = await explained(s)
        assert (s.at("2026-06-03 10:00"), 45.0) == (late.view.started_at, late.limit)
        assert "声〔2026〕9号" in late.citation
        assert "2026-06-03" in late.citation

        await s.set("zones.limit", 48.0, subject="1", on="2026-06-03", number="声〔2026〕10号")
        (corrected,) = await explained(s)
        assert (late.view.id, 48.0) == (corrected.view.id, corrected.limit)
        assert "声〔2026〕10号" in corrected.citation
        assert ["limit"] == corrected.changes[-1].details["reasons"]


async def test_a_value_is_for_something_that_is_there() -> None:
    """A zone that was not declared, a thing nobody knows, a thing and an area at once."""
    async with story() as s:
        with pytest.raises(ProposalInvalid, match="subject"):
            await s.set("zones.limit", 45.0, subject="9")
        with pytest.raises(ProposalInvalid, match="no thing of the register"):
            await s.set("zones.own", 45.0, subject="m9")
        with pytest.raises(ProposalInvalid, match="not both"):
            await s.set("zones.own", 45.0, subject="m1", area="990101001")


async def test_a_thing_takes_the_value_of_its_area() -> None:
    """Nearest first: the thing, the areas above it, the county."""
    async with story() as s:
        await s.set("zones.own", 70.0)
        await s.set("zones.own", 65.0, area="990101001")
        found = await s.parameter("zones.own", subject="m1")
        assert found is not None
        assert 65.0 == found.value
        await s.set("zones.own", 60.0, subject="m1")
        found = await s.parameter("zones.own", subject="m1")
        assert found is not None
        assert 60.0 == found.value


async def test_an_hour_is_judged_while_time_passes() -> None:
    """In a story, too: the meter falls silent, and the hour is judged when it is over."""
    async with story() as s:
        await s.put("zones.meters", code="m1", zone="1")
        await s.set("zones.limit", 45.0)
        await s.set("zones.limit", 45.0, subject="1")
        await s.advance(to="10:40")
        await s.feed("m1.laeq", [("09:00", 40.0), ("09:30", 40.0), ("10:00", 50.0)])
        await s.advance(to="11:04")
        before = await s.episodes()
        await s.advance(to="11:06")
        assert (0, 1) == (len(before), len(await s.episodes()))
