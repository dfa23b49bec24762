"""What came in lately: batches, for the page of sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot

_columns = tables.batches.c
BATCH_SORTS: Final = {
    "received_at": _columns.id,
    "source": _columns.source,
    "accepted": _columns.accepted,
    "quarantined": _columns.quarantined,
}
"""What batches can be sorted by; with a leading "-" descending."""


@frozen
class Arrival:
    """A batch: when it came, from whom, and what became of its rows."""

    key: str
    source: str
    provenance: str
    wire_format: str
    received_at: int
    committed_at: int
    accepted: int
    duplicate: int
    revised: int
    quarantined: int


def list_arrivals(
    snapshot: Snapshot, *, sort: str = "-received_at", limit: int = 50, offset: int = 0
) -> tuple[tuple[Arrival, ...], int]:
    """A page of batches, and how many there are in all.

    Args:
        snapshot: Where to read.
        sort: A name of `BATCH_SORTS`, ``-`` before it for descending.
        limit: Rows of the page.
        offset: Rows before it.

    Raises:
        KeyError: if the sort is not known.
    """
    column = BATCH_SORTS[sort.removeprefix("-")]
    descending = sort.startswith("-")
    statement = (
        sa.select(
            _columns.key,
            _columns.source,
            _columns.provenance,
            _columns.wire_format,
            _columns.received_at,
            _columns.committed_at,
            _columns.accepted,
            _columns.duplicate,
            _columns.revised,
            _columns.quarantined,
        )
        .order_by(column.desc() if descending else column.asc(), _columns.id.desc())
        .limit(limit)
        .offset(offset)
    )
    total = int(snapshot.scalar(sa.select(sa.func.count()).select_from(tables.batches)))
    return tuple(Arrival(*row) for row in snapshot.rows(statement)), total
