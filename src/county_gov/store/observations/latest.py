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

Newest = tuple[int, int, int, int, int]
"""Datastream, time, value, flag and when it was received."""


def coalesce(changes: Sequence[Changes]) -> list[Newest]:
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
    columns = (datastream, time, value, flag, received)
    return list(zip(*(column[last].tolist() for column in columns), strict=True))


_PUT = """
    INSERT INTO latest (datastream, time, value, flag, received_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (datastream) DO UPDATE SET time = excluded.time, value = excluded.value,
        flag = excluded.flag, received_at = excluded.received_at
    WHERE excluded.time >= latest.time"""


def write_latest(tx: Transaction, rows: Sequence[Newest]) -> None:
    """Put rows that are not older than what is there in its place."""
    tx.driver_many(_PUT, rows)


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
