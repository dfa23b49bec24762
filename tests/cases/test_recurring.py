"""Recurring tasks: each occurrence opens once, on the grid of the first opening."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from county_gov.cases import Cases
from county_gov.contract.access import SYSTEM
from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.errors import EventNotAllowed
from county_gov.store import tables, tasks
from tests.cases.patrol import EVERY, ROSTER, HandRosters, patrol, tasks_of, timer_of
from tests.cases.world import COUNTY, NORTH, NORTH_GRID, World, actor, world_in
from tests.store_fixtures import START, StandingClock

if TYPE_CHECKING:
    from county_gov.contract.workflow import CaseView, Workflow
    from county_gov.store import Store, Transaction

WORKER, CENTRE, SOUTHERN = actor(3), actor(1), actor(4)


def cases_of(store: Store, workflow: Workflow, rosters: HandRosters | None = None) -> Cases:
    """Give cases of one workflow, as a county has them after a start."""
    return Cases(
        store,
        {workflow.id: workflow},
        county=COUNTY,
        timezone="Asia/Shanghai",
        channels=("log",),
        guard_seconds=30,
        rosters=rosters,
    )


def patrolled(world: World, workflow: Workflow, rosters: HandRosters | None = None) -> World:
    """Give the world with the cases of a workflow."""
    world.cases = cases_of(world.store, workflow, rosters)
    return world


async def begin(world: World) -> CaseView:
    """Open a case and bring it into the state with the recurring task."""
    case = await world.open(workflow="demo.patrol")
    return await world.send(case, "start", SYSTEM)


def letters(world: World) -> list[tuple[str, str]]:
    """Give recipient and body of each notice, oldest first."""
    statement = sa.select(tables.outbox.c.recipient, tables.outbox.c.body).order_by(
        tables.outbox.c.id
    )
    return [tuple(row) for row in world.store.read_now(lambda s: s.rows(statement))]


async def test_the_first_opens_at_once_and_the_others_on_its_grid(
    any_world: World, clock: StandingClock
) -> None:
    """However late one was done, the next opens a whole number of periods after the first."""
    world = patrolled(any_world, patrol())
    case = await begin(world)
    (task,) = tasks_of(world, case)
    assert (1, START, None) == (task.occurrence, task.created_at, task.ended_at)
    assert START + EVERY == await world.cases.recurring.open_due()

    clock.instant = START + HOUR
    case = await world.send(case, "patrolled", WORKER, finding="ok")
    assert ("patrolling", 3) == (case.state, case.version)
    clock.instant = START + EVERY + 1
    assert START + 2 * EVERY == await world.cases.recurring.open_due()
    first, second = tasks_of(world, case)
    assert ("patrolled", 0) == (first.outcome, first.missed)
    assert (2, None) == (second.occurrence, second.ended_at)


async def test_one_that_is_not_done_is_missed_and_counted(
    any_world: World, clock: StandingClock
) -> None:
    """When the next opens, what is still open ends as missed."""
    world = patrolled(any_world, patrol())
    case = await begin(world)
    clock.instant = START + EVERY
    await world.cases.recurring.open_due()
    first, second = tasks_of(world, case)
    assert (1, "", "系统") == (first.missed, first.outcome, first.ended_by)
    assert (2, 0, None) == (second.occurrence, second.missed, second.ended_at)


async def test_after_a_gap_only_the_present_one_opens(
    any_world: World, clock: StandingClock
) -> None:
    """What passed while nothing ran is one row, whether the last one was done before or not."""
    world = patrolled(any_world, patrol())
    undone, done = await begin(world), await begin(world)
    await world.send(done, "patrolled", WORKER)
    clock.instant = START + 10 * EVERY + HOUR
    assert START + 11 * EVERY == await world.cases.recurring.open_due()
    await world.cases.recurring.open_due()
    assert [(1, 10), (11, 0)] == [(t.occurrence, t.missed) for t in tasks_of(world, undone)]
    assert [(1, 0), (2, 9), (11, 0)] == [(t.occurrence, t.missed) for t in tasks_of(world, done)]
    assert 4 == len(letters(world)), "one notice for each that opened"


async def test_a_clock_that_goes_back_opens_nothing_twice(
    any_world: World, clock: StandingClock
) -> None:
    """Until it has come to where it was, the present occurrence stays."""
    world = patrolled(any_world, patrol())
    case = await begin(world)
    clock.instant = START + EVERY
    await world.cases.recurring.open_due()
    clock.instant = START + HOUR
    await world.cases.recurring.open_due()
    clock.instant = START + EVERY
    await world.cases.recurring.open_due()
    assert [1, 2] == [one.occurrence for one in tasks_of(world, case)]


async def test_a_clock_that_stood_ahead_stops_nothing(
    any_world: World, clock: StandingClock
) -> None:
    """Back from another year, the next opens within a period, at its usual minute."""
    world = patrolled(any_world, patrol())
    case = await begin(world)
    clock.instant = START + 4000 * EVERY + 5
    await world.cases.recurring.open_due()
    clock.instant = START + HOUR
    assert START + EVERY == await world.cases.recurring.open_due()
    clock.instant = START + EVERY
    await world.cases.recurring.open_due()
    assert [(1, 4000), (4001, 1), (4002, 0)] == [
        (one.occurrence, one.missed) for one in tasks_of(world, case)
    ]


async def test_they_end_when_the_case_leaves_the_state(
    any_world: World, clock: StandingClock
) -> None:
    """Until cleared: the open one ends with the event, and nothing opens any more."""
    world = patrolled(any_world, patrol())
    case = await begin(world)
    clock.instant = START + HOUR
    case = await world.send(case, "clear", WORKER)
    assert ["clear"] == [one.outcome for one in tasks_of(world, case)]
    clock.instant = START + 5 * EVERY
    assert await world.cases.recurring.open_due() is None
    assert 1 == len(tasks_of(world, case))
    assert timer_of(world, case) is None


async def test_leaving_late_counts_what_passed(any_world: World, clock: StandingClock) -> None:
    """A case that leaves before the timer came by: what passed was missed, nothing more opens."""
    world = patrolled(any_world, patrol())
    case = await begin(world)
    clock.instant = START + 3 * EVERY
    case = await world.send(case, "pause", WORKER)
    assert [(1, 3)] == [(one.occurrence, one.missed) for one in tasks_of(world, case)]
    case = await world.send(case, "start", SYSTEM)
    assert [1, 1] == [one.occurrence for one in tasks_of(world, case)], "a new stay counts anew"
    assert START + 4 * EVERY == await world.cases.recurring.open_due()


async def test_it_is_done_once_for_each_occurrence(any_world: World, clock: StandingClock) -> None:
    """Between two occurrences the event is refused, and who may leave the state stays the same."""
    world = patrolled(any_world, patrol())
    case = await world.send(await begin(world), "patrolled", WORKER)
    with pytest.raises(EventNotAllowed) as refused:
        await world.send(case, "patrolled", WORKER)
    assert "task" == refused.value.code
    with pytest.raises(EventNotAllowed) as refused:
        await world.send(case, "clear", CENTRE)
    assert "task" == refused.value.code
    detail = await world.cases.get(SYSTEM, case.id)
    offered = {event.id for event in world.cases.actions(detail, WORKER)}
    assert {"pause", "clear"} == offered

    clock.instant = START + EVERY
    case = await world.send(case, "patrolled", WORKER)
    assert [(1, "patrolled"), (2, "patrolled")] == [
        (one.occurrence, one.outcome) for one in tasks_of(world, case)
    ]
    await world.cases.recurring.open_due()
    assert 2 == len(tasks_of(world, case)), "opened by who did it; the timer opens it no more"


async def test_who_is_on_duty_gets_it(any_world: World, clock: StandingClock) -> None:
    """The first on duty who holds the role; the roster is asked when the occurrence opens."""
    rosters = HandRosters((5, 3))
    world = patrolled(any_world, patrol(roster=ROSTER), rosters)
    case = await begin(world)
    assert [(3, "")] == [(one.account, one.note) for one in tasks_of(world, case)]
    assert (3,) == case.persons
    assert ((NORTH_GRID, "990101001001", NORTH, COUNTY), START) == rosters.asked[-1]
    assert [("gao", "第 1 次，2023-11-15 08:13 前")] == letters(world)

    for at, duty, expected in (
        (1, (), (None, "nobody_on_duty")),
        (2, (4, 5), (None, "not_holder")),
        (3, None, (None, "no_roster")),
    ):
        rosters.duty = duty
        clock.instant = START + at * EVERY
        await world.cases.recurring.open_due()
        latest = tasks_of(world, case)[-1]
        assert expected == (latest.account, latest.note)
    assert 4 == len(letters(world)), "nobody on duty: every holder is told"


async def test_a_task_that_opens_once_may_have_a_roster(any_world: World) -> None:
    """Without a period the roster and the notice count all the same, once."""
    workflow = patrol(every=0, done_by="", roster=ROSTER)
    events = tuple(one for one in workflow.events if one.id != "patrolled")
    from attrs import evolve

    world = patrolled(any_world, evolve(workflow, events=events), HandRosters((3,)))
    case = await begin(world)
    assert [(3, 0)] == [(one.account, one.occurrence) for one in tasks_of(world, case)]
    assert [("gao", "第 1 次，— 前")] == letters(world)
    assert await world.cases.recurring.open_due() is None


async def test_a_task_that_comes_to_recur_goes_on_with_the_open_one(
    any_world: World, clock: StandingClock
) -> None:
    """After an upgrade the task that is open is the first occurrence, from the start on."""
    from attrs import evolve

    workflow = patrol(every=0, done_by="")
    events = tuple(one for one in workflow.events if one.id != "patrolled")
    world = patrolled(any_world, evolve(workflow, events=events))
    case = await begin(world)
    clock.instant = START + HOUR
    patrolled(world, patrol())
    assert 1 == await world.cases.recurring.adopt()
    assert 0 == await world.cases.recurring.adopt()
    assert [1] == [one.occurrence for one in tasks_of(world, case)]
    clock.instant = START + HOUR + EVERY
    await world.cases.recurring.open_due()
    assert [(1, 1), (2, 0)] == [(one.occurrence, one.missed) for one in tasks_of(world, case)]


async def test_one_that_cannot_be_opened_holds_up_no_other(
    world: World, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told and tried again a minute later; its number stays that of the grid."""

    class Broken(HandRosters):
        def on_duty(self, *args: object) -> tuple[int, ...]:
            if self.duty is None:
                raise ValueError("a broken roster")
            return ()

    rosters = Broken(())
    patrolled(world, patrol(roster=ROSTER), rosters)
    case = await begin(world)
    rosters.duty = None
    clock.instant = START + EVERY
    assert clock.now() + 60 * MICROSECONDS == await world.cases.recurring.open_due()
    rosters.duty = ()
    clock.instant += 60 * MICROSECONDS
    assert START + 2 * EVERY == await world.cases.recurring.open_due()
    assert [1, 2] == [one.occurrence for one in tasks_of(world, case)]


async def test_the_due_ones_are_found_by_one_index(any_store: Store) -> None:
    """Whatever waits later is not looked at: the index leads to what is due."""

    def fill(tx: Transaction) -> None:
        rows = [
            (number, "demo.patrol", "patrolling", START, EVERY, 1, START + number)
            for number in range(1, 2001)
        ]
        tx.driver_many(
            'INSERT INTO task_timers ("case", workflow, state, first_at, every, occurrence,'
            " due_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    any_store.submit(fill).result()
    due = any_store.read_now(
        lambda s: tasks.due_timers(s, {"demo.patrol", "other"}, START + 3, limit=50)
    )
    assert [1, 2, 3] == [one.case for one in due]
    if any_store.database.dialect == "sqlite":
        plan = any_store.read_now(
            lambda s: s.rows(
                sa.text(
                    "EXPLAIN QUERY PLAN SELECT * FROM task_timers WHERE workflow IN ('a', 'b')"
                    " AND due_at <= 5 ORDER BY due_at LIMIT 50"
                )
            )
        )
        assert "ix_task_timers_workflow_due_at" in str(plan)


moves = st.one_of(
    st.tuples(st.just("advance"), st.integers(0, 3 * EVERY)),
    st.tuples(st.just("advance"), st.sampled_from([EVERY, EVERY - 1, 20 * EVERY, -EVERY, -1])),
    st.tuples(st.just("done"), st.just(0)),
    st.tuples(st.just("tick"), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(moves, max_size=25))
def test_any_course_opens_what_a_naive_model_says(sequence: list[tuple[str, int]]) -> None:
    """Clock moves, completions and restarts in any order: each occurrence once, none forgotten."""

    async def play(world: World) -> None:
        patrolled(world, patrol())
        clock = world.store.clock
        assert isinstance(clock, StandingClock)
        case = await begin(world)
        last, done, missed, first = 1, set[int](), set[int](), START
        for what, amount in sequence:
            if what == "advance":
                clock.instant += amount
                continue
            if what == "restart":
                patrolled(world, patrol())
                await world.cases.recurring.adopt()
            ahead = first + (last - 1) * EVERY - clock.instant
            if what != "done" and ahead > EVERY:
                first -= -(-ahead // EVERY) * EVERY
            number = max(last, (clock.instant - first) // EVERY + 1)
            missed |= set(range(last, number)) - done
            last = number
            if what != "done":
                await world.cases.recurring.open_due()
            elif last in done:
                with pytest.raises(EventNotAllowed):
                    await world.send(case, "patrolled", WORKER)
            else:
                case = await world.send(case, "patrolled", WORKER)
                done.add(last)
        rows = tasks_of(world, case)
        covered = [n for t in rows for n in range(t.occurrence, t.occurrence + max(t.missed, 1))]
        assert list(range(1, last + 1)) == covered
        assert done == {one.occurrence for one in rows if one.outcome == "patrolled"}
        assert len(missed) == sum(one.missed for one in rows)
        assert ([] if last in done else [last]) == [
            one.occurrence for one in rows if one.ended_at is None
        ]

    with tempfile.TemporaryDirectory() as folder, world_in(Path(folder)) as world:
        asyncio.run(play(world))
