"""Old batches, added up by source and day.

A device that sends one reading a request makes one batch a reading: some 200 bytes beside the one
or two of the settled reading itself. After its time a batch is only asked for when a late revision
has the same result time as what it would replace; it then counts as received before everything
else, which it was. What stays of it is its part in the counts of its source and day, and the
numbers between which it lay.

Batches with quarantined rows, and those that a retry has made, stay as they are: the quarantine
tells of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from county_gov.contract.clock import DAY
from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction

FOLDED_AT_ONCE: Final = 400
"""Batches of one change, so that nobody waits for it for long."""
RETRIED: Final = " (quarantine)"
"""How the provenance of a batch ends that a retry has made."""

batches = tables.batches
folds = tables.batch_folds
OLD = (
    sa.select(
        batches.c.id,
        batches.c.source,
        batches.c.received_at,
        batches.c.accepted,
        batches.c.duplicate,
        batches.c.revised,
    )
    .where(
        batches.c.id < sa.bindparam("below"),
        batches.c.quarantined == 0,
        batches.c.provenance.not_like(f"%{RETRIED}"),
    )
    .order_by(batches.c.id)
    .limit(FOLDED_AT_ONCE)
)


def first_young(snapshot: Snapshot, *, before: int) -> int:
    """Number of the first batch that stays as it is; the last always does.

    There is no index on the instants, and numbers rise with them: this looks at all old batches,
    so read it on a reader's thread.

    Args:
        snapshot: Where to read.
        before: Older ones were committed before this instant, microseconds UTC.
    """
    young = (
        sa.select(batches.c.id)
        .where(batches.c.committed_at >= before)
        .order_by(batches.c.id)
        .limit(1)
    )
    found = snapshot.scalar(young)
    if found is None:
        # Were the last one deleted, its number could be given again.
        found = snapshot.scalar(sa.select(sa.func.max(batches.c.id))) or 0
    return int(found)


def fold_batches(tx: Transaction, *, below: int) -> int:
    """Add some of the oldest batches up.

    Args:
        tx: The transaction.
        below: Only those with a lower number; see `first_young`.

    Returns:
        How many were folded; call again while it is not 0.
    """
    found = tx.rows(OLD, below=below)
    groups: defaultdict[tuple[str, int], list[sa.Row[Any]]] = defaultdict(list)
    for row in found:
        groups[row.source, row.received_at // DAY].append(row)
    insert = tx.database.insert(folds)
    new = insert.excluded
    sums = {
        name: folds.c[name] + new[name] for name in ("batches", "accepted", "duplicate", "revised")
    }
    lowest = sa.case((new.first < folds.c.first, new.first), else_=folds.c.first)
    highest = sa.case((new.last > folds.c.last, new.last), else_=folds.c.last)
    add = insert.on_conflict_do_update(
        index_elements=[folds.c.source, folds.c.day],
        set_={**sums, "first": lowest, "last": highest},
    )
    if found:
        tx.execute(add, [_fold(source, day, rows) for (source, day), rows in groups.items()])
        tx.execute(sa.delete(batches).where(batches.c.id.in_([row.id for row in found])))
    return len(found)


def _fold(source: str, day: int, rows: list[sa.Row[Any]]) -> dict[str, object]:
    return {
        "source": source,
        "day": day,
        "first": min(row.id for row in rows),
        "last": max(row.id for row in rows),
        "batches": len(rows),
        "accepted": sum(row.accepted for row in rows),
        "duplicate": sum(row.duplicate for row in rows),
        "revised": sum(row.revised for row in rows),
    }
