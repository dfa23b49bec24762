"""What a writing session begins with: the highest times and the open landing table."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.batch import Int64s
from county_gov.store import tables
from county_gov.store.observations.lookup import unsettled
from county_gov.store.transaction import Snapshot


@frozen
class OpenTable:
    """The landing table that rows go into now."""

    number: int
    opened_at: int
    rows: int


def open_table(snapshot: Snapshot) -> OpenTable | None:
    """The landing table that is open, its rows counted."""
    register = tables.landings
    row = snapshot.first(
        sa.select(register.c.number, register.c.opened_at).where(register.c.closed_at.is_(None))
    )
    if row is None:
        return None
    rows = snapshot.scalar(sa.text(f"SELECT count(*) FROM landing_{row.number:d}"))
    return OpenTable(row.number, row.opened_at, rows)


def stored_heads(snapshot: Snapshot) -> tuple[Int64s, Int64s]:
    """Datastreams and stored times, the highest of each datastream among them; of shape (n,)."""
    rows = [tuple(row) for row in snapshot.rows(sa.select(tables.heads))]
    for table in unsettled(snapshot):
        highest = f"SELECT datastream, max(time) FROM landing_{table.number:d} GROUP BY datastream"
        rows += [tuple(row) for row in snapshot.rows(sa.text(highest))]
    datastream, time = np.array(rows, np.int64).reshape(-1, 2).T.copy()
    return datastream, time
