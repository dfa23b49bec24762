"""What the store needs of a database; one module per database implements it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

    from county_gov.errors import StoreError
    from county_gov.store.transaction import JournalEntry, Snapshot, Transaction

T = TypeVar("T")


@frozen(eq=False)
class Copied:
    """A copy of a database.

    Args:
        name: Of its file.
        revision: Of its tables; None where they were made without migrations.
        rows: How many rows each table has in it.
    """

    name: str
    revision: str | None
    rows: Mapping[str, int]


class Database(Protocol):
    """A database and its dialect.

    The methods that take a connection are called on the writer's thread, with the connection that
    `connect_writer` gave. Two databases may differ in how they wait, never in what is seen: a
    change is durable when `commit` returns, and a `Snapshot` is one consistent state.
    """

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        ...

    @property
    def dialect(self) -> str:
        """Its name, "sqlite" or "postgresql"."""
        ...

    def cautions(self) -> tuple[str, ...]:
        """What whoever runs this database must know of its version, a sentence each."""
        ...

    def connect_writer(self) -> sa.Connection:
        """Take the right to write, which one process has, and open the writing connection.

        Raises:
            StoreError: if another process is in the way (it is named), or the database cannot be
                reached.
        """
        ...

    def disconnect_writer(self, connection: sa.Connection) -> None:
        """Close the writing connection and give the right to write back."""
        ...

    def usable(self, connection: sa.Connection) -> bool:
        """Whether the writing connection still reaches the database."""
        ...

    def read(self, function: Callable[[Snapshot], T]) -> T:
        """Call a function with a snapshot on a pooled reading connection.

        Raises:
            StoreError: if the database cannot be reached.
        """
        ...

    def begin(self, connection: sa.Connection) -> None:
        """Begin a writing transaction, waiting for nobody afterwards."""
        ...

    def savepoint(self, connection: sa.Connection) -> None:
        """Set the savepoint of one command."""
        ...

    def release(self, connection: sa.Connection) -> None:
        """Keep what was done since the savepoint."""
        ...

    def rollback_to(self, connection: sa.Connection) -> None:
        """Undo what was done since the savepoint."""
        ...

    def number_journal(self, tx: Transaction, entries: list[JournalEntry]) -> None:
        """Give the entries consecutive positions that no follower can pass, and insert them."""
        ...

    def commit(self, connection: sa.Connection) -> None:
        """Commit durably."""
        ...

    def rollback(self, connection: sa.Connection) -> None:
        """Undo the whole transaction."""
        ...

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Whether the database still holds the transaction open."""
        ...

    def tidy(self, connection: sa.Connection) -> None:
        """Called after each commit, once its results are out; no longer than a commit."""
        ...

    def idle(self, connection: sa.Connection) -> None:
        """Called when the writer has nothing to do."""
        ...

    def explain_error(self, error: BaseException) -> StoreError | None:
        """The error as one of ours where it means a full disk or a lost database, else None."""
        ...

    def insert_ignore(self, table: sa.Table) -> SqliteInsert | PostgresqlInsert:
        """An INSERT that leaves a row with the same key as it is."""
        ...

    def insert(self, table: sa.Table) -> SqliteInsert | PostgresqlInsert:
        """An INSERT that can be given ``on_conflict_do_update``."""
        ...

    def create_tables(self) -> None:
        """Make all tables directly, without migrations: for tests and sketches."""
        ...

    def copy_into(self, folder: Path) -> Copied:
        """Copy one consistent state into a new file of a folder, while writing goes on.

        Raises:
            StoreError: if the copy fails.
        """
        ...

    def fill_from(self, file: Path) -> None:
        """Make this database, which must be empty, what a copy was.

        Raises:
            StoreError: if it is not empty, or the copy cannot be read.
        """
        ...

    def close(self) -> None:
        """Close all pooled connections."""
        ...
