"""What the store needs of a database; one module per database implements it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

    from county_gov.errors import StoreError
    from county_gov.store.transaction import JournalEntry, Snapshot, Transaction


class Database(Protocol):
    """A database and its dialect."""

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        ...

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""
        ...

    def connect_writer(self) -> sa.Connection:
        """A connection for the writer's thread, opened in that thread."""
        ...

    def read(self, function: Callable[[Snapshot], Any]) -> Any:
        """Call a function with a snapshot on a pooled reading connection."""
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

    def idle(self, connection: sa.Connection) -> None:
        """Called when the writer has nothing to do, for example to checkpoint."""
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

    def close(self) -> None:
        """Close all pooled connections."""
        ...
