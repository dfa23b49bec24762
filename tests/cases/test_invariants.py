"""What holds after any sequence of events, and after a crash at any statement."""

from __future__ import annotations

import asyncio
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from county_gov.contract.access import SYSTEM, Scope
from county_gov.errors import CaseError
from county_gov.store import tables
from tests.cases.world import NORTH_GRID, SOUTH_GRID, WORKFLOW, World, actor, world_in

if TYPE_CHECKING:
    from county_gov.contract.schema import Value
    from county_gov.store import Snapshot
    from county_gov.store.sqlite import SqliteDatabase

EVENTS = [event.id for event in WORKFLOW.events]
DATA: dict[str, list[dict[str, Value]]] = {
    "dispatch": [{}, {"worker_account": 3}, {"worker_account": 4}, {"note": "object"}],
    "report": [
        {"source": "yes", "handling_unit": "environment"},
        {"source": "no", "handling_unit": "water"},
        {"source": "perhaps", "handling_unit": "nowhere"},
    ],
}
steps = st.tuples(
    st.integers(0, 2),
    st.sampled_from(EVENTS),
    st.integers(0, 3),
    st.sampled_from([1, 3, 4, 5, 6, 7, 0]),
    st.integers(-1, 0),
    st.sampled_from(["", "", "", "shared"]),
)


def check_invariants(world: World) -> None:
    """Assert what must hold of every case at any time."""

    def read(table: str) -> list[Any]:
        return list(
            world.store.read_now(lambda s: s.rows(sa.select(tables.metadata.tables[table])))
        )

    history, open_tasks = read("case_events"), [t for t in read("tasks") if t.ended_at is None]
    serials = sorted(int(case.number[-6:]) for case in read("cases"))
    assert list(range(1, len(serials) + 1)) == serials
    for case in read("cases"):
        events = sorted((e for e in history if e.case == case.id), key=lambda e: e.sequence)
        assert list(range(1, case.version + 1)) == [event.sequence for event in events]
        assert case.state == events[-1].to_state
        assert all(a.to_state == b.from_state for a, b in pairwise(events))
        state = WORKFLOW.state(case.state)
        mine = [task for task in open_tasks if task.case == case.id]
        assert ([case.state] if state.task else []) == [task.state for task in mine]
        assert state.final == (case.closed_at is not None)
    moved = [entry for entry in read("journal") if entry.kind == "case"]
    assert len(history) == len(moved) == len(read("idempotency_keys"))
    assert len(history) == sum(row.outcome == "done" for row in read("audit"))
    keys = [letter.key for letter in read("outbox")]
    assert len(keys) == len(set(keys))
    assert not {t.case for t in read("tasks")} - {case.id for case in read("cases")}


@settings(max_examples=25)
@given(st.lists(steps, min_size=1, max_size=14))
def test_any_sequence_of_events_keeps_the_invariants(
    sequence: list[tuple[int, str, int, int, int, str]],
) -> None:
    """Whoever sends whatever: one open task where the state has one, no gap in any history."""

    async def play(world: World) -> None:
        cases = [await world.open(area=area) for area in (NORTH_GRID, SOUTH_GRID, NORTH_GRID)]
        for which, event, choice, number, age, key in sequence:
            choices = DATA.get(event, [{}])
            view = (await world.cases.get(Scope.everything(), cases[which].id)).view
            try:
                await world.cases.send_event(
                    view.id,
                    event,
                    data=choices[choice % len(choices)],
                    actor=actor(number) if number else SYSTEM,
                    expected_version=view.version + age,
                    key=key or world.key(),
                )
            except CaseError:
                continue

    with tempfile.TemporaryDirectory() as folder, world_in(Path(folder)) as world:
        asyncio.run(play(world))
        check_invariants(world)


class _Crash(Exception):
    """Stands for the process ending at a statement."""


@pytest.mark.parametrize("event", ["open", "dispatch", "report", "close"])
def test_a_crash_at_any_statement_leaves_nothing_half_done(tmp_path: Path, event: str) -> None:
    """An exception after each statement in turn undoes the whole step; the last try succeeds."""
    with world_in(tmp_path) as world:
        case = asyncio.run(world.open())
        if event in ("report", "close"):
            case = asyncio.run(world.send(case, "dispatch", actor(1), worker_account=3))
        if event == "close":
            case = asyncio.run(
                world.send(case, "report", actor(3), source="no", handling_unit="environment")
            )
        before = contents(world)
        crashes = 0
        while True:
            with crashing(world, after=crashes + 1) as crashed:
                try:
                    asyncio.run(step(world, case, event))
                except _Crash:
                    assert before == contents(world)
                    crashes += 1
                    continue
            assert not crashed
            break
        assert crashes > 8
        assert before != contents(world)
        check_invariants(world)


async def step(world: World, case: Any, event: str) -> None:
    """Make one step, always under the same idempotency key."""
    if event == "open":
        await world.open(key="the-step")
    elif event == "dispatch":
        await world.send(case, event, actor(1), key="the-step", worker_account=3)
    elif event == "report":
        data: dict[str, Value] = {"source": "yes", "handling_unit": "environment"}
        await world.send(case, event, actor(3), key="the-step", **data)  # type: ignore[arg-type]
    else:
        await world.send(case, event, actor(5), key="the-step")


def contents(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Read every row of every table."""

    def read(snapshot: Snapshot) -> dict[str, list[tuple[Any, ...]]]:
        return {
            name: [tuple(row) for row in snapshot.rows(sa.select(table))]
            for name, table in tables.metadata.tables.items()
        }

    return world.store.read_now(read)


class crashing:  # noqa: N801 (used as a with-statement's verb)
    """Raise after the n-th statement on the writer."""

    def __init__(self, world: World, *, after: int) -> None:
        database: SqliteDatabase = world.store.database  # type: ignore[assignment]
        self.engine = database._writer
        self.left = after
        self.crashed: list[str] = []

    def __enter__(self) -> list[str]:
        sa.event.listen(self.engine, "after_cursor_execute", self.count)
        return self.crashed

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self.engine, "after_cursor_execute", self.count)

    def count(self, _c: Any, _cu: Any, statement: str, *_: Any) -> None:
        """Count the statement, and raise when it is the one."""
        if statement.split(maxsplit=1)[0] in ("BEGIN", "COMMIT", "ROLLBACK"):
            return
        self.left -= 1
        if self.left == 0:
            self.crashed.append(statement)
            raise _Crash(statement)
