"""What alerts do to cases, told as stories: opening, sharing, inhibiting, telling the end."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve

from county_gov.api import AlertPolicy, Attribute, Hooks, Input, Rule, implements
from county_gov.contract.access import Scope
from county_gov.errors import DeploymentError
from county_gov.testing import Datastream, Scenario, Thing
from tests.deployment.dam import FLOOD, POLICIES, DamPlugin

LEVEL = Datastream("west.level", unit="m", decimals=2)
STREAMS = (
    LEVEL,
    Datastream("west.rain", unit="mm", decimals=1),
    Datastream("west.gauge", unit="m", decimals=1),
    Datastream("west.pool", unit="m", decimals=1),
)
ROLES = {"watcher": ["dam.use"]}


def story() -> Scenario:
    """A dam whose limit is 100 m and whose crest is 110 m."""
    return Scenario(DamPlugin, things=[Thing("west")], datastreams=STREAMS, roles=ROLES)


async def test_levels_rise_by_joined_inputs_and_the_case_is_told_the_end() -> None:
    """Above the limit is a warning; with 60 mm of rain it is urgent; then the case is quiet."""
    DamPlugin.told.clear()
    async with story() as s:
        await s.set("dam.limit", 100.0)
        await s.feed("west.rain", [("08:00", 20), ("09:00", 20)])
        await s.feed("west.level", [("09:00", 99), ("09:30", 101)])
        (case,) = await s.cases()
        assert ("watched", "west") == (case.state, case.subject)
        await s.feed("west.rain", [("10:00", 20)])
        await s.feed("west.level", [("10:10", 101)])
        (episode,) = await s.episodes()
        assert ("urgent", None) == (episode.severity, episode.ended_at)
        await s.feed("west.level", [("11:00", 98)])
        assert "quiet" == (await s.case(case)).state
    assert [("raised", "warning"), ("level", "urgent"), ("cleared", "urgent")] == DamPlugin.told


async def test_late_rain_raises_the_level() -> None:
    """A joined reading that comes late judges again the rows that it belongs to."""
    DamPlugin.told.clear()
    async with story() as s:
        await s.set("dam.limit", 100.0)
        await s.feed("west.level", [("09:30", 101), ("12:30", 101)])
        await s.feed("west.rain", [("07:00", 70)])
        assert ["urgent"] == [one.severity for one in await s.episodes()]
        await s.feed("west.rain", [("12:40", 70)])
    assert [("raised", "warning"), ("level", "urgent")] == DamPlugin.told


async def test_a_limit_that_is_approved_later_judges_the_day_again() -> None:
    """From its first day on, and no day before; a record does the same."""
    async with story() as s:
        await s.set("dam.limit", 100.0, on="2026-05-30")
        await s.feed("west.level", [("09:00", 95)])
        await s.advance(days=2)
        await s.feed("west.level", [("09:00", 95), ("10:00", 95)])
        assert [] == await s.episodes()
        await s.set("dam.limit", 90.0)
        (raised,) = await s.episodes()
        assert s.at("09:00") == raised.started_at
        await s.put("dam.dams", code="west", crest=95.5, valid_from=str(s.local.date()))
        (higher,) = await s.episodes()
        assert ("urgent", raised.id) == (higher.severity, higher.id)
        await s.put("dam.dams", code="east", crest=1.0, valid_from="2026-01-01")
        assert [higher] == await s.episodes()


class MisledPlugin(DamPlugin):
    """The same with names that there are not."""

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """The flood rule reads a field that no dam has."""
        wrong: Input = Attribute("dam.dams", "height")
        return (evolve(FLOOD, inputs={**FLOOD.inputs, "crest": wrong}), *tuple(super().rules())[1:])

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """One sends an event that there is not."""
        return (evolve(POLICIES[0], on_cleared="gone"), *POLICIES[1:])


def test_what_rules_and_policies_name_is_told_together() -> None:
    """Each problem has the place of its plugin."""
    with pytest.raises(DeploymentError) as caught:
        Scenario(MisledPlugin, datastreams=STREAMS, roles=ROLES)
    told = [one.message for one in caught.value.problems]
    assert any("rule dam.flood: inputs['crest']: field 'height': expected" in one for one in told)
    assert any("alert policy dam.pool: on_cleared: event 'gone'" in one for one in told)
    assert 2 == len(told)


async def test_an_unset_limit_is_unknown() -> None:
    """Without the parameter nothing is judged, and nothing raised."""
    async with story() as s:
        await s.feed("west.level", [("09:00", 500)])
        assert [] == await s.episodes()


async def test_a_thing_has_one_case_that_ends_with_its_last_alert() -> None:
    """Two alerts of a dam share the case; it is told once both have ended."""
    async with story() as s:
        await s.set("dam.limit", 100.0)
        await s.feed("west.level", [("09:00", 101)])
        await s.feed("west.pool", [("09:30", -1)])
        (case,) = await s.cases()
        assert [case.id] * 2 == [one.case for one in await s.episodes()]
        await s.feed("west.level", [("10:00", 99)])
        assert "watched" == (await s.case(case)).state
        await s.feed("west.pool", [("10:30", 1)])
        assert "quiet" == (await s.case(case)).state


async def test_the_end_of_an_alert_leaves_a_case_alone_that_does_not_allow_it() -> None:
    """A closed case stays closed, and the next alert opens another one."""
    async with story() as s:
        await s.set("dam.limit", 100.0)
        await s.feed("west.level", [("09:00", 101)])
        (case,) = await s.cases()
        closed = await s.act("watcher", case, "close")
        await s.feed("west.level", [("10:00", 99)])
        assert closed.version == (await s.case(case)).version
        await s.feed("west.level", [("11:00", 101)])
        assert ["closed", "watched"] == [one.state for one in await s.cases()]


async def test_an_alert_that_was_told_with_its_end_opens_and_ends_its_case() -> None:
    """Both in one delivery: the case is there for whoever wants to know, and quiet."""
    async with story() as s:
        await s.set("dam.limit", 100.0)
        await s.feed("west.level", [("06:00", 99)])
        await s.feed("west.level", [("07:00", 101), ("08:00", 99)])
        assert ["quiet"] == [one.state for one in await s.cases()]


async def test_a_withdrawn_alert_ends_its_case() -> None:
    """A revised reading takes the alert back, and nobody goes on watching."""
    async with story() as s:
        await s.set("dam.limit", 100.0, on="2026-01-01")
        await s.feed("west.level", [("09:00", 101)])
        await s.set("dam.limit", 102.0, on="2026-01-01")
        assert ["quiet"] == [one.state for one in await s.cases()]
        scope = Scope.everything()
        found = await s.county.reader(scope).episodes()
        assert () == found


async def test_an_inhibited_alert_opens_its_case_when_the_other_has_ended() -> None:
    """While the gauge is broken nobody is sent because of the level; afterwards somebody is."""
    async with story() as s:
        await s.set("dam.limit", 100.0)
        await s.feed("west.gauge", [("08:30", -1)])
        await s.feed("west.level", [("09:00", 101)])
        assert ["dam.repair"] == [one.workflow for one in await s.cases()]
        await s.feed("west.gauge", [("09:30", 1)])
        assert ["dam.repair", "dam.watch"] == [one.workflow for one in await s.cases()]
        assert ["watched", "watched"] == [one.state for one in await s.cases()]


async def test_an_inhibited_alert_that_ends_first_opens_none() -> None:
    """It is recorded, and was nobody's work."""
    async with story() as s:
        await s.set("dam.limit", 100.0)
        await s.feed("west.gauge", [("08:30", -1)])
        await s.feed("west.level", [("09:00", 101), ("09:10", 99)])
        await s.feed("west.gauge", [("09:30", 1)])
        assert ["dam.repair"] == [one.workflow for one in await s.cases()]
        assert 2 == len(await s.episodes())
