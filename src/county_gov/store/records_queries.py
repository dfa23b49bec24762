"""Which rows of a dataset are asked for: within a scope, by filters, in an order, by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.records import Equal, Filter, From, Missing, OneOf, Until
from county_gov.store.records import Condition, RowKey, in_force, stored, within
from county_gov.store.scope import lies_within

if TYPE_CHECKING:
    from county_gov.contract.access import Scope
    from county_gov.store.records import RecordTable, StoredRow
    from county_gov.store.transaction import Snapshot


@frozen(eq=False)
class Query:
    """Which rows are read, and in which order.

    Args:
        scope: What may be seen.
        today: The day whose tree of areas counts.
        unmasked: Within which scope personal fields are seen as they are.
        masked: Names of the fields that are masked outside it.
        day: For a dated dataset: the day on which rows hold; None for the rows of all days.
        where: What must hold, with values as they are kept.
        after: Only rows behind this key, in the order of keys.
        within: Code of the area in or below which the rows lie; empty for any.
        search: Text that one of ``search_fields`` must hold.
        search_fields: Names of the fields that are searched.
        sort: A field's name.
        descending: Whether the order is turned round.
        limit: Rows at most; None for all.
        offset: Rows passed over.
        record: Key of the rows; empty for any.
    """

    scope: Scope
    today: int
    unmasked: Scope
    masked: frozenset[str] = frozenset()
    day: int | None = None
    where: tuple[Filter, ...] = ()
    after: RowKey | None = None
    within: str = ""
    search: str = ""
    search_fields: tuple[str, ...] = ()
    sort: str = ""
    descending: bool = False
    limit: int | None = None
    offset: int = 0
    record: str = ""


def select_rows(snapshot: Snapshot, table: RecordTable, query: Query) -> list[StoredRow]:
    """The rows of a query; ``unmasked`` says whether personal fields may be shown."""
    found = snapshot.rows(rows_statement(table, query))
    return [table.row(row, unmasked=bool(row.unmasked)) for row in found]


def rows_statement(table: RecordTable, query: Query) -> sa.Select[Any]:
    """The statement that `select_rows` asks.

    What is masked cannot be found or ordered by: a filter passes over masked rows, and an order
    takes what is masked as empty.
    """
    seen = within(table, query.unmasked, query.today) if query.masked else sa.true()
    statement = sa.select(table.table, sa.case((seen, 1), else_=0).label("unmasked")).where(
        *_conditions(table, query, seen)
    )
    statement = statement.order_by(*_order(table, query, seen))
    if query.limit is not None:
        statement = statement.limit(query.limit)
    if query.offset:
        statement = statement.offset(query.offset)
    return statement


def _order(table: RecordTable, query: Query, seen: Condition) -> list[sa.ColumnElement[Any]]:
    """By the field, what is empty last, then by key; all in one direction, as an index has it."""
    key: list[sa.ColumnElement[Any]] = list(table.table.primary_key)
    if not query.sort:
        return key
    column: sa.ColumnElement[Any] = table.column(query.sort)
    if query.sort in query.masked:
        column = sa.case((seen, column), else_=sa.null())
    first, *others = [one.desc() if query.descending else one.asc() for one in (column, *key)]
    given = query.sort not in query.masked and table.always_given(query.sort)
    return [first if given else first.nulls_last(), *others]


def count_rows(snapshot: Snapshot, table: RecordTable, query: Query) -> int:
    """How many rows a query has, whatever its limit."""
    seen = within(table, query.unmasked, query.today) if query.masked else sa.true()
    statement = (
        sa.select(sa.func.count()).select_from(table.table).where(*_conditions(table, query, seen))
    )
    return int(snapshot.scalar(statement))


def _conditions(table: RecordTable, query: Query, seen: Condition) -> list[Condition]:
    found = [within(table, query.scope, query.today)]
    if table.dated and query.day is not None:
        found.append(in_force(table, query.day))
    if query.record:
        found.append(table.table.c.record == query.record)
    if query.within and not table.area:
        found.append(sa.false())
    elif query.within:
        found.append(lies_within(table.area_column, [query.within], query.today))
    if query.after is not None:
        found.append(_behind(table, query.after))
    for one in query.where:
        holds = _holds(table.column(one.field), one)
        found.append(sa.and_(seen, holds) if one.field in query.masked else holds)
    if query.search:
        found.append(_search(table, query, seen))
    return found


def _behind(table: RecordTable, after: RowKey) -> Condition:
    """The condition that a row comes behind a key, or behind all days of a key without one."""
    key, values = [table.table.c.record], [sa.literal(after.record)]
    if after.valid_from is not None:
        key.append(table.table.c.valid_from)
        values.append(sa.literal(after.valid_from))
    return sa.tuple_(*key) > sa.tuple_(*values) if len(key) > 1 else key[0] > values[0]


def _holds(column: sa.Column[Any], one: Filter) -> Condition:
    """The condition that a filter makes of a column."""
    match one:
        case Equal():
            return column == stored(one.value)
        case OneOf():
            return column.in_([stored(value) for value in one.values])
        case From():
            return column >= one.value
        case Until():
            return column <= one.value
        case Missing():
            return column.is_(None)


def _search(table: RecordTable, query: Query, seen: Condition) -> Condition:
    alternatives: list[Condition] = []
    for name in query.search_fields:
        holds = table.column(name).icontains(query.search, autoescape=True)
        alternatives.append(sa.and_(seen, holds) if name in query.masked else holds)
    alternatives.append(table.table.c.record.icontains(query.search, autoescape=True))
    return sa.or_(*alternatives)
