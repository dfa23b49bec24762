"""Which datasets the database was last started with, and the changes of their tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.schema import CreateColumn

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.records import RecordTable
    from county_gov.store.transaction import Snapshot, Transaction

datasets = tables.datasets


@frozen
class DeclaredRow:
    """A dataset as it was last started.

    Args:
        id: Of the dataset.
        table: Name of its table.
        version: Version of the schema that its rows are of.
        declaration: Its declaration as JSON text.
        upgrade: How far an upgrade has come, as JSON text; None where none is under way.
    """

    id: str
    table: str
    version: int
    declaration: str
    upgrade: str | None


def read_declared(snapshot: Snapshot) -> Mapping[str, DeclaredRow]:
    """All datasets that the database knows, by id."""
    return {
        row.id: DeclaredRow(row.id, row.table_name, row.version, row.declaration, row.upgrade)
        for row in snapshot.rows(sa.select(datasets).order_by(datasets.c.id))
    }


def write_declared(tx: Transaction, row: DeclaredRow) -> None:
    """Remember a dataset as it is now."""
    values = {
        "table_name": row.table,
        "version": row.version,
        "declaration": row.declaration,
        "upgrade": row.upgrade,
        "updated_at": tx.at,
    }
    insert = tx.database.insert(datasets).values(id=row.id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["id"], set_=values))


def exists(snapshot: Snapshot, table: str) -> bool:
    """Whether there is a table of this name."""
    return sa.inspect(snapshot.connection).has_table(table)


def columns_of(snapshot: Snapshot, table: str) -> frozenset[str]:
    """The names of a table's columns."""
    return frozenset(one["name"] for one in sa.inspect(snapshot.connection).get_columns(table))


def make_table(tx: Transaction, table: RecordTable) -> None:
    """Make a dataset's table with its indexes, unless it is there."""
    table.table.create(tx.connection, checkfirst=True)


def add_columns(tx: Transaction, table: RecordTable) -> tuple[str, ...]:
    """Add the columns and indexes that a table lacks; gives the names of the fields added."""
    present = columns_of(tx, table.name)
    quote = tx.connection.dialect.identifier_preparer.quote
    missing = [one for one in table.fields if f"f_{one.name}" not in present]
    for one in missing:
        column = CreateColumn(table.column(one.name)).compile(dialect=tx.connection.dialect)
        tx.connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {column}")
    indexed = {tuple(one["column_names"]) for one in _indexes(tx, table.name)}
    for index in table.table.indexes:
        if tuple(column.name for column in index.columns) not in indexed:
            index.create(tx.connection)
    return tuple(one.name for one in missing)


def _indexes(snapshot: Snapshot, table: str) -> list[ReflectedIndex]:
    return sa.inspect(snapshot.connection).get_indexes(table)


def swap_tables(tx: Transaction, current: str, successor: str, retired: str) -> None:
    """Put one table in the place of another, which gets a name of its own."""
    quote = tx.connection.dialect.identifier_preparer.quote
    for old, new in ((current, retired), (successor, current)):
        tx.connection.exec_driver_sql(f"ALTER TABLE {quote(old)} RENAME TO {quote(new)}")


def thin_out(tx: Transaction, table: str, rows: int) -> int:
    """Remove some rows of a retired table, so that dropping it later is quick; gives how many."""
    key = "rowid" if tx.database.dialect == "sqlite" else "ctid"
    quoted = tx.connection.dialect.identifier_preparer.quote(table)
    some = f"SELECT {key} FROM {quoted} LIMIT {rows:d}"
    return tx.connection.exec_driver_sql(
        f"DELETE FROM {quoted} WHERE {key} = ANY(ARRAY({some}))"
        if key == "ctid"
        else f"DELETE FROM {quoted} WHERE {key} IN ({some})"
    ).rowcount


def drop_table(tx: Transaction, table: str) -> None:
    """Drop a table, if it is there."""
    sa.Table(table, sa.MetaData()).drop(tx.connection, checkfirst=True)
