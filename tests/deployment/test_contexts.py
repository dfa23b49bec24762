"""The contexts: what each member shows to whom, and that there is nothing beside the contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from county_gov.api import (
    ActingContext,
    Actor,
    CaseMoved,
    CommandContext,
    Context,
    ContractError,
    EndpointContext,
    Http,
    Notes,
    NotFound,
    PageContext,
    ParameterReader,
    Reader,
    ReadingContext,
    RecordReader,
    RecordWriter,
)
from county_gov.deployment import County
from county_gov.deployment.events import Listener
from county_gov.store import cases, followers
from county_gov.testing import Scenario
from tests.deployment.guarded import (
    ALL,
    COUNTY,
    ELSEWHERE,
    GATES,
    HERE,
    NEWS,
    contexts,
    guarded,
    person,
    shown,
)

PROTOCOLS: dict[str, type] = {
    "page": PageContext,
    "command": CommandContext,
    "endpoint": EndpointContext,
}
READS: dict[str, type] = {"read": Reader, "records": RecordReader, "parameters": ParameterReader}


def members(protocol: type) -> set[str]:
    """The public members of a protocol."""
    return {
        name
        for cls in protocol.__mro__
        if cls.__module__.startswith("county_gov.")
        for name in vars(cls)
        if not name.startswith("_")
    }


async def take_part(s: Scenario, actor: Actor) -> None:
    """Let somebody take part in the confidential case."""
    (secret,) = await s.cases("dam.secret")
    account = actor.account
    assert account is not None
    await s.county.store.write(
        lambda tx: cases.add_participants(tx, int(secret.id), units=(), persons=[account], since=1)
    )


async def test_who_may_see_it_all_does_but_for_the_confidential_matter() -> None:
    """Each member shows its one thing in every context; the matter only to who takes part."""
    async with guarded() as s:
        actor = await person(s, *ALL)
        for ctx in contexts(s, actor).values():
            assert {1} == set((await shown(s, ctx)).values())
        await take_part(s, actor)
        for ctx in contexts(s, actor).values():
            found = await shown(s, ctx)
            assert (2, 2) == (found["read.cases"], found["read.count_cases"])


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_without_a_permission_or_elsewhere_nothing_is_shown(kind: str) -> None:
    """Whoever lacks the permission, or has it for another area, sees nothing of anything."""
    async with guarded() as s:
        for actor in (await person(s), await person(s, *ALL, area=ELSEWHERE)):
            await take_part(s, actor)
            found = await shown(s, contexts(s, actor)[kind])
            assert dict.fromkeys(found, 0) == found


async def test_each_permission_opens_its_own_members_only() -> None:
    """An endpoint's, page's or command's own permission opens none of them."""
    opened = {
        "core.observations.read": {
            "read.datastreams",
            "read.latest",
            "read.observations",
            "read.hourly",
        },
        "core.alerts.read": {"read.episodes"},
        "dam.use": {"read.cases", "read.count_cases", "parameters.value"},
        "dam.read": {
            "records.get",
            "records.find",
            "records.count",
            "records.columns",
            "parameters.value",
        },
        "cases.case.open": set(),
    }
    assert set(ALL) == set(opened)
    async with guarded() as s:
        for permission, expected in opened.items():
            for ctx in contexts(s, await person(s, permission)).values():
                found = await shown(s, ctx)
                assert expected == {name for name, count in found.items() if count}


async def test_every_reading_member_is_tried() -> None:
    """What the protocols of reads gain has to be tried here as well."""
    async with guarded() as s:
        found = await shown(s, s.context())
    expected = {f"{part}.{name}" for part, cls in READS.items() for name in members(cls)}
    assert expected == set(found)


async def test_a_plugin_sees_all_but_other_plugins_confidential_matters() -> None:
    """The dam's own context shows its secret, another plugin's does not, nor in an episode."""
    async with guarded() as s:
        own, other = s.context(), s.county.context("other")
        assert 2 == await own.read.count_cases()
        assert ["dam.repair"] == [one.workflow for one in await other.read.cases()]
        assert 1 == await other.read.count_cases()
        (found,) = await own.records.find(GATES)
        assert "张三" == found.values["keeper"]


async def test_listeners_do_not_hear_of_other_plugins_confidential_matters() -> None:
    """The dam's own listener is told of each step of its secret, another plugin's of none."""
    async with guarded() as s:
        secret, repair = [(await s.cases(one))[0].id for one in ("dam.secret", "dam.repair")]
        journal = await s.county.store.read(
            lambda snapshot: followers.read_journal(snapshot, 0, kinds=("case",), limit=100)
        )
        told: dict[str, set[str]] = {"dam": set(), "other": set()}
        for plugin, heard in told.items():

            async def listen(event: CaseMoved, ctx: Context, heard: set[str] = heard) -> None:
                heard.add(event.case.id)

            listener = Listener(
                plugin,
                {"case_moved": listen},
                s.county.gateway,
                s.county.cases,
                s.county.context(plugin),
            )
            for row in journal:
                assert await listener.tell(row) is None
        assert {"dam": {secret, repair}, "other": {repair}} == told


async def test_an_episode_hides_a_case_that_is_not_to_be_seen() -> None:
    """Who may see alerts and not the case is not told its number."""
    async with guarded() as s:
        for permissions, known in ((("core.alerts.read",), False), (ALL, True)):
            ctx = contexts(s, await person(s, *permissions))["page"]
            (episode,) = await ctx.read.episodes()
            assert known == bool(episode.case)


async def test_nobody_in_particular_sees_what_is_public() -> None:
    """Public datasets and parameters, and nothing else."""
    async with guarded() as s:
        ctx = s.county.endpoint_context("dam.open", Actor("person", ""), "")
        found = await shown(s, ctx)
        assert dict.fromkeys(found, 0) == found
        assert ["N1"] == [one.key for one in await ctx.records.find(NEWS)]
        depth = await ctx.parameters.value("dam.public")
        assert depth is not None
        assert 2.5 == depth.value
        for parameter in ("dam.house", "dam.limit", "dam.none"):
            with pytest.raises(NotFound):
                await ctx.parameters.value(parameter)
        device = s.county.endpoint_context("dam.open", Actor("device", "D1"), "")
        with pytest.raises(NotFound):
            await device.parameters.value("dam.house")


async def test_parameters_without_a_read_permission_are_for_the_people_of_the_county() -> None:
    """Anybody with an account; the whole county's value also of one that needs a permission."""
    async with guarded() as s:
        ctx = contexts(s, await person(s))["page"]
        house = await ctx.parameters.value("dam.house")
        assert house is not None
        assert 1.5 == house.value
        away = contexts(s, await person(s, "dam.read", area=ELSEWHERE))["page"]
        assert await away.parameters.value("dam.limit", area=COUNTY) is None
        with pytest.raises(NotFound):
            await away.parameters.value("dam.limit", area=HERE)


async def test_personal_fields_are_masked_for_persons() -> None:
    """In every context that belongs to somebody who may not see them."""
    async with guarded() as s:
        for ctx in contexts(s, await person(s, *ALL)).values():
            (found,) = await ctx.records.find(GATES)
            assert "张*" == found.values["keeper"]


async def test_contexts_have_the_contract_and_nothing_beside_it() -> None:
    """No public attribute of a context or of its parts leads anywhere else."""
    async with guarded() as s:
        found = {"plugin": s.context(), **contexts(s, await person(s, *ALL))}
        parts: dict[str, type] = {**READS, "notes": Notes}
        for kind, ctx in found.items():
            protocol = PROTOCOLS.get(kind, Context)
            assert members(protocol) == _public(ctx)
            for name, part in parts.items():
                if name in members(protocol):
                    writes = name == "records" and kind != "page"
                    assert members(RecordWriter if writes else part) == _public(getattr(ctx, name))
        assert members(Http) == _public(County.context(s.county, "dam").http)


def _public(thing: Any) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_limit_that_is_none_is_told(limit: int) -> None:
    """For cases and episodes alike."""
    async with guarded() as s:
        reads: tuple[Callable[..., Any], ...] = (s.context().read.cases, s.context().read.episodes)
        for read in reads:
            with pytest.raises(ContractError, match="expected 1 to 500"):
                await read(limit=limit)


@pytest.mark.parametrize(
    ("key", "value"), [("", "a"), ("k" * 201, "a"), ("k", "\0"), ("k", "\ud800")]
)
async def test_a_note_that_cannot_be_kept_is_told(key: str, value: str) -> None:
    """Too long, empty, or nothing that a database takes."""
    async with guarded() as s:
        with pytest.raises(ContractError, match="notes"):
            await s.context().notes.set(key, value)


def test_a_context_is_explained_member_by_member() -> None:
    """Each member of the contexts and their parts has words; writes tell of their key."""
    for protocol in (*PROTOCOLS.values(), Context, ReadingContext, ActingContext, *READS.values()):
        for name in members(protocol):
            assert inspect.getdoc(getattr(protocol, name)), f"{protocol.__name__}.{name}"
    for write in (ActingContext.open_case, ActingContext.send_event, ActingContext.notify):
        assert "idempotency_key:" in (inspect.getdoc(write) or "")
