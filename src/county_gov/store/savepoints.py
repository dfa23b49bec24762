"""What both databases are told in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from county_gov.store import tables

if TYPE_CHECKING:
    import sqlalchemy as sa

    from county_gov.store.database import Database


class Savepoints:
    """Savepoints, rolling back and making tables; a `Database` adds what its dialect says."""

    def savepoint(self, connection: sa.Connection) -> None:
        """Set the savepoint of one command."""
        _driver(connection).execute("SAVEPOINT change")

    def release(self, connection: sa.Connection) -> None:
        """Keep what was done since the savepoint."""
        _driver(connection).execute("RELEASE SAVEPOINT change")

    def rollback_to(self, connection: sa.Connection) -> None:
        """Undo what was done since the savepoint."""
        _driver(connection).execute("ROLLBACK TO SAVEPOINT change")
        _driver(connection).execute("RELEASE SAVEPOINT change")

    def rollback(self, connection: sa.Connection) -> None:
        """Undo the whole transaction."""
        _driver(connection).execute("ROLLBACK")

    def create_tables(self: Database) -> None:
        """Make all tables directly, without migrations: for tests and sketches."""
        connection = self.connect_writer()
        try:
            self.begin(connection)
            tables.metadata.create_all(connection)
            self.commit(connection)
        finally:
            self.disconnect_writer(connection)


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection
