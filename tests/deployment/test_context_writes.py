"""Writes through contexts: repeated or at once under one key they are done once, and only there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from attrs import evolve, frozen

from county_gov.api import CaseView, ContractError, Value
from county_gov.store import tables
from county_gov.testing import Scenario
from tests.deployment.guarded import ALL, GATES, HERE, guarded, person

KINDS = ("plugin", "command", "endpoint")
KEY = "as-it-is-for"


@frozen(eq=False)
class World:
    """A story, and the contexts that write in it."""

    story: Scenario
    watched: CaseView

    async def context(self, kind: str, call: str = "click") -> Any:
        """A context of the same contribution, as a call gives it."""
        county, actor = self.story.county, await person(self.story, *ALL)
        if kind == "plugin":
            return county.context("dam.job")
        if kind == "endpoint":
            return county.endpoint_context("dam.ask", actor, "")
        return county.command_context(actor, {}, "dam.do", call, "")

    def count(self, table: sa.Table) -> int:
        """How many rows a table has."""
        statement = sa.select(sa.func.count()).select_from(table)
        return int(self.story.county.store.read_now(lambda s: s.scalar(statement)))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A story with one case that can be moved."""
    async with guarded() as s:
        yield World(s, await s.open("dam.watch", title="看守", area=HERE))


def gate(number: int) -> Mapping[str, Value]:
    """A gate; what a repetition says of it may be other, as when it holds the time."""
    return {"code": "G9", "area": HERE, "keeper": f"第{number}次"}


async def put(world: World, ctx: Any, key: str, number: int) -> Any:
    """Enter a gate."""
    return await ctx.records.put(GATES, gate(number), idempotency_key=key)


async def remove(world: World, ctx: Any, key: str, number: int) -> Any:
    """Remove the gate that is there."""
    return await ctx.records.remove(GATES, "G1", idempotency_key=key)


async def open_case(world: World, ctx: Any, key: str, number: int) -> Any:
    """Open a case."""
    return await ctx.open_case(
        "dam.watch", title=f"第{number}次", area=HERE, subject="S", data={}, idempotency_key=key
    )


async def send_event(world: World, ctx: Any, key: str, number: int) -> Any:
    """Move the case on, in the version in which it stands."""
    version = world.watched.version if number < 2 else world.watched.version + 1
    return await ctx.send_event(
        world.watched.id, "over", data={}, expected_version=version, idempotency_key=key
    )


async def notify(world: World, ctx: Any, key: str, number: int) -> Any:
    """Tell somebody."""
    await ctx.notify("keeper", subject=f"第{number}次", body="…", idempotency_key=key)


WRITES: Mapping[str, tuple[Callable[..., Awaitable[Any]], sa.Table]] = {
    "records.put": (put, tables.record_history),
    "records.remove": (remove, tables.record_history),
    "open_case": (open_case, tables.cases),
    "send_event": (send_event, tables.case_events),
    "notify": (notify, tables.outbox),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_repeated_is_done_once(world: World, write: str, kind: str) -> None:
    """The same call again, in a context made anew and with another time of day, changes nothing."""
    do, table = WRITES[write]
    before = world.count(table)
    first = await do(world, await world.context(kind), KEY, 1)
    done = world.count(table)
    again = await do(world, await world.context(kind), KEY, 2)
    assert before < done
    assert done == world.count(table)
    assert _named(first) == _named(again)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_at_once_is_done_once(world: World, write: str, kind: str) -> None:
    """Several of the same call at the same time give the same, and do it once."""
    do, table = WRITES[write]
    ones = [await world.context(kind) for _ in range(4)]
    before = world.count(table)
    found = await asyncio.gather(*(do(world, ctx, KEY, 1) for ctx in ones))
    assert 1 == len({_named(one) for one in found})
    done = world.count(table)
    await do(world, await world.context(kind), KEY, 1)
    assert before < done == world.count(table)


async def test_keys_count_within_contribution_and_click(world: World) -> None:
    """Another job, command or click with the same key does something of its own."""
    county, actor = world.story.county, await person(world.story, *ALL)
    found = [
        county.context("dam.job"),
        county.context("dam.other"),
        county.endpoint_context("dam.ask", actor, ""),
        county.command_context(actor, {}, "dam.do", "one", ""),
        county.command_context(actor, {}, "dam.do", "two", ""),
        county.command_context(actor, {}, "dam.undo", "one", ""),
        county.command_context(actor, {}, "dam.do", "one", "").plugin,
        county.command_context(actor, {}, "dam.do", "two", "").plugin,
    ]
    opened = [await open_case(world, ctx, KEY, 1) for ctx in found]
    assert len(found) == len({one.id for one in opened})


async def test_two_people_do_not_share_their_clicks(world: World) -> None:
    """The same key from another person is another click, on the plugin's own behalf as well."""
    county, actor = world.story.county, await person(world.story, *ALL)
    other = evolve(actor, account=(actor.account or 0) + 1)
    opened = [
        await open_case(world, county.command_context(who, {}, "dam.do", "one", "").plugin, KEY, 1)
        for who in (actor, other)
    ]
    assert opened[0].id != opened[1].id


async def test_one_key_serves_several_kinds_of_write(world: World) -> None:
    """A command may pass its click's key on to each: they do not take one another's place."""
    ctx = await world.context("command")
    for name, (do, table) in WRITES.items():
        before = world.count(table)
        await do(world, ctx, ctx.key, 1)
        assert before < world.count(table), name


async def test_cases_about_other_subjects_are_others(world: World) -> None:
    """One key for several subjects opens a case for each."""
    ctx = await world.context("plugin")
    opened = [
        await ctx.open_case(
            "dam.watch", title="看守", area=HERE, subject=one, data={}, idempotency_key=KEY
        )
        for one in ("A", "B", "A")
    ]
    assert opened[0].id == opened[2].id != opened[1].id


@pytest.mark.parametrize("key", ["", "k" * 201, "a\0b"])
async def test_a_key_that_cannot_be_one_is_the_plugins_mistake(world: World, key: str) -> None:
    """Every write says so before it does anything."""
    for do, _table in WRITES.values():
        with pytest.raises(ContractError, match="idempotency_key"):
            await do(world, await world.context("command"), key, 1)


async def test_notes_keep_the_last(world: World) -> None:
    """Noted twice or at once there is one note, and each plugin has its own."""
    notes, before = world.story.context().notes, world.count(tables.plugin_notes)
    await asyncio.gather(*(notes.set("cursor", "7") for _ in range(4)))
    await notes.set("cursor", "8")
    assert "8" == await notes.get("cursor")
    assert await world.story.county.context("other").notes.get("cursor") is None
    assert before + 1 == world.count(tables.plugin_notes)


def _named(result: Any) -> object:
    """What tells one result from another."""
    if isinstance(result, CaseView):
        return result.id, result.version
    return None if result is None else (result.key, result.version)
