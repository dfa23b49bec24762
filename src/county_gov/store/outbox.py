"""The outbox: notices that wait, were sent, were withheld in a drill, or could not be delivered.

A claimed row stays "pending" with its next attempt moved behind the lease: should the worker die,
it is due again by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from attrs import frozen

from county_gov.store import idempotency, tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

outbox = tables.outbox

State = Literal["pending", "sent", "dead", "withheld"]
STATES: tuple[State, ...] = ("pending", "sent", "dead", "withheld")


@frozen
class Letter:
    """One notice to one recipient over one channel.

    ``attempts`` counts the one that is under way; ``detail`` is what the channel last said.
    """

    id: int
    key: str
    notifier: str
    recipient: str
    subject: str
    body: str
    case: int | None
    created_at: int
    next_attempt_at: int
    attempts: int
    state: State
    detail: str
    ended_at: int | None
    drill: bool


@frozen
class Verdict:
    """What becomes of a claimed letter.

    Args:
        id: Of the letter.
        attempts: As it was claimed; a verdict of an older claim does not overrule a newer one.
        state: "pending" means that it is tried again at ``next_attempt_at``.
    """

    id: int
    attempts: int
    state: State
    detail: str
    next_attempt_at: int = 0


def due_notifiers(snapshot: Snapshot, now: int) -> tuple[str, ...]:
    """Ids of the channels for which something is due."""
    statement = (
        sa.select(outbox.c.notifier)
        .distinct()
        .where(outbox.c.state == "pending", outbox.c.next_attempt_at <= now)
        .order_by(outbox.c.notifier)
    )
    return tuple(row.notifier for row in snapshot.rows(statement))


def next_due(snapshot: Snapshot) -> int | None:
    """The instant at which the next letter is due; None where none waits."""
    found = snapshot.scalar(
        sa.select(sa.func.min(outbox.c.next_attempt_at)).where(outbox.c.state == "pending")
    )
    return None if found is None else int(found)


def claim(
    tx: Transaction, notifier: str, *, now: int, lease_until: int, limit: int
) -> list[Letter]:
    """Take the letters of a channel that are due longest; nobody else gets them in the lease."""
    due = (
        sa.select(outbox)
        .where(
            outbox.c.state == "pending",
            outbox.c.next_attempt_at <= now,
            outbox.c.notifier == notifier,
        )
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = tx.rows(due)
    if found:
        tx.execute(
            sa.update(outbox)
            .where(outbox.c.id.in_([row.id for row in found]))
            .values(attempts=outbox.c.attempts + 1, next_attempt_at=lease_until)
        )
    return [_letter(row, attempt=1) for row in found]


def settle(tx: Transaction, verdicts: Iterable[Verdict]) -> int:
    """Record what became of claimed letters, and say for how many it was still theirs to say.

    "sent" counts even where the lease had run out: the recipient has it.
    """
    settled = 0
    for verdict in verdicts:
        mine = sa.true() if verdict.state == "sent" else outbox.c.attempts == verdict.attempts
        pending = verdict.state == "pending"
        statement = (
            sa.update(outbox)
            .where(outbox.c.id == verdict.id, outbox.c.state == "pending", mine)
            .values(
                state=verdict.state,
                detail=verdict.detail,
                ended_at=None if pending else tx.at,
                **({"next_attempt_at": verdict.next_attempt_at} if pending else {}),
            )
        )
        settled += tx.execute(statement).rowcount
    return settled


def list_letters(
    snapshot: Snapshot,
    *,
    state: State | None = None,
    case: int | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[Letter], int]:
    """A page of letters, latest first, and how many there are in all."""
    where: list[sa.ColumnElement[bool]] = [sa.true()]
    if state is not None:
        where.append(outbox.c.state == state)
    if case is not None:
        where.append(outbox.c.case == case)
    page = sa.select(outbox).where(*where).order_by(outbox.c.id.desc()).limit(limit).offset(offset)
    total = int(snapshot.scalar(sa.select(sa.func.count()).select_from(outbox).where(*where)))
    return [_letter(row) for row in snapshot.rows(page)], total


def requeue(tx: Transaction, letters: Sequence[int], *, detail: str) -> list[int]:
    """Make dead letters due again with all their attempts before them; gives those that were."""
    statement = (
        sa.select(outbox.c.id)
        .where(outbox.c.id.in_(list(letters)), outbox.c.state == "dead")
        .order_by(outbox.c.id)
    )
    found = [row.id for row in tx.rows(statement)]
    if found:
        tx.execute(
            sa.update(outbox)
            .where(outbox.c.id.in_(found))
            .values(
                state="pending", attempts=0, next_attempt_at=tx.at, ended_at=None, detail=detail
            )
        )
    return found


def count_letters(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """How many letters there are by channel and state."""
    statement = (
        sa.select(outbox.c.notifier, outbox.c.state, sa.func.count())
        .group_by(outbox.c.notifier, outbox.c.state)
        .order_by(outbox.c.notifier, outbox.c.state)
    )
    return {(row[0], row[1]): row[2] for row in snapshot.rows(statement)}


def forget_sent(tx: Transaction, *, before: int, limit: int = 1000) -> int:
    """Drop letters that were sent or withheld before an instant, at most ``limit`` at once.

    Their keys stay, so that none is ever sent a second time.
    """
    old = (
        sa.select(outbox.c.id, outbox.c.key)
        .where(outbox.c.state.in_(("sent", "withheld")), outbox.c.ended_at < before)
        .limit(limit)
    )
    found = tx.rows(old)
    for row in found:
        idempotency.keep(tx, idempotency.NOTICES, row.key, idempotency.Kept("", ""))
    if found:
        tx.execute(sa.delete(outbox).where(outbox.c.id.in_([row.id for row in found])))
    return len(found)


def _letter(row: sa.Row[tuple[object, ...]], *, attempt: int = 0) -> Letter:
    return Letter(
        id=row.id,
        key=row.key,
        notifier=row.notifier,
        recipient=row.recipient,
        subject=row.subject,
        body=row.body,
        case=row.case,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        attempts=row.attempts + attempt,
        state=row.state,
        detail=row.detail,
        ended_at=row.ended_at,
        drill=bool(row.drill),
    )
