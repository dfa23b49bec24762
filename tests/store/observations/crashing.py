"""A process that lands and settles until it is killed, and says which batches it was promised.

python -m tests.store.observations.crashing county.db FIRST_BATCH
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING

from county_gov.contract.clock import HOUR, SystemClock
from county_gov.store import Priority, Store
from county_gov.store.observations import Observations, settling
from county_gov.store.sqlite import SqliteDatabase
from tests.store.observations.county import Row, begin_batch, readings

if TYPE_CHECKING:
    from county_gov.store import Transaction

ROWS = 50


def batch_rows(batch: int) -> list[Row]:
    """The rows of a batch: some new, some late, some that revise rows of the batch before."""
    new: list[Row] = [
        (row % 5, (batch * ROWS + row) * HOUR, batch, 0, 2 * batch) for row in range(ROWS)
    ]
    revised: list[Row] = [
        (row % 5, ((batch - 1) * ROWS + row) * HOUR, -batch, 0, 2 * batch - 1)
        for row in range(0, ROWS, 10)
    ]
    return new + revised * (batch > 0)


def _change(observations: Observations, batch: int, tx: Transaction) -> None:
    rows = readings(batch_rows(batch), received_at=batch)
    observations.land(tx, rows, batch=begin_batch(tx, batch))


async def _run(store: Store, observations: Observations, batch: int) -> None:
    async def keep_settling() -> None:
        while True:
            await observations.settle(budget_seconds=0.01)

    task = asyncio.create_task(keep_settling())
    while not task.done():
        await store.write(partial(_change, observations, batch), Priority.INTAKE)
        print(batch, flush=True)  # noqa: T201
        batch += 1
    await task


def main() -> None:
    """Run until killed."""
    settling.SLICE_BLOCKS = 3  # type: ignore[misc]
    store = Store(SqliteDatabase(f"sqlite:///{sys.argv[1]}"), SystemClock())
    store.start()
    observations = Observations(store, most_rows=120)
    observations.start()
    asyncio.run(_run(store, observations, int(sys.argv[2])))


if __name__ == "__main__":
    main()
