"""The tables of access: accounts, posts, sessions, devices, and the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from county_gov.store import tables
from county_gov.store.scope import with_ancestors

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot


class Holder(NamedTuple):
    """Somebody who holds a role for an area."""

    account: int
    login: str
    name: str
    unit: str


def holders(snapshot: Snapshot, role: str, area: str, day: int) -> tuple[Holder, ...]:
    """Who holds a role for an area: the post's area is that area or one above it.

    Args:
        snapshot: Where to read.
        role: Id of the role.
        area: Code of the area.
        day: Local day on which the post must be held, days since 1970-01-01.

    Returns:
        Active accounts by login, once for each unit in which they hold the role.
    """
    accounts, posts = tables.accounts.c, tables.posts.c
    statement = (
        sa.select(accounts.number, accounts.login, accounts.name, posts.unit)
        .join_from(tables.posts, tables.accounts, accounts.number == posts.account)
        .where(
            accounts.active == 1,
            posts.role == role,
            posts.area.in_(with_ancestors(area, day)),
            held_on(day),
        )
        .distinct()
        .order_by(accounts.login, posts.unit)
    )
    return tuple(Holder(*row) for row in snapshot.rows(statement))


def held_on(day: int) -> sa.ColumnElement[bool]:
    """The condition that a post is held on a local day; ``valid_to`` is the first day without."""
    columns = tables.posts.c
    return sa.and_(
        columns.valid_from <= day, sa.or_(columns.valid_to.is_(None), columns.valid_to > day)
    )
