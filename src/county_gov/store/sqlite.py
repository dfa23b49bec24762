"""SQLite: one file, one writer, WAL, every commit synchronised to the disk.

One process writes, through one connection, which alone checkpoints: SQLite before 3.51.3 can
corrupt a write-ahead log that two connections write or checkpoint at the same moment
(https://sqlite.org/wal.html, section "WAL-reset bug"). A lock file beside the database keeps a
second writing process out. Readers are ``query_only`` and never checkpoint.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.pool import NullPool, QueuePool

from county_gov.errors import StoreError, StoreFull
from county_gov.store.address import read_address
from county_gov.store.checkpoint import Checkpoints
from county_gov.store.database import Copied
from county_gov.store.inspection import count_rows, revision
from county_gov.store.lock import FileLock
from county_gov.store.savepoints import Savepoints
from county_gov.store.transaction import JournalEntry, Snapshot, Transaction

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

OLDEST = (3, 37, 0)
"""STRICT tables came with this version."""
WAL_RESET_FIXED = (3, 51, 3)
PATIENCE_SECONDS = 10.0
"""For so long a lock that another program holds is waited for."""
FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
BROKEN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN}
"""Primary codes of a file that is no database, is damaged, or cannot be opened."""
HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
"""Primary codes of a file that another program has locked for longer than we wait."""
PRIMARY = 0xFF
"""Bits of an extended code that hold the primary one."""
WRITER_CACHE_KIB = 65_536
READER_CACHE_KIB = 16_384
WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""The write-ahead log is cut back to this size once a long reader let it grow further."""


def _on_connect(*pragmas: str) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    def configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return configure


class SqliteDatabase(Savepoints):
    """One SQLite file.

    Args:
        url: ``sqlite:///path/to/county.db``. ``:memory:`` is refused: readers and the writer
            need a file between them.

    Raises:
        StoreError: if the URL names no file, or SQLite is older than 3.37.
    """

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        address = read_address(url)
        if sqlite3.sqlite_version_info < OLDEST:
            msg = f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed"
            raise StoreError(msg)
        self.path = Path(address.database or "")
        escaped = str(self.path).replace("%", "%25").replace("?", "%3F")
        self.url = f"sqlite:///{escaped}"
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        self._checkpoints = Checkpoints()
        arguments = {
            "isolation_level": None,
            "check_same_thread": False,
            "timeout": PATIENCE_SECONDS,
        }
        self._writer = sa.create_engine(address, poolclass=NullPool, connect_args=arguments)
        self._readers = sa.create_engine(
            address, poolclass=QueuePool, pool_size=8, max_overflow=8, connect_args=arguments
        )
        for engine in (self._writer, self._readers):
            sa.event.listen(engine, "do_connect", self._make_file)
            sa.event.listen(engine, "handle_error", self._tell_broken)
        sa.event.listen(
            self._writer,
            "connect",
            _on_connect(
                "journal_mode=WAL",
                "synchronous=FULL",
                "secure_delete=ON",
                "wal_autocheckpoint=0",
                f"journal_size_limit={WAL_LIMIT_BYTES}",
                f"cache_size=-{WRITER_CACHE_KIB}",
            ),
        )
        sa.event.listen(
            self._readers,
            "connect",
            _on_connect(f"cache_size=-{READER_CACHE_KIB}", "wal_autocheckpoint=0", "query_only=ON"),
        )

    def _make_file(self, *_arguments: object) -> None:
        """Make the file before SQLite does, readable by its owner alone."""
        with self._reachable():
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """Tell what the system says of the file's place as an error of the setting."""
        try:
            yield
        except StoreError:
            raise
        except OSError as error:
            msg = f"store.url names {str(self.path)[:200]}, which cannot be made: {error.strerror}"
            raise StoreError(msg) from error

    def connect_writer(self) -> sa.Connection:
        """Take the lock file, always alone; then open what alone writes and checkpoints."""
        with self._reachable():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        try:
            connection = self._writer.connect()
        except BaseException as error:
            self._lock.release()
            explained = self.explain_error(error)
            if explained is None:
                raise
            raise explained from error
        return connection

    def cautions(self) -> tuple[str, ...]:
        """The log of an SQLite before 3.51.3 must not be written by other programs."""
        if sqlite3.sqlite_version_info >= WAL_RESET_FIXED:
            return ()
        caution = (
            f"SQLite {sqlite3.sqlite_version} can corrupt a write-ahead log that two connections"
            f" write at once; county_gov never does, so let no other program write {self.path},"
            " or upgrade SQLite to 3.51.3 or newer"
        )
        return (caution,)

    def _tell_broken(self, context: sa.ExceptionContext) -> StoreError | None:
        """The error that is raised in the place of SQLAlchemy's where the file itself is broken."""
        error = context.original_exception
        return self.explain_error(error) if _primary_code(error) in BROKEN else None

    def disconnect_writer(self, connection: sa.Connection) -> None:
        """Close the connection and give the lock back."""
        try:
            connection.close()
        finally:
            self._lock.release()

    def usable(self, connection: sa.Connection) -> bool:
        """A file does not go away: as long as the connection is open."""
        return not connection.closed

    def read(self, function: Callable[[Snapshot], T]) -> T:
        """Call a function with a snapshot on a pooled, query-only connection."""
        try:
            with self._readers.connect() as connection:
                driver = _driver(connection)
                driver.execute("BEGIN")
                try:
                    return function(Snapshot(connection, self))
                finally:
                    driver.execute("ROLLBACK")
        except (sqlite3.OperationalError, sa.exc.OperationalError) as error:
            explained = self.explain_error(error)
            if explained is None:
                raise
            raise explained from error

    def begin(self, connection: sa.Connection) -> None:
        """Begin at once as a writer: a later upgrade could fail without waiting."""
        _driver(connection).execute("BEGIN IMMEDIATE")

    def number_journal(self, tx: Transaction, entries: list[JournalEntry]) -> None:
        """Number the entries; there is one writer, and pruning keeps the highest position."""
        if not entries:
            return
        driver = _driver(tx.connection)
        (last,) = driver.execute("SELECT coalesce(max(position), 0) FROM journal").fetchone()
        for position, entry in enumerate(entries, last + 1):
            entry.position = position
        driver.executemany(
            "INSERT INTO journal (position, kind, ref, at, payload) VALUES (?, ?, ?, ?, ?)",
            [(one.position, one.kind, one.ref, tx.at, one.payload) for one in entries],
        )

    def commit(self, connection: sa.Connection) -> None:
        """Commit; with synchronous=FULL it is on the disk when this returns."""
        _driver(connection).execute("COMMIT")
        self._checkpoints.note_commit()

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Whether SQLite still holds the transaction open (a full disk may have undone it)."""
        return not connection.closed and bool(_driver(connection).in_transaction)

    def tidy(self, connection: sa.Connection) -> None:
        """Move a portion of the write-ahead log into the file, when one is due."""
        if self._checkpoints.due(time.monotonic()):
            self._checkpoints.run(_driver(connection))

    def idle(self, connection: sa.Connection) -> None:
        """Move the write-ahead log into the file while nobody waits."""
        if self._checkpoints.dirty:
            self._checkpoints.run(_driver(connection))

    def explain_error(self, error: BaseException) -> StoreError | None:
        """A full disk as `StoreFull`, a broken file and operational errors as `StoreError`."""
        original = getattr(error, "orig", error)
        if _primary_code(original) in BROKEN:
            return StoreError(
                f"{self.path}: SQLite cannot read it ({original}); name the right file in"
                " store.url, or put it aside with its -wal and -shm and restore a backup:"
                " county-gov restore"
            )
        if not isinstance(original, sqlite3.OperationalError):
            return None
        if _primary_code(original) in HELD:
            return StoreError(
                f"{self.path}: another program holds it ({original}); close that program, or wait"
                " until it has finished"
            )
        if getattr(original, "sqlite_errorcode", None) in FULL:
            return StoreFull(f"the disk is full ({original}); free space and try again")
        return StoreError(f"{self.path}: SQLite refused: {original}")

    def insert_ignore(self, table: sa.Table) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING."""
        return insert(table).on_conflict_do_nothing()

    def insert(self, table: sa.Table) -> Insert:
        """An INSERT that can be given ``on_conflict_do_update``."""
        return insert(table)

    def copy_into(self, folder: Path) -> Copied:
        """Copy with SQLite's backup interface, in one step and from one snapshot."""
        target = folder / "county.db"

        def copy(snapshot: Snapshot) -> Copied:
            os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            copied = Copied(target.name, revision(snapshot), count_rows(snapshot))
            with closing(sqlite3.connect(target, isolation_level=None)) as connection:
                snapshot.driver.backup(connection, pages=-1)
                # One file that says all: without a write-ahead log beside it.
                connection.execute("PRAGMA journal_mode=DELETE")
                (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                msg = f"{target}: the copy is damaged: {answer}"
                raise StoreError(msg)
            return copied

        return self.read(copy)

    def fill_from(self, file: Path) -> None:
        """Copy the file here, under another name until it is whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            beside = [self.path.with_name(self.path.name + end) for end in ("-wal", "-shm")]
            if any(path.exists() and path.stat().st_size for path in (self.path, *beside)):
                msg = f"{self.path} exists; restore into a place where no database is"
                raise StoreError(msg)
            draft = self.path.with_name(self.path.name + ".restoring")
            with file.open("rb") as source, draft.open("wb") as target:
                draft.chmod(0o600)
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            draft.rename(self.path)
        except OSError as error:
            msg = f"{self.path}: the restore failed: {error}"
            raise StoreError(msg) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close all pooled connections."""
        self._readers.dispose()
        self._writer.dispose()


def _primary_code(error: object) -> int:
    """SQLite's primary result code; 0 where an error is none of SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & PRIMARY


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection
