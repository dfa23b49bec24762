"""What the tests of the observation store say in few words: batches, and what is read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from county_gov.contract.batch import NO_TIME
from county_gov.store import Priority, tables
from county_gov.store.observations import Landed, Observations, Readings

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction

EVER = -(1 << 60), 1 << 60
"""A range of time that holds everything."""

Row = tuple[int, ...]
"""Datastream, time, value, and optionally flag and result time."""


def readings(rows: Sequence[Row], *, received_at: int = 0) -> Readings:
    """Rows as columns."""
    full = [(*row, *(0, NO_TIME)[len(row) - 3 :]) for row in rows]
    datastream, time, value, flag, result_time = np.array(full, np.int64).reshape(-1, 5).T.copy()
    return Readings(datastream, time, value, flag.astype(np.uint8), result_time, received_at)


def begin_batch(tx: Transaction, received_at: int) -> int:
    """Insert the row of a batch."""
    return tx.insert(
        tables.batches,
        key=f"batch-{np.random.default_rng().integers(1 << 60)}",
        source="test",
        wire_format="application/json",
        provenance="test",
        received_at=received_at,
        committed_at=tx.at,
        accepted=0,
        duplicate=0,
        revised=0,
        quarantined=0,
    )


def land(
    store: Store, observations: Observations, rows: Sequence[Row], *, received_at: int = 0
) -> list[int]:
    """Land rows as a batch of their own and return their statuses."""

    def change(tx: Transaction) -> Landed:
        batch = begin_batch(tx, received_at)
        return observations.land(tx, readings(rows, received_at=received_at), batch=batch)

    landed = store.submit(change, Priority.INTAKE).result(timeout=60)
    statuses: list[int] = landed.status.tolist()
    return statuses


def values(store: Store, observations: Observations, datastreams: Sequence[int]) -> list[Row]:
    """All current values: datastream, time, value, flag and result time."""
    rows = store.read_now(lambda snapshot: observations.read_many(snapshot, datastreams, *EVER))
    columns = (rows.datastream, rows.time, rows.value, rows.flag, rows.result_time)
    return list(zip(*(column.tolist() for column in columns), strict=True))
