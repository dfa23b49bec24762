"""Changes for the tests of the writer, and a gate that holds it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import sqlalchemy as sa

from county_gov.store import Store, tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.store import Transaction

PATIENCE = 30


def note(key: str, value: str = "") -> Callable[[Transaction], str]:
    """A change that leaves a note, and gives its key."""

    def change(tx: Transaction) -> str:
        tx.insert(tables.plugin_notes, plugin="test", key=key, value=value)
        return key

    return change


def keys_of(store: Store) -> list[str]:
    """What other connections see: only what was committed."""
    statement = sa.select(tables.plugin_notes.c.key).order_by(sa.text("rowid"))
    return [row.key for row in store.read_now(lambda snapshot: snapshot.rows(statement))]


class Gate:
    """Holds the writer inside a change until it is opened, so that others are sure to wait."""

    def __init__(self, store: Store) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()
        self.future = store.submit(self._hold)
        assert self.entered.wait(PATIENCE)

    def _hold(self, tx: Transaction) -> None:
        self.entered.set()
        assert self._open.wait(PATIENCE)

    def open(self) -> None:
        """Let the writer go on."""
        self._open.set()
        self.future.result(PATIENCE)
