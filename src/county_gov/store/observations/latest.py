"""The newest value of each datastream, kept by a follower of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import sqlalchemy as sa

from county_gov.store import tables
from county_gov.store.observations.payload import Changes
from county_gov.store.observations.rows import Latest
from county_gov.store.transaction import Snapshot, Transaction

NUMBERS_A_STATEMENT: Final = 500


def coalesce(changes: Sequence[Changes]) -> list[dict[str, int]]:
    """The newest row per datastream; of several for one instant, the one that came last.

    Args:
        changes: In the order of the journal.
    """
    some = [one for one in changes if len(one)]
    if not some:
        return []
    datastream = np.concatenate([one.datastream for one in some])
    time = np.concatenate([one.time for one in some])
    value = np.concatenate([one.value for one in some])
    flag = np.concatenate([one.flag for one in some])
    received = np.repeat([one.received_at for one in some], [len(one) for one in some])
    order = np.lexsort((np.arange(len(time)), time, datastream))
    last = order[np.append(datastream[order][1:] != datastream[order][:-1], True)]
    names = ("datastream", "time", "value", "flag", "received_at")
    columns = (datastream, time, value, flag, received)
    table = zip(*(column[last].tolist() for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in table]


def write_latest(tx: Transaction, rows: list[dict[str, int]]) -> None:
    """Put rows that are not older than what is there in its place."""
    if not rows:
        return
    insert = tx.database.insert(tables.latest)
    statement = insert.on_conflict_do_update(
        index_elements=["datastream"],
        set_={name: insert.excluded[name] for name in ("time", "value", "flag", "received_at")},
        where=insert.excluded.time >= tables.latest.c.time,
    )
    tx.execute(statement, rows)


def latest_rows(snapshot: Snapshot, numbers: Sequence[int] | None) -> Latest:
    """The newest values of some datastreams, or of all."""
    table = tables.latest
    statement = sa.select(
        table.c.datastream, table.c.time, table.c.value, table.c.flag, table.c.received_at
    ).order_by(table.c.datastream)
    if numbers is None:
        rows = list(snapshot.rows(statement))
    else:
        some = sorted(set(numbers))
        rows = []
        for first in range(0, len(some), NUMBERS_A_STATEMENT):
            chosen = table.c.datastream.in_(some[first : first + NUMBERS_A_STATEMENT])
            rows += snapshot.rows(statement.where(chosen))
    columns = np.array([tuple(row) for row in rows], np.int64).reshape(len(rows), 5).T.copy()
    datastream, time, value, flag, received_at = columns
    return Latest(datastream, time, value, flag.astype(np.uint8), received_at)
