"""Settling: closed landing tables become blocks, in slices that hold the writer only shortly.

Everything is computed off the writer. A slice is written in one transaction with the boundary
(day, datastream) up to which its landing table has settled: rows up to there live in blocks, the
others in the table, whenever the process ends. The transaction first checks that no revision
touched the table or a block meanwhile; where one did, the slice is computed again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import sqlalchemy as sa
import structlog
from attrs import frozen

from county_gov.contract.batch import Int64s
from county_gov.contract.clock import DAY
from county_gov.errors import StoreBusy, StoreError
from county_gov.store import tables
from county_gov.store.observations.blocks import Block, decode_block, encode_blocks
from county_gov.store.observations.dialect import LandingDialect, Place
from county_gov.store.observations.landing import LONGEST, Landing
from county_gov.store.observations.lookup import Unsettled
from county_gov.store.observations.reading import block_rows
from county_gov.store.observations.rows import Stored
from county_gov.store.observations.starting import open_table
from county_gov.store.transaction import Snapshot, Transaction
from county_gov.store.writer import Priority

if TYPE_CHECKING:
    from county_gov.store.store import Store

log = structlog.get_logger(__name__)

SLICE_BLOCKS: Final = 128
"""Blocks that are written at once at most; see benchmarks/landing.py for how long it takes."""
SLICE_ROWS: Final = 300_000
PAUSE_SECONDS: Final = 0.002
MOST_PAUSES: Final = 25
"""How long, and how often at most, a slice is put off while persons wait: computing it takes
processor time from the writer, and Python's lock."""
PART_ROWS: Final = 50_000
"""Rows that are read back at once at most: one read, so long as it lasts, keeps the log growing."""
EVER: Final = 1 << 62
"""Beyond any instant or number of ours."""

Boundary = tuple[int | None, int | None]
"""Day and datastream up to which a landing table has settled; None twice where nothing has."""


class _Outdated(Exception):
    """Somebody changed what a slice was computed from."""


@frozen(eq=False)
class _Table:
    """A closed landing table, and its rows that are still to settle."""

    number: int
    changes: int
    """Revisions that had touched it when it was read."""
    boundary: Boundary
    rows: Stored
    """Ordered by day, datastream and time."""


@frozen(eq=False)
class _Slice:
    """Blocks that are written together, and the boundary afterwards."""

    new: list[Block]
    changed: list[tuple[int, int, int, int, bytes, bytes]]
    boundary: Boundary
    last: bool
    """Whether nothing is left of the landing table afterwards."""


class Settling:
    """Turns closed landing tables into blocks.

    Args:
        store: The store.
        dialect: The SQL of its database.
        landing: Closes landing tables and keeps their columns.
    """

    def __init__(self, store: Store, dialect: LandingDialect, landing: Landing) -> None:
        self._store = store
        self._dialect = dialect
        self._landing = landing

    async def settle(self, *, budget_seconds: float, close: bool) -> int:
        """See `Observations.settle`."""
        deadline = time.monotonic() + budget_seconds
        await self._close(close=close)
        settled = 0
        for number in await self._store.read(_closed):
            settled += await self._settle_table(number, deadline)
            if time.monotonic() > deadline:
                break
        await self._drop_settled()
        return settled

    async def _close(self, *, close: bool) -> None:
        table = await self._store.read(open_table)
        if table is None:
            return
        if close or self._store.clock.now() - table.opened_at >= LONGEST:
            await self._store.write(partial(self._landing.close, force=close), Priority.UPKEEP)

    async def _settle_table(self, number: int, deadline: float) -> int:
        """Settle a table slice by slice until nothing is left or the time is up."""
        settled = 0
        while True:
            table = await self._load(number)
            if table is None:
                return settled
            boundary = table.boundary
            cuts = _cuts(table.rows)
            for start, end in pairwise(cuts):
                await self._let_people_go_first()
                rows = table.rows.take(slice(start, end))
                made = await self._store.read(partial(_encode, rows, last=end == cuts[-1]))
                try:
                    change = partial(self._write, table, made, boundary)
                    await self._store.write(change, Priority.UPKEEP)
                except _Outdated:
                    break
                boundary = made.boundary
                settled += len(rows)
                if made.last or time.monotonic() > deadline:
                    return settled

    async def _let_people_go_first(self) -> None:
        """Wait while persons wait for their commits, but not for long: settling has to go on."""
        for _ in range(MOST_PAUSES):
            if not self._store.writer.people_wait:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _load(self, number: int) -> _Table | None:
        """A table's rows that are still to settle; None where none of it are."""
        standing = await self._store.read(partial(_standing, number))
        if standing is None:
            return None
        changes, boundary = standing
        rows = await asyncio.to_thread(self._landing.kept.rows_of, number)
        if rows is None:
            rows = await self._read_back(number)
        ordered = await asyncio.to_thread(_unsettled, rows, number, boundary)
        return _Table(number, changes, boundary, ordered)

    async def _read_back(self, number: int) -> Stored:
        """All rows of a closed table, a part at a time.

        While a reader reads, the database keeps all that was written since it began, and tidies
        nothing up. The parts belong together all the same: a closed table changes by revisions
        alone, and nothing is written that was computed before one of them.
        """
        parts: list[Stored] = []
        after: Place = (-EVER, 0)
        while True:
            part = await self._store.read(
                partial(self._dialect.scan, number=number, after=after, limit=PART_ROWS)
            )
            parts.append(part)
            if len(part) < PART_ROWS:
                return Stored.join(parts)
            after = (part.time.item(-1), part.datastream.item(-1))

    def _write(self, table: _Table, made: _Slice, boundary: Boundary, tx: Transaction) -> None:
        """Write a slice, if nobody changed what it was computed from."""
        register = tables.landings
        moved = tx.execute(
            sa.update(register)
            .where(
                register.c.number == table.number,
                register.c.changes == table.changes,
                register.c.settled_day.is_not_distinct_from(boundary[0]),
                register.c.settled_datastream.is_not_distinct_from(boundary[1]),
                register.c.settled_at.is_(None),
            )
            .values(
                settled_day=made.boundary[0],
                settled_datastream=made.boundary[1],
                settled_at=tx.at if made.last else None,
            )
        )
        if moved.rowcount != 1 or not self._dialect.put_blocks(tx, made.new, made.changed):
            raise _Outdated
        _raise_heads(tx, made)
        if made.last:
            tx.after_commit(partial(self._landing.kept.forget, table.number))

    async def _drop_settled(self) -> None:
        """Drop landing tables of which nothing is left and which no reader sees any more."""
        settled_before = self._store.clock.now() - self._dialect.readers_last
        register = tables.landings
        statement = sa.select(register.c.number).where(register.c.settled_at <= settled_before)
        for (number,) in await self._store.read(lambda snapshot: snapshot.rows(statement)):
            try:
                await self._store.write(partial(self._drop, number), Priority.UPKEEP)
            except StoreBusy:
                log.info("a landing table is still being read; it is dropped later", table=number)

    def _drop(self, number: int, tx: Transaction) -> None:
        register = tables.landings
        gone = tx.execute(sa.delete(register).where(register.c.number == number))
        if gone.rowcount == 1:
            self._dialect.drop(tx, number)


def _standing(number: int, snapshot: Snapshot) -> tuple[int, Boundary] | None:
    """The revisions of a closed table that has not settled, and how far it has."""
    register = tables.landings
    row = snapshot.first(
        sa.select(register.c.changes, register.c.settled_day, register.c.settled_datastream)
        .where(register.c.number == number)
        .where(register.c.closed_at.is_not(None), register.c.settled_at.is_(None))
    )
    return None if row is None else (row[0], (row[1], row[2]))


def _unsettled(rows: Stored, number: int, boundary: Boundary) -> Stored:
    """What lies beyond the boundary, ordered by day, datastream and time."""
    if boundary[0] is not None:
        rows = rows.take(Unsettled(number, *boundary).holds(rows.datastream, rows.day))
    return rows.take(_by_block(rows))


def _closed(snapshot: Snapshot) -> list[int]:
    register = tables.landings
    statement = (
        sa.select(register.c.number)
        .where(register.c.closed_at.is_not(None), register.c.settled_at.is_(None))
        .order_by(register.c.number)
    )
    return [number for (number,) in snapshot.rows(statement)]


def _by_block(rows: Stored) -> Int64s:
    """The order by day, datastream and time, by one key where it fits into 63 bits."""
    if not len(rows):
        return np.empty(0, np.int64)
    day = rows.day
    first = int(day.min())
    series = int(rows.datastream.max()) + 1
    if (int(day.max()) - first + 1) * series * DAY < EVER:
        key = ((day - first) * series + rows.datastream) * DAY + (rows.time - day * DAY)
        return np.argsort(key, kind="stable")
    return np.lexsort((rows.time, rows.datastream, day))


def _cuts(rows: Stored) -> list[int]:
    """Where rows are cut into slices, between blocks only; 0 and the end included."""
    if not len(rows):
        return [0, 0]
    day = rows.day
    marks = (rows.datastream[1:] != rows.datastream[:-1]) | (day[1:] != day[:-1])
    starts = np.concatenate(([0], np.flatnonzero(marks) + 1)).tolist()
    cuts, blocks = [0], 0
    for start, end in pairwise([*starts, len(rows)]):
        if blocks >= SLICE_BLOCKS or (blocks and end - cuts[-1] > SLICE_ROWS):
            cuts.append(start)
            blocks = 0
        blocks += 1
    return [*cuts, len(rows)]


def _encode(rows: Stored, snapshot: Snapshot, *, last: bool) -> _Slice:
    """The blocks of a slice, together with the rows that are in blocks already."""
    if not len(rows):
        return _Slice([], [], (EVER, EVER), last)
    day = rows.day
    boundary = (int(day[-1]), int(rows.datastream[-1]))
    old = dict(_existing(snapshot, rows, day))
    if old:
        known = [decode_block(body, *key) for key, body in old.items()]
        rows = Stored.join([rows, *known])
        rows = rows.take(_by_block(rows))
        same = (rows.datastream[1:] == rows.datastream[:-1]) & (rows.time[1:] == rows.time[:-1])
        if same.any():
            at = int(np.flatnonzero(same)[0])
            msg = (
                f"datastream {rows.datastream[at]}, time {rows.time[at]}: a landed row is in a"
                " block as well; nothing was settled"
            )
            raise StoreError(msg)
    blocks = encode_blocks(rows)
    new = [block for block in blocks if block[:2] not in old]
    changed = [(*block, old[block[:2]]) for block in blocks if block[:2] in old]
    return _Slice(new, changed, boundary, last)


def _existing(
    snapshot: Snapshot, rows: Stored, day: Int64s
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The blocks that are there for the rows' datastreams and days."""
    for one in np.unique(day).tolist():
        series = np.unique(rows.datastream[day == one]).tolist()
        for datastream, number, body in block_rows(snapshot, series, [one]):
            yield (datastream, number), body


def _raise_heads(tx: Transaction, made: _Slice) -> None:
    last: dict[int, int] = {}
    for block in made.new + [Block(*changed[:5]) for changed in made.changed]:
        last[block.datastream] = max(block.last, last.get(block.datastream, block.last))
    if not last:
        return
    insert = tx.database.insert(tables.heads)
    statement = insert.on_conflict_do_update(
        index_elements=["datastream"],
        set_={"time": insert.excluded.time},
        where=insert.excluded.time > tables.heads.c.time,
    )
    rows = [{"datastream": number, "time": at} for number, at in sorted(last.items())]
    tx.execute(statement, rows)
