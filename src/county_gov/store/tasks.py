"""Tasks of cases, the occurrences of recurring ones, and the timers that open the next: all SQL.

A timer is one row for each case that stands in a state with a recurring task. Which are due is read
from one index, however many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.text import Text
from county_gov.store import tables
from county_gov.store.scope import ANCESTORS, DAY, in_force

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.workflow import CaseView
    from county_gov.store.transaction import Snapshot, Transaction

tasks = tables.tasks
occurrences = tables.task_occurrences
timers = tables.task_timers
parents = tables.area_parents

TASKS = (
    sa.select(tasks, occurrences.c.number, occurrences.c.missed, occurrences.c.note)
    .outerjoin_from(tasks, occurrences, occurrences.c.task == tasks.c.id)
    .where(tasks.c.case.in_(sa.bindparam("numbers", expanding=True)))
    .order_by(tasks.c.id)
)
OPEN_TASKS = TASKS.where(tasks.c.ended_at.is_(None))
ENDED = sa.update(tasks).where(tasks.c.case == sa.bindparam("of"), tasks.c.ended_at.is_(None))
TIMER = sa.select(timers).where(timers.c.case == sa.bindparam("of"))
TIMER_MOVED = sa.update(timers).where(timers.c.case == sa.bindparam("of"))
TIMER_STOPPED = sa.delete(timers).where(timers.c.case == sa.bindparam("of"))
LINE = sa.select(parents.c.code, parents.c.parent).where(
    parents.c.code.in_(ANCESTORS), in_force(parents, DAY)
)


@frozen
class TaskView:
    """A task, open while ``ended_at`` is None.

    Args:
        occurrence: Number of a recurring task's occurrence, from 1; 0 for a task that opens once.
        missed: How many occurrences this row stands for that nobody did: it and those after it
            that passed while nothing ran.
        note: Why nobody on duty has it: "", "nobody_on_duty", "not_holder" or "no_roster".
    """

    id: int
    case: int
    state: str
    title: Text
    role: str
    account: int | None
    unit: str | None
    area: str
    created_at: int
    ended_at: int | None
    ended_by: str
    outcome: str
    occurrence: int = 0
    missed: int = 0
    note: str = ""


@frozen
class NewTask:
    """A task that is given to a case; see `TaskView`."""

    title: Text
    role: str
    account: int | None = None
    unit: str | None = None
    occurrence: int = 0
    note: str = ""


@frozen
class Timer:
    """When a case's recurring task opens again.

    Args:
        case: The case's number in the store.
        workflow: Id of its workflow.
        state: The state whose task it is.
        first_at: Instant of the first opening.
        every: Microseconds from one opening to the next.
        occurrence: Number of the last one that has opened.
        due_at: Instant at which the next opens.
    """

    case: int
    workflow: str
    state: str
    first_at: int
    every: int
    occurrence: int
    due_at: int

    def opens_at(self, occurrence: int) -> int:
        """The instant at which an occurrence opens."""
        return self.first_at + (occurrence - 1) * self.every

    def current(self, now: int) -> int:
        """Number of the occurrence that belongs to an instant; one that has opened stays."""
        return max(self.occurrence, (now - self.first_at) // self.every + 1)


def read_tasks(
    snapshot: Snapshot, numbers: Iterable[int], *, open_only: bool = False
) -> tuple[TaskView, ...]:
    """The tasks of some cases, oldest first."""
    statement = OPEN_TASKS if open_only else TASKS
    return tuple(
        TaskView(
            id=row.id,
            case=row.case,
            state=row.state,
            title=Text(zh=row.title, en=row.title_en),
            role=row.role,
            account=row.account,
            unit=row.unit,
            area=row.area,
            created_at=row.created_at,
            ended_at=row.ended_at,
            ended_by=row.ended_by,
            outcome=row.outcome,
            occurrence=row.number or 0,
            missed=row.missed or 0,
            note=row.note or "",
        )
        for row in snapshot.rows(statement, numbers=list(numbers))
    )


def insert_task(tx: Transaction, view: CaseView, task: NewTask) -> int:
    """Give a case a task of the state that it is in; returns the task's number."""
    number = tx.insert(
        tasks,
        case=int(view.id),
        state=view.state,
        title=task.title.zh,
        title_en=task.title.en,
        role=task.role,
        account=task.account,
        unit=task.unit,
        area=view.area,
        created_at=tx.at,
    )
    if task.occurrence or task.note:
        tx.insert(occurrences, task=number, number=task.occurrence, note=task.note)
    return number


def end_tasks(tx: Transaction, case: int, *, actor: Actor, outcome: str) -> None:
    """End the open tasks of a case; ``outcome`` is the event that ended them."""
    tx.execute(ENDED, {"of": case, "ended_at": tx.at, "ended_by": actor.name, "outcome": outcome})


def miss_task(tx: Transaction, task: TaskView, *, missed: int, ended_by: str) -> None:
    """End an occurrence that nobody did; ``missed`` counts it and those that passed after it."""
    tx.execute(
        sa.update(tasks).where(tasks.c.id == task.id).values(ended_at=tx.at, ended_by=ended_by)
    )
    tx.execute(sa.update(occurrences).where(occurrences.c.task == task.id).values(missed=missed))


def insert_missed(
    tx: Transaction, view: CaseView, task: NewTask, *, opened_at: int, missed: int, ended_by: str
) -> None:
    """Record occurrences that passed without ever having been opened, as one row."""
    number = tx.insert(
        tasks,
        case=int(view.id),
        state=view.state,
        title=task.title.zh,
        title_en=task.title.en,
        role=task.role,
        area=view.area,
        created_at=opened_at,
        ended_at=tx.at,
        ended_by=ended_by,
    )
    tx.insert(occurrences, task=number, number=task.occurrence, missed=missed)


def start_timer(tx: Transaction, timer: Timer) -> None:
    """Remember when a case's recurring task opens again, in place of what was remembered."""
    stop_timer(tx, timer.case)
    tx.insert(
        timers,
        case=timer.case,
        workflow=timer.workflow,
        state=timer.state,
        first_at=timer.first_at,
        every=timer.every,
        occurrence=timer.occurrence,
        due_at=timer.due_at,
    )


def move_timer(tx: Transaction, case: int, *, occurrence: int, due_at: int) -> None:
    """An occurrence has opened; the next opens at ``due_at``."""
    tx.execute(TIMER_MOVED, {"of": case, "occurrence": occurrence, "due_at": due_at})


def put_off_timer(tx: Transaction, case: int, *, until: int) -> None:
    """Try again later to open what is due; which occurrence it is does not change."""
    tx.execute(TIMER_MOVED, {"of": case, "due_at": until})


def shift_timer(tx: Transaction, timer: Timer, *, by: int) -> None:
    """Let a timer's instants be earlier by some periods; nothing that has opened opens again."""
    tx.execute(
        sa.update(timers)
        .where(timers.c.case == timer.case, timers.c.due_at == timer.due_at)
        .values(first_at=timer.first_at - by, due_at=timer.due_at - by)
    )


def stop_timer(tx: Transaction, case: int) -> None:
    """No further occurrence opens."""
    tx.execute(TIMER_STOPPED, {"of": case})


def read_timer(snapshot: Snapshot, case: int) -> Timer | None:
    """A case's timer, or None."""
    row = snapshot.first(TIMER, of=case)
    return Timer(*row) if row is not None else None


def due_timers(
    snapshot: Snapshot, workflows: Collection[str], now: int, *, limit: int
) -> tuple[Timer, ...]:
    """The timers of some workflows that are due, longest due first."""
    statement = (
        sa.select(timers)
        .where(timers.c.workflow.in_(sorted(workflows)), timers.c.due_at <= now)
        .order_by(timers.c.due_at)
        .limit(limit)
    )
    return tuple(Timer(*row) for row in snapshot.rows(statement))


def early_timers(
    snapshot: Snapshot, workflows: Collection[str], now: int, *, shortest: int, limit: int
) -> tuple[Timer, ...]:
    """The timers whose last opening lies more than a period ahead: the clock has gone back.

    Args:
        snapshot: Where to read.
        workflows: Of these workflows.
        now: Instant, microseconds UTC.
        shortest: The shortest period among them, so that an index can be used.
        limit: How many at most.
    """
    statement = (
        sa.select(timers)
        .where(
            timers.c.workflow.in_(sorted(workflows)),
            timers.c.due_at > now + 2 * shortest,
            timers.c.due_at > now + 2 * timers.c.every,
        )
        .limit(limit)
    )
    return tuple(Timer(*row) for row in snapshot.rows(statement))


def next_due(snapshot: Snapshot, workflows: Collection[str]) -> int | None:
    """The first instant at which a timer of some workflows is due, or None."""
    statement = sa.select(sa.func.min(timers.c.due_at)).where(
        timers.c.workflow.in_(sorted(workflows))
    )
    found = snapshot.scalar(statement)
    return None if found is None else int(found)


def untimed(snapshot: Snapshot, workflow: str, version: int, state: str) -> tuple[int, ...]:
    """The open cases of a workflow's version in a state that have no timer."""
    table = tables.cases
    statement = (
        sa.select(table.c.id)
        .outerjoin_from(table, timers, timers.c.case == table.c.id)
        .where(
            table.c.workflow == workflow,
            table.c.workflow_version == version,
            table.c.state == state,
            table.c.closed_at.is_(None),
            timers.c.case.is_(None),
        )
        .order_by(table.c.id)
    )
    return tuple(row.id for row in snapshot.rows(statement))


def adopt(tx: Transaction, case: int, *, every: int) -> bool:
    """Let a case's task recur from now on: the open one is the first occurrence, else one is due.

    Returns:
        Whether it had no timer yet.
    """
    row = tx.first(sa.select(tables.cases).where(tables.cases.c.id == case))
    if row is None or row.closed_at is not None or read_timer(tx, case) is not None:
        return False
    open_tasks = read_tasks(tx, [case], open_only=True)
    for task in open_tasks:
        statement = tx.database.insert(occurrences).values(task=task.id, number=1)
        tx.execute(statement.on_conflict_do_update(index_elements=["task"], set_={"number": 1}))
    first = 1 if open_tasks else 0
    start_timer(
        tx, Timer(case, row.workflow, row.state, tx.at, every, first, tx.at + first * every)
    )
    return True


def line_of(snapshot: Snapshot, area: str, day: int) -> tuple[str, ...]:
    """An area's code and the codes of all areas above it on a day, nearest first."""
    above_of = {row.code: row.parent for row in snapshot.rows(LINE, area=area, day=day)}
    line = [area]
    while (above := above_of.get(line[-1])) is not None and above not in line:
        line.append(above)
    return tuple(line)
