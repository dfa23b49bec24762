"""The SQL of records, on each supported database."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from county_gov.contract.access import SYSTEM, Grant, Scope
from county_gov.contract.dataset import Dataset
from county_gov.contract.records import Equal, From, OneOf, Until
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.contract.workflow import Roster
from county_gov.store import records as rows
from county_gov.store import records_declared as declared
from county_gov.store import records_history as past
from county_gov.store import records_imports as imports
from county_gov.store import records_queries as queries
from county_gov.store import rosters, tables
from county_gov.store.records import RowKey, Written
from county_gov.store.records_history import PastChange
from county_gov.store.records_imports import ImportState, Part
from county_gov.store.records_queries import Query

if TYPE_CHECKING:
    from county_gov.store import Snapshot, Store, Transaction
    from county_gov.store.records import RecordTable

FIELDS = (
    Field("code", "text", Text(zh="编码")),
    Field("area", "text", Text(zh="区域"), required=False),
    Field("size", "int64", Text(zh="大小"), required=False),
)
EVERYTHING = Scope.everything()


def dataset(*, dated: bool = False, fields: tuple[Field, ...] = FIELDS) -> Dataset:
    """A small dataset."""
    return Dataset(
        id="store.things",
        title=Text(zh="物"),
        schema=Schema(fields=fields, key=("code",)),
        kind="records",
        read_permission="store.read",
        write_permission="store.write",
        area="area",
        dated=dated,
    )


def made(store: Store, *, dated: bool = False) -> RecordTable:
    """The table of the dataset, made."""
    table = rows.table_of(dataset(dated=dated))
    store.submit(lambda tx: declared.make_table(tx, table)).result()
    return table


def row(code: str, area: str | None = None, day: int | None = None, size: int = 0) -> Written:
    """A row in its first version."""
    return Written(RowKey(code, day), {"code": code, "area": area, "size": size}, 1, None)


def insert(store: Store, table: RecordTable, *written: Written) -> None:
    """Insert rows."""
    store.submit(lambda tx: rows.insert_rows(tx, table, written, SYSTEM)).result()


def found(store: Store, table: RecordTable, query: Query) -> list[tuple[str, int | None]]:
    """Keys and days of a query's rows."""
    kept = store.read_now(lambda snapshot: queries.select_rows(snapshot, table, query))
    assert len(kept) == store.read_now(lambda snapshot: queries.count_rows(snapshot, table, query))
    return [(one.key.record, one.key.valid_from) for one in kept]


def query(scope: Scope = EVERYTHING, day: int | None = None) -> Query:
    """A query of all that a scope shows on a day."""
    return Query(scope=scope, today=20_000, unmasked=Scope(), day=day)


IDS = st.from_regex(r"[a-z][a-z0-9_]{0,30}\.[a-zA-Z0-9_.]{1,40}", fullmatch=True)


@given(IDS, IDS)
@example("a.b_c", "a_b.c")
@example("a.B", "a.b")
def test_tables_of_different_datasets_have_different_names(one: str, other: str) -> None:
    """However alike their ids are, and each fits into every database."""
    assert (one == other) == (rows.table_name(one) == rows.table_name(other))
    assert len(rows.table_name(one) + "_next") <= 63
    assert "r_reservoir_reservoirs" == rows.table_name("reservoir.reservoirs")


def test_what_a_table_lacks_is_added(any_store: Store) -> None:
    """Columns and indexes, once."""
    table = made(any_store)
    insert(any_store, table, row("a"))
    wider = rows.table_of(
        dataset(fields=(*FIELDS, Field("more", "float64", Text(zh="多"), required=False)))
    )

    def add(tx: Transaction) -> tuple[str, ...]:
        return declared.add_columns(tx, wider)

    assert ("more",) == any_store.submit(add).result()
    assert () == any_store.submit(add).result()
    (kept,) = any_store.read_now(lambda snapshot: rows.slice_rows(snapshot, wider, None, 9))
    assert {"code": "a", "area": None, "size": 0, "more": None} == kept.values
    indexes = any_store.read_now(
        lambda snapshot: sa.inspect(snapshot.connection).get_indexes(table.name)
    )
    assert [["f_area"]] == [one["column_names"] for one in indexes]


def test_rows_in_force_are_the_last_begun(any_store: Store) -> None:
    """Each key has at most one on a day."""
    table = made(any_store, dated=True)
    insert(any_store, table, *(row("a", day=day) for day in (10, 20, 30)), row("b", day=25))
    assert [] == found(any_store, table, query(day=9))
    assert [("a", 10)] == found(any_store, table, query(day=19))
    assert [("a", 20), ("b", 25)] == found(any_store, table, query(day=29))
    assert 4 == len(found(any_store, table, query()))


def lay_out(tx: Transaction) -> None:
    """A village in a town in a county."""
    for code, parent in (("1", None), ("11", "1"), ("111", "11"), ("12", "1")):
        tx.insert(tables.areas, code=code, kind="area", name=code)
        tx.insert(tables.area_parents, code=code, valid_from=0, parent=parent)


@pytest.mark.parametrize(
    ("grant", "seen", "reached"),
    [
        (Grant(area="11"), "a11 a111 none", "11 111"),
        (Grant(area="1"), "a11 a111 a12 none", "11 111 12 -"),
        (Grant(area="11", unit="u"), "", ""),
        (Grant(person=3), "", ""),
        (Grant(), "none", ""),
    ],
)
def test_a_scope_shows_and_reaches_rows_by_area(
    any_store: Store, grant: Grant, seen: str, reached: str
) -> None:
    """A row of the whole county is shown to every area, and written from its top only."""
    any_store.submit(lay_out).result()
    table = made(any_store)
    areas = ("11", "111", "12")
    insert(any_store, table, *(row(f"a{area}", area) for area in areas), row("none"))
    scope = Scope(grants=frozenset({grant}))
    assert seen.split() == [code for code, _ in found(any_store, table, query(scope))]
    able = any_store.read_now(
        lambda snapshot: [
            area or "-" for area in (*areas, None) if rows.reaches(snapshot, scope, area, 20_000)
        ]
    )
    assert reached.split() == able


def test_a_row_is_changed_only_in_the_version_expected(any_store: Store) -> None:
    """An update or removal of another version changes nothing."""
    table = made(any_store)
    insert(any_store, table, row("a"))
    key = RowKey("a")

    def change(tx: Transaction) -> list[bool]:
        values = {"code": "a", "area": None, "size": 5}
        return [
            rows.update_row(tx, table, Written(key, values, 3, 2), SYSTEM),
            rows.update_row(tx, table, Written(key, values, 2, 1), SYSTEM),
            rows.delete_row(tx, table, key, 1),
            rows.delete_row(tx, table, key, 2),
        ]

    assert [False, True, False, True] == any_store.submit(change).result()


def test_rows_are_sliced_by_key_and_day(any_store: Store) -> None:
    """Slices follow one another without a gap or a row twice."""
    table = made(any_store, dated=True)
    keys = [(code, day) for code in "abc" for day in (1, 2, 3)]
    insert(any_store, table, *(row(code, day=day) for code, day in keys))
    seen: list[RowKey] = []
    while some := any_store.read_now(
        lambda snapshot: rows.slice_rows(snapshot, table, seen[-1] if seen else None, 4)
    ):
        seen.extend(one.key for one in some)
    assert [RowKey(*key) for key in keys] == seen


def test_tables_change_places_and_the_old_one_goes(any_store: Store) -> None:
    """The successor takes the name; the other is thinned out and dropped."""
    table = made(any_store)
    insert(any_store, table, row("a"), row("b"))
    successor = rows.table_of(dataset(), name=f"{table.name}_next")

    def swap(tx: Transaction) -> None:
        declared.make_table(tx, successor)
        rows.insert_rows(tx, successor, [row("c")], SYSTEM)
        declared.swap_tables(tx, table.name, successor.name, f"{table.name}_old")

    any_store.submit(swap).result()
    assert [("c", None)] == found(any_store, table, query())
    old = f"{table.name}_old"

    def thin(tx: Transaction) -> int:
        return declared.thin_out(tx, old, 1)

    assert [1, 1, 0] == [any_store.submit(thin).result() for _ in range(3)]
    any_store.submit(lambda tx: declared.drop_table(tx, old)).result()
    assert not any_store.read_now(lambda snapshot: declared.exists(snapshot, old))


def test_history_knows_the_last_version_of_what_was_removed(any_store: Store) -> None:
    """By key and day, and its changes latest first."""
    changes = [
        PastChange(RowKey("a", 1), 1, "added", None, 1),
        PastChange(RowKey("a", 1), 2, "removed", {"size": 3}, 1),
        PastChange(RowKey("a", 9), 1, "added", None, 1),
    ]
    any_store.submit(lambda tx: past.append(tx, "x", changes, SYSTEM)).result()
    assert {RowKey("a", 1): 2, RowKey("a", 9): 1} == any_store.read_now(
        lambda snapshot: past.last_versions(snapshot, "x", ["a", "b"])
    )
    kept = any_store.read_now(lambda snapshot: past.of_record(snapshot, "x", "a"))
    assert [(1, None), (2, {"size": 3}), (1, None)] == [
        (one.change.version, one.change.before) for one in kept
    ]
    assert () == any_store.read_now(lambda snapshot: past.of_record(snapshot, "y", "a"))


def test_the_parts_of_an_import_are_kept_replaced_and_forgotten(any_store: Store) -> None:
    """In their order, an empty one not at all; afterwards the import is still known."""

    def bring(tx: Transaction) -> int:
        number = imports.begin(tx, "x", "file.csv", SYSTEM)
        kept = [Part(0, "rejected", 1, b"ab"), Part(1, "write", 2, b"c")]
        imports.add_parts(tx, number, kept)
        imports.move(tx, number, state="applied", plan="{}", outcome={"added": 1})
        return number

    def bodies(snapshot: Snapshot) -> list[tuple[int, str, bytes]]:
        found = [
            imports.read_part(snapshot, number, one.number)
            for one in imports.part_places(snapshot, number)
        ]
        return [(one.number, one.kind, one.body) for one in found if one is not None]

    number = any_store.submit(bring).result()
    assert [(0, "rejected", b"ab"), (1, "write", b"c")] == any_store.read_now(bodies)
    for part in (Part(1, "written", 1, b"d"), Part(0, "rejected", 0, b"")):
        any_store.submit(
            lambda tx, made=part: imports.replace_part(tx, number, made)  # type: ignore[misc]
        ).result()
    assert [(1, "written", b"d")] == any_store.read_now(bodies)
    before = any_store.clock.now() + 1
    forget = partial(imports.forget_parts, before=before, begun_before=before)
    assert 1 == any_store.submit(forget).result()
    assert [] == any_store.read_now(bodies)
    kept = any_store.read_now(lambda s: imports.read_import(s, number))
    assert kept is not None
    assert (number, "applied", {"added": 1}) == (kept.id, kept.state, kept.outcome)


@pytest.mark.parametrize(
    ("state", "brought", "applied", "gone"),
    [
        ("read", 9, None, True),
        ("previewed", 9, None, True),
        ("previewed", 10, None, False),
        ("applying", 9, None, False),
        ("applying", 4, None, True),
        ("applied", 9, 11, False),
        ("applied", 4, 9, True),
    ],
)
def test_an_import_that_is_being_taken_in_is_forgotten_late(
    any_store: Store, state: ImportState, brought: int, applied: int | None, gone: bool
) -> None:
    """Before 10 what was brought or applied goes, what is being taken in only before 5."""

    def bring(tx: Transaction) -> int:
        number = imports.begin(tx, "x", "file.csv", SYSTEM)
        imports.add_parts(tx, number, [Part(0, "write", 1, b"a")])
        values = {"state": state, "created_at": brought, "applied_at": applied}
        tx.execute(sa.update(imports.imports).values(**values))
        return imports.forget_parts(tx, before=10, begun_before=5)

    assert int(gone) == any_store.submit(bring).result()


LISTS: tuple[Query, ...] = (
    Query(EVERYTHING, 20_000, EVERYTHING, record="a"),
    Query(EVERYTHING, 20_000, EVERYTHING, limit=50),
    Query(EVERYTHING, 20_000, EVERYTHING, limit=50, after=RowKey("a")),
    Query(EVERYTHING, 20_000, EVERYTHING, where=(Equal("size", 1),)),
    Query(EVERYTHING, 20_000, EVERYTHING, where=(OneOf("size", (1, 2)),)),
    Query(EVERYTHING, 20_000, EVERYTHING, where=(From("size", 1), Until("size", 2))),
    Query(EVERYTHING, 20_000, EVERYTHING, where=(Equal("area", "990101"),)),
    Query(EVERYTHING, 20_000, EVERYTHING, sort="size", limit=50),
    Query(EVERYTHING, 20_000, EVERYTHING, sort="size", descending=True, limit=50),
)


def plan_of(store: Store, statement: sa.Select[Any]) -> str:
    """How the database would answer a statement, were there many rows."""

    def explain(snapshot: Snapshot) -> str:
        dialect = snapshot.connection.dialect
        text = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        execute = snapshot.connection.exec_driver_sql
        if snapshot.database.dialect == "sqlite":
            rows = execute(f"EXPLAIN QUERY PLAN {text}").all()
            return "\n".join(row[3] for row in rows)
        execute("SET LOCAL enable_seqscan = off")
        execute("SET LOCAL enable_bitmapscan = off")
        return "\n".join(row[0] for row in execute("EXPLAIN " + text.replace("%", "%%")).all())

    return store.read_now(explain)


def require_index(plan: str) -> None:
    """Neither all rows of a table are read, nor put into order afterwards."""
    assert re.search(r"(?i)using (covering )?index|index (only )?scan|primary key", plan), plan
    assert "TEMP B-TREE" not in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in plan, plan


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("asked", LISTS)
def test_every_list_is_read_by_an_index(any_store: Store, asked: Query, *, dated: bool) -> None:
    """By key, by area and by the fields that are declared for it, in their order as well."""
    fields = (*FIELDS[:2], evolve(FIELDS[2], indexed=True, required=True))
    table = rows.table_of(dataset(dated=dated, fields=fields))
    any_store.submit(lambda tx: declared.make_table(tx, table)).result()
    day = 20_000 if dated else None
    statement = queries.rows_statement(table, evolve(asked, day=day))
    plan = plan_of(any_store, statement)
    ranged = bool(asked.where) and not asked.sort
    require_index(re.sub(r"(?m)^.*(TEMP B-TREE|Sort).*$", "", plan) if ranged else plan)


def test_who_is_on_duty_is_read_by_an_index(any_store: Store) -> None:
    """Of all duties only those that have not ended are looked at."""
    fields = tuple(
        evolve(FIELDS[2], name=name, dtype="int64", indexed=name == "ends", required=True)
        for name in ("person", "begins", "ends")
    )
    table = rows.table_of(dataset(fields=(*FIELDS[:2], *fields)))
    any_store.submit(lambda tx: declared.make_table(tx, table)).result()
    roster = Roster("store.things", "person", "begins", "ends", area="area")
    plan = plan_of(any_store, rosters.duty_statement(table, roster, ["a", "b"], 1))
    assert rows.index_name(table.name, "ends, key") in plan, plan
