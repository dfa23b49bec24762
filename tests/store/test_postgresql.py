"""PostgreSQL: one writing process, positions that nobody passes, and servers that come and go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa

from county_gov.contract.clock import SystemClock
from county_gov.errors import StoreBusy, StoreError, StoreFull
from county_gov.store import Store, Transaction, followers, migration, tables
from county_gov.store.postgresql import PostgresqlDatabase
from county_gov.store.postgresql_programs import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 30


@pytest.fixture
def server_store(postgresql_database: str) -> Iterator[Store]:
    """Give a started store on PostgreSQL."""
    database = PostgresqlDatabase(postgresql_database, patience=0.2)
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    yield store
    store.close()


def _put(key: str) -> Callable[[Transaction], None]:
    def change(tx: Transaction) -> None:
        tx.insert(tables.plugin_notes, plugin="test", key=key, value="")

    return change


def _keys(store: Store) -> list[str]:
    statement = sa.select(tables.plugin_notes.c.key).order_by(tables.plugin_notes.c.key)
    return [row.key for row in store.read_now(lambda snapshot: snapshot.rows(statement))]


def _terminate_all(url: str) -> None:
    """End all other sessions of the database, as a restart of the server does."""
    dsn = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.service
def test_a_second_writing_process_is_refused(server_store: Store, postgresql_database: str) -> None:
    """The error says where the other one is, and shows no password; afterwards it may write."""
    other = PostgresqlDatabase(postgresql_database, patience=0.2)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1, server process \d+ is writing") as refused:
        other.connect_writer()
    with pytest.raises(StoreError, match="stop it first"):
        migration.upgrade(other)
    password = sa.make_url(postgresql_database).password
    assert str(password) not in str(refused.value)
    server_store.writer.close()
    other.disconnect_writer(other.connect_writer())
    other.close()


@pytest.mark.service
def test_no_follower_can_pass_an_uncommitted_position(server_store: Store) -> None:
    """A second transaction gets its positions only when the first has ended."""
    database = server_store.database
    assert isinstance(database, PostgresqlDatabase)
    first, second = database._writer.connect(), database._writer.connect()
    transactions = []
    for connection in (first, second):
        database.begin(connection)
        tx = Transaction(connection, database, at=1)
        tx.journal("case", "x")
        transactions.append(tx)
    database.number_journal(transactions[0], transactions[0].entries)
    seen: list[int] = []

    def number_and_commit() -> None:
        database.number_journal(transactions[1], transactions[1].entries)
        seen.append(server_store.read_now(followers.head))
        database.commit(second)

    thread = threading.Thread(target=number_and_commit)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    assert [] == seen
    database.commit(first)
    thread.join(PATIENCE)
    assert [1] == seen
    assert 2 == transactions[1].entries[0].position
    first.close()
    second.close()


@pytest.mark.service
def test_a_restart_of_the_server_between_changes_goes_unnoticed(
    server_store: Store, postgresql_database: str
) -> None:
    """Nothing had begun, so the next change finds a new connection and the readers too."""
    loaded: list[int] = []
    server_store.on_reconnect(lambda snapshot: loaded.append(followers.head(snapshot)))
    server_store.submit(lambda tx: tx.journal("case", "1")).result(PATIENCE)
    server_store.submit(_put("a")).result(PATIENCE)
    assert ["a"] == _keys(server_store)
    _terminate_all(postgresql_database)
    server_store.submit(_put("b")).result(PATIENCE)
    assert ["a", "b"] == _keys(server_store)
    assert [1] == loaded


@pytest.mark.service
def test_a_connection_lost_inside_a_change_fails_its_commit(
    server_store: Store, postgresql_database: str
) -> None:
    """The change fails as a whole and what it kept in memory is undone; the next one works."""
    undone: list[str] = []

    def change(tx: Transaction) -> None:
        tx.on_rollback(lambda: undone.append("lost"))
        _put("lost")(tx)
        _terminate_all(postgresql_database)
        _put("more")(tx)

    with pytest.raises(StoreError):
        server_store.submit(change).result(PATIENCE)
    assert ["lost"] == undone
    server_store.submit(_put("after")).result(PATIENCE)
    assert ["after"] == _keys(server_store)


@pytest.mark.service
def test_a_commit_of_unknown_outcome_is_safe_to_repeat(
    server_store: Store, postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a commit that happened is lost; repeating it under its key adds nothing."""
    database = server_store.database
    assert isinstance(database, PostgresqlDatabase)
    commit = database.commit

    def commit_and_lose(connection: sa.Connection) -> None:
        commit(connection)
        monkeypatch.setattr(database, "commit", commit)
        _terminate_all(postgresql_database)
        connection.connection.driver_connection.execute("SELECT 1")  # type: ignore[union-attr]

    def change(tx: Transaction) -> int:
        statement = tx.database.insert_ignore(tables.cursors)
        return tx.execute(statement.values(source="s", cursor="1", updated_at=tx.at)).rowcount

    monkeypatch.setattr(database, "commit", commit_and_lose)
    with pytest.raises(StoreError):
        server_store.submit(change).result(PATIENCE)
    assert 0 == server_store.submit(change).result(PATIENCE)
    rows = server_store.read_now(lambda snapshot: snapshot.rows(sa.select(tables.cursors)))
    assert 1 == len(rows)


@pytest.mark.service
def test_a_server_that_is_gone_is_a_store_error(server_store: Store) -> None:
    """A refused connection says where, and shows no password."""
    database = server_store.database
    assert isinstance(database, PostgresqlDatabase)
    gone = PostgresqlDatabase(database._address.set(port=1).render_as_string(hide_password=False))
    store = Store(gone, SystemClock())
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as refused:
        store.start()
    with pytest.raises(StoreError):
        store.read_now(followers.head)
    assert str(database._address.password) not in str(refused.value)
    store.close()


@pytest.mark.service
def test_a_snapshot_is_consistent_and_for_reading_only(server_store: Store) -> None:
    """What is committed meanwhile does not show, and a reader cannot write."""
    statement = sa.select(sa.func.count()).select_from(tables.plugin_notes)

    def read(snapshot: object) -> tuple[int, int]:
        first = snapshot.scalar(statement)  # type: ignore[attr-defined]
        server_store.submit(_put("between")).result(PATIENCE)
        return first, snapshot.scalar(statement)  # type: ignore[attr-defined]

    assert (0, 0) == server_store.read_now(read)
    with pytest.raises(sa.exc.InternalError, match="read-only transaction"):
        server_store.read_now(
            lambda snapshot: snapshot.connection.execute(sa.delete(tables.plugin_notes))
        )
    assert ["between"] == _keys(server_store)


@pytest.mark.service
def test_a_change_that_swallows_an_error_of_the_server_is_undone(server_store: Store) -> None:
    """After an error the server takes no more statements of the change, so it fails as a whole."""

    def change(tx: Transaction) -> None:
        _put("a")(tx)
        try:
            tx.driver.execute("SELECT 1/0")
        except psycopg.errors.DivisionByZero:
            return

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        server_store.submit(change).result(PATIENCE)
    assert [] == _keys(server_store)


@pytest.mark.service
def test_commits_reach_the_disk_even_where_the_server_is_set_otherwise(
    server_store: Store, postgresql_database: str
) -> None:
    """A database set to answer before its disk did is asked for more."""
    name = sa.make_url(postgresql_database).database
    server_store.submit(
        lambda tx: tx.connection.exec_driver_sql(
            f'ALTER DATABASE "{name}" SET synchronous_commit = off'
        )
    ).result(PATIENCE)
    _terminate_all(postgresql_database)
    shown = server_store.submit(
        lambda tx: tx.driver.execute("SHOW synchronous_commit").fetchone()[0]
    ).result(PATIENCE)
    assert "on" == shown


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.errors.DiskFull("could not extend file"), StoreFull),
        (psycopg.errors.DeadlockDetected("deadlock"), StoreBusy),
        (psycopg.errors.AdminShutdown("terminating"), StoreError),
        (psycopg.OperationalError("connection refused"), StoreError),
        (psycopg.errors.UniqueViolation("duplicate key"), None),
        (ValueError("not ours"), None),
    ],
)
def test_errors_are_explained(error: Exception, expected: type[StoreError] | None) -> None:
    """A full disk, a conflict and a lost server have errors of ours; others stay as they are."""
    database = PostgresqlDatabase("postgresql+psycopg://u:secret@localhost/none")
    explained = database.explain_error(error)
    assert expected is (None if explained is None else type(explained))
    assert "secret" not in str(explained)
    database.close()


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pg_dump is not installed, the error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="pg_nothing was not found; install"):
        find_program("pg_nothing")
