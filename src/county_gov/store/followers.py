"""Followers read the journal from a durable position, each held by one owner at a time.

A follower (judging, aggregates, events) holds a lease for a while and renews it by `acquire`. Its
fence rises whenever the lease changes hands, and `advance` is refused under an old fence: an owner
that slept past its lease cannot move a position that somebody else has moved on.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import LeaseLost
from county_gov.store.tables import followers, journal

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

EVENT_KINDS = ("alert", "case")
"""Kinds of rows that plugins listen to."""
PRUNED_AT_ONCE = 2_000
"""Journal rows deleted by one call of `prune`, which must not hold the writer for long."""


@frozen
class Lease:
    """The right to move a follower on.

    Args:
        name: The follower.
        position: Of the last journal row that it has dealt with.
        owner: Who holds the lease.
        fence: Rises with each change of hands.
    """

    name: str
    position: int
    owner: str
    fence: int


@frozen
class JournalRow:
    """One row of the journal.

    Args:
        position: Its place; positions rise, and none is used twice.
        kind: "observations", "case", "alert", "record", "parameter" or "job".
        ref: What changed, for example the batch's or the case's identifier.
        at: Instant of the commit, microseconds UTC.
        payload: What a follower needs to know without reading it again.
    """

    position: int
    kind: str
    ref: str
    at: int
    payload: bytes | None


def acquire(tx: Transaction, name: str, owner: str, *, seconds: float) -> Lease:
    """Take or renew a follower's lease; a follower that is new starts before the first row.

    Args:
        tx: The transaction; its instant decides which leases are over.
        name: The follower.
        owner: Who asks; different for each process and start.
        seconds: How long the lease lives unless it is renewed.

    Raises:
        LeaseLost: if somebody else holds a lease that is not over.
    """
    tx.execute(tx.database.insert_ignore(followers).values(name=name, position=0))
    until = tx.at + round(seconds * MICROSECONDS)
    free = sa.or_(followers.c.owner == owner, followers.c.lease_until <= tx.at)
    taken = tx.execute(
        sa.update(followers)
        .where(followers.c.name == name, free)
        .values(
            fence=followers.c.fence + sa.case((followers.c.owner == owner, 0), else_=1),
            owner=owner,
            lease_until=until,
        )
    )
    row = tx.first(sa.select(followers).where(followers.c.name == name))
    if row is None or taken.rowcount != 1:
        holder = row.owner if row else "nobody"
        msg = f"follower {name!r} is held by {holder!r}; {owner!r} has to wait for its lease to end"
        raise LeaseLost(msg)
    return Lease(name, row.position, owner, row.fence)


def advance(tx: Transaction, lease: Lease, position: int) -> None:
    """Move a follower on, in the same transaction as what it did.

    Args:
        tx: The transaction.
        lease: As `acquire` gave it.
        position: Of the last journal row that is dealt with now.

    Raises:
        LeaseLost: if somebody else has taken the follower over.
        ValueError: if the position would go back.
    """
    moved = tx.execute(
        sa.update(followers)
        .where(
            followers.c.name == lease.name,
            followers.c.owner == lease.owner,
            followers.c.fence == lease.fence,
            followers.c.position <= position,
        )
        .values(position=position)
    )
    if moved.rowcount == 1:
        return
    row = tx.first(sa.select(followers).where(followers.c.name == lease.name))
    if row is not None and (row.owner, row.fence) == (lease.owner, lease.fence):
        msg = f"follower {lease.name!r} stands at {row.position} and cannot go back to {position}"
        raise ValueError(msg)
    holder = row.owner if row is not None else "nobody"
    msg = f"follower {lease.name!r} was taken over by {holder!r}; drop what was computed"
    raise LeaseLost(msg)


def release(tx: Transaction, lease: Lease) -> None:
    """Give a lease back, so that another owner need not wait; one that is lost is left alone."""
    tx.execute(
        sa.update(followers)
        .where(followers.c.name == lease.name, followers.c.fence == lease.fence)
        .values(lease_until=0)
    )


def end_leases(tx: Transaction) -> int:
    """End all leases at a start: one process writes, so their holders have ended.

    Returns:
        How many were still running.
    """
    ended = tx.execute(
        sa.update(followers).where(followers.c.lease_until > tx.at).values(lease_until=0)
    )
    return ended.rowcount


def names(snapshot: Snapshot) -> tuple[str, ...]:
    """All followers that have a position."""
    return tuple(row.name for row in snapshot.rows(sa.select(followers.c.name)))


def begin(tx: Transaction, name: str) -> None:
    """Let a follower that is new begin after the last row; one that has a position keeps it."""
    tx.execute(tx.database.insert_ignore(followers).values(name=name, position=head(tx)))


def forget(tx: Transaction, name: str) -> None:
    """Drop a follower that will not come back, so that it no longer holds up `prune`."""
    tx.execute(sa.delete(followers).where(followers.c.name == name))


def read_journal(
    snapshot: Snapshot,
    after: int,
    *,
    limit: int,
    kinds: Collection[str] = (),
    payloads: bool = True,
) -> list[JournalRow]:
    """The journal's rows after a position, in order.

    When fewer than ``limit`` rows come back, all up to `head` of the same snapshot were seen.

    Args:
        snapshot: Where to read.
        after: The last position that is dealt with.
        limit: Rows at most.
        kinds: Which kinds; none means all.
        payloads: Whether the payloads are read too; without them they are None.
    """
    payload = journal.c.payload if payloads else sa.null().label("payload")
    columns = (journal.c.position, journal.c.kind, journal.c.ref, journal.c.at, payload)
    statement = sa.select(*columns).where(journal.c.position > after)
    if kinds:
        statement = statement.where(journal.c.kind.in_(sorted(kinds)))
    rows = snapshot.rows(statement.order_by(journal.c.position).limit(limit))
    return [JournalRow(row.position, row.kind, row.ref, row.at, row.payload) for row in rows]


def head(snapshot: Snapshot) -> int:
    """The last position that was given, 0 before the first."""
    return snapshot.scalar(sa.select(sa.func.max(journal.c.position))) or 0


def prune(tx: Transaction, *, keep: int, plugins: Collection[str] = ()) -> int:
    """Delete old rows, but none that a follower has not dealt with, and never the last one.

    The last row stays because it carries the last position: none is given twice.

    Args:
        tx: The transaction.
        keep: Rows to keep in any case.
        plugins: Followers of plugins, which may lag for long because they fail or are disabled:
            only the rows that tell of cases and alerts are kept for them.

    Returns:
        How many rows were deleted; call again while it is `PRUNED_AT_ONCE`.
    """
    position = sa.func.min(followers.c.position)
    slowest = tx.scalar(sa.select(position).where(followers.c.name.not_in(sorted(plugins))))
    waits = tx.scalar(sa.select(position).where(followers.c.name.in_(sorted(plugins))))
    last = head(tx) - max(keep, 1)
    if slowest is not None:
        last = min(last, slowest)
    deletable = journal.c.position <= last
    if waits is not None:
        passed = sa.or_(journal.c.position <= waits, journal.c.kind.not_in(EVENT_KINDS))
        deletable = sa.and_(deletable, passed)
    oldest = (
        sa.select(journal.c.position)
        .where(deletable)
        .order_by(journal.c.position)
        .limit(PRUNED_AT_ONCE)
    )
    upto = tx.scalar(sa.select(sa.func.max(oldest.subquery().c.position)))
    if upto is None:
        return 0
    return tx.execute(sa.delete(journal).where(deletable, journal.c.position <= upto)).rowcount
