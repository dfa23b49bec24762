"""The writer from its start to its end: callbacks, failed commits, lost connections, closing."""

from __future__ import annotations

import threading
from concurrent.futures import wait as wait_for_all
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from county_gov.contract.clock import SystemClock
from county_gov.errors import StoreClosed, StoreError
from county_gov.store import Store, tables
from county_gov.store.sqlite import SqliteDatabase
from tests.store.changes_of_writer import PATIENCE, Gate, keys_of, note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from county_gov.store import Transaction


def test_a_close_writes_what_waits_and_refuses_what_comes(database: SqliteDatabase) -> None:
    """A stop drains the writer."""
    store = Store(database, SystemClock())
    store.start()
    gate = Gate(store)
    futures = [store.submit(note(f"{number:02}")) for number in range(20)]
    closing = threading.Thread(target=store.close)
    closing.start()
    while not store.writer._queues.closed:
        threading.Event().wait(0.001)
    with pytest.raises(StoreClosed, match="stopping"):
        store.submit(note("late"))
    gate.open()
    closing.join(PATIENCE)
    assert [f"{number:02}" for number in range(20)] == [one.result(0) for one in futures]
    assert not store.writer.alive


def test_a_change_of_a_store_that_never_started_is_refused_at_close(
    database: SqliteDatabase,
) -> None:
    """Nobody waits for ever."""
    store = Store(database, SystemClock())
    future = store.submit(note("never"))
    store.close()
    with pytest.raises(StoreClosed):
        future.result(0)


async def test_a_closed_store_is_not_read(database: SqliteDatabase) -> None:
    """Late readers hear that the store is closed, wherever they are."""
    store = Store(database, SystemClock())
    store.start()
    store.close()
    store.close()
    with pytest.raises(StoreClosed):
        store.read_now(lambda snapshot: None)
    with pytest.raises(StoreClosed):
        await store.read(lambda snapshot: None)
    with pytest.raises(StoreClosed):
        await store.write(note("late"))


class FailingCommits(SqliteDatabase):
    """A database whose commits fail when told to."""

    fail = False

    def commit(self, connection: sa.Connection) -> None:
        """Fail, or commit."""
        if self.fail:
            msg = "the disk went away"
            raise OSError(msg)
        super().commit(connection)


def test_a_commit_that_fails_keeps_nothing_and_undoes_memory(tmp_path: Path) -> None:
    """All of its changes fail, what they kept in memory is undone in reverse, and work goes on."""
    database = FailingCommits(f"sqlite:///{tmp_path / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    memory: list[str] = []

    def change(key: str) -> Callable[[Transaction], None]:
        def run(tx: Transaction) -> None:
            tx.on_rollback(lambda: memory.append(key))
            note(key)(tx)

        return run

    gate = Gate(store)
    futures = [store.submit(change(key)) for key in "abc"]
    database.fail = True
    with pytest.raises(StoreError, match="the disk went away"):
        gate.open()
    for future in futures:
        with pytest.raises(StoreError, match="the disk went away"):
            future.result(PATIENCE)
    assert sorted("abc") == sorted(memory)
    assert [] == keys_of(store)
    database.fail = False
    store.submit(note("d")).result(PATIENCE)
    assert ["d"] == keys_of(store)
    assert 4 == store.writer.figures().failures
    store.close()


def test_commits_that_fail_one_after_another_are_trouble_until_one_succeeds(tmp_path: Path) -> None:
    """A single failure is none; the third in a row is, with its reason."""
    database = FailingCommits(f"sqlite:///{tmp_path / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    database.fail = True
    told = []
    for key in "abc":
        assert store.submit(note(key)).exception(PATIENCE) is not None
        told.append(store.writer.trouble)
    database.fail = False
    store.submit(note("d")).result(PATIENCE)
    told.append(store.writer.trouble)
    store.close()
    assert ["", "", "the commit failed: the disk went away", ""] == told


class Unreachable(SqliteDatabase):
    """A database that cannot be begun with, nor connected to, when told so."""

    broken = False

    def usable(self, connection: sa.Connection) -> bool:
        """Not while it is broken."""
        return not self.broken and super().usable(connection)

    def connect_writer(self) -> sa.Connection:
        """Fail, or connect."""
        if self.broken:
            msg = "nobody answers"
            raise StoreError(msg)
        return super().connect_writer()


def test_a_lost_connection_is_opened_anew(tmp_path: Path) -> None:
    """Changes fail while nobody answers; then memory is loaded again before the next change."""
    database = Unreachable(f"sqlite:///{tmp_path / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    loaded: list[list[str]] = []
    store.on_reconnect(
        lambda snapshot: loaded.append(
            [row.key for row in snapshot.rows(sa.select(tables.plugin_notes))]
        )
    )
    store.start()
    store.submit(note("a")).result(PATIENCE)
    database.broken = True
    for _ in range(2):
        with pytest.raises(StoreError, match="nobody answers"):
            store.submit(note("b")).result(PATIENCE)
    database.broken = False
    assert [] == loaded
    store.submit(note("c")).result(PATIENCE)
    assert [["a"]] == loaded
    assert ["a", "c"] == keys_of(store)
    store.close()


def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    """The start fails with the reason, and a close afterwards is harmless."""
    database = Unreachable(f"sqlite:///{tmp_path / 'county.db'}")
    database.broken = True
    store = Store(database, SystemClock())
    with pytest.raises(StoreError, match="nobody answers"):
        store.start()
    with pytest.raises(StoreClosed):
        store.submit(note("a"))
    store.close()


def test_callbacks_run_after_the_commit_and_only_then(store: Store) -> None:
    """A callback sees what was committed; that of a failed change is never called."""
    seen: list[list[str]] = []

    def change(tx: Transaction) -> None:
        tx.after_commit(lambda: seen.append(keys_of(store)))
        note("a")(tx)

    def failing(tx: Transaction) -> None:
        tx.after_commit(lambda: seen.append(["never"]))
        raise ValueError

    gate = Gate(store)
    futures = [store.submit(change), store.submit(failing)]
    gate.open()
    wait_for_all(futures, PATIENCE)
    assert [["a"]] == seen


def test_a_callback_that_fails_costs_nobody(store: Store) -> None:
    """It is recorded; the commit has happened, and the writer goes on."""

    def change(tx: Transaction) -> str:
        tx.after_commit(lambda: 1 // 0)
        tx.after_commit(lambda: seen.append("second"))
        return note("a")(tx)

    seen: list[str] = []
    store.writer.listeners.append(lambda head: 1 // 0)
    store.submit(lambda tx: tx.journal("case", "1")).result(PATIENCE)
    assert "a" == store.submit(change).result(PATIENCE)
    assert ["second"] == seen
    assert "b" == store.submit(note("b")).result(PATIENCE)


def test_listeners_hear_the_journal_s_new_head(store: Store) -> None:
    """Once per commit with entries, and with the last of its positions."""
    heard: list[int] = []
    store.writer.listeners.append(heard.append)
    gate = Gate(store)
    futures = [store.submit(lambda tx: tx.journal("case", "1")) for _ in range(3)]
    gate.open()
    wait_for_all(futures, PATIENCE)
    store.submit(note("no entry")).result(PATIENCE)
    assert 3 == heard[-1]
    assert sorted(set(heard)) == heard
