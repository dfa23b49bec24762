"""A flood at one reservoir, from the first rise to the end of the patrol."""

from __future__ import annotations

import pytest

from county_gov.api import CaseError, Figures
from county_gov.testing import Scenario
from county_gov_reservoir import ReservoirPlugin

STREAMS = ("luye.water_level", "luye.rainfall")
TOWNSHIP = "990101001"


async def prepared(s: Scenario) -> None:
    """One reservoir, one limit, and a keeper on duty until the evening."""
    await s.put(
        "reservoir.reservoirs",
        code="luye",
        name="鹿野水库",
        area=TOWNSHIP,
        crest=160.0,
        valid_from="2026-01-01",
    )
    await s.set("reservoir.flood_limit", 150.0, subject="luye", on="2026-07-01")
    await s.put(
        "reservoir.roster", area=TOWNSHIP, begins="08:00", ends="20:00", person="dam_keeper"
    )


async def test_from_the_first_rise_to_the_end() -> None:
    """Rain and a fast rise are told, the limit is passed, somebody patrols, and it ends."""
    async with Scenario(ReservoirPlugin, datastreams=STREAMS, start="2026-07-01 08:00") as s:
        await prepared(s)
        await s.feed("luye.rainfall", [("08:10", 20.0), ("08:40", 15.0)])
        await s.feed("luye.water_level", [("08:30", 149.2), ("09:00", 149.6)])
        assert ["notice"] == [one.severity for one in await s.episodes()]

        await s.feed("luye.water_level", [("09:30", 150.1)])
        assert ["alarm"] == [one.severity for one in await s.episodes()]
        (case,) = await s.cases("reservoir.patrol")
        asked = [one.subject for one in s.notices("dam_keeper") if one.case]
        assert ["请巡坝：水库汛情：luye"] == asked

        await s.act("dam_keeper", case, "report", finding="sound")
        await s.advance(to="13:30")
        done = await s.tasks(case, open_only=False)
        assert [(1, 0), (2, 1), (3, 0)] == [(one.occurrence, one.missed) for one in done]

        await s.feed("luye.water_level", [("13:40", 149.1)])
        assert "review" == (await s.case(case)).state
        await s.act("flood_office", case, "close")
        assert [] == await s.tasks(case)


async def test_whoever_finds_something_says_where() -> None:
    """Seepage without a place is refused; with one it goes to the office as danger."""
    async with Scenario(ReservoirPlugin, datastreams=STREAMS, start="2026-07-01 08:00") as s:
        await prepared(s)
        await s.feed("luye.water_level", [("08:30", 150.4)])
        (case,) = await s.cases()
        with pytest.raises(CaseError, match="位置"):
            await s.act("dam_keeper", case, "danger", finding="seepage")
        case = await s.act("dam_keeper", case, "danger", finding="seepage", where="左坝肩")
        assert "danger" == case.state
        assert any("险情" in one.subject for one in s.notices("flood_office"))


async def test_without_a_limit_nobody_is_sent() -> None:
    """Nobody has set a limit: it cannot be said, so nothing is raised; the page says so."""
    async with Scenario(ReservoirPlugin, datastreams=STREAMS, start="2026-07-01 08:00") as s:
        await s.feed("luye.water_level", [("08:30", 155.0)])
        assert [] == await s.episodes()
        views = await s.look("flood_office", "reservoir/levels")
        figures = next(one for one in views if isinstance(one, Figures))
        assert 1 == figures.figures[2].value


async def test_a_limit_that_is_set_later_is_judged_from_its_day() -> None:
    """What stood above it since that day is told as soon as the limit is approved."""
    async with Scenario(ReservoirPlugin, datastreams=STREAMS, start="2026-07-01 08:00") as s:
        await s.feed("luye.water_level", [("08:30", 155.0)])
        await s.set("reservoir.flood_limit", 150.0, on="2026-07-01")
        (episode,) = await s.episodes()
        assert (s.at("08:30"), 155.0) == (episode.started_at, episode.peak)


async def test_the_report_of_the_morning() -> None:
    """Each morning's report counts what is above, and says what is not known."""
    begun = "2026-07-01 07:00"
    async with Scenario(ReservoirPlugin, datastreams=STREAMS, things=["dry"], start=begun) as s:
        await prepared(s)
        await s.put(
            "reservoir.reservoirs",
            code="dry",
            name="无站水库",
            area=TOWNSHIP,
            crest=90.0,
            valid_from="2026-01-01",
        )
        await s.feed("luye.water_level", [("07:30", 150.2)])
        await s.advance(to="08:00")
        (report,) = await s.records("reservoir.reports")
        counted = [report.values[name] for name in ("day", "reservoirs", "above", "silent")]
        assert ["2026-07-01", 2, 1, 1] == counted
        assert "无站水库：24 小时内无水位数据。" in str(report.values["text"])


async def test_a_county_without_reservoirs_has_a_report_too() -> None:
    """Before the first reservoir is entered, the morning's report says that there is none."""
    begun = "2026-07-01 07:00"
    async with Scenario(ReservoirPlugin, datastreams=STREAMS, start=begun) as s:
        await s.advance(to="08:00")
        (report,) = await s.records("reservoir.reports")
        assert (0, "没有水库") == (report.values["reservoirs"], report.values["text"])
