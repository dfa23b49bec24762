"""What an idempotency key stands for: the same request again gives the first result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction


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
    table = tables.idempotency_keys
    row = snapshot.first(
        sa.select(table.c.fingerprint, table.c.result).where(
            table.c.scope == scope, table.c.key == key
        )
    )
    return None if row is None else Kept(row.fingerprint, row.result)


def keep(tx: Transaction, scope: str, key: str, result: Kept) -> None:
    """Remember what a key stands for; one that is there already is left as it is."""
    tx.execute(
        tx.database.insert_ignore(tables.idempotency_keys).values(
            scope=scope, key=key, fingerprint=result.fingerprint, result=result.result, at=tx.at
        )
    )
