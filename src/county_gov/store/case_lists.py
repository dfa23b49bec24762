"""Lists and counts of cases: each carries the condition of who may see what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables
from county_gov.store.cases import CaseRecord, records
from county_gov.store.scope import lies_within, visible

if TYPE_CHECKING:
    from county_gov.contract.access import Post, Scope
    from county_gov.store.transaction import Snapshot

Condition = sa.ColumnElement[bool]
cases = tables.cases
tasks = tables.tasks

SORTS: dict[str, sa.Column[int] | sa.Column[str]] = {
    "opened": cases.c.opened_at,
    "moved": cases.c.moved_at,
    "number": cases.c.number,
    "title": cases.c.title,
    "state": cases.c.state,
    "area": cases.c.area,
    "workflow": cases.c.workflow,
}
"""What a list may be sorted by; a name with ``-`` before it sorts downwards."""


@frozen
class Filters:
    """What a list of cases is narrowed to; empty parts narrow nothing.

    Args:
        workflow: Its id.
        state: Of the workflow.
        open_only: Only cases that are not closed.
        text: Part of the number, title or subject, letters of any case.
        within: Code of an area: cases in it or below it.
    """

    workflow: str = ""
    state: str = ""
    open_only: bool = False
    text: str = ""
    within: str = ""


def within_scope(scope: Scope, day: int) -> Condition:
    """The condition that a case lies within a scope on a day."""
    return visible(
        scope,
        area=cases.c.area,
        day=day,
        units=lambda unit: _takes_part(tables.case_units, tables.case_units.c.unit == unit),
        persons=lambda account: _takes_part(
            tables.case_persons, tables.case_persons.c.account == account
        ),
    )


def within_scopes(scopes: Iterable[tuple[Scope, Sequence[str]]], day: int) -> Condition:
    """The condition that a case is of some workflows and within the scope that goes with them."""
    parts = [
        sa.and_(cases.c.workflow.in_(list(workflows)), within_scope(scope, day))
        for scope, workflows in scopes
    ]
    return sa.or_(sa.false(), *parts)


def has_task_for(account: int | None, posts: Iterable[Post], day: int) -> Condition:
    """The condition that a case has an open task that somebody with these posts may do."""
    held = [
        sa.and_(
            tasks.c.role == post.role,
            sa.or_(tasks.c.unit.is_(None), tasks.c.unit == post.unit),
            lies_within(tasks.c.area, [post.area], day),
        )
        for post in dict.fromkeys(posts)
    ]
    named: Condition = tasks.c.account.is_(None)
    if account is not None:
        named = sa.or_(named, tasks.c.account == account)
    statement = sa.select(sa.literal(1)).where(
        tasks.c.case == cases.c.id, tasks.c.ended_at.is_(None), named, sa.or_(sa.false(), *held)
    )
    return statement.correlate(cases).exists()


def takes_part(account: int | None, posts: Sequence[Post], day: int) -> Condition:
    """The condition that somebody with these posts takes part in a case, or may do its task."""
    units = sorted({post.unit for post in posts})
    by_unit = _takes_part(tables.case_units, tables.case_units.c.unit.in_(units))
    by_task = has_task_for(account, posts, day)
    if account is None:
        return by_unit | by_task
    own = tables.case_persons.c.account == account
    return _takes_part(tables.case_persons, own) | by_unit | by_task


def is_none_of(workflows: Sequence[str]) -> Condition:
    """The condition that a case is of another workflow."""
    return cases.c.workflow.not_in(list(workflows))


def which_are_seen(snapshot: Snapshot, among: Iterable[int], condition: Condition) -> set[int]:
    """Those of some cases that meet a condition."""
    statement = sa.select(cases.c.id).where(cases.c.id.in_(sorted(among)), condition)
    return {int(row.id) for row in snapshot.rows(statement)}


def is_seen(snapshot: Snapshot, case: int, condition: Condition) -> bool:
    """Whether a case meets a condition."""
    return bool(which_are_seen(snapshot, (case,), condition))


def find(
    snapshot: Snapshot,
    condition: Condition,
    filters: Filters,
    *,
    day: int,
    sort: str = "-opened",
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[CaseRecord], int]:
    """A page of cases, and how many there are in all.

    Args:
        snapshot: Where to read.
        condition: Who may see what.
        filters: What the list is narrowed to.
        day: The day whose tree of areas counts.
        sort: A name of `SORTS`, ``-`` before it for downwards; equal ones latest first.
        limit: Rows of the page.
        offset: Rows before it.

    Raises:
        KeyError: if the sort is not known.
    """
    where = sa.and_(condition, *_narrowed(filters, day))
    column = SORTS[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    page = (
        sa.select(cases).where(where).order_by(order, cases.c.id.desc()).limit(limit).offset(offset)
    )
    total = int(snapshot.scalar(sa.select(sa.func.count()).select_from(cases).where(where)))
    return records(snapshot, snapshot.rows(page)), total


def count_by_state(
    snapshot: Snapshot, condition: Condition, filters: Filters, *, day: int
) -> dict[tuple[str, str], int]:
    """How many cases there are by workflow and state."""
    statement = (
        sa.select(cases.c.workflow, cases.c.state, sa.func.count())
        .where(condition, *_narrowed(filters, day))
        .group_by(cases.c.workflow, cases.c.state)
        .order_by(cases.c.workflow, cases.c.state)
    )
    return {(row[0], row[1]): row[2] for row in snapshot.rows(statement)}


def _narrowed(filters: Filters, day: int) -> list[Condition]:
    parts: list[Condition] = []
    if filters.workflow:
        parts.append(cases.c.workflow == filters.workflow)
    if filters.state:
        parts.append(cases.c.state == filters.state)
    if filters.open_only:
        parts.append(cases.c.closed_at.is_(None))
    if filters.text:
        columns = (cases.c.number, cases.c.title, cases.c.title_en, cases.c.subject)
        parts.append(
            sa.or_(*(column.icontains(filters.text, autoescape=True) for column in columns))
        )
    if filters.within:
        parts.append(lies_within(cases.c.area, [filters.within], day))
    return parts


def _takes_part(table: sa.Table, condition: Condition) -> Condition:
    statement = sa.select(sa.literal(1)).where(table.c.case == cases.c.id, condition)
    return statement.correlate(cases).exists()


def open_case_of(snapshot: Snapshot, workflow: str, subject: str) -> int | None:
    """The newest open case of a workflow about a subject, or None."""
    columns = tables.cases.c
    found: int | None = snapshot.scalar(
        sa.select(columns.id)
        .where(
            columns.workflow == workflow,
            columns.subject == subject,
            columns.closed_at.is_(None),
        )
        .order_by(columns.id.desc())
        .limit(1)
    )
    return found
