"""Scopes in SQL see exactly the rows that a plain reading of their grants sees."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.access import Grant, Scope
from county_gov.registers.registers import load_snapshot
from county_gov.store import tables
from county_gov.store.registers import (
    AreaRow,
    ParentRow,
    RegisterChanges,
    write_changes,
)
from county_gov.store.scope import ANCESTORS, visible

if TYPE_CHECKING:
    from county_gov.store import Snapshot, Store, Transaction

UNITS = ("u0", "u1")
PERSONS = (1, 2)
LAST_DAY = 30


@st.composite
def trees(draw: st.DrawFn) -> list[ParentRow]:
    """A tree of areas a0, a1, …; a parent has a smaller number, so that there is no circle."""
    rows = [ParentRow("a0", None, 0, None)]
    for number in range(1, draw(st.integers(1, 9))):
        days = sorted(draw(st.sets(st.integers(0, LAST_DAY), min_size=1, max_size=3)))
        end = draw(st.none() | st.integers(days[-1] + 1, LAST_DAY + 2))
        rows.extend(
            ParentRow(f"a{number}", f"a{draw(st.integers(0, number - 1))}", begin, until)
            for begin, until in zip(days, [*days[1:], end], strict=True)
        )
    return rows


def grants(codes: list[str]) -> st.SearchStrategy[Grant]:
    """A grant with any of its parts."""
    return st.builds(
        Grant,
        area=st.none() | st.sampled_from(codes),
        unit=st.none() | st.sampled_from(UNITS),
        person=st.none() | st.sampled_from(PERSONS),
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[ParentRow], Scope, int]:
    """A tree, a scope over it and a day."""
    rows = draw(trees())
    codes = sorted({row.code for row in rows} | {"nowhere"})
    scope = Scope(draw(st.frozensets(grants(codes), max_size=5)), everywhere=False)
    return rows, scope, draw(st.integers(-1, LAST_DAY + 3))


def parent_on(rows: Iterable[ParentRow], code: str, day: int) -> str | None:
    """The parent of the last row begun by a day."""
    begun = [row for row in rows if row.code == code and row.valid_from <= day]
    return max(begun, key=lambda row: row.valid_from).parent if begun else None


def is_within(rows: list[ParentRow], code: str | None, area: str, day: int) -> bool:
    """Whether an area is another or lies below it."""
    while code is not None and code != area:
        code = parent_on(rows, code, day)
    return code == area


def case_number(area: int, unit: int, person: int) -> int:
    """Number of the case in an area in which a unit and a person take part (index -1: none)."""
    return area * 100 + (unit + 1) * 10 + (person + 1)


def fill(rows: list[ParentRow], tx: Transaction) -> list[tuple[int, str, str | None, int | None]]:
    """Replace the tree and make a case for each area, unit or none, person or none."""
    for table in (
        tables.areas,
        tables.area_parents,
        tables.cases,
        tables.case_units,
        tables.case_persons,
    ):
        tx.execute(sa.delete(table))
    codes = sorted({row.code for row in rows})
    write_changes(
        tx,
        RegisterChanges(areas=[AreaRow(code, "grid", code, "") for code in codes], parents=rows),
    )
    made: list[tuple[int, str, str | None, int | None]] = []
    for area, code in enumerate([*codes, "elsewhere"]):
        for unit in range(-1, len(UNITS)):
            for person in range(-1, len(PERSONS)):
                number = case_number(area, unit, person)
                tx.insert(tables.cases, id=number, number=str(number), area=code, **CASE)
                if unit >= 0:
                    tx.insert(tables.case_units, case=number, unit=UNITS[unit], **TAKES_PART)
                if person >= 0:
                    tx.insert(
                        tables.case_persons, case=number, account=PERSONS[person], **TAKES_PART
                    )
                made.append(
                    (
                        number,
                        code,
                        UNITS[unit] if unit >= 0 else None,
                        PERSONS[person] if person >= 0 else None,
                    )
                )
    return made


CASE = {
    "workflow": "w",
    "workflow_version": 1,
    "state": "open",
    "version": 1,
    "title": "",
    "subject": "",
    "data": "{}",
    "opened_at": 0,
    "moved_at": 0,
}
TAKES_PART = {
    column.name: 0
    for column in tables.case_units.c
    if column.name not in {"case", "unit"} and column.server_default is None
}


def unit_takes_part(unit: str) -> sa.ColumnElement[bool]:
    """The condition that a unit takes part in a case."""
    columns = tables.case_units.c
    return tables.cases.c.id.in_(sa.select(columns.case).where(columns.unit == unit))


def person_takes_part(person: int) -> sa.ColumnElement[bool]:
    """The condition that an account takes part in a case."""
    columns = tables.case_persons.c
    return tables.cases.c.id.in_(sa.select(columns.case).where(columns.account == person))


def condition(scope: Scope, day: int) -> sa.ColumnElement[bool]:
    """The scope over cases."""
    return visible(
        scope,
        area=tables.cases.c.area,
        day=day,
        units=unit_takes_part,
        persons=person_takes_part,
    )


def ancestors(code: str, day: int, snapshot: Snapshot) -> set[str]:
    """An area and those above it on a day."""
    return {row.code for row in snapshot.rows(ANCESTORS, area=code, day=day)}


def listed(scope: Scope, day: int, snapshot: Snapshot) -> tuple[list[int], int]:
    """The cases within a scope, and their count by another statement."""
    where = condition(scope, day)
    rows = snapshot.rows(sa.select(tables.cases.c.id).where(where).order_by(tables.cases.c.id))
    count = sa.select(sa.func.count()).select_from(tables.cases).where(where)
    return [row[0] for row in rows], snapshot.scalar(count)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(situations())
def test_exactly_the_visible_rows(
    any_store: Store, situation: tuple[list[ParentRow], Scope, int]
) -> None:
    """On any tree and day, lists and counts hold exactly the rows of which a grant holds."""
    rows, scope, day = situation
    cases = any_store.submit(partial(fill, rows)).result()

    expected = [
        number
        for number, area, unit, person in cases
        if any(
            grant != Grant()
            and (grant.area is None or is_within(rows, area, grant.area, day))
            and grant.unit in {None, unit}
            and grant.person in {None, person}
            for grant in scope.grants
        )
    ]
    found, count = any_store.read_now(partial(listed, scope, day))

    assert sorted(expected) == found
    assert len(expected) == count


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees(), st.integers(-1, LAST_DAY + 3))
def test_memory_and_database_agree(store: Store, rows: list[ParentRow], day: int) -> None:
    """The snapshot in memory finds the same ancestors and descendants as the database."""
    store.submit(partial(fill, rows)).result()
    snapshot = store.read_now(load_snapshot)

    for code in sorted({row.code for row in rows}):
        above = store.read_now(partial(ancestors, code, day))
        below = {other for other in snapshot.areas if is_within(rows, other, code, day)} - {code}
        assert {code, *snapshot.ancestors(code, day)} == above
        assert below == snapshot.descendants(code, day)
        assert all(snapshot.lies_within(other, code, day) for other in below)


def test_everywhere_and_nowhere(store: Store) -> None:
    """Everywhere sees all rows, and a scope without a grant, or with an empty one, sees none."""
    cases = store.submit(partial(fill, [ParentRow("a0", None, 0, None)])).result()

    assert len(cases) == store.read_now(partial(listed, Scope.everything(), 5))[1]
    assert 0 == store.read_now(partial(listed, Scope(), 5))[1]
    assert 0 == store.read_now(partial(listed, Scope(frozenset({Grant()})), 5))[1]


@pytest.mark.parametrize("grant", [Grant("a0", unit="u0"), Grant(person=1), Grant(unit="u1")])
def test_rows_without_participants(store: Store, grant: Grant) -> None:
    """Where rows know of no units or persons, a grant narrowed to one of them sees nothing."""
    store.submit(partial(fill, [ParentRow("a0", None, 0, None)])).result()
    where = visible(Scope(frozenset({grant})), area=tables.cases.c.area, day=5)

    rows = store.read_now(lambda snapshot: snapshot.rows(sa.select(tables.cases).where(where)))

    assert [] == rows


def test_move_and_abolition(any_store: Store) -> None:
    """A moved area is seen from its new parent, an abolished one still from its last."""
    tree = [
        ParentRow("county", None, 0, None),
        ParentRow("east", "county", 0, None),
        ParentRow("west", "county", 0, None),
        ParentRow("grid", "east", 0, 10),
        ParentRow("grid", "west", 10, 20),
    ]
    any_store.submit(partial(fill, tree)).result()

    def sees(area: str, day: int) -> bool:
        where = visible(Scope(frozenset({Grant(area)})), area=tables.cases.c.area, day=day)
        statement = sa.select(sa.literal(1)).where(where, tables.cases.c.area == "grid")
        return any_store.read_now(lambda snapshot: snapshot.first(statement)) is not None

    assert [True, True, False, False] == [sees("east", day) for day in (0, 9, 10, 25)]
    assert [False, False, True, True] == [sees("west", day) for day in (0, 9, 10, 25)]
    assert all(sees("county", day) for day in (0, 9, 10, 25))


def test_two_scopes_in_one_statement(store: Store) -> None:
    """A statement can carry two scopes, for example of a permission to see and one to act."""
    tree = [ParentRow("a0", None, 0, None), ParentRow("a1", "a0", 0, None)]
    store.submit(partial(fill, tree)).result()
    both = sa.select(tables.cases.c.area).where(
        condition(Scope(frozenset({Grant("a0")})), 1),
        condition(Scope(frozenset({Grant("a1")})), 1),
    )

    rows = store.read_now(lambda snapshot: snapshot.rows(both.distinct()))

    assert [("a1",)] == [tuple(row) for row in rows]
