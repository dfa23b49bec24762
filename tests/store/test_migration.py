"""Migrations make exactly the tables that the program uses, and guard every start."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from county_gov.errors import MigrationPending, StoreError
from county_gov.store import Store, migration, open_database, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from county_gov.store.database import Database
    from county_gov.store.transaction import Snapshot

Facts = list[tuple[Any, ...]]

POSTGRESQL_FACTS = (
    "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default"
    " FROM information_schema.columns WHERE table_schema = 'public'"
    " AND table_name <> 'alembic_version' ORDER BY 1, 2",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    " AND tablename <> 'alembic_version' ORDER BY 1, 2",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace"
    " AND conrelid::regclass::text <> 'alembic_version' ORDER BY 1, 2",
)


def _facts(snapshot: Snapshot) -> Facts:
    """Everything that a database says about its tables, Alembic's own left out."""
    if snapshot.database.dialect == "sqlite":
        statements: tuple[str, ...] = (
            "SELECT type, tbl_name, name, sql FROM sqlite_master"
            " WHERE tbl_name <> 'alembic_version' ORDER BY 1, 2, 3",
        )
    else:
        statements = POSTGRESQL_FACTS
    rows = itertools.chain.from_iterable(
        snapshot.connection.exec_driver_sql(statement).all() for statement in statements
    )
    return [
        tuple(" ".join(cell.split()) if isinstance(cell, str) else cell for cell in row)
        for row in rows
    ]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a database without tables."""
    if request.param == "sqlite":
        made = open_database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        made = open_database(request.getfixturevalue("postgresql_database"))
    yield made
    made.close()


def test_migrated_tables_are_those_of_the_program(any_database: Database) -> None:
    """Columns, order, types, nullability, defaults, keys, checks, indexes, STRICT, ROWID agree."""
    expected = any_database.read(_facts)
    _drop_all(any_database)
    migration.upgrade(any_database)
    assert expected == any_database.read(_facts)
    assert len(expected) > len(tables.metadata.tables)


def _drop_all(database: Database) -> None:
    connection = database.connect_writer()
    database.begin(connection)
    tables.metadata.drop_all(connection)
    database.commit(connection)
    database.disconnect_writer(connection)


def test_sqlite_tables_are_strict(database: Database) -> None:
    """A text never lands in a column of integers."""
    listed = database.read(
        lambda snapshot: snapshot.connection.exec_driver_sql("PRAGMA table_list").all()
    )
    strict = {row.name: row.strict for row in listed if row.name in tables.metadata.tables}
    assert dict.fromkeys(tables.metadata.tables, 1) == strict


def test_an_empty_database_is_refused_until_it_is_upgraded(empty_database: Database) -> None:
    """A start finds out that there are no tables yet, and an upgrade makes them once."""
    assert migration.current(empty_database) is None
    with pytest.raises(MigrationPending, match=r"no tables yet.*county-gov migrate"):
        migration.require_current(empty_database)
    assert "0001" in migration.plan(empty_database)
    assert "0001" == migration.upgrade(empty_database)[0]
    migration.require_current(empty_database)
    assert migration.newest() == migration.current(empty_database)
    assert "nothing to do" in migration.plan(empty_database)
    assert () == migration.upgrade(empty_database)


def test_a_newer_database_is_refused(empty_database: Database) -> None:
    """A program does not touch tables that a newer one made."""
    migration.upgrade(empty_database)
    connection = empty_database.connect_writer()
    empty_database.begin(connection)
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    empty_database.commit(connection)
    empty_database.disconnect_writer(connection)
    with pytest.raises(MigrationPending, match="'9999' is not known to this program"):
        migration.require_current(empty_database)
    with pytest.raises(MigrationPending, match="or a newer one"):
        migration.upgrade(empty_database)


def test_the_sql_makes_the_same_tables(empty_database: Database) -> None:
    """Running `migrate --sql` by hand is the same as `migrate`."""
    script = migration.sql(empty_database)
    connection = empty_database.connect_writer()
    if empty_database.dialect == "sqlite":
        connection.connection.driver_connection.executescript(script)  # type: ignore[union-attr]
    else:
        connection.connection.driver_connection.execute(script)  # type: ignore[union-attr]
    by_hand = empty_database.read(_facts)
    migration.require_current(empty_database)
    _drop_versions(empty_database, connection)
    _drop_all(empty_database)
    migration.upgrade(empty_database)
    assert by_hand == empty_database.read(_facts)
    assert "" == migration.sql(empty_database)


def _drop_versions(database: Database, connection: sa.Connection) -> None:
    database.begin(connection)
    connection.exec_driver_sql("DROP TABLE alembic_version")
    database.commit(connection)
    database.disconnect_writer(connection)


def test_an_upgrade_waits_for_no_running_server(store: Store) -> None:
    """While a server writes, an upgrade is refused and says who is in the way."""
    other = open_database(store.database.url)
    with pytest.raises(StoreError, match="is writing this database"):
        migration.upgrade(other)
    other.close()


def test_a_step_that_fails_leaves_nothing(database: Database) -> None:
    """All steps happen in one transaction: the tables of a failed upgrade are not there."""
    # The fixture's tables are there already, so the second step collides with them.
    connection = database.connect_writer()
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
    database.disconnect_writer(connection)
    before = database.read(_facts)
    with pytest.raises(StoreError, match="already exists"):
        migration.upgrade(database)
    assert before == database.read(_facts)
    assert "0001" == migration.current(database)
