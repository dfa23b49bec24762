"""What a database says about its own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot

REVISION = sa.table("alembic_version", sa.column("version_num"))


def table_names(snapshot: Snapshot) -> tuple[str, ...]:
    """The names of all tables, those made at run time and Alembic's own included."""
    return tuple(sorted(sa.inspect(snapshot.connection).get_table_names()))


def count_rows(snapshot: Snapshot) -> dict[str, int]:
    """How many rows each table has."""
    return {
        name: snapshot.scalar(sa.select(sa.func.count()).select_from(sa.table(name)))
        for name in table_names(snapshot)
    }


def revision(snapshot: Snapshot) -> str | None:
    """The revision of the tables; None where there are none, or they were made otherwise."""
    if REVISION.name not in table_names(snapshot):
        return None
    found = snapshot.scalar(sa.select(REVISION.c.version_num))
    return None if found is None else str(found)
