"""Parameters: who may let a value hold, what is kept, and what is told."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pytest
from attrs import evolve

from county_gov.contract.access import SYSTEM, Actor
from county_gov.contract.parameter import Parameter
from county_gov.contract.rule import Citation
from county_gov.contract.schema import Field
from county_gov.contract.text import Text
from county_gov.errors import (
    AccessDenied,
    DeploymentError,
    NotFound,
    ProposalConflict,
    ProposalInvalid,
)
from county_gov.parameters import READ_PERMISSION, check_parameters
from county_gov.registers import Registers
from county_gov.store import Store
from tests.parameters.county import (
    AN,
    APPROVE,
    BO,
    COUNTY,
    LEVEL,
    LIMIT,
    MODE,
    NORTH,
    PROPOSE,
    SOUTH,
    TODAY,
    VILLAGE,
    Town,
    day_number,
    parameters_of,
    person,
)

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def places(error: ProposalInvalid) -> list[str]:
    """The fields that are wrong."""
    return [problem.place for problem in error.problems]


async def test_a_value_holds_once_somebody_else_approved_it(town: Town) -> None:
    """A proposal changes nothing; its approval does, from its day on, with its document."""
    proposal = await town.propose(52.3, TODAY, article="第二条")
    assert ("dam.limit/1", "open") == (proposal.id, proposal.state)
    assert 40.5 == await town.level()

    approved = await town.parameters.approve(BO, proposal.id, key=town.key())

    assert ("approved", "人2", 1) == (approved.state, approved.decided_by, approved.approval)
    found = await town.parameters.value(LIMIT.id)
    assert found is not None
    assert (52.3, TODAY, "") == (found.value, found.effective_from, found.area)
    assert ("人1", "人2") == (found.proposed_by, found.approved_by)
    assert "示例文件 示〔2023〕1号 第二条" == str(found.citation)
    assert 40.5 == await town.level(on=YESTERDAY)


async def test_nobody_approves_alone(town: Town) -> None:
    """The proposer with both permissions, another session of the same account, the system."""
    proposal = await town.propose(52.3)
    renamed = evolve(AN, name="改名")
    for actor in (AN, renamed, SYSTEM, Actor("device", "站", scopes=dict(AN.scopes))):
        with pytest.raises(AccessDenied):
            await town.parameters.approve(actor, proposal.id, key=town.key())
    with pytest.raises(AccessDenied):
        await town.parameters.reject(AN, proposal.id, reason="不", key=town.key())
    with pytest.raises(AccessDenied):
        await town.propose(50.0, by=SYSTEM)
    assert 40.5 == await town.level()
    refused = [row for row in town.rows("audit", "action", "outcome") if row[1] == "refused"]
    assert [
        *[("parameter.approve", "refused")] * 4,
        ("parameter.reject", "refused"),
        ("parameter.propose", "refused"),
    ] == refused


async def test_permissions_reach_areas(town: Town) -> None:
    """A township's people set their township's values, not the county's nor a neighbour's."""
    north = person(1, PROPOSE, APPROVE, area=NORTH)
    south = person(2, PROPOSE, APPROVE, area=SOUTH)
    for area in ("", COUNTY, SOUTH):
        with pytest.raises(AccessDenied):
            await town.propose(51.0, by=north, area=area)
    with pytest.raises(AccessDenied):
        await town.propose(51.0, by=person(3, PROPOSE, area=NORTH, unit="office"), area=NORTH)
    with pytest.raises(AccessDenied):
        await town.propose(51.0, by=person(3, APPROVE), area=NORTH)

    proposal = await town.propose(51.0, by=north, area=VILLAGE)

    with pytest.raises(NotFound):
        await town.parameters.approve(south, proposal.id, key=town.key())
    with pytest.raises(AccessDenied):
        await town.parameters.approve(person(3, PROPOSE), proposal.id, key=town.key())
    await town.parameters.approve(person(2, APPROVE, area=NORTH), proposal.id, key=town.key())
    assert 51.0 == await town.level(VILLAGE)
    assert [1, 0] == [len(await town.parameters.history(one, LIMIT.id)) for one in (north, south)]


async def test_the_nearest_area_upward_counts(town: Town) -> None:
    """Village, township, county, default; and after its move the village follows the south."""
    assert [40.5] * 3 == [await town.level(one) for one in (VILLAGE, NORTH, "")]
    await town.set(45.0)
    assert [45.0] * 3 == [await town.level(one) for one in (VILLAGE, COUNTY, "")]
    await town.set(46.0, area=NORTH)
    await town.set(47.0, area=SOUTH)
    assert [46.0, 46.0, 45.0] == [await town.level(one) for one in (VILLAGE, NORTH, "")]
    assert 47.0 == await town.level(VILLAGE, date(2024, 1, 1))
    await town.set(48.0, area=VILLAGE)
    assert [48.0, 46.0] == [await town.level(one) for one in (VILLAGE, NORTH)]
    assert 45.0 == await town.level("999999999")


async def test_seasons_are_entered_ahead(town: Town) -> None:
    """Each value holds until the next one's day, in whatever order they were approved."""
    await town.set(52.0, date(2024, 9, 1))
    await town.set(50.0, date(2024, 6, 1))
    days = [date(2024, 5, 31), date(2024, 6, 1), date(2024, 8, 31), date(2024, 9, 1)]
    assert [40.5, 50.0, 50.0, 52.0] == [await town.level(on=day) for day in days]
    (whole,) = (await town.parameters.look(AN, LIMIT.id)).values
    assert None is whole.current
    assert [50.0, 52.0] == [one.value for one in whole.upcoming]


async def test_a_correction_supersedes_and_the_old_value_stays_in_history(town: Town) -> None:
    """A new value for the same day takes the place of the old one, which stays to be read."""
    await town.set(50.0)
    await town.set(51.0)
    assert 51.0 == await town.level()
    history = await town.parameters.history(AN, LIMIT.id)
    assert [(1, 50.0, "approved", 1), (2, 51.0, "approved", 2)] == [
        (one.number, one.value, one.state, one.approval) for one in history
    ]


async def test_what_was_approved_last_counts(town: Town) -> None:
    """Not what was proposed last."""
    first = await town.propose(50.0)
    second = await town.propose(51.0)
    await town.parameters.approve(BO, second.id, key=town.key())
    await town.parameters.approve(BO, first.id, key=town.key())
    assert 50.0 == await town.level()


async def test_an_areas_own_value_can_end(town: Town) -> None:
    """From the day on which it ends, the value above counts; the county's has none above it."""
    await town.set(45.0)
    await town.set(46.0, area=NORTH)
    await town.set(None, TOMORROW, area=NORTH)
    assert [46.0, 45.0] == [
        await town.level(NORTH, TODAY + timedelta(days=days)) for days in range(2)
    ]
    for area in ("", COUNTY):
        with pytest.raises(ProposalInvalid, match="choose whose own value ends") as refused:
            await town.propose(None, TOMORROW, area=area)
        assert ["area"] == places(refused.value)


async def test_a_removed_choice_stays_listed_and_is_not_approved(town: Town) -> None:
    """What it held can be read, and a proposal that waits for it cannot come to hold unseen."""
    zones = (("1", Text("一类")), ("2", Text("二类")))
    noise = evolve(LIMIT, varies_by=zones)
    before = parameters_of(town.store, town.registers, noise)
    given: dict[str, Any] = {
        "effective_from": TODAY,
        "document": "示例",
        "number": "1",
        "subject": "2",
    }
    held = await before.propose(AN, noise.id, value=50.0, key="a", **given)
    await before.approve(BO, held.id, key="b")
    waiting = await before.propose(AN, noise.id, value=55.0, key="c", **given)

    after = parameters_of(town.store, town.registers, evolve(noise, varies_by=zones[:1]))

    with pytest.raises(ProposalInvalid, match="no choice of the parameter") as refused:
        await after.approve(BO, waiting.id, key="d")
    assert ["subject"] == places(refused.value)
    values = (await after.look(AN, noise.id)).values
    assert ["", "1", "2"] == [one.subject for one in values]
    assert values[2].current is not None
    assert 50.0 == values[2].current.value
    assert "rejected" == (await after.reject(BO, waiting.id, reason="已取消", key="e")).state


async def test_a_value_for_an_area_is_not_approved_where_areas_have_none(town: Town) -> None:
    """A proposal for an area waits while the plugin stops to vary by area."""
    waiting = await town.propose(50.0, area=NORTH)
    after = parameters_of(town.store, town.registers, evolve(LIMIT, varies_by=""))
    with pytest.raises(ProposalInvalid, match="no values for areas") as refused:
        await after.approve(BO, waiting.id, key=town.key())
    assert ["area"] == places(refused.value)


async def test_what_was_refused_or_taken_back_stays_visible(town: Town) -> None:
    """Rejected and withdrawn proposals are kept with who and why, and cannot be decided again."""
    rejected, withdrawn = await town.propose(50.0), await town.propose(51.0)
    with pytest.raises(ProposalInvalid) as missing:
        await town.parameters.reject(BO, rejected.id, reason=" ", key=town.key())
    assert ["reason"] == places(missing.value)
    await town.parameters.reject(BO, rejected.id, reason="文号有误", key=town.key())
    with pytest.raises(AccessDenied):
        await town.parameters.withdraw(BO, withdrawn.id, key=town.key())
    await town.parameters.withdraw(AN, withdrawn.id, key=town.key())
    for proposal in (rejected, withdrawn):
        with pytest.raises(ProposalConflict):
            await town.parameters.approve(BO, proposal.id, key=town.key())
    history = await town.parameters.history(BO, LIMIT.id)
    assert [("rejected", "人2", "文号有误"), ("withdrawn", "人1", "")] == [
        (one.state, one.decided_by, one.decided_reason) for one in history
    ]
    assert 40.5 == await town.level()
    assert [] == town.rows("journal", "kind")


async def test_the_past_changes_only_with_a_reason_and_is_told(town: Town) -> None:
    """Both persons say why; the journal names the first day from which to judge again."""
    with pytest.raises(ProposalInvalid) as missing:
        await town.propose(50.0, YESTERDAY)
    assert ["reason"] == places(missing.value)
    proposal = await town.propose(50.0, YESTERDAY, reason="补录")
    with pytest.raises(ProposalInvalid) as missing:
        await town.parameters.approve(BO, proposal.id, key=town.key())
    assert ["reason"] == places(missing.value)
    await town.parameters.approve(BO, proposal.id, reason="核对无误", key=town.key())
    assert 50.0 == await town.level(on=YESTERDAY)
    first = str(day_number(YESTERDAY)).encode()
    assert [("parameter", LIMIT.id, first)] == town.rows("journal", "kind", "ref", "payload")


async def test_the_same_key_does_it_once(town: Town) -> None:
    """A request sent again gives the first answer; another one under its key is refused."""
    first = await town.propose(50.0, key="one")
    assert first.number == (await town.propose(50.0, key="one")).number
    with pytest.raises(ProposalInvalid) as taken:
        await town.propose(51.0, key="one")
    assert ["key"] == places(taken.value)
    for _ in range(2):
        await town.parameters.approve(BO, first.id, key="two")
    with pytest.raises(ProposalInvalid):
        await town.parameters.reject(BO, first.id, reason="不", key="two")
    with pytest.raises(ProposalInvalid):
        await town.propose(51.0, key="长")
    assert 1 == len(town.rows("journal", "kind"))
    assert ["parameter.propose", "parameter.approve"] == [
        action for (action,) in town.rows("audit", "action")
    ]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"value": 50.001}, ["value"]),
        ({"value": -1.0}, ["value"]),
        ({"value": math.nan}, ["value"]),
        ({"value": 1e300}, ["value"]),
        ({"value": "50"}, ["value"]),
        ({"value": True}, ["value"]),
        ({"value": None}, ["value"]),
        ({"value": 50.0, "ends": True}, ["value"]),
        ({"document": " "}, ["document"]),
        ({"number": "\ud800"}, ["number"]),
        ({"article": "长" * 201}, ["article"]),
        ({"effective_from": "2024-02-30"}, ["effective_from"]),
        ({"effective_from": "3000-01-01"}, ["effective_from"]),
        ({"area": "nowhere"}, ["area"]),
        ({"area": "\0"}, ["area"]),
        ({"key": ""}, ["key"]),
        ({"value": "x", "number": "", "effective_from": ""}, ["value", "effective_from", "number"]),
        ({"parameter": MODE.id, "value": "stop"}, ["value"]),
        ({"parameter": MODE.id, "value": "keep", "area": NORTH}, ["area"]),
    ],
)
async def test_what_breaks_the_form_is_named(
    town: Town, changes: dict[str, Any], wrong: list[str]
) -> None:
    """Type, bounds, decimals, choices, texts, days and areas; nothing is kept."""
    everywhere = evolve(AN, scopes={PROPOSE: SYSTEM.scope("")})
    given: dict[str, Any] = {
        "parameter": LIMIT.id,
        "value": 50.0,
        "effective_from": TODAY,
        "document": "示例文件",
        "number": "1",
        "key": town.key(),
        **changes,
    }
    with pytest.raises(ProposalInvalid) as error:
        await town.parameters.propose(everywhere, given.pop("parameter"), **given)
    assert wrong == places(error.value)
    assert [] == town.rows("parameter_proposals", "id")


async def test_choices_are_texts(town: Town) -> None:
    """A parameter of choices has one of them as its value, and none where it has no default."""
    assert None is await town.parameters.value(MODE.id)
    proposal = await town.propose("spill", parameter=MODE.id)
    await town.parameters.approve(BO, proposal.id, key=town.key())
    found = await town.parameters.value(MODE.id)
    assert found is not None
    assert "spill" == found.value


async def test_another_process_learns_of_an_approval(town: Town) -> None:
    """What is kept in memory is read anew after an approval, whoever made it."""
    other = parameters_of(town.store, town.registers)
    assert 40.5 == getattr(await other.value(LIMIT.id), "value", None)
    await town.set(50.0)
    assert 50.0 == getattr(await other.value(LIMIT.id), "value", None)


async def test_a_value_in_another_unit_is_not_taken(town: Town) -> None:
    """After the unit's change nothing is determined: neither the old number nor the default."""
    await town.set(50.0)
    waiting = await town.propose(51.0)
    centimetres = evolve(LIMIT, field=evolve(LEVEL, unit="cm"))
    changed = parameters_of(town.store, town.registers, centimetres)
    assert None is await changed.value(LIMIT.id)
    with pytest.raises(ProposalInvalid, match="does not fit the field any more"):
        await changed.approve(BO, waiting.id, key=town.key())
    (whole,) = (await changed.look(AN, LIMIT.id)).values
    assert whole.misfit


async def test_those_who_may_approve_are_told_and_so_is_who_proposed(town: Town) -> None:
    """Each in their language; nobody is told of what they did themselves."""
    proposal = await town.propose(50.0, TOMORROW, area=NORTH, reason="入汛")
    told = town.rows("outbox", "recipient", "subject", "body")
    assert [
        ("bo", "Waits for approval: Flood limit, 50.00 m"),
        ("ce", "待批准：汛限水位 50.00 m"),
    ] == [(who, subject) for who, subject, _ in told]
    assert "Area 990101001" in told[0][2]
    assert "自 2023-11-16 起" in told[1][2]
    await town.parameters.approve(BO, proposal.id, key=town.key())
    assert ("an", "已批准：汛限水位 50.00 m") == town.rows("outbox", "recipient", "subject")[-1]


async def test_who_may_not_know_learns_nothing(town: Town) -> None:
    """Without any of the permissions a parameter is not there."""
    stranger = person(3, "other.thing.read")
    await town.set(50.0, area=SOUTH)
    proposal = await town.propose(51.0)
    assert () == await town.parameters.overview(stranger)
    assert not town.parameters.sees_any(stranger)
    for attempt in (
        town.parameters.look(stranger, LIMIT.id),
        town.propose(1.0, by=stranger),
        town.parameters.approve(stranger, proposal.id, key=town.key()),
        town.parameters.look(AN, "dam.nothing"),
        town.parameters.approve(BO, f"{LIMIT.id}/99", key=town.key()),
        town.parameters.approve(BO, "nonsense", key=town.key()),
        town.parameters.value("dam.nothing"),
    ):
        with pytest.raises(NotFound):
            await attempt
    reader = person(3, READ_PERMISSION, area=NORTH)
    (seen,) = [one for one in await town.parameters.overview(reader) if one.parameter is LIMIT]
    assert [""] == [one.area for one in seen.values]
    assert (2,) == tuple(one.number for one in seen.proposals)


async def test_what_a_disabled_plugin_left_stays_to_be_read(town: Town) -> None:
    """By who may read every parameter; nobody can propose, decide, or take it for a value."""
    await town.set(50.0, area=NORTH)
    await town.propose(51.0)
    without = parameters_of(town.store, town.registers, MODE)
    reader = person(3, READ_PERMISSION)
    assert [MODE.id, LIMIT.id] == [one.parameter.id for one in await without.overview(reader)]
    left = await without.look(reader, LIMIT.id)
    assert [50.0, 51.0] == [one.value for one in left.proposals]
    assert [50.0] == [one.current.value for one in left.values if one.current]
    assert [None, None] == [one.misfit for one in left.values]
    assert () == left.decidable(BO)
    for attempt in (
        without.look(AN, LIMIT.id),
        without.value(LIMIT.id),
        without.approve(BO, f"{LIMIT.id}/2", key=town.key()),
        without.look(reader, "\0"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_what_waits_for_somebody_is_counted(town: Town) -> None:
    """The proposals of others that one may approve, of what is declared."""
    await town.propose(50.0)
    await town.propose(50.0, area=NORTH)
    found = [
        await town.parameters.awaiting(one)
        for one in (AN, BO, person(2, APPROVE, area=NORTH), person(2, PROPOSE), SYSTEM)
    ]
    assert [0, 2, 1, 0, 0] == found
    overview = await town.parameters.look(BO, LIMIT.id)
    assert [1, 2] == [one.number for one in overview.decidable(BO)]
    assert () == overview.decidable(AN)


def test_unsound_declarations_are_all_named() -> None:
    """A default that breaks its field, and a value that nobody could check."""
    wrong = Parameter(
        "dam.wrong",
        Text("错"),
        Field("who", "int64", Text("谁"), refers="person", classification="personal"),
        PROPOSE,
        APPROVE,
        default=1.5,
        citation=Citation("无"),
    )
    assert [
        "parameter dam.wrong.field",
        "parameter dam.wrong.field",
        "parameter dam.wrong.default",
    ] == [problem.place for problem in check_parameters([LIMIT, wrong])]


def test_unsound_declarations_refuse_the_start(store: Store) -> None:
    """A county does not start with a default that its field refuses."""
    with pytest.raises(DeploymentError, match="at least 0"):
        parameters_of(store, Registers(store), evolve(LIMIT, default=-1.0))
