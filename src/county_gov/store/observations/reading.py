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
from county_gov.contract.clock import DAY, EARLIEST, HOUR, LATEST
from county_gov.store import tables
from county_gov.store.observations.blocks import decode_block
from county_gov.store.observations.dialect import LandingDialect
from county_gov.store.observations.flags import measures
from county_gov.store.observations.lookup import unsettled
from county_gov.store.observations.rows import Hours, Stored
from county_gov.store.transaction import Snapshot

SERIES_A_STATEMENT: Final = 500
DAYS_A_STATEMENT: Final = 400


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


def oldest(snapshot: Snapshot, dialect: LandingDialect, datastream: int) -> int | None:
    """An instant before which a datastream has no value; None where nothing at all is stored.

    It is exact only to the oldest day of all datastreams, which the first key of the blocks tells.
    """
    day = snapshot.scalar(sa.select(sa.func.min(tables.blocks.c.day)))
    before = LATEST if day is None else int(day) * DAY
    landed = _landed(snapshot, dialect, [datastream], EARLIEST, before)
    starts = [int(part.time.min()) for part in landed if len(part)]
    if day is not None:
        starts.append(before)
    return min(starts, default=None)


def _settled(snapshot: Snapshot, datastreams: list[int], start: int, end: int) -> Iterator[Stored]:
    days = _days(snapshot, start, end)
    for datastream, day, body in block_rows(snapshot, datastreams, days):
        block = decode_block(body, datastream, day)
        if day * DAY < start or (day + 1) * DAY > end:
            low, high = np.searchsorted(block.time, (start, end)).tolist()
            block = block.take(slice(low, high))
        yield block


def _days(snapshot: Snapshot, start: int, end: int) -> range:
    """The days of a range of time for which there can be blocks."""
    day = tables.blocks.c.day
    first, last = start // DAY, (end - 1) // DAY
    if last - first > DAYS_A_STATEMENT:
        oldest = snapshot.scalar(sa.select(sa.func.min(day)))
        newest = snapshot.scalar(sa.select(sa.func.max(day)))
        if oldest is None or newest is None:
            return range(0)
        first, last = max(first, oldest), min(last, newest)
    return range(first, last + 1)


def block_rows(
    snapshot: Snapshot, datastreams: Sequence[int], days: Sequence[int]
) -> Iterator[tuple[int, int, bytes]]:
    """Datastream, day and body of the blocks of at most some hundred datastreams.

    The key is (day, datastream), so that blocks of a day settle side by side; every pair is sought.
    """
    blocks = tables.blocks
    for first in range(0, len(days), DAYS_A_STATEMENT):
        some = days[first : first + DAYS_A_STATEMENT]
        statement = (
            sa.select(blocks.c.datastream, blocks.c.day, blocks.c.body)
            .where(blocks.c.day.in_(some), blocks.c.datastream.in_(datastreams))
            .order_by(blocks.c.day, blocks.c.datastream)
        )
        for row in snapshot.rows(statement):
            yield row.datastream, row.day, row.body


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
