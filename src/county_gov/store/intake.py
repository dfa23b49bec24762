"""Tables of intake: batches, cursors and the quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables
from county_gov.store.scope import visible

if TYPE_CHECKING:
    from county_gov.contract.access import Scope
    from county_gov.store.transaction import Snapshot, Transaction

State = Literal["open", "retried", "dismissed"]
STATES: Final[tuple[State, ...]] = ("open", "retried", "dismissed")

BATCHES_A_STATEMENT = (32, 8, 1)
"""Rows a statement: few different statements, so that they stay compiled. Each statement lets the
interpreter's lock go, and waits for it behind a busy event loop."""
RAW_SHOWN = 4096
"""Bytes of a raw text that a list gives; whole deliveries have megabytes."""

_BATCH = (
    "key",
    "source",
    "wire_format",
    "provenance",
    "received_at",
    "committed_at",
    "accepted",
    "duplicate",
    "revised",
    "quarantined",
)
_QUARANTINE = (
    "batch",
    "row",
    "code",
    "message",
    "field",
    "value",
    "datastream",
    "raw",
    "wire_format",
    "source",
    "provenance",
    "received_at",
    "digest",
)


@frozen
class BatchRow:
    """A batch as it is stored; the counts are those of its rows."""

    key: str
    source: str
    wire_format: str
    provenance: str
    received_at: int
    accepted: int = 0
    duplicate: int = 0
    revised: int = 0
    quarantined: int = 0


@frozen
class QuarantineRow:
    """A row, or with ``row`` None a delivery, that is to be quarantined."""

    row: int | None
    code: str
    message: str
    field: str
    value: str
    datastream: str
    raw: bytes
    wire_format: str


@frozen
class QuarantinedItem:
    """What the quarantine holds of a row or delivery."""

    id: int
    batch: int
    row: int | None
    code: str
    message: str
    field: str
    value: str
    datastream: str
    raw: bytes
    wire_format: str
    source: str
    provenance: str
    received_at: int
    state: State
    retried_batch: int | None
    resolved_by: str
    resolved_at: int | None
    corrected: bytes | None
    """Digest of the text with which it was taken in; None where that was its own."""
    area: str | None
    """Code of the area of its datastream; None where that is not known."""


@frozen
class QuarantineFilter:
    """Which items; an empty text means any."""

    state: str = "open"
    code: str = ""
    source: str = ""
    datastream: str = ""


def insert_batch(tx: Transaction, row: BatchRow) -> int:
    """Insert a batch and return its number."""
    (number,) = insert_batches(tx, [row])
    return number


def insert_batches(tx: Transaction, rows: Sequence[BatchRow]) -> list[int]:
    """Insert batches with few statements, and return their numbers, in the order of the rows."""
    numbers: dict[str, int] = {}
    driver, start = tx.driver, 0
    for size in BATCHES_A_STATEMENT:
        while len(rows) - start >= size:
            part = rows[start : start + size]
            sql = _insert_sql(tx, "batches", _BATCH, rows=size) + " RETURNING key, id"
            values = [value for row in part for value in _batch_values(row, tx.at)]
            numbers.update(driver.execute(sql, values).fetchall())
            start += size
    return [numbers[row.key] for row in rows]


def _batch_values(row: BatchRow, at: int) -> tuple[int | str, ...]:
    return (
        row.key,
        row.source,
        row.wire_format,
        row.provenance,
        row.received_at,
        at,
        row.accepted,
        row.duplicate,
        row.revised,
        row.quarantined,
    )


def set_counts(tx: Transaction, batch: int, *, accepted: int, duplicate: int, revised: int) -> None:
    """Set how many rows were new, known already, and other values of known instants."""
    columns = tables.batches.c
    statement = sa.update(tables.batches).where(columns.id == batch)
    tx.execute(statement.values(accepted=accepted, duplicate=duplicate, revised=revised))


def read_batch(snapshot: Snapshot, number: int) -> BatchRow | None:
    """The batch of a number, or None."""
    columns = [tables.batches.c[name] for name in _BATCH if name != "committed_at"]
    row = snapshot.first(sa.select(*columns).where(tables.batches.c.id == number))
    return None if row is None else BatchRow(*row)


def insert_quarantine(
    tx: Transaction, batch: int, whose: BatchRow, rows: Sequence[QuarantineRow]
) -> None:
    """Quarantine rows of a batch.

    A row that is open already, because the same delivery came before, is not kept a second time.
    """
    sql = _insert_sql(tx, "quarantine", _QUARANTINE) + " ON CONFLICT DO NOTHING"
    values = [
        (
            batch,
            row.row,
            row.code,
            row.message,
            row.field,
            row.value,
            row.datastream,
            row.raw,
            row.wire_format,
            whose.source,
            whose.provenance,
            whose.received_at,
            _digest(row, whose.source),
        )
        for row in rows
    ]
    cursor = tx.driver.cursor()
    cursor.executemany(sql, values)
    cursor.close()


def _digest(row: QuarantineRow, source: str) -> bytes:
    """What makes a row the same one when it is sent again, whoever sends it and whenever."""
    head = repr((source, row.row, row.code, row.field, row.datastream, row.wire_format))
    return hashlib.sha256(head.encode() + row.raw).digest()


def set_cursor(tx: Transaction, source: str, cursor: str) -> None:
    """Remember where a source goes on."""
    values = {"cursor": cursor, "updated_at": tx.at}
    insert = tx.database.insert(tables.cursors).values(source=source, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["source"], set_=values))


def read_cursor(snapshot: Snapshot, source: str) -> str | None:
    """Where a source goes on, or None where it was never heard of."""
    columns = tables.cursors.c
    cursor: str | None = snapshot.scalar(sa.select(columns.cursor).where(columns.source == source))
    return cursor


def _insert_sql(tx: Transaction, table: str, columns: Sequence[str], *, rows: int = 1) -> str:
    mark = "?" if tx.database.dialect == "sqlite" else "%s"
    names = ", ".join(f'"{name}"' for name in columns)
    row = f"({', '.join([mark] * len(columns))})"
    return f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * rows)}"


def find_quarantined(
    snapshot: Snapshot,
    scope: Scope,
    wanted: QuarantineFilter,
    *,
    day: int,
    limit: int,
    before: int | None = None,
    ids: Sequence[int] | None = None,
    raw_bytes: int = RAW_SHOWN,
) -> tuple[QuarantinedItem, ...]:
    """Items within a scope, latest first.

    An item is seen by those who see the area of its datastream. Where the datastream is not known,
    only a scope of everywhere reaches it.

    Args:
        snapshot: What is read.
        scope: What the actor may see.
        wanted: Which items.
        day: The day whose tree of areas counts, local, days since 1970-01-01.
        limit: At most so many.
        before: Only items whose id is less, for paging.
        ids: Only these, whatever ``wanted`` says.
        raw_bytes: So many of the first bytes of each raw text; all of them if negative.
    """
    columns = tables.quarantine.c
    head = sa.func.substr(columns.raw, 1, raw_bytes, type_=sa.LargeBinary()).label("raw")
    shown = [
        head if one is columns.raw and raw_bytes >= 0 else one
        for one in columns
        if one is not columns.digest
    ]
    statement = sa.select(*shown, tables.things.c.area).select_from(_with_areas())
    statement = statement.where(_seen(scope, day))
    if ids is None:
        statement = statement.where(*_conditions(wanted))
    else:
        statement = statement.where(columns.id.in_(ids))
    if before is not None:
        statement = statement.where(columns.id < before)
    rows = snapshot.rows(statement.order_by(columns.id.desc()).limit(limit))
    return tuple(QuarantinedItem(**row._mapping) for row in rows)  # noqa: SLF001 - its public name


def count_quarantined(
    snapshot: Snapshot, scope: Scope, wanted: QuarantineFilter, *, day: int
) -> int:
    """How many items there are within a scope."""
    statement = sa.select(sa.func.count()).select_from(_with_areas())
    statement = statement.where(_seen(scope, day), *_conditions(wanted))
    return int(snapshot.scalar(statement))


def count_by_code(snapshot: Snapshot, scope: Scope, *, day: int) -> Mapping[tuple[str, str], int]:
    """How many open items there are within a scope, by source and code."""
    columns = tables.quarantine.c
    statement = (
        sa.select(columns.source, columns.code, sa.func.count())
        .select_from(_with_areas())
        .where(_seen(scope, day), columns.state == "open")
        .group_by(columns.source, columns.code)
    )
    return {(source, code): count for source, code, count in snapshot.rows(statement)}


def still_open(tx: Transaction, ids: Sequence[int]) -> frozenset[int]:
    """Which of the items are open, asked inside of the change that resolves them."""
    columns = tables.quarantine.c
    statement = sa.select(columns.id).where(columns.id.in_(ids), columns.state == "open")
    if tx.database.dialect == "postgresql":
        statement = statement.with_for_update()
    return frozenset(row.id for row in tx.rows(statement))


def resolve(
    tx: Transaction,
    ids: Sequence[int],
    state: State,
    *,
    by: str,
    batch: int | None = None,
    corrected: bytes | None = None,
) -> None:
    """Note that items were retried (in a batch) or dismissed, by whom and when.

    Args:
        tx: The transaction.
        ids: The items.
        state: What they are from now on.
        by: Who resolved them.
        batch: Number of the batch in which they were taken in.
        corrected: Digest of the text with which they were taken in, if it is not their own.
    """
    values = {
        "state": state,
        "resolved_by": by,
        "resolved_at": tx.at,
        "retried_batch": batch,
        "corrected": corrected,
    }
    statement = sa.update(tables.quarantine).where(tables.quarantine.c.id.in_(ids))
    tx.execute(statement.values(**values))


def _with_areas() -> sa.FromClause:
    """The quarantine beside the thing of each item's datastream, where there is one."""
    quarantine, datastreams, things = tables.quarantine, tables.datastreams, tables.things
    known = quarantine.outerjoin(datastreams, datastreams.c.code == quarantine.c.datastream)
    return known.outerjoin(things, things.c.number == datastreams.c.thing)


def _seen(scope: Scope, day: int) -> sa.ColumnElement[bool]:
    return visible(scope, area=tables.things.c.area, day=day)


def _conditions(wanted: QuarantineFilter) -> list[sa.ColumnElement[bool]]:
    columns = tables.quarantine.c
    pairs = (
        (columns.state, wanted.state),
        (columns.code, wanted.code),
        (columns.source, wanted.source),
        (columns.datastream, wanted.datastream),
    )
    return [column == text for column, text in pairs if text]
