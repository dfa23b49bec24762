"""What an idempotency key stands for: the same request again gives the first result.

What plugins and the county do on their own behalf is done once for ever: an event may be told again
after months. What persons and devices ask for may be repeated for some days.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

keys = tables.idempotency_keys
FOR_EVER = ("system:", "record:system:")
"""How the scopes begin whose keys are never forgotten."""
NOTICES = "system:notices"
"""Scope of the notices that the outbox has forgotten."""

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


def old(snapshot: Snapshot, *, before: int, limit: int = 1000) -> list[tuple[str, str]]:
    """Scopes and keys of persons' and devices' requests before an instant, ``limit`` at most."""
    passing = [sa.func.substr(keys.c.scope, 1, len(one)) != one for one in FOR_EVER]
    found = sa.select(keys.c.scope, keys.c.key).where(keys.c.at < before, *passing).limit(limit)
    return [(row.scope, row.key) for row in snapshot.rows(found)]


def forget(tx: Transaction, found: Sequence[tuple[str, str]]) -> None:
    """Drop keys that `old` has found."""
    gone = keys.c.scope == sa.bindparam("of_scope"), keys.c.key == sa.bindparam("of_key")
    tx.execute(
        sa.delete(keys).where(*gone), [{"of_scope": scope, "of_key": key} for scope, key in found]
    )
