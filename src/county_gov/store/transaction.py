"""What a reader and a writer of the store hold in their hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from attrs import define, field

from county_gov.store import idempotency, tables

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store.database import Database

Statement = sa.Executable


@define(eq=False)
class JournalEntry:
    """One entry of the journal; ``position`` is known once the commit has happened."""

    kind: str
    ref: str
    payload: bytes | None
    position: int = 0


@define(eq=False)
class Snapshot:
    """A consistent view of the database, for reading only.

    Args:
        connection: The SQLAlchemy connection, inside a transaction.
        database: The module of this database.
    """

    connection: sa.Connection
    database: Database

    def rows(self, statement: Statement, **values: object) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        """All rows; ``values`` are those of the statement's named parameters."""
        return self.connection.execute(statement, values).all()

    def first(self, statement: Statement, **values: object) -> sa.Row[*tuple[Any, ...]] | None:
        """The first row, or None; ``values`` are those of the statement's named parameters."""
        return self.connection.execute(statement, values).first()

    def scalar(self, statement: Statement, **values: object) -> Any:
        """The first column of the first row, or None; ``values`` as in `rows`."""
        return self.connection.execute(statement, values).scalar()

    @property
    def driver(self) -> Any:
        """The driver's own connection, for the paths where SQLAlchemy's cost matters."""
        return self.connection.connection.driver_connection


@define(eq=False)
class Transaction(Snapshot):
    """A change in the making; many share one commit, each in a savepoint of its own.

    Args:
        at: Instant of the change, microseconds UTC; the same for all that share the commit.
    """

    at: int = 0
    entries: list[JournalEntry] = field(factory=list)
    callbacks: list[Callable[[], object]] = field(factory=list)
    undo: list[Callable[[], object]] = field(factory=list)

    def execute(
        self,
        statement: Statement,
        rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        """Execute a statement once, or once for each of ``rows``.

        To build a statement costs more than to run it. What a person waits for is built once, with
        named parameters, and run with their values; the columns that an INSERT or UPDATE sets are
        those of ``rows``.
        """
        return self.connection.execute(statement, rows)

    def insert(self, table: sa.Table, **values: object) -> int:
        """Insert one row and return its identity (0 where the table has none)."""
        result = self.connection.execute(sa.insert(table), values)
        key = result.inserted_primary_key
        return key[0] if key and isinstance(key[0], int) else 0

    def driver_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Execute a statement for many rows on the driver, where it costs a third.

        Args:
            sql: With ``?`` for each value, on every database.
            rows: The values of each row.

        Returns:
            How many rows changed.
        """
        if not rows:
            return 0
        cursor = self.driver.cursor()
        try:
            cursor.executemany(
                sql if self.database.dialect == "sqlite" else sql.replace("?", "%s"), rows
            )
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def journal(self, kind: str, ref: str, payload: bytes | None = None) -> JournalEntry:
        """Tell the followers of a change; numbered when the commit happens.

        Args:
            kind: "observations", "case", "alert", "record" or "parameter".
            ref: What changed, for example the batch's or case's identifier.
            payload: What a follower needs to know without reading it again.
        """
        entry = JournalEntry(kind, ref, payload)
        self.entries.append(entry)
        return entry

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call back on the writer's thread once the commit has happened; must be quick."""
        self.callbacks.append(callback)

    def on_rollback(self, callback: Callable[[], object]) -> None:
        """Call back on the writer's thread if this change is undone; for state kept in memory."""
        self.undo.append(callback)

    def append_outbox(
        self,
        *,
        key: str,
        notifier: str,
        recipient: str,
        subject: str,
        body: str,
        case: int | None = None,
        drill: bool = False,
    ) -> None:
        """Queue a notice; a key that is there already, or was once, is left as it is."""
        if idempotency.kept(self, idempotency.NOTICES, key) is not None:
            return
        self.execute(
            self.database.insert_ignore(tables.outbox),
            {
                "key": key,
                "notifier": notifier,
                "recipient": recipient,
                "subject": subject,
                "body": body,
                "case": case,
                "created_at": self.at,
                "next_attempt_at": self.at,
                "drill": int(drill),
            },
        )

    def append_audit(
        self,
        actor: Actor,
        action: str,
        target: str,
        *,
        outcome: str = "done",
        area: str = "",
        request: str = "",
        details: str = "{}",
    ) -> None:
        """Record who did what to which object, and how it ended; never the data itself."""
        self.insert(
            tables.audit,
            at=self.at,
            actor=actor.name,
            account=actor.account,
            action=action,
            object=target,
            area=area,
            outcome=outcome,
            request=request,
            details=details,
        )
