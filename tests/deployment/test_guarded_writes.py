"""What contexts refuse to write, hear and read: others' secrets, and arguments that are none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from attrs import evolve

from county_gov.api import (
    AccessDenied,
    Actor,
    AlertChanged,
    CaseNotFound,
    CaseView,
    Context,
    ContractError,
    EventNotAllowed,
)
from county_gov.deployment.events import Listener
from county_gov.store import cases, tables
from county_gov.store.followers import JournalRow
from county_gov.testing import Scenario
from tests.deployment.guarded import ALL, GAUGE, HERE, guarded, person

NOTICE = {"recipient": "keeper", "subject": "水位", "body": "一\n二"}


async def move(ctx: Any, case: CaseView, *, event: str = "over", version: int = 1) -> CaseView:
    """Make an event under one key."""
    moved: CaseView = await ctx.send_event(
        case.id, event, data={}, expected_version=version, idempotency_key="k"
    )
    return moved


async def open_in(ctx: Any, workflow: str, key: str = "k") -> CaseView:
    """Open a case of a workflow."""
    opened: CaseView = await ctx.open_case(
        workflow, title="看守", area=HERE, subject="S", data={}, idempotency_key=key
    )
    return opened


async def others(s: Scenario, actor: Actor) -> tuple[Any, ...]:
    """Another plugin's contexts: its own, and two of somebody."""
    county = s.county
    return (
        county.context("other.job"),
        county.command_context(actor, {}, "other.do", "click", ""),
        county.endpoint_context("other.ask", actor, ""),
    )


async def test_another_plugins_confidential_case_is_not_there_to_be_moved() -> None:
    """A right event, a wrong one and a stale version are told as for a case that is not there."""
    async with guarded() as s:
        (secret,) = await s.cases("dam.secret")
        actor = await person(s, *ALL)
        account = actor.account
        assert account is not None
        await s.county.store.write(
            lambda tx: cases.add_participants(
                tx, int(secret.id), units=(), persons=[account], since=1
            )
        )
        nowhere = evolve(secret, id="9999")
        for ctx in await others(s, actor):
            for asked in ({}, {"event": "nonsense"}, {"version": 99}):
                with pytest.raises(CaseNotFound) as told:
                    await move(ctx, secret, **asked)
                with pytest.raises(CaseNotFound) as expected:
                    await move(ctx, nowhere, **asked)
                assert str(expected.value).replace("9999", secret.id) == str(told.value)
        (still,) = await s.cases("dam.secret")
        assert secret.version == still.version
        moved = await move(s.county.command_context(actor, {}, "dam.do", "click", ""), secret)
        assert secret.version + 1 == moved.version


async def test_a_repeated_event_tells_nothing_of_what_became_confidential() -> None:
    """The first result is not given again once the case is another plugin's secret."""
    async with guarded() as s:
        (repair,) = await s.cases("dam.repair")
        ctx = s.county.context("other.job")
        first, again = await move(ctx, repair), await move(ctx, repair)
        assert (first.id, first.version) == (again.id, again.version)
        known = s.county.cases.workflows
        secret = evolve(known["dam.repair"], confidential=True)
        s.county.cases.workflows = MappingProxyType({**known, "dam.repair": secret})
        with pytest.raises(CaseNotFound):
            await move(ctx, repair)


async def test_another_plugin_opens_nothing_confidential() -> None:
    """Its workflow is answered, and listed, as if there were none."""
    async with guarded() as s:
        for ctx in await others(s, await person(s, *ALL)):
            with pytest.raises(EventNotAllowed) as told:
                await open_in(ctx, "dam.secret")
            with pytest.raises(EventNotAllowed) as expected:
                await open_in(ctx, "dam.absent")
            assert "workflow" == told.value.code
            assert str(expected.value).replace("absent", "secret") == str(told.value)
            assert "dam.watch" == (await open_in(ctx, "dam.watch")).workflow
        assert "dam.secret" == (await open_in(s.context(), "dam.secret")).workflow


async def test_an_alert_hides_another_plugins_confidential_case() -> None:
    """The dam's own listener is told which case it is, another plugin's is not."""
    async with guarded() as s:
        (secret,), (repair,) = await s.cases("dam.secret"), await s.cases("dam.repair")
        (episode,) = await s.context().read.episodes()
        told: dict[str, list[str]] = {"dam": [], "other": []}
        for plugin, heard in told.items():

            async def listen(event: AlertChanged, ctx: Context, heard: list[str] = heard) -> None:
                heard.append(event.episode.case)

            county = s.county
            listener = Listener(
                plugin,
                {"alert_changed": listen},
                county.gateway,
                county.cases,
                county.context(plugin),
            )
            for case in (secret.id, repair.id, ""):
                change = {"change": "level", "episode": evolve(episode, case=case), "details": {}}
                row = JournalRow(1, "alert", "1", 1, msgspec.json.encode(change))
                assert await listener.tell(row) is None
        assert {"dam": [secret.id, repair.id, ""], "other": ["", repair.id, ""]} == told


@pytest.mark.parametrize("part", ["recipient", "subject"])
@pytest.mark.parametrize("text", ["", "a\r\nBcc: x", "a\n", "a\u2028b", "a\0", "\ud800", "s" * 201])
async def test_recipient_and_subject_of_a_notice_are_one_line(part: str, text: str) -> None:
    """What is none is told before anything is kept."""
    await _refused({part: text}, part)


@pytest.mark.parametrize("change", [{"body": None}, {"body": "b" * 65_537}, {"body": "\0"}])
async def test_the_body_of_a_notice_is_a_bounded_text(change: Mapping[str, Any]) -> None:
    """Neither nothing, nor megabytes, nor what a database refuses."""
    await _refused(change, "body")


async def _refused(change: Mapping[str, Any], part: str) -> None:
    async with guarded() as s:
        before = _notices(s)
        with pytest.raises(ContractError, match=f"notify: the {part}"):
            await s.context().notify(**{**NOTICE, **change}, idempotency_key="k")
        assert before == _notices(s)


async def test_the_longest_notice_is_taken() -> None:
    """The bounds belong to what is taken."""
    async with guarded() as s:
        before = _notices(s)
        longest = {"recipient": "r" * 200, "subject": "s" * 200, "body": "b" * 65_536}
        await s.context().notify(**longest, idempotency_key="k")
        assert before < _notices(s)


async def test_who_has_not_signed_in_notifies_nobody() -> None:
    """A device may, and so may the plugin on its own behalf."""
    async with guarded() as s:
        ctx = s.county.endpoint_context("dam.open", Actor("person", ""), "")
        before = _notices(s)
        with pytest.raises(AccessDenied, match=r"ctx\.plugin"):
            await ctx.notify(**NOTICE, idempotency_key="k")
        assert before == _notices(s)
        await ctx.plugin.notify(**NOTICE, idempotency_key="k")
        told = _notices(s)
        device = s.county.endpoint_context("dam.open", Actor("device", "D1"), "")
        await device.notify(**NOTICE, idempotency_key="k")
        assert before < told < _notices(s)


def _notices(s: Scenario) -> int:
    """How many notices there are."""
    statement = sa.select(sa.func.count()).select_from(tables.outbox)
    return int(s.county.store.read_now(lambda snapshot: snapshot.scalar(statement)))


async def test_callers_of_an_endpoint_do_not_share_their_keys() -> None:
    """The same key of two persons or devices opens a case for each, and of one a single one."""
    async with guarded() as s:
        actor = await person(s, *ALL)
        callers = (
            actor,
            evolve(actor, account=(actor.account or 0) + 1),
            Actor("device", "D1"),
            Actor("device", "D2"),
        )
        opened = []
        for caller in callers:
            ctxs = [s.county.endpoint_context("dam.ask", caller, "") for _ in range(2)]
            first, again = [await open_in(ctx.plugin, "dam.watch", "client") for ctx in ctxs]
            assert first.id == again.id
            opened.append(first.id)
        assert len(callers) == len(set(opened))


@pytest.mark.parametrize(
    "start_and_end", [("a", 2), (0, 2**63), (-(2**70), 0), (None, 1), (0.5, 1), (True, 2)]
)
async def test_an_instant_that_is_none_is_told(start_and_end: tuple[Any, Any]) -> None:
    """Of readings and hours alike, instead of what numpy or the database say."""
    async with guarded() as s:
        read = s.context().read
        for method in (read.observations, read.hourly):
            with pytest.raises(ContractError, match=r"^(start|end): "):
                await method(GAUGE, *start_and_end)


async def test_instants_may_be_of_numpy_and_as_far_as_they_go() -> None:
    """What a batch's own column gives can be asked with, and so can the ends of time."""
    async with guarded() as s:
        read: Any = s.context().read
        every = await read.observations(GAUGE, -(2**63), 2**63 - 1)
        assert 1 == every.rows
        at = every["time"][0]
        assert isinstance(at, np.int64)
        assert 1 == (await read.observations(GAUGE, at, at + 1)).rows
        assert 1 == (await read.hourly(GAUGE, -(2**63), 2**63 - 1)).rows


@pytest.mark.parametrize("limit", ["5", True, 2.5, None, 2**70])
async def test_a_limit_of_another_type_is_told(limit: Any) -> None:
    """For cases and episodes alike."""
    async with guarded() as s:
        for read in (s.context().read.cases, s.context().read.episodes):
            with pytest.raises(ContractError, match="limit: expected 1 to 500"):
                await read(limit=limit)


async def test_a_filter_of_another_type_is_told() -> None:
    """What is no text is the plugin's mistake; what nothing can be called by finds nothing."""
    async with guarded() as s:
        read: Any = s.context().read
        asked = {
            "workflow": (read.cases, read.count_cases),
            "state": (read.cases,),
            "policy": (read.episodes,),
            "datastream": (read.episodes,),
        }
        for name, methods in asked.items():
            for method in methods:
                for value in (5, None, ["a"]):
                    with pytest.raises(ContractError, match=f"{name}: expected a text"):
                        await method(**{name: value})
                for text in ("\0", "\ud800"):
                    assert not await method(**{name: text})
        with pytest.raises(ContractError, match="datastream: expected a text"):
            await read.observations(["a"], 0, 1)
