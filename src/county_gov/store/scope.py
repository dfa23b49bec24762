"""A scope compiled into SQL: the condition that every list, count, search and export carries.

The tree of areas is dated. On a day an area stands under the parent of its last row that began on
or before that day; an area that was abolished keeps its last parent, so that what happened in it
stays visible to those above it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.contract.access import Scope

Condition = sa.ColumnElement[bool]

AREA = sa.bindparam("area", type_=sa.Text())
DAY = sa.bindparam("day", type_=tables.Number)
"""The parameters of statements that are built once: an area's code, days since 1970-01-01."""


def visible(
    scope: Scope,
    *,
    area: sa.ColumnElement[str],
    day: int,
    units: Callable[[str], Condition] | None = None,
    persons: Callable[[int], Condition] | None = None,
) -> Condition:
    """The condition under which a row lies within a scope.

    Fails closed: a grant that is narrowed to a unit or a person matches nothing where the rows know
    of no units or persons, and a grant that names nothing at all matches nothing.

    Args:
        scope: What the actor may see.
        area: The column with the code of the row's area.
        day: The day whose tree of areas counts, days since 1970-01-01.
        units: Gives the condition that an organisation unit takes part in the row.
        persons: Gives the condition that an account takes part in the row.

    Returns:
        A condition for WHERE; ``true`` for everywhere, ``false`` for a scope without a grant.
    """
    if scope.everywhere:
        return sa.true()
    areas_by_parts: defaultdict[tuple[str | None, int | None], set[str | None]] = defaultdict(set)
    for grant in scope.grants:
        areas_by_parts[grant.unit, grant.person].add(grant.area)
    whole_areas = areas_by_parts.get((None, None), set())
    alternatives: list[Condition] = []
    for (unit, person), areas in sorted(areas_by_parts.items(), key=repr):
        parts: list[Condition] = []
        if unit is not None:
            parts.append(units(unit) if units else sa.false())
        if person is not None:
            parts.append(persons(person) if persons else sa.false())
        if parts and None in areas:
            alternatives.append(sa.and_(*parts))
            continue
        codes = areas - {None} if not parts else areas - {None} - whole_areas
        if codes:
            alternatives.append(sa.and_(*parts, lies_within(area, filter(None, codes), day)))
    return sa.or_(sa.false(), *alternatives)


def lies_within(area: sa.ColumnElement[str], codes: Iterable[str], day: int) -> Condition:
    """The condition that an area is one of ``codes`` or lies below one of them on a day."""
    roots = sorted(codes)
    if not roots:
        return sa.false()
    first = tables.area_parents.alias()
    below = (
        sa.select(first.c.code)
        .where(first.c.parent.in_(roots), in_force(first, day))
        .cte(recursive=True)
    )
    child = tables.area_parents.alias()
    below = below.union(
        sa.select(child.c.code)
        .join_from(below, child, child.c.parent == below.c.code)
        .where(in_force(child, day))
    )
    return sa.or_(area.in_(roots), area.in_(sa.select(below.c.code)))


def in_force(rows: sa.FromClause, day: int | sa.BindParameter[int]) -> Condition:
    """The condition that a row of dated parents is its area's last one begun by a day."""
    later = tables.area_parents.alias()
    newer = (
        sa.select(sa.literal(1))
        .where(
            later.c.code == rows.c.code,
            later.c.valid_from > rows.c.valid_from,
            later.c.valid_from <= day,
        )
        .correlate(rows)
    )
    return sa.and_(rows.c.valid_from <= day, ~newer.exists())


def _ancestors() -> sa.Select[Any]:
    above = sa.select(AREA.label("code")).cte(recursive=True)
    row = tables.area_parents.alias()
    above = above.union(
        sa.select(row.c.parent)
        .join_from(above, row, row.c.code == above.c.code)
        .where(row.c.parent.is_not(None), in_force(row, DAY))
    )
    return sa.select(above.c.code)


ANCESTORS = _ancestors()
"""Selects the code of `AREA` and the codes of all areas above it on `DAY`, in no order."""
