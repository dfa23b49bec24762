"""The tables of datasets, one each: made from a schema, read within a scope, written by key.

A dataset's table has a column ``f_<field>`` for each field, so that no field's name can meet one of
the core's own: ``record`` (the key as one text), ``valid_from`` (dated datasets), ``version``,
``changed_at``, ``changed_by`` and ``changed_account``. Exact numbers are scaled integers, truth is
0 or 1, days are days since 1970-01-01.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.schema import Field, Value
from county_gov.store import tables
from county_gov.store.scope import visible

if TYPE_CHECKING:
    from county_gov.contract.access import Actor, Scope
    from county_gov.contract.dataset import Dataset
    from county_gov.store.transaction import Snapshot, Transaction

PLAIN = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
LONGEST_NAME = 40
"""Characters of a dataset's id that its table is named after as it is."""
KEYS_A_STATEMENT = 500

Condition = sa.ColumnElement[bool]


@frozen
class RowKey:
    """What identifies a row: its key, and the day from which it holds where it is dated."""

    record: str
    valid_from: int | None = None


@frozen(eq=False)
class StoredRow:
    """A row as it is kept.

    Args:
        key: What identifies it.
        values: Kept values by field.
        version: Raised with each change.
        changed_at: Instant of the last change, microseconds UTC.
        changed_by: Who made it.
        unmasked: Whether who reads sees its personal fields.
    """

    key: RowKey
    values: Mapping[str, Value]
    version: int
    changed_at: int
    changed_by: str
    unmasked: bool


@frozen(eq=False)
class RecordTable:
    """A dataset's table.

    Args:
        name: Of the table.
        table: With all columns of the declaration.
        dated: Whether ``valid_from`` belongs to the key.
        area: Name of the field with the area's code, empty for none.
        fields: The declared fields.
    """

    name: str
    table: sa.Table
    dated: bool
    area: str
    fields: tuple[Field, ...]

    def column(self, name: str) -> sa.Column[Any]:
        """The column of a field, or of the day from which a row holds."""
        if self.dated and name == "valid_from":
            return self.table.c.valid_from
        return self.table.c[f"f_{name}"]

    def always_given(self, name: str) -> bool:
        """Whether every row has a value in a field, or in the day from which it holds."""
        return all(one.required for one in self.fields if one.name == name)

    def row(self, found: sa.Row[Any], *, unmasked: bool = True) -> StoredRow:
        """A row of the database as one of ours."""
        mapping = found._mapping  # noqa: SLF001 (SQLAlchemy's public name for it)
        return StoredRow(
            key=RowKey(mapping["record"], mapping["valid_from"] if self.dated else None),
            values={one.name: mapping[f"f_{one.name}"] for one in self.fields},
            version=mapping["version"],
            changed_at=mapping["changed_at"],
            changed_by=mapping["changed_by"],
            unmasked=unmasked,
        )

    @property
    def area_column(self) -> sa.ColumnElement[str]:
        """The column with the code of the row's area."""
        return self.column(self.area)


def table_name(dataset: str) -> str:
    """The name of a dataset's table: ``r_reservoir_reservoirs`` of ``reservoir.reservoirs``.

    An id that is long or has other characters gets a digest at its end, so that no two meet.
    """
    name = "r_" + re.sub(r"[^a-z0-9]+", "_", dataset.lower())[:LONGEST_NAME]
    if PLAIN.fullmatch(dataset) and len(dataset) <= LONGEST_NAME:
        return name
    return f"{name}_{sha256(dataset.encode()).hexdigest()[:8]}"


def table_of(dataset: Dataset, *, name: str = "", retired: Sequence[Field] = ()) -> RecordTable:
    """Describe a dataset's table; nothing is made.

    Args:
        dataset: A dataset of records.
        name: Another name than that of its id.
        retired: Fields that it has no longer, whose columns are carried along.
    """
    found = name or table_name(dataset.id)
    key = [sa.Column("record", sa.Text(), primary_key=True)]
    if dataset.dated:
        key.append(_column("valid_from", tables.Number, primary_key=True, autoincrement=False))
    own = [
        _column("version", tables.Number, nullable=False),
        _column("changed_at", tables.Number, nullable=False),
        _column("changed_by", sa.Text(), nullable=False),
        _column("changed_account", tables.Number),
    ]
    declared = (*dataset.schema.fields, *retired)
    fields = [_column(f"f_{one.name}", column_type(one)) for one in declared]
    table = sa.Table(found, sa.MetaData(), *key, *own, *fields, sqlite_strict=True)
    if dataset.area:
        sa.Index(index_name(found, dataset.area), table.c[f"f_{dataset.area}"])
    for one in dataset.schema.fields:
        if one.indexed:
            columns = [table.c[f"f_{one.name}"], *table.primary_key]
            sa.Index(index_name(found, f"{one.name}, key"), *columns)
    return RecordTable(found, table, dataset.dated, dataset.area, declared)


def _column(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, **options)


def index_name(table: str, name: str) -> str:
    """The name of the index of a field: unlike that of another table or field, and short."""
    return f"ix_{sha256(f'{table}.{name}'.encode()).hexdigest()[:8]}_{table}"[:60]


def column_type(one: Field) -> sa.types.TypeEngine[Any]:
    """The type of a field's column."""
    if one.dtype == "text":
        return sa.Text()
    if one.dtype == "float64" and one.decimals is None:
        return tables.Real
    return tables.Number


def in_force(table: RecordTable, day: int) -> Condition:
    """The condition that a row of a dated dataset is its key's last one begun by a day."""
    rows, later = table.table, table.table.alias()
    newer = (
        sa.select(sa.literal(1))
        .where(
            later.c.record == rows.c.record,
            later.c.valid_from > rows.c.valid_from,
            later.c.valid_from <= day,
        )
        .correlate(rows)
    )
    return sa.and_(rows.c.valid_from <= day, ~newer.exists())


def within(table: RecordTable, scope: Scope, day: int) -> Condition:
    """The condition that a row lies within a scope.

    A row without an area belongs to the whole county: every grant shows it that is not narrowed to
    a unit or a person.
    """
    if scope.everywhere:
        return sa.true()
    whole = any(one.unit is None and one.person is None for one in scope.grants)
    if not table.area:
        return sa.true() if whole else sa.false()
    area = table.area_column
    found = visible(scope, area=area, day=day)
    return sa.or_(area.is_(None), found) if whole else found


def sees(snapshot: Snapshot, scope: Scope, area: str | None, day: int) -> bool:
    """Whether a scope shows a row of an area; None means that of the whole county."""
    if scope.everywhere:
        return True
    if area is None:
        return any(one.unit is None and one.person is None for one in scope.grants)
    code = sa.literal(area, sa.Text())
    return bool(snapshot.scalar(sa.select(1).where(visible(scope, area=code, day=day))))


def reaches(snapshot: Snapshot, scope: Scope, area: str | None, day: int) -> bool:
    """Whether a scope allows writing a row of an area; None means that of the whole county.

    What belongs to the whole county is written by those whose grant reaches all of it: an area
    without another above it.
    """
    if scope.everywhere:
        return True
    if area is not None:
        return sees(snapshot, scope, area, day)
    codes = {one.area for one in scope.grants if one.unit is None and one.person is None}
    row = tables.area_parents
    top = sa.select(sa.literal(1)).where(
        row.c.code.in_(sorted(filter(None, codes))), row.c.parent.is_(None)
    )
    return snapshot.first(top) is not None


def read_row(snapshot: Snapshot, table: RecordTable, key: RowKey) -> StoredRow | None:
    """The row of a key as it is now, whoever asks."""
    row = snapshot.first(sa.select(table.table).where(*_key(table, key)))
    return None if row is None else table.row(row)


def read_rows(
    snapshot: Snapshot, table: RecordTable, records: Iterable[str]
) -> dict[RowKey, StoredRow]:
    """The rows of some keys, of all days."""
    wanted = sorted(set(records))
    found: dict[RowKey, StoredRow] = {}
    for start in range(0, len(wanted), KEYS_A_STATEMENT):
        some = wanted[start : start + KEYS_A_STATEMENT]
        statement = sa.select(table.table).where(table.table.c.record.in_(some))
        for one in map(table.row, snapshot.rows(statement)):
            found[one.key] = one
    return found


def existing_keys(snapshot: Snapshot, table: RecordTable, records: Iterable[str]) -> set[str]:
    """Those of some keys of which there is a row."""
    wanted = sorted(set(records))
    found: set[str] = set()
    for start in range(0, len(wanted), KEYS_A_STATEMENT):
        some = wanted[start : start + KEYS_A_STATEMENT]
        statement = sa.select(table.table.c.record).where(table.table.c.record.in_(some))
        found.update(row.record for row in snapshot.rows(statement))
    return found


def slice_rows(
    snapshot: Snapshot, table: RecordTable, after: RowKey | None, limit: int
) -> list[StoredRow]:
    """Rows in the order of the key, those after a key (and day)."""
    key = list(table.table.primary_key)
    statement = sa.select(table.table).order_by(*key).limit(limit)
    if after is not None:
        values = [after.record, after.valid_from] if table.dated else [after.record]
        statement = statement.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, values)))
    return [table.row(row) for row in snapshot.rows(statement)]


def count_empty(snapshot: Snapshot, table: str, name: str) -> int:
    """How many rows of a table have no value in a field."""
    rows = sa.table(table, sa.column(f"f_{name}"))
    statement = sa.select(sa.func.count()).select_from(rows)
    return int(snapshot.scalar(statement.where(rows.c[f"f_{name}"].is_(None))))


@frozen(eq=False)
class Written:
    """A row as it is to be written.

    Args:
        key: What identifies it.
        values: Kept values of every field.
        version: Its new version.
        before: The version that it must have now; None for a row that must be new.
    """

    key: RowKey
    values: Mapping[str, Value]
    version: int
    before: int | None


def insert_rows(tx: Transaction, table: RecordTable, rows: Sequence[Written], actor: Actor) -> None:
    """Insert rows that are new; all of them have values for the same fields.

    Raises:
        sqlalchemy.exc.IntegrityError: if a row of one's key exists.
    """
    if rows:
        tx.execute(sa.insert(table.table), [_values(tx, table, row, actor) for row in rows])


def update_rows(tx: Transaction, table: RecordTable, rows: Sequence[Written], actor: Actor) -> None:
    """Change rows that were seen in this transaction to have the version expected."""
    if not rows:
        return
    own = table.table.c
    key = [own.record == sa.bindparam("key_record")]
    if table.dated:
        key.append(own.valid_from == sa.bindparam("key_valid_from"))
    statement = sa.update(table.table).where(*key)
    names = {"record": "key_record", "valid_from": "key_valid_from"}
    values = [
        {names.get(name, name): value for name, value in _values(tx, table, row, actor).items()}
        for row in rows
    ]
    columns = [name for name in values[0] if not name.startswith("key_")]
    tx.execute(statement.values({name: sa.bindparam(name) for name in columns}), values)


def update_row(tx: Transaction, table: RecordTable, row: Written, actor: Actor) -> bool:
    """Change one row; False where it has no longer the version expected: nothing changed."""
    own = table.table.c
    statement = (
        sa.update(table.table)
        .where(*_key(table, row.key), own.version == row.before)
        .values(**_values(tx, table, row, actor))
    )
    return tx.execute(statement).rowcount == 1


def delete_row(tx: Transaction, table: RecordTable, key: RowKey, version: int) -> bool:
    """Remove a row; False where it has no longer this version: nothing changed."""
    own = table.table.c
    statement = sa.delete(table.table).where(*_key(table, key), own.version == version)
    return tx.execute(statement).rowcount == 1


def _key(table: RecordTable, key: RowKey) -> list[Condition]:
    found = [table.table.c.record == key.record]
    if table.dated:
        found.append(table.table.c.valid_from == key.valid_from)
    return found


def _values(tx: Transaction, table: RecordTable, row: Written, actor: Actor) -> dict[str, Value]:
    own: dict[str, Value] = {
        "record": row.key.record,
        "version": row.version,
        "changed_at": tx.at,
        "changed_by": actor.name,
        "changed_account": actor.account,
    }
    if table.dated:
        own["valid_from"] = row.key.valid_from
    return own | {f"f_{name}": stored(value) for name, value in row.values.items()}


def stored(value: Value) -> Value:
    """A value as the database keeps it."""
    return int(value) if isinstance(value, bool) else value
