"""Landing: a batch's rows on their way into the current landing table, on the writer.

Rows above the highest time of their datastream cannot exist yet and go straight in. All others are
looked for in every landing table that is not yet dropped and in the blocks of their days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
import sqlalchemy as sa

from county_gov.contract.batch import NO_TIME, Bools, Int64s, UInt8s
from county_gov.contract.clock import DAY, HOUR
from county_gov.errors import StoreError
from county_gov.store import tables
from county_gov.store.memory import Remembered
from county_gov.store.observations.blocks import encode_blocks
from county_gov.store.observations.dialect import LandingDialect
from county_gov.store.observations.heads import Heads
from county_gov.store.observations.kept import Kept
from county_gov.store.observations.lookup import BlockKey, Existing, find_existing
from county_gov.store.observations.payload import Changes, encode_changes
from county_gov.store.observations.revising import (
    BLOCK,
    NOWHERE,
    Current,
    Key,
    Loser,
    Revising,
    Value,
    known_values,
    received_lookup,
)
from county_gov.store.observations.rows import (
    DUPLICATE,
    Landed,
    Readings,
    Small,
    Stored,
    Tally,
)
from county_gov.store.observations.starting import OpenTable, open_table, stored_heads
from county_gov.store.transaction import JournalEntry, Transaction

MOST_ROWS: Final = 1_000_000
"""Rows of a landing table, after which the next one is made."""
ROWS_A_CHANGE: Final = 4_096
LATE_ROWS_A_CHANGE: Final = 1_000
LATE_BLOCKS_A_CHANGE: Final = 250
"""What one change on the writer should bring at most, so that nobody waits for it for long: rows,
those of them that must be looked for, and blocks that these may be in."""

LONGEST: Final = HOUR
"""Arrival time that a landing table covers at most."""


class Landing:
    """Takes batches in.

    Args:
        dialect: The SQL of this database.
        most_rows: Rows after which the next landing table is made.
    """

    def __init__(self, dialect: LandingDialect, *, most_rows: int = MOST_ROWS) -> None:
        self.heads = Heads()
        self.kept = Kept()
        self._dialect = dialect
        self._most_rows = most_rows
        self._open: Remembered[OpenTable | None] = Remembered(None)
        self._session = 0

    def refresh(self, tx: Transaction) -> None:
        """Load what is kept in memory, if the writing session is another one than before."""
        session = self._dialect.session(tx)
        if session == self._session:
            return
        self.heads.load(*stored_heads(tx))
        self.kept.clear()
        self._open.load(open_table(tx))
        self._session = session

    def land(self, tx: Transaction, rows: Readings, *, batch: int) -> Landed:
        """Take a batch in; see `Observations.land`."""
        status = np.zeros(len(rows), np.uint8)
        if not len(rows):
            return Landed(status, None)
        self.refresh(tx)
        if len(rows) == 1 and self.heads.is_above(rows.datastream.item(), rows.time.item()):
            return self._land_one(tx, rows, status, batch=batch)
        order, repeated = _arrange(rows.datastream, rows.time)
        above = self.heads.above(rows.datastream, rows.time)
        if repeated is None and above.all():
            new = Stored.of(rows, batch, order)
            revised = None
        else:
            doubtful = np.flatnonzero(~above if repeated is None else ~above | repeated)
            status[doubtful], accepted, revised = self._compare(
                tx, rows, doubtful, repeated, batch=batch
            )
            certain = above if repeated is None else above & ~repeated
            new = Stored.join([Stored.of(rows, batch, certain), accepted])
            new = new.take(np.lexsort((new.datastream, new.time)))
        if len(new):
            self._insert(tx, new)
        return Landed(status, _journal(tx, new, revised, rows.received_at, batch=batch))

    def _land_one(self, tx: Transaction, rows: Readings, status: UInt8s, *, batch: int) -> Landed:
        """Take in one new row: devices that send one reading a request are many."""
        new = Stored(
            rows.datastream,
            rows.time,
            rows.value,
            rows.flag,
            rows.result_time,
            np.array([batch], np.int64),
        )
        self._insert(tx, new)
        return Landed(status, _journal(tx, new, None, rows.received_at, batch=batch))

    def land_together(
        self, tx: Transaction, deliveries: Sequence[Small], batches: Sequence[int]
    ) -> list[Tally]:
        """Take several small batches in; see `Observations.land_together`."""
        self.refresh(tx)
        apart = self._apart(deliveries)
        joined = [number for number in range(len(deliveries)) if number not in apart]
        entry = None
        if joined:
            new = _stored_rows(
                (time, datastream, value, flag, result_time, batches[number])
                for number in joined
                for datastream, time, value, flag, result_time in deliveries[number].rows
            )
            self._insert(tx, new)
            received_at = max(deliveries[number].received_at for number in joined)
            entry = _journal(tx, new, None, received_at, batch=batches[joined[0]])
        return [
            self.land(tx, small.readings, batch=batch).tally
            if number in apart
            else Tally(len(small), 0, 0, entry)
            for number, (small, batch) in enumerate(zip(deliveries, batches, strict=True))
        ]

    def _apart(self, deliveries: Sequence[Small]) -> set[int]:
        """Which deliveries have a row that may be stored already, or that another one has too.

        What becomes of a row depends on rows with its key alone, so the others can be taken in
        together before these are, one after another.
        """
        apart: set[int] = set()
        first: dict[tuple[int, int], int] = {}
        for number, small in enumerate(deliveries):
            for datastream, time, *_ in small.rows:
                key = (datastream, time)
                if key in first:
                    apart.update((first[key], number))
                elif not self.heads.is_above(datastream, time):
                    apart.add(number)
                first.setdefault(key, number)
        return apart

    def cuts(self, rows: Readings) -> list[int]:
        """Where to cut a delivery; see `Observations.cuts`."""
        if not len(rows):
            return [0, 0]
        late = np.flatnonzero(~self.heads.above(rows.datastream, rows.time))
        keys = zip(rows.datastream[late].tolist(), (rows.time[late] // DAY).tolist(), strict=True)
        cuts, count, blocks = [0], 0, set[BlockKey]()
        for index, key in zip(late.tolist(), keys, strict=True):
            blocks.add(key)
            count += 1
            if count > LATE_ROWS_A_CHANGE or len(blocks) > LATE_BLOCKS_A_CHANGE:
                cuts.append(index)
                count, blocks = 1, {key}
        return [
            start
            for first, end in pairwise([*cuts, len(rows)])
            for start in range(first, end, ROWS_A_CHANGE)
        ] + [len(rows)]

    def close(self, tx: Transaction, *, force: bool = False) -> None:
        """Close the open table if its hour of arrival is over, or in any case."""
        self.refresh(tx)
        table = self._open.value
        if table is not None and (force or tx.at - table.opened_at >= LONGEST):
            self._close(tx, table)

    def _insert(self, tx: Transaction, new: Stored) -> None:
        table = self._room(tx)
        self._dialect.insert(tx, table.number, new)
        self._open.become(tx, OpenTable(table.number, table.opened_at, table.rows + len(new)))
        before = self.heads.raise_to(new.datastream, new.time)
        self.kept.append(table.number, new)

        def undo() -> None:
            self.heads.restore(new.datastream, before)
            self.kept.take_back(table.number, new)

        tx.on_rollback(undo)

    def _room(self, tx: Transaction) -> OpenTable:
        """The open table, or a new one where there is none or its time is over."""
        table = self._open.value
        if table is not None:
            if table.rows < self._most_rows and tx.at - table.opened_at < LONGEST:
                return table
            self._close(tx, table)
        number = tx.insert(tables.landings, opened_at=tx.at)
        self._dialect.create(tx, number)
        tx.on_rollback(partial(self.kept.forget, number))
        self.kept.begin(number)
        table = OpenTable(number, tx.at, 0)
        self._open.become(tx, table)
        return table

    def _close(self, tx: Transaction, table: OpenTable) -> None:
        _update_landing(tx, table.number, rows=table.rows, closed_at=tx.at)
        self._open.become(tx, None)

    def _compare(
        self,
        tx: Transaction,
        rows: Readings,
        doubtful: Int64s,
        repeated: Bools | None,
        *,
        batch: int,
    ) -> tuple[UInt8s, Stored, Stored | None]:
        """Compare rows with what is there, and write what revises it.

        Returns:
            The rows' statuses, the new rows, and the revised rows as they are now.
        """
        arriving = Stored.of(rows, batch, doubtful)
        existing = find_existing(tx, self._dialect, arriving.datastream, arriving.time)
        there = existing.place != NOWHERE
        same = (
            there
            & (arriving.value == existing.rows.value)
            & (arriving.flag == existing.rows.flag)
            & (arriving.result_time <= existing.rows.result_time)
        )
        hard = there & ~same
        if repeated is not None:
            hard |= repeated[doubtful]
        status = np.where(same, np.uint8(DUPLICATE), np.uint8(0))
        fresh = arriving.take(~there & ~hard)
        if not hard.any():
            return status, fresh, None
        index = np.flatnonzero(hard)
        revising = self._revising(tx, arriving, existing, index, rows.received_at, batch=batch)
        columns = (arriving.datastream, arriving.time, arriving.value, arriving.flag)
        for at, datastream, time, value, flag, result_time in zip(
            index.tolist(),
            *(column[index].tolist() for column in (*columns, arriving.result_time)),
            strict=True,
        ):
            status[at] = revising.arrive((datastream, time), value, flag, result_time)
        _keep_losers(tx, self._dialect, revising.losers)
        changed = [item for item in revising.current.items() if item[1].changed]
        self._rewrite(tx, [one for one in changed if one[1].place != NOWHERE], existing)
        new = _stored(one for one in changed if one[1].place == NOWHERE)
        visible = _stored(one for one in changed if one[1].visible and one[1].place != NOWHERE)
        return status, Stored.join([fresh, new]), visible

    def _revising(
        self,
        tx: Transaction,
        arriving: Stored,
        existing: Existing,
        index: Int64s,
        received_at: int,
        *,
        batch: int,
    ) -> Revising:
        found = index[existing.place[index] != NOWHERE]
        there = existing.rows.take(found)
        current = {
            (datastream, time): Current(Value(*value), place)
            for place, datastream, time, *value in zip(
                existing.place[found].tolist(),
                *(column.tolist() for column in there.columns),
                strict=True,
            )
        }
        keys = arriving.take(index)
        known = known_values(self._dialect.known_revisions(tx, keys.datastream, keys.time))
        register = tables.batches
        batches = np.unique(there.batch).tolist()
        received = tx.rows(
            sa.select(register.c.id, register.c.received_at).where(register.c.id.in_(batches))
        )
        times = received_lookup({number: at for number, at in received})  # noqa: C416
        return Revising(batch, received_at, times, known, current)

    def _rewrite(
        self, tx: Transaction, changed: Iterable[tuple[Key, Current]], existing: Existing
    ) -> None:
        """Overwrite revised rows where they live."""
        by_table: dict[int, list[tuple[Key, Current]]] = defaultdict(list)
        for one in changed:
            by_table[one[1].place].append(one)
        _rewrite_blocks(tx, self._dialect, _stored(by_table.pop(BLOCK, [])), existing.blocks)
        for number, rows in by_table.items():
            self._dialect.update(tx, number, _stored(rows))
            _update_landing(tx, number, changes=tables.landings.c.changes + 1)
            self.kept.forget(number)


def _arrange(datastream: Int64s, time: Int64s) -> tuple[Int64s | slice, Bools | None]:
    """How rows are ordered by (time, datastream), and which keys come more than once.

    Returns:
        An index, and a mask in the order of arrival or None where all keys differ.
    """
    later = time[1:] > time[:-1]
    if (later | ((time[1:] == time[:-1]) & (datastream[1:] > datastream[:-1]))).all():
        return slice(None), None
    order = np.lexsort((datastream, time))
    times, datastreams = time[order], datastream[order]
    equal = (times[1:] == times[:-1]) & (datastreams[1:] == datastreams[:-1])
    if not equal.any():
        return order, None
    repeated = np.zeros(len(time), bool)
    repeated[order[1:][equal]] = True
    repeated[order[:-1][equal]] = True
    return order, repeated


def _journal(
    tx: Transaction, new: Stored, revised: Stored | None, received_at: int, *, batch: int
) -> JournalEntry | None:
    parts = [part for part in (new, revised) if part]
    if not parts:
        return None
    rows = Stored.join(parts)
    marks = np.zeros(len(rows), bool)
    marks[len(new) :] = True
    changes = Changes(rows.datastream, rows.time, rows.value, rows.flag, marks, received_at)
    return tx.journal("observations", str(batch), encode_changes(changes))


def _stored(changed: Iterable[tuple[Key, Current]]) -> Stored:
    table = [(*key, *current.value) for key, current in changed]
    if not table:
        return Stored.empty()
    datastream, time, value, flag, result_time, batch = np.array(table, np.int64).T.copy()
    return Stored(datastream, time, value, flag.astype(np.uint8), result_time, batch)


def _stored_rows(rows: Iterable[tuple[int, int, int, int, int, int]]) -> Stored:
    """Rows of time, datastream, value, flag, result time and batch, ordered by key."""
    table = np.array(sorted(rows), np.int64).T.copy()
    time, datastream, value, flag, result_time, batch = table
    return Stored(datastream, time, value, flag.astype(np.uint8), result_time, batch)


def _rewrite_blocks(
    tx: Transaction,
    dialect: LandingDialect,
    revised: Stored,
    blocks: dict[BlockKey, tuple[bytes, Stored]],
) -> None:
    """Rewrite each block that holds revised rows, once."""
    by_block: dict[BlockKey, list[int]] = defaultdict(list)
    keys = zip(revised.datastream.tolist(), (revised.time // DAY).tolist(), strict=True)
    for index, key in enumerate(keys):
        by_block[key].append(index)
    rewritten, bodies = [], []
    for key, places in sorted(by_block.items()):
        body, block = blocks[key]
        rows = revised.take(np.array(places, np.int64))
        block = block.take(np.arange(len(block)))
        block.overwrite(np.searchsorted(block.time, rows.time), rows)
        rewritten.append(block)
        bodies.append(body)
    encoded = encode_blocks(Stored.join(rewritten))
    changed = [(*block, body) for block, body in zip(encoded, bodies, strict=True)]
    if changed and not dialect.put_blocks(tx, [], changed):
        msg = f"{len(changed)} blocks changed while batch {revised.batch[0]} revised them"
        raise StoreError(msg)


def _keep_losers(tx: Transaction, dialect: LandingDialect, losers: list[Loser]) -> None:
    dialect.insert_revisions(
        tx,
        [
            (
                *loser.key,
                loser.value.value,
                loser.value.flag,
                _or_none(loser.value.result_time),
                loser.value.batch,
                loser.replaced_by,
                tx.at,
            )
            for loser in losers
        ],
    )


def _or_none(result_time: int) -> int | None:
    return None if result_time == NO_TIME else result_time


def _update_landing(tx: Transaction, number: int, **values: object) -> None:
    register = tables.landings
    tx.execute(sa.update(register).where(register.c.number == number).values(**values))
