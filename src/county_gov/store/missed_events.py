"""Events that plugins were not told of yet: held up by a plugin that fails, or missed by it.

While a plugin fails on an event, its delay says since when, how often it was tried and why. What it
could not be told of in the end stands among the missed events with all that is needed to tell it
again; the journal may forget the event then.

Who tells a missed event claims it: "asked", due behind the lease. Should the worker die, it is due
again by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import attrs
import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables
from county_gov.store.followers import EVENT_KINDS, JournalRow

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

delays = tables.event_delays
missed = tables.missed_events
journal = tables.journal

State = Literal["missed", "asked", "delivered"]
MOST_COUNTED = 10_000
"""Events that wait are counted up to this number."""


@frozen
class Delay:
    """An event on which a plugin fails.

    Args:
        plugin: The plugin.
        position: Of the event, in the journal.
        since: Instant since which the plugin has failed on everything it was told.
        attempts: Calls for this event.
        tried_at, next_at: Instants of the last attempt and of the next.
        reason: Why the last one failed.
    """

    plugin: str
    position: int
    since: int
    attempts: int
    tried_at: int
    next_at: int
    reason: str


@frozen
class Missed:
    """An event that a plugin was not told of.

    Args:
        id: Its number among the missed ones.
        plugin: Whose it is.
        event: The event, as it stood in the journal.
        attempts: Calls for it.
        reason: Why the last one failed.
        state: "missed", "asked" (to be delivered again) or "delivered".
        missed_at: Instant at which it was given up.
        asked_by: Who asked last for it to be delivered again.
        ended_at: Instant at which it was delivered.
    """

    id: int
    plugin: str
    event: JournalRow
    attempts: int
    reason: str
    state: State
    missed_at: int
    asked_by: str
    ended_at: int | None


@frozen
class Waiting:
    """How far a plugin's events lie behind.

    Args:
        events: How many wait, counted up to `MOST_COUNTED`.
        oldest_at: Instant of the oldest of them; None where none waits.
    """

    events: int = 0
    oldest_at: int | None = None


def read_delay(snapshot: Snapshot, plugin: str) -> Delay | None:
    """What holds a plugin's events up, or None."""
    row = snapshot.first(sa.select(delays).where(delays.c.plugin == plugin))
    return None if row is None else Delay(*row)


def read_delays(snapshot: Snapshot) -> Mapping[str, Delay]:
    """What holds events up, by plugin."""
    return {row.plugin: Delay(*row) for row in snapshot.rows(sa.select(delays))}


def keep_delay(tx: Transaction, delay: Delay) -> None:
    """A plugin has failed on an event."""
    values = attrs.asdict(delay)
    statement = tx.database.insert(delays).values(**values)
    tx.execute(statement.on_conflict_do_update(index_elements=["plugin"], set_=values))


def end_delay(tx: Transaction, plugin: str) -> None:
    """A plugin takes its events again, or is gone."""
    tx.execute(sa.delete(delays).where(delays.c.plugin == plugin))


def add(tx: Transaction, plugin: str, event: JournalRow, *, attempts: int, reason: str) -> None:
    """A plugin has missed an event; one that stands there already is left as it is."""
    tx.execute(
        tx.database.insert_ignore(missed).values(
            plugin=plugin,
            position=event.position,
            kind=event.kind,
            ref=event.ref,
            at=event.at,
            payload=event.payload,
            attempts=attempts,
            reason=reason,
            missed_at=tx.at,
        )
    )


def read_missed(snapshot: Snapshot, number: int) -> Missed | None:
    """A missed event, or None."""
    row = snapshot.first(sa.select(missed).where(missed.c.id == number))
    return None if row is None else _missed(row)


def list_missed(
    snapshot: Snapshot, *, limit: int = 50, offset: int = 0
) -> tuple[list[Missed], int]:
    """A page of the events that were missed and not delivered since, oldest first; and how many."""
    open_ones = missed.c.state != "delivered"
    page = sa.select(missed).where(open_ones).order_by(missed.c.id).limit(limit).offset(offset)
    total = int(snapshot.scalar(sa.select(sa.func.count()).select_from(missed).where(open_ones)))
    return [_missed(row) for row in snapshot.rows(page)], total


def count_missed(snapshot: Snapshot) -> Mapping[str, int]:
    """How many events were missed and not delivered since, by plugin."""
    statement = (
        sa.select(missed.c.plugin, sa.func.count())
        .where(missed.c.state != "delivered")
        .group_by(missed.c.plugin)
    )
    return {row[0]: int(row[1]) for row in snapshot.rows(statement)}


def ask(tx: Transaction, number: int, *, request: str, asked_by: str) -> tuple[Missed | None, bool]:
    """Ask for a missed event to be delivered again; the same request asks once.

    Returns:
        The event, None where there is none of that number, and whether it was asked for now.
    """
    asked = tx.execute(
        sa.update(missed)
        .where(missed.c.id == number, missed.c.state == "missed", missed.c.request != request)
        .values(state="asked", due_at=tx.at, request=request, asked_by=asked_by)
    )
    return read_missed(tx, number), asked.rowcount == 1


def ask_all(tx: Transaction, plugin: str, *, request: str, asked_by: str) -> tuple[int, bool]:
    """Ask for all that a plugin has missed, as `ask` does for one.

    Returns:
        For how many the request has asked, and whether it did so now.
    """
    asked = tx.execute(
        sa.update(missed)
        .where(missed.c.plugin == plugin, missed.c.state == "missed", missed.c.request != request)
        .values(state="asked", due_at=tx.at, request=request, asked_by=asked_by)
    )
    counted = sa.select(sa.func.count()).select_from(missed)
    of_request = counted.where(missed.c.plugin == plugin, missed.c.request == request)
    return int(tx.scalar(of_request)), asked.rowcount > 0


def next_due(snapshot: Snapshot, plugin: str) -> int | None:
    """The first instant at which an event is to be delivered to a plugin again, or None."""
    found = snapshot.scalar(
        sa.select(sa.func.min(missed.c.due_at)).where(
            missed.c.state == "asked", missed.c.plugin == plugin
        )
    )
    return None if found is None else int(found)


def claim(tx: Transaction, plugin: str, *, lease_until: int) -> Missed | None:
    """Take the oldest event that is to be delivered to a plugin again; None where none is due."""
    due = (
        sa.select(missed)
        .where(missed.c.plugin == plugin, missed.c.state == "asked", missed.c.due_at <= tx.at)
        .order_by(missed.c.position)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = tx.first(due)
    if row is None:
        return None
    tx.execute(sa.update(missed).where(missed.c.id == row.id).values(due_at=lease_until))
    return _missed(row)


def settle(
    tx: Transaction,
    number: int,
    state: State,
    *,
    reason: str = "",
    due_at: int = 0,
    called: int = 1,
) -> None:
    """Say what became of an event that was claimed.

    Args:
        tx: The transaction.
        number: Of the event.
        state: "delivered", "missed" again, or still "asked".
        reason: Why it was not delivered.
        due_at: Where it is still asked for: when to try again.
        called: How often the plugin was called for it.
    """
    values: dict[str, object] = {
        "state": state,
        "due_at": due_at,
        "attempts": missed.c.attempts + called,
    }
    if state == "delivered":
        values |= {"ended_at": tx.at, "payload": None, "reason": ""}
    else:
        values["reason"] = reason
    tx.execute(
        sa.update(missed).where(missed.c.id == number, missed.c.state == "asked").values(values)
    )


def end_leases(tx: Transaction) -> None:
    """Make all due at a start: one process writes, so who had claimed them has ended."""
    tx.execute(
        sa.update(missed)
        .where(missed.c.state == "asked", missed.c.due_at > tx.at)
        .values(due_at=tx.at)
    )


def forget_delivered(tx: Transaction, *, before: int, limit: int = 1000) -> int:
    """Drop events that were delivered before an instant, at most ``limit`` at once."""
    old = (
        sa.select(missed.c.id)
        .where(missed.c.state == "delivered", missed.c.ended_at < before)
        .limit(limit)
    )
    return tx.execute(sa.delete(missed).where(missed.c.id.in_(old))).rowcount


def waiting(snapshot: Snapshot, position: int) -> Waiting:
    """The events behind a position of the journal."""
    behind = sa.and_(
        journal.c.position > position,
        journal.c.kind.in_(EVENT_KINDS),
        journal.c.payload.is_not(None),
    )
    first = snapshot.first(
        sa.select(journal.c.at).where(behind).order_by(journal.c.position).limit(1)
    )
    if first is None:
        return Waiting()
    counted = sa.select(journal.c.position).where(behind).limit(MOST_COUNTED).subquery()
    return Waiting(
        int(snapshot.scalar(sa.select(sa.func.count()).select_from(counted))), int(first.at)
    )


def _missed(row: sa.Row[tuple[object, ...]]) -> Missed:
    return Missed(
        id=row.id,
        plugin=row.plugin,
        event=JournalRow(row.position, row.kind, row.ref, row.at, row.payload),
        attempts=row.attempts,
        reason=row.reason,
        state=row.state,
        missed_at=row.missed_at,
        asked_by=row.asked_by,
        ended_at=row.ended_at,
    )
