"""A follower goes on by itself while its step has more to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define

from county_gov.contract.clock import SystemClock
from county_gov.deployment.following import Follower, Signal
from county_gov.store import Store, Transaction
from county_gov.store.followers import JournalRow
from county_gov.store.sqlite import SqliteDatabase


@define(eq=False)
class Parts:
    """Work that is done a part at a time."""

    left: int

    async def __call__(self, rows: Sequence[JournalRow]) -> Callable[[Transaction], None]:
        """Do one part."""
        assert () == rows
        self.left -= 1
        return lambda _tx: None


async def test_unfinished_work_goes_on_without_rows(tmp_path: Path) -> None:
    """It is called again at once, and who waits for the follower waits for all of it."""
    database = SqliteDatabase(f"sqlite:///{tmp_path / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    try:
        parts, signal = Parts(3), Signal()
        signal.bind()
        follower = Follower(store, "parts", parts, signal, unfinished=lambda: parts.left > 0)
        running = asyncio.create_task(follower.run())
        async with asyncio.timeout(20):
            await follower.reach(0)
        assert 0 == parts.left
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        parts.left = 2
        await follower.catch_up()
        assert 0 == parts.left
    finally:
        store.close()
