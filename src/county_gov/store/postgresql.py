"""PostgreSQL, 12 or newer, through psycopg 3.

One process writes, as on SQLite: what has landed is kept in its memory, and two that land the same
reading would both keep it. It holds an advisory lock, which the server drops when its session ends.
Each statement sees what was committed before it (READ COMMITTED). Journal positions are given under
a second advisory lock, held from the numbering to the end of the commit: no follower can pass a
position that is not yet visible.

When the connection breaks during a commit nobody knows whether it happened. The change is reported
as failed; whoever repeats it carries the same idempotency key, or the same rows, which count as
duplicates.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import sqlalchemy as sa
import structlog
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.pool import NullPool, QueuePool

from county_gov.errors import StoreBusy, StoreError, StoreFull, StoreLocked
from county_gov.store.address import read_address
from county_gov.store.database import Copied
from county_gov.store.inspection import count_rows, revision, table_names
from county_gov.store.postgresql_programs import program_url, run_program
from county_gov.store.savepoints import Savepoints
from county_gov.store.transaction import JournalEntry, Snapshot, Transaction

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

log = structlog.get_logger(__name__)
T = TypeVar("T")

OLDEST = 120_000
"""server_version_num of PostgreSQL 12."""
WRITER_LOCK = 0x636F_756E_7479_0001
JOURNAL_LOCK = 0x636F_756E_7479_0002
"""Keys of the advisory locks: "county" in ASCII, and a number."""

WRITER = """
    SELECT coalesce(host(a.client_addr), 'local') || ', server process ' || a.pid
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.classid = %s::bigint::oid AND l.objid = %s::bigint::oid
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1
"""
"""Who holds the writers' lock."""

SESSION = {
    "application_name": "county_gov",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""A dead peer is noticed after a minute, also by a server that waits for it."""

DISK_FULL = "53100"
TRY_AGAIN = {"40001", "40P01", "55P03"}
"""Serialisation failure, deadlock, lock not available."""


class PostgresqlDatabase(Savepoints):
    """One database on a PostgreSQL server.

    Args:
        url: ``postgresql+psycopg://user:password@host:port/database``.
        patience: Seconds for which the writers' lock is waited for: the server may notice only
            after a moment that a process which held it has died.

    Raises:
        StoreError: if the URL names another driver.
    """

    dialect = "postgresql"

    def __init__(self, url: str, *, patience: float = 5.0) -> None:
        self._address = read_address(url)
        try:
            psycopg.conninfo.make_conninfo("", **dict.fromkeys(self._address.query, ""))
        except psycopg.ProgrammingError as error:
            msg = f"store.url {self.url!r} has a parameter that PostgreSQL does not know: {error}"
            raise StoreError(msg) from error
        self._patience = patience
        arguments = {
            "isolation_level": "AUTOCOMMIT",
            "connect_args": SESSION,
            # As on SQLite, an INSERT says how many rows it added.
            "execution_options": {"preserve_rowcount": True},
        }
        self._writer = sa.create_engine(self._address, poolclass=NullPool, **arguments)
        self._readers = sa.create_engine(
            self._address,
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=8,
            pool_pre_ping=True,
            **arguments,
        )
        for engine in (self._writer, self._readers):
            sa.event.listen(engine, "connect", _require_server)
        sa.event.listen(self._writer, "connect", _require_durable_commits)

    @property
    def url(self) -> str:
        """Where it is, without the password."""
        return self._address.render_as_string(hide_password=True)

    def cautions(self) -> tuple[str, ...]:
        """None."""
        return ()

    def connect_writer(self) -> sa.Connection:
        """Open the writing session and take the writer's lock."""
        try:
            connection = self._writer.connect()
        except sa.exc.DBAPIError as error:
            raise self.explain_error(error) or StoreError(str(error)) from error
        try:
            self._take_writer_lock(_driver(connection))
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_writer_lock(self, driver: psycopg.Connection[Any]) -> None:
        give_up = time.monotonic() + self._patience
        while not _value(driver, "SELECT pg_try_advisory_lock(%s)", WRITER_LOCK):
            if time.monotonic() > give_up:
                holder = _value(driver, WRITER, WRITER_LOCK >> 32, WRITER_LOCK & 0xFFFF_FFFF)
                msg = (
                    f"{self.url}: {holder or 'another process'} is writing this database; "
                    "stop it first"
                )
                raise StoreLocked(msg)
            time.sleep(0.05)

    def disconnect_writer(self, connection: sa.Connection) -> None:
        """Close the session, or what is left of it; the server drops its lock."""
        if not self.usable(connection) and not connection.closed:
            connection.invalidate()
        connection.close()

    def usable(self, connection: sa.Connection) -> bool:
        """Whether the session still lives, as far as this side knows."""
        lost = connection.closed or connection.invalidated
        return not lost and not _driver(connection).closed

    def read(self, function: Callable[[Snapshot], T]) -> T:
        """Call a function with a snapshot: one read-only transaction of one consistent state."""
        try:
            with self._readers.connect() as connection:
                connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                try:
                    return function(Snapshot(connection, self))
                finally:
                    if self.in_transaction(connection):
                        _driver(connection).execute("ROLLBACK")
        except (psycopg.Error, sa.exc.DBAPIError) as error:
            explained = self.explain_error(error)
            if explained is None:
                raise
            raise explained from error

    def begin(self, connection: sa.Connection) -> None:
        """Begin; each statement sees what was committed before it."""
        _driver(connection).execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")

    def number_journal(self, tx: Transaction, entries: list[JournalEntry]) -> None:
        """Number the entries under the journal's lock, which the commit gives back."""
        if not entries:
            return
        driver = _driver(tx.connection)
        driver.execute("SELECT pg_advisory_xact_lock(%s)", (JOURNAL_LOCK,))
        # A statement of its own, so that it sees what the lock's last holder committed.
        last = _value(driver, "SELECT coalesce(max(position), 0) FROM journal")
        for position, entry in enumerate(entries, last + 1):
            entry.position = position
        with driver.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO journal (position, kind, ref, at, payload)"
                " VALUES (%s, %s, %s, %s, %s)",
                [(one.position, one.kind, one.ref, tx.at, one.payload) for one in entries],
            )

    def commit(self, connection: sa.Connection) -> None:
        """Commit; it is on the server's disk when this returns."""
        answer = _driver(connection).execute("COMMIT").statusmessage
        if answer != "COMMIT":
            msg = f"{self.url}: the server answered {answer!r} to COMMIT and kept nothing"
            raise StoreError(msg)

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Whether the session lives and its transaction is open, failed or not."""
        return self.usable(connection) and _driver(connection).info.transaction_status in {
            TransactionStatus.ACTIVE,
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        }

    def tidy(self, connection: sa.Connection) -> None:
        """The server tidies by itself."""

    def idle(self, connection: sa.Connection) -> None:
        """Nothing to do: a session that ends meanwhile is noticed by the next change."""

    def explain_error(self, error: BaseException) -> StoreError | None:
        """A full disk as `StoreFull`, conflicts as `StoreBusy`, a lost server as `StoreError`."""
        original = getattr(error, "orig", None) or error
        if not isinstance(original, psycopg.Error):
            return None
        reason = str(original).strip().splitlines()[0] if str(original) else type(original).__name__
        if original.sqlstate == DISK_FULL:
            return StoreFull(f"{self.url}: the disk is full ({reason}); free space and try again")
        if original.sqlstate in TRY_AGAIN:
            return StoreBusy(f"{self.url}: {reason}; try again")
        if isinstance(original, psycopg.OperationalError):
            return StoreError(f"{self.url}: {reason}")
        return None

    def insert_ignore(self, table: sa.Table) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING."""
        return insert(table).on_conflict_do_nothing()

    def insert(self, table: sa.Table) -> Insert:
        """An INSERT that can be given ``on_conflict_do_update``."""
        return insert(table)

    def copy_into(self, folder: Path) -> Copied:
        """Copy with ``pg_dump``, from the snapshot in which the rows are counted."""
        target = folder / "county.dump"

        def copy(snapshot: Snapshot) -> Copied:
            copied = Copied(target.name, revision(snapshot), count_rows(snapshot))
            exported = _value(snapshot.driver, "SELECT pg_export_snapshot()")
            target.touch(mode=0o600)
            run_program(
                "pg_dump",
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--snapshot={exported}",
                f"--file={target}",
                f"--dbname={program_url(self._address)}",
                address=self._address,
            )
            return copied

        return self.read(copy)

    def fill_from(self, file: Path) -> None:
        """Fill with ``pg_restore``, all or nothing, while nobody else may write."""
        connection = self.connect_writer()
        try:
            names = table_names(Snapshot(connection, self))
            if names:
                msg = f"{self.url} has tables ({names[0]}, …); restore into an empty database"
                raise StoreError(msg)
            run_program(
                "pg_restore",
                "--exit-on-error",
                "--single-transaction",
                "--no-owner",
                "--no-privileges",
                f"--dbname={program_url(self._address)}",
                str(file),
                address=self._address,
            )
        finally:
            self.disconnect_writer(connection)

    def close(self) -> None:
        """Close all pooled connections."""
        self._readers.dispose()
        self._writer.dispose()


def _driver(connection: sa.Connection) -> psycopg.Connection[Any]:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


def _value(driver: psycopg.Connection[Any], statement: str, *values: object) -> Any:
    row = driver.execute(statement.encode("ascii"), values).fetchone()
    return row[0] if row else None


def _setting(connection: DBAPIConnection, name: str) -> str:
    cursor = connection.cursor()
    try:
        cursor.execute(f"SHOW {name}")
        row = cursor.fetchone()
        return str(row[0]) if row else ""
    finally:
        cursor.close()
        connection.commit()


def _require_server(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Refuse a server that is too old, or whose database is not in UTF-8."""
    version = _setting(connection, "server_version_num")
    encoding = _setting(connection, "server_encoding")
    if int(version) < OLDEST:
        msg = f"PostgreSQL {version} is too old: 12 or newer is needed"
        raise StoreError(msg)
    if encoding != "UTF8":
        msg = f"the database is in {encoding}: create it with ENCODING 'UTF8'"
        raise StoreError(msg)


def _require_durable_commits(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Where the server is set to answer before its disk did, ask for more in this session."""
    if _setting(connection, "synchronous_commit") == "off":
        cursor = connection.cursor()
        cursor.execute("SET synchronous_commit = on")
        cursor.close()
        connection.commit()
