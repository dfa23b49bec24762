"""What the county's followers do: newest values, judging, and telling the plugins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog
from attrs import frozen

from county_gov.contract.plugin import AlertChanged, CaseMoved
from county_gov.registry.gateway import Failed
from county_gov.rules.judging import decode_change
from county_gov.store.observations import decode_changes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from county_gov.cases import Cases
    from county_gov.contract.context import Context
    from county_gov.registry.gateway import Gateway
    from county_gov.rules.judging import Judging
    from county_gov.store import Store, Transaction
    from county_gov.store.followers import JournalRow
    from county_gov.store.observations import Observations
    from county_gov.store.observations.latest import Newest

log = structlog.get_logger(__name__)

LISTENER_SECONDS = 30.0
ATTEMPTS = 3
CUT_OFF_SECONDS = 5.0
"""How often it is looked whether a plugin that is cut off may be called again."""


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


@frozen(eq=False)
class EventStep:
    """Tells one plugin of cases and alerts, at least once each.

    An event that the plugin fails on is tried again; after `ATTEMPTS` it is logged as missed, so
    that one event cannot hold up all that come later. While the plugin is cut off its events wait.
    """

    plugin: str
    listeners: Mapping[str, Callable[..., Awaitable[None]]]
    gateway: Gateway
    cases: Cases
    context: Context

    async def __call__(self, rows: Sequence[JournalRow]) -> Callable[[Transaction], None]:
        """Call the listener of each event."""
        for row in rows:
            event = await self._event(row)
            if event is not None:
                await self._tell(event)
        return lambda _tx: None

    async def _tell(self, event: CaseMoved | AlertChanged) -> None:
        hook = "case_moved" if isinstance(event, CaseMoved) else "alert_changed"
        listener = self.listeners.get(hook)
        if listener is None:
            return
        failures = 0
        while failures < ATTEMPTS:
            answer = await self.gateway.call_async(
                self.plugin,
                hook,
                lambda: listener(event=event, ctx=self.context),
                seconds=LISTENER_SECONDS,
            )
            if not isinstance(answer, Failed):
                return
            if answer.called:
                failures += 1
            await asyncio.sleep(2.0**failures if answer.called else CUT_OFF_SECONDS)
        log.error("plugin missed an event", plugin=self.plugin, hook=hook, at=event.position)

    async def _event(self, row: JournalRow) -> CaseMoved | AlertChanged | None:
        if row.payload is None:
            return None
        if row.kind == "case":
            return await self.cases.moved(row.position, row.payload)
        change, episode, _details = decode_change(row.payload)
        return AlertChanged(episode=episode, change=change, position=row.position)
