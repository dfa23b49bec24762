"""What the county's followers do with readings: newest values, and judging."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.store.observations import decode_changes

if TYPE_CHECKING:
    from county_gov.rules.judging import Judging
    from county_gov.store import Store, Transaction
    from county_gov.store.followers import JournalRow
    from county_gov.store.observations import Observations
    from county_gov.store.observations.latest import Newest


@frozen(eq=False)
class LatestStep:
    """Keeps the newest value of each datastream."""

    observations: Observations

    async def __call__(self, rows: Sequence[JournalRow]) -> Callable[[Transaction], None]:
        """Gather what changed; many batches make one write."""
        newest = await asyncio.to_thread(self._newest, rows)
        return lambda tx: self.observations.update_latest(tx, newest)

    def _newest(self, rows: Sequence[JournalRow]) -> list[Newest]:
        changes = [decode_changes(row.payload) for row in rows if row.payload is not None]
        return self.observations.newest(changes)


@frozen(eq=False)
class JudgingStep:
    """Judges what came in; episodes and the new position are written together."""

    store: Store
    judging: Judging

    async def __call__(self, rows: Sequence[JournalRow]) -> Callable[[Transaction], None]:
        """Judge off the writer."""
        plan = await self.store.read(lambda snapshot: self.judging.plan(snapshot, rows))

        def apply(tx: Transaction) -> None:
            self.judging.apply(tx, plan)

        return apply
