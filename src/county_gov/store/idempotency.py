"""What an idempotency key stands for: the same request again gives the first result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

keys = tables.idempotency_keys

KEPT = sa.select(keys.c.fingerprint, keys.c.result).where(
    keys.c.scope == sa.bindparam("scope"), keys.c.key == sa.bindparam("key")
)


@frozen
class Kept:
    """The first result under a key.

    Args:
        fingerprint: Hash of all that makes a request the same as another.
        result: What was answered, as JSON.
    """

    fingerprint: str
    result: str


def kept(snapshot: Snapshot, scope: str, key: str) -> Kept | None:
    """What a key stands for, or None where it is new.

    Args:
        snapshot: Where to read.
        scope: Whose keys these are, and of what kind.
        key: The key.
    """
    row = snapshot.first(KEPT, scope=scope, key=key)
    return None if row is None else Kept(row.fingerprint, row.result)


def keep(tx: Transaction, scope: str, key: str, result: Kept) -> None:
    """Remember what a key stands for; one that is there already is left as it is."""
    tx.execute(
        tx.database.insert_ignore(keys),
        {
            "scope": scope,
            "key": key,
            "fingerprint": result.fingerprint,
            "result": result.result,
            "at": tx.at,
        },
    )


def forget(tx: Transaction, *, before: int, limit: int = 1000) -> int:
    """Drop keys older than an instant, at most ``limit`` at once; gives how many."""
    old = sa.select(keys.c.scope, keys.c.key).where(keys.c.at < before).limit(limit)
    return tx.execute(sa.delete(keys).where(sa.tuple_(keys.c.scope, keys.c.key).in_(old))).rowcount
