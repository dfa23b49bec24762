"""What the database was last started with: kept beside the plugins' notes, as the core's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

OWNER, KEY = "core", "inventory"


def read_inventory(snapshot: Snapshot) -> str | None:
    """The inventory as JSON, or None before the first start."""
    columns = tables.plugin_notes.c
    value = snapshot.scalar(
        sa.select(columns.value).where(columns.plugin == OWNER, columns.key == KEY)
    )
    return None if value is None else str(value)


def keep_inventory(tx: Transaction, value: str) -> None:
    """Keep the inventory in place of the one before."""
    insert = tx.database.insert(tables.plugin_notes).values(plugin=OWNER, key=KEY, value=value)
    tx.execute(
        insert.on_conflict_do_update(index_elements=["plugin", "key"], set_={"value": value})
    )
