"""SQLite: one file, one writer, WAL, every commit synchronised to the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.pool import NullPool, QueuePool

from county_gov.errors import StoreError, StoreFull
from county_gov.store import tables
from county_gov.store.transaction import JournalEntry, Snapshot, Transaction

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

log = structlog.get_logger(__name__)

FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
CACHE_KIB = 65_536
WAL_PAGES = 8_192
"""Pages of write-ahead log after which the writer checkpoints (32 MiB)."""


def _on_connect(*pragmas: str) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    def configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return configure


class SqliteDatabase:
    """One SQLite file.

    Args:
        url: ``sqlite:///path/to/county.db``. ``:memory:`` is refused: readers and the writer
            need a file between them.

    Raises:
        StoreError: if the URL names no file.
    """

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        path = sa.make_url(url).database
        if not path or path == ":memory:":
            msg = f"store.url {url!r}: expected a file, for example sqlite:///var/county.db"
            raise StoreError(msg)
        self.url = url
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        arguments = {"isolation_level": None, "check_same_thread": False, "timeout": 10.0}
        self._writer = sa.create_engine(url, poolclass=NullPool, connect_args=arguments)
        self._readers = sa.create_engine(
            url, poolclass=QueuePool, pool_size=8, max_overflow=8, connect_args=arguments
        )
        wal = ("journal_mode=WAL", "busy_timeout=10000", f"cache_size=-{CACHE_KIB}")
        sa.event.listen(
            self._writer,
            "connect",
            _on_connect(
                *wal,
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",
                f"wal_autocheckpoint={WAL_PAGES}",
            ),
        )
        sa.event.listen(
            self._readers, "connect", _on_connect(*wal, "wal_autocheckpoint=0", "query_only=ON")
        )
        for engine in (self._writer, self._readers):
            sa.event.listen(engine, "begin", _begin_is_explicit)

    def connect_writer(self) -> sa.Connection:
        """The only connection that writes and checkpoints."""
        return self._writer.connect()

    def read(self, function: Callable[[Snapshot], Any]) -> Any:
        """Call a function with a snapshot on a pooled, query-only connection."""
        with self._readers.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                return function(Snapshot(connection, self))
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def begin(self, connection: sa.Connection) -> None:
        """Begin at once as a writer: a later upgrade could fail without waiting."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def savepoint(self, connection: sa.Connection) -> None:
        """Set the savepoint of one command."""
        _driver(connection).execute("SAVEPOINT change")

    def release(self, connection: sa.Connection) -> None:
        """Keep what was done since the savepoint."""
        _driver(connection).execute("RELEASE change")

    def rollback_to(self, connection: sa.Connection) -> None:
        """Undo what was done since the savepoint."""
        _driver(connection).execute("ROLLBACK TO change")
        _driver(connection).execute("RELEASE change")

    def number_journal(self, tx: Transaction, entries: list[JournalEntry]) -> None:
        """Number the entries; there is one writer, so the highest position is known."""
        if not entries:
            return
        driver = _driver(tx.connection)
        (last,) = driver.execute("SELECT coalesce(max(position), 0) FROM journal").fetchone()
        (pruned,) = driver.execute("SELECT coalesce(max(position), 0) FROM followers").fetchone()
        for offset, entry in enumerate(entries, max(last, pruned) + 1):
            entry.position = offset
        driver.executemany(
            "INSERT INTO journal (position, kind, ref, at, payload) VALUES (?, ?, ?, ?, ?)",
            [(one.position, one.kind, one.ref, tx.at, one.payload) for one in entries],
        )

    def commit(self, connection: sa.Connection) -> None:
        """Commit; with synchronous=FULL it is on the disk when this returns."""
        connection.exec_driver_sql("COMMIT")

    def rollback(self, connection: sa.Connection) -> None:
        """Undo the whole transaction."""
        connection.exec_driver_sql("ROLLBACK")

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Whether SQLite still holds the transaction open (a full disk may have undone it)."""
        return bool(_driver(connection).in_transaction)

    def idle(self, connection: sa.Connection) -> None:
        """Move the write-ahead log into the file while nobody waits."""
        _driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)")

    def explain_error(self, error: BaseException) -> StoreError | None:
        """A full disk as `StoreFull`, other operational errors as `StoreError`."""
        original = getattr(error, "orig", error)
        if not isinstance(original, sqlite3.OperationalError):
            return None
        if original.sqlite_errorcode in FULL:
            return StoreFull(f"the disk is full ({original}); free space and try again")
        return StoreError(f"SQLite refused the change: {original}")

    def insert_ignore(self, table: sa.Table) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING."""
        return insert(table).on_conflict_do_nothing()

    def insert(self, table: sa.Table) -> Insert:
        """An INSERT that can be given ``on_conflict_do_update``."""
        return insert(table)

    def create_tables(self) -> None:
        """Make all tables directly, without migrations: for tests and sketches."""
        with self._writer.connect() as connection:
            tables.metadata.create_all(connection)

    def close(self) -> None:
        """Close all pooled connections."""
        self._readers.dispose()
        self._writer.dispose()


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _begin_is_explicit(_connection: sa.Connection) -> None:
    """SQLAlchemy begins nothing by itself: the writer and `read` say BEGIN."""
