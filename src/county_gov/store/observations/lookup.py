"""Finding the current values under given keys, wherever they live; on the writer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.batch import Bools, Int64s
from county_gov.contract.clock import DAY
from county_gov.store import tables
from county_gov.store.observations.blocks import decode_block
from county_gov.store.observations.dialect import LandingDialect
from county_gov.store.observations.revising import BLOCK, NOWHERE
from county_gov.store.observations.rows import Stored, without_result_time
from county_gov.store.transaction import Snapshot, Transaction

BlockKey = tuple[int, int]
"""Datastream and day."""


class Unsettled(NamedTuple):
    """A landing table and how far it has settled."""

    number: int
    day: int | None
    datastream: int | None

    def holds(self, datastream: Int64s, day: Int64s) -> Bools:
        """Whether rows of a datastream and day would still be found in this table."""
        if self.day is None or self.datastream is None:
            return np.ones(len(day), bool)
        held: Bools = (day > self.day) | ((day == self.day) & (datastream > self.datastream))
        return held


def unsettled(snapshot: Snapshot) -> list[Unsettled]:
    """All landing tables that hold rows which are not in blocks yet, oldest first."""
    register = tables.landings
    rows = snapshot.rows(
        sa.select(register.c.number, register.c.settled_day, register.c.settled_datastream)
        .where(register.c.settled_at.is_(None))
        .order_by(register.c.number)
    )
    return [Unsettled(*row) for row in rows]


@frozen(eq=False)
class Existing:
    """What is there under each key that was looked for.

    Args:
        place: int64, shape (n,): `NOWHERE`, `BLOCK`, or the number of a landing table.
        rows: The rows found, shape (n,); meaningless where the place is `NOWHERE`.
        blocks: Body and rows of the blocks looked into.
    """

    place: Int64s
    rows: Stored
    blocks: dict[BlockKey, tuple[bytes, Stored]]


def find_existing(
    tx: Transaction, dialect: LandingDialect, datastream: Int64s, time: Int64s
) -> Existing:
    """Look keys, both of shape (n,), up in all landing tables and in the blocks of their days."""
    place = np.full(len(time), NOWHERE, np.int64)
    rows = Stored(
        datastream,
        time,
        np.zeros(len(time), np.int64),
        np.zeros(len(time), np.uint8),
        without_result_time(len(time)),
        np.zeros(len(time), np.int64),
    )
    day = time // DAY
    for table in unsettled(tx):
        sought = np.flatnonzero((place == NOWHERE) & table.holds(datastream, day))
        if len(sought):
            found = dialect.find(tx, table.number, datastream[sought], time[sought])
            _put(place, rows, sought[found.index], found.rows, table.number)
    return Existing(place, rows, _find_in_blocks(tx, dialect, place, rows))


def _find_in_blocks(
    tx: Transaction, dialect: LandingDialect, place: Int64s, rows: Stored
) -> dict[BlockKey, tuple[bytes, Stored]]:
    blocks: dict[BlockKey, tuple[bytes, Stored]] = {}
    sought = np.flatnonzero(place == NOWHERE)
    if not len(sought):
        return blocks
    day = rows.day
    order = sought[np.lexsort((rows.time[sought], day[sought], rows.datastream[sought]))]
    keys = np.column_stack((rows.datastream[order], day[order]))
    starts = np.flatnonzero(np.concatenate(([True], (keys[1:] != keys[:-1]).any(axis=1))))
    spans = {
        (datastream, number): wanted
        for (datastream, number), wanted in zip(
            keys[starts].tolist(), np.split(order, starts[1:]), strict=True
        )
    }
    first = rows.time[order[starts]]
    for datastream, number, body in dialect.find_blocks(
        tx, keys[starts, 0], keys[starts, 1], first
    ):
        block = decode_block(body, datastream, number)
        blocks[datastream, number] = (body, block)
        wanted = spans[datastream, number]
        at = np.searchsorted(block.time, rows.time[wanted])
        at[at == len(block)] = 0
        there = block.time[at] == rows.time[wanted]
        _put(place, rows, wanted[there], block.take(at[there]), BLOCK)
    return blocks


def _put(place: Int64s, rows: Stored, index: Int64s, found: Stored, number: int) -> None:
    place[index] = number
    rows.overwrite(index, found)
