"""The runs of jobs: all SQL.

A run of the schedule is one row per job and instant, so that however many workers look at the
clock, one row comes of it. Who works on a run holds a lease; the fence rises with each claim, and
what an older claim has to say about the end of a run is not heard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

runs = tables.job_runs
positions = tables.job_positions

RunState = Literal["waiting", "running", "done", "failed", "missed"]
STATES: tuple[RunState, ...] = ("waiting", "running", "done", "failed", "missed")
END_WORDS = "the worker ended before the run did"


@frozen
class Run:
    """A run of a job.

    Args:
        id: Its number.
        job: Id of the job.
        at: The instant that it is for.
        request: Whose request it was, with the idempotency key; empty for one of the schedule.
        asked_by: Name of who asked for it, empty for the schedule.
        state: "waiting" (also between two attempts), "running", "done", "failed" or "missed".
        attempt: Attempts so far.
        passed: How many instants before this one passed without a run.
        due_at: When the next attempt may begin; while it runs, when the lease ends.
        fence: Rises with each claim.
        started_at, ended_at: Of the last attempt.
        words: What the job said, or why it failed.
    """

    id: int
    job: str
    at: int
    request: str
    asked_by: str
    state: RunState
    attempt: int
    passed: int
    due_at: int
    owner: str
    fence: int
    started_at: int | None
    ended_at: int | None
    words: str


@frozen
class NewRun:
    """A run that the schedule asks for; ``missed`` ones are recorded and not made."""

    at: int
    passed: int = 0
    missed: bool = False


def read_positions(snapshot: Snapshot) -> dict[str, int]:
    """Up to which instant each job's schedule is dealt with."""
    return {row.job: row.until for row in snapshot.rows(sa.select(positions))}


def set_position(tx: Transaction, job: str, until: int) -> None:
    """A job's schedule is dealt with up to an instant."""
    statement = tx.database.insert(positions).values(job=job, until=until)
    tx.execute(statement.on_conflict_do_update(index_elements=["job"], set_={"until": until}))


def add_runs(tx: Transaction, job: str, new: Iterable[NewRun]) -> int:
    """Add runs of the schedule; an instant that has one already keeps it. Gives how many."""
    rows = [
        {
            "job": job,
            "at": one.at,
            "state": "missed" if one.missed else "waiting",
            "passed": one.passed,
            "due_at": tx.at,
            "ended_at": tx.at if one.missed else None,
        }
        for one in new
    ]
    return tx.execute(tx.database.insert_ignore(runs).values(rows)).rowcount if rows else 0


def overtake(tx: Transaction, job: str, at: int) -> int:
    """End the runs of the schedule that still wait for an instant before another one's.

    One that was tried has failed, one that was not is missed.
    """
    waiting = sa.and_(
        runs.c.job == job, runs.c.request == "", runs.c.state == "waiting", runs.c.at < at
    )
    return tx.execute(
        sa.update(runs)
        .where(waiting)
        .values(
            state=sa.case((runs.c.attempt > 0, "failed"), else_="missed"),
            ended_at=sa.func.coalesce(runs.c.ended_at, tx.at),
        )
    ).rowcount


def ask(tx: Transaction, job: str, *, request: str, asked_by: str) -> tuple[Run, bool]:
    """Add the run that a person asks for, or give the one asked for under the same key.

    Returns:
        The run, and whether it is new.
    """
    before = by_request(tx, request)
    if before is not None:
        return before, False
    number = tx.insert(
        runs,
        job=job,
        at=tx.at,
        request=request,
        asked_by=asked_by,
        state="waiting",
        due_at=tx.at,
    )
    found = read_run(tx, number)
    if found is None:
        raise LookupError(f"run {number} is gone in the transaction that made it")
    return found, True


def by_request(snapshot: Snapshot, request: str) -> Run | None:
    """The run that was asked for under a key, or None."""
    row = snapshot.first(sa.select(runs).where(runs.c.request == request, runs.c.request != ""))
    return Run(*row) if row is not None else None


def read_run(snapshot: Snapshot, number: int) -> Run | None:
    """A run, or None."""
    row = snapshot.first(sa.select(runs).where(runs.c.id == number))
    return Run(*row) if row is not None else None


def due_runs(snapshot: Snapshot, jobs: Collection[str], now: int) -> tuple[Run, ...]:
    """The runs of some jobs that may begin, or whose lease has ended, oldest instant first."""
    statement = (
        sa.select(runs)
        .where(
            runs.c.state.in_(("waiting", "running")),
            runs.c.due_at <= now,
            runs.c.job.in_(sorted(jobs)),
        )
        .order_by(runs.c.at, runs.c.id)
        .limit(200)
    )
    return tuple(Run(*row) for row in snapshot.rows(statement))


def next_due(snapshot: Snapshot, jobs: Collection[str]) -> int | None:
    """The first instant at which a run may begin or its lease ends, or None."""
    statement = sa.select(sa.func.min(runs.c.due_at)).where(
        runs.c.state.in_(("waiting", "running")), runs.c.job.in_(sorted(jobs))
    )
    found = snapshot.scalar(statement)
    return None if found is None else int(found)


def claim(tx: Transaction, number: int, owner: str, *, seconds: float, attempts: int) -> Run | None:
    """Take a run that is due for one attempt; None where somebody else has it, or it has ended.

    One whose worker ended in its last attempt has failed: it is ended, and None comes back.

    Args:
        tx: The transaction; its instant decides what is due and which leases are over.
        number: Of the run.
        owner: Who asks.
        seconds: How long the lease lives.
        attempts: How often the run may be tried.
    """
    due = sa.and_(
        runs.c.id == number, runs.c.state.in_(("waiting", "running")), runs.c.due_at <= tx.at
    )
    tx.execute(
        sa.update(runs)
        .where(due, runs.c.attempt >= attempts)
        .values(state="failed", ended_at=tx.at, words=END_WORDS)
    )
    taken = tx.execute(
        sa.update(runs)
        .where(due, runs.c.attempt < attempts)
        .values(
            state="running",
            owner=owner,
            fence=runs.c.fence + 1,
            attempt=runs.c.attempt + 1,
            due_at=tx.at + round(seconds * MICROSECONDS),
            started_at=tx.at,
            ended_at=None,
        )
    )
    return read_run(tx, number) if taken.rowcount == 1 else None


def settle(tx: Transaction, run: Run, state: RunState, words: str, *, due_at: int = 0) -> bool:
    """Say how an attempt ended; False where the run was taken over meanwhile.

    Args:
        tx: The transaction.
        run: As `claim` gave it.
        state: "done", "failed", or "waiting" for another attempt.
        words: What is told of it.
        due_at: When another attempt may begin.
    """
    ended = tx.execute(
        sa.update(runs)
        .where(runs.c.id == run.id, runs.c.fence == run.fence, runs.c.state == "running")
        .values(state=state, words=words, due_at=due_at or tx.at, ended_at=tx.at, owner="")
    )
    return ended.rowcount == 1


def give_back(tx: Transaction, run: Run, *, due_at: int = 0, words: str = "") -> bool:
    """Let a run wait again as if this attempt had not been; False where it was taken over."""
    given = tx.execute(
        sa.update(runs)
        .where(runs.c.id == run.id, runs.c.fence == run.fence, runs.c.state == "running")
        .values(
            state="waiting",
            attempt=run.attempt - 1,
            due_at=due_at or tx.at,
            owner="",
            words=words or runs.c.words,
        )
    )
    return given.rowcount == 1


def end_leases(tx: Transaction) -> int:
    """End all leases at a start: one process writes, so who held them has ended."""
    return tx.execute(
        sa.update(runs).where(runs.c.state == "running", runs.c.due_at > tx.at).values(due_at=tx.at)
    ).rowcount


def list_runs(
    snapshot: Snapshot, job: str, *, limit: int = 50, offset: int = 0
) -> tuple[tuple[Run, ...], int]:
    """A page of a job's runs, latest instant first, and how many there are in all."""
    statement = (
        sa.select(runs)
        .where(runs.c.job == job)
        .order_by(runs.c.at.desc(), runs.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    counted = sa.select(sa.func.count()).select_from(runs).where(runs.c.job == job)
    found = tuple(Run(*row) for row in snapshot.rows(statement))
    return found, int(snapshot.scalar(counted))


def last_runs(snapshot: Snapshot, jobs: Iterable[str]) -> Mapping[str, Run]:
    """The run of the latest instant of each job that has any."""
    found = {}
    for job in jobs:
        statement = sa.select(runs).where(runs.c.job == job)
        row = snapshot.first(statement.order_by(runs.c.at.desc(), runs.c.id.desc()).limit(1))
        if row is not None:
            found[job] = Run(*row)
    return found


def forget(tx: Transaction, *, before: int, limit: int = 1000) -> int:
    """Drop runs for instants before another, at most ``limit`` at once; gives how many."""
    old = sa.select(runs.c.id).where(runs.c.at < before).limit(limit)
    return tx.execute(sa.delete(runs).where(runs.c.id.in_(old))).rowcount
