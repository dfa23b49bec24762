"""Reading current values: from blocks where they have settled, else from the landing tables.

Hourly figures are computed from the rows at each read. Nothing aggregated is stored, so nothing
can disagree with the values after a revision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import sqlalchemy as sa

from county_gov.contract.batch import Int64s
from county_gov.contract.clock import DAY, HOUR
from county_gov.store import tables
from county_gov.store.observations.blocks import decode_block
from county_gov.store.observations.dialect import LandingDialect
from county_gov.store.observations.flags import measures
from county_gov.store.observations.lookup import unsettled
from county_gov.store.observations.rows import Hours, Stored
from county_gov.store.transaction import Snapshot

SERIES_A_STATEMENT: Final = 500


def read_series(
    snapshot: Snapshot,
    dialect: LandingDialect,
    datastreams: Sequence[int],
    start: int,
    end: int,
) -> Stored:
    """Current values with start <= time < end, ordered by datastream, then time."""
    numbers = sorted(set(datastreams))
    if end <= start or not numbers:
        return Stored.empty()
    parts: list[Stored] = []
    for first in range(0, len(numbers), SERIES_A_STATEMENT):
        some = numbers[first : first + SERIES_A_STATEMENT]
        parts += _settled(snapshot, some, start, end)
        parts += _landed(snapshot, dialect, some, start, end)
    rows = Stored.join(parts)
    later = rows.datastream[1:] > rows.datastream[:-1]
    same = rows.datastream[1:] == rows.datastream[:-1]
    if (later | (same & (rows.time[1:] > rows.time[:-1]))).all():
        return rows
    return rows.by_series()


def _settled(snapshot: Snapshot, datastreams: list[int], start: int, end: int) -> Iterator[Stored]:
    blocks = tables.blocks
    statement = (
        sa.select(blocks.c.datastream, blocks.c.day, blocks.c.body)
        .where(
            blocks.c.datastream.in_(datastreams),
            blocks.c.day.between(start // DAY, (end - 1) // DAY),
        )
        .order_by(blocks.c.datastream, blocks.c.day)
    )
    for datastream, day, body in snapshot.rows(statement):
        block = decode_block(body, datastream, day)
        if day * DAY < start or (day + 1) * DAY > end:
            low, high = np.searchsorted(block.time, (start, end)).tolist()
            block = block.take(slice(low, high))
        yield block


def _landed(
    snapshot: Snapshot, dialect: LandingDialect, datastreams: list[int], start: int, end: int
) -> Iterator[Stored]:
    for table in unsettled(snapshot):
        begin = start if table.day is None else max(start, table.day * DAY)
        if begin >= end:
            continue
        rows = dialect.series(snapshot, table.number, datastreams, begin, end)
        if len(rows) and table.day is not None:
            rows = rows.take(table.holds(rows.datastream, rows.day))
        yield rows


def hours_of(rows: Stored) -> Hours:
    """Figures per hour of one datastream's rows, ordered by time."""
    rows = rows.take(measures(rows.flag))
    if not len(rows):
        none: Int64s = np.empty(0, np.int64)
        return Hours(none, none, none, none, none)
    hour = rows.time // HOUR
    starts = np.concatenate(([0], np.flatnonzero(hour[1:] != hour[:-1]) + 1))
    return Hours(
        hour[starts] * HOUR,
        np.diff(starts, append=len(rows)).astype(np.int64),
        np.add.reduceat(rows.value, starts),
        np.minimum.reduceat(rows.value, starts),
        np.maximum.reduceat(rows.value, starts),
    )
