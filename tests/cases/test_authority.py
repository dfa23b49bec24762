"""The rules of who may see and do stand twice, in Python and in SQL: here they must agree."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from county_gov.cases.authority import Standing, holds_task, reaches, takes_part
from county_gov.contract.access import Actor, Grant, Post, Scope
from tests.cases.world import (
    COUNTY,
    NORTH,
    NORTH_GRID,
    READ,
    SOUTH_GRID,
    UNITS,
    WORKFLOW,
    World,
    actor,
    make_cases,
    world_in,
)

AREAS = [COUNTY, NORTH, NORTH_GRID, SOUTH_GRID, "990199"]
grants = st.builds(
    Grant,
    area=st.none() | st.sampled_from(AREAS),
    unit=st.none() | st.sampled_from(UNITS),
    person=st.none() | st.integers(1, 7),
)
scopes = st.builds(
    Scope, grants=st.frozensets(grants, max_size=3), everywhere=st.booleans().map(lambda _: False)
)
posts = st.builds(
    Post,
    role=st.sampled_from(["dispatch_centre", "grid_worker", "department_officer"]),
    unit=st.sampled_from(UNITS),
    area=st.sampled_from(AREAS),
)
actors = st.builds(
    Actor,
    kind=st.just("person"),
    name=st.just("某"),
    account=st.none() | st.integers(1, 7),
    posts=st.lists(posts, max_size=3).map(tuple),
)


async def various_cases(world: World) -> None:
    """Open cases in every state, here and there, with and without named persons and units."""
    await world.open(area=NORTH_GRID)
    await world.open(area=SOUTH_GRID)
    for area, worker, unit in ((NORTH_GRID, 3, "environment"), (SOUTH_GRID, 4, "water")):
        await world.send(await world.open(area=area), "dispatch", actor(1))
        case = await world.send(
            await world.open(area=area), "dispatch", actor(1), worker_account=worker
        )
        case = await world.send(
            await world.open(area=area), "dispatch", actor(1), worker_account=worker
        )
        case = await world.send(case, "report", actor(worker), source="yes", handling_unit=unit)
        await world.send(await world.open(area=area), "withdraw", actor(1))


def test_python_and_sql_agree_on_scopes_and_tasks() -> None:
    """A case is in the list exactly when it is within reach; likewise for whose task it is."""
    with tempfile.TemporaryDirectory() as folder, world_in(Path(folder)) as world:
        asyncio.run(various_cases(world))
        summaries, _ = asyncio.run(world.cases.find(Scope.everything(), limit=100))
        details = [
            asyncio.run(world.cases.get(Scope.everything(), one.view.id)) for one in summaries
        ]

        @settings(max_examples=60)
        @given(scopes, actors)
        def agree(scope: Scope, who: Actor) -> None:
            standings = [Standing(one.view, one.lineage, one.task) for one in details]
            seen, _ = asyncio.run(world.cases.find(scope, limit=100))
            expected = {one.view.id for one in standings if reaches(scope, one)}
            assert expected == {one.view.id for one in seen}
            mine, _ = asyncio.run(world.cases.find(Scope.everything(), mine=who, limit=100))
            expected = {
                one.view.id for one in standings if one.task is not None and holds_task(who, one)
            }
            assert expected == {one.view.id for one in mine}

        agree()


def test_python_and_sql_agree_on_who_takes_part() -> None:
    """A confidential case is in the list of who takes part in it, or may do its open task."""
    with tempfile.TemporaryDirectory() as folder, world_in(Path(folder)) as world:
        asyncio.run(various_cases(world))
        cases = make_cases(world.store, evolve(WORKFLOW, confidential=True))
        summaries, _ = asyncio.run(cases.find(Scope.everything(), limit=100))
        details = [asyncio.run(cases.get(Scope.everything(), one.view.id)) for one in summaries]

        @settings(max_examples=60)
        @given(actors)
        def agree(who: Actor) -> None:
            reader = evolve(who, scopes={READ: Scope.everything()})
            seen, _ = asyncio.run(cases.find(reader, limit=100))
            expected = {
                one.view.id
                for one in details
                if takes_part(reader, Standing(one.view, one.lineage, one.task))
            }
            assert expected == {one.view.id for one in seen}

        agree()
