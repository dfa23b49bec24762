"""What landing, settling and reading need of a database beyond plain statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from county_gov.contract.batch import Int64s
from county_gov.errors import StoreError
from county_gov.store.database import Database
from county_gov.store.observations.rows import Stored
from county_gov.store.transaction import Snapshot, Transaction


@frozen(eq=False)
class Found:
    """Stored rows that were looked for by key.

    Args:
        index: int64, shape (m,): which of the keys each row was found for.
        rows: The rows, shape (m,).
    """

    index: Int64s
    rows: Stored


Place = tuple[int, int]
"""A row's key in a landing table: time and datastream."""


class LandingDialect(Protocol):
    """The SQL of landing tables, per database.

    A landing table ``landing_<number>`` has the columns time, datastream, value, flag, result_time
    (null where none was given) and batch, and the key (time, datastream).
    """

    readers_last: int
    """Microseconds for which a reader may still look for a table after it has settled."""

    def session(self, tx: Transaction) -> int:
        """Names the session that has the right to write.

        What is kept in memory holds as long as it is the same: in another one somebody else may
        have written meanwhile, or a commit may have happened whose answer was lost.
        """
        ...

    def create(self, tx: Transaction, number: int) -> None:
        """Make a landing table."""
        ...

    def drop(self, tx: Transaction, number: int) -> None:
        """Drop a landing table.

        Raises:
            psycopg.errors.LockNotAvailable: if a reader is still at it; try again later.
        """
        ...

    def insert(self, tx: Transaction, number: int, rows: Stored) -> None:
        """Insert rows; their keys exist nowhere, and they are ordered by key."""
        ...

    def update(self, tx: Transaction, number: int, rows: Stored) -> None:
        """Overwrite the rows with these keys."""
        ...

    def find(self, tx: Transaction, number: int, datastream: Int64s, time: Int64s) -> Found:
        """The rows of a landing table with the given keys, both of shape (n,)."""
        ...

    def find_blocks(
        self, tx: Transaction, datastream: Int64s, day: Int64s, time: Int64s
    ) -> Sequence[tuple[int, int, bytes]]:
        """Datastream, day and body of those blocks whose last time is not before ``time``."""
        ...

    def known_revisions(
        self, tx: Transaction, datastream: Int64s, time: Int64s
    ) -> Sequence[tuple[int, int, int, int, int | None]]:
        """Datastream, time, value, flag and result time of all revisions under the given keys."""
        ...

    def insert_revisions(self, tx: Transaction, rows: Sequence[tuple[int | None, ...]]) -> None:
        """Keep values that are not current: the columns of ``revisions`` but the identity."""
        ...

    def put_blocks(
        self,
        tx: Transaction,
        new: Sequence[tuple[int, int, int, int, bytes]],
        changed: Sequence[tuple[int, int, int, int, bytes, bytes]],
    ) -> bool:
        """Write blocks (datastream, day, rows, last, body), changed ones with their old body.

        Returns:
            False where one that should be new exists, or an old body is no longer there. Then the
            caller must undo.
        """
        ...

    def scan(self, snapshot: Snapshot, number: int, after: Place, limit: int) -> Stored:
        """The first rows of a landing table after a time and datastream, in this order."""
        ...

    def series(
        self, snapshot: Snapshot, number: int, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        """The rows of some datastreams in a landing table with start <= time < end."""
        ...


def landing_dialect(database: Database) -> LandingDialect:
    """The dialect of a database.

    Raises:
        StoreError: if there is none.
    """
    if database.dialect == "sqlite":
        from county_gov.store.observations.sqlite import SqliteLanding

        return SqliteLanding()
    if database.dialect == "postgresql":
        from county_gov.store.observations.postgresql import PostgresqlLanding

        return PostgresqlLanding()
    msg = f"observations cannot land in {database.dialect!r}; expected sqlite or postgresql"
    raise StoreError(msg)
