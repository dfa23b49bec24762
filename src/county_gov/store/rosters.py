"""Who is on duty by a dataset of records: one statement, short enough for the writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from county_gov.contract.workflow import Roster
    from county_gov.store.records import RecordTable
    from county_gov.store.transaction import Snapshot

ON_DUTY_AT_MOST = 200


def on_duty(
    snapshot: Snapshot, table: RecordTable, roster: Roster, areas: Sequence[str], at: int
) -> tuple[int, ...]:
    """The accounts on duty at an instant: nearest area first, then who began last.

    Args:
        snapshot: Where to read.
        table: The dataset's table.
        roster: Names its fields.
        areas: An area's code and those above it, nearest first; a duty for no area counts last.
        at: The instant, microseconds UTC.
    """
    statement = duty_statement(table, roster, areas, at)
    return tuple(dict.fromkeys(int(row[0]) for row in snapshot.rows(statement)))


def duty_statement(
    table: RecordTable, roster: Roster, areas: Sequence[str], at: int
) -> sa.Select[tuple[int]]:
    """The statement that `on_duty` asks."""
    person, begins = table.column(roster.person), table.column(roster.begins)
    conditions = [person.is_not(None), begins <= at, table.column(roster.ends) > at]
    order: list[sa.ColumnElement[int]] = []
    if roster.area:
        area = table.column(roster.area)
        # Not by the index of areas: an area has all duties that ever were, few have not ended.
        conditions.append(sa.func.coalesce(area, "").in_(["", *areas]))
        ranks = {code: rank for rank, code in enumerate(areas)}
        order = [sa.case(ranks, value=area, else_=len(areas))]
    return (
        sa.select(person)
        .where(*conditions)
        .order_by(*order, begins.desc(), person)
        .limit(ON_DUTY_AT_MOST)
    )
