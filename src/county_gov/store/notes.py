"""Plugins' notes: small texts by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction


def read_note(snapshot: Snapshot, plugin: str, key: str) -> str | None:
    """What a plugin noted under a key, or None."""
    columns = tables.plugin_notes.c
    value = snapshot.scalar(
        sa.select(columns.value).where(columns.plugin == plugin, columns.key == key)
    )
    return None if value is None else str(value)


def write_note(tx: Transaction, plugin: str, key: str, value: str) -> None:
    """Keep a text in place of the one before."""
    insert = tx.database.insert(tables.plugin_notes).values(plugin=plugin, key=key, value=value)
    tx.execute(
        insert.on_conflict_do_update(index_elements=["plugin", "key"], set_={"value": value})
    )
