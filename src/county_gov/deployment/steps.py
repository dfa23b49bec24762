"""What the county's followers do: newest values, judging, and telling the plugins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog
from attrs import frozen

from county_gov.contract.access import SYSTEM
from county_gov.contract.plugin import AlertChanged, CaseMoved
from county_gov.registry.gateway import Failed
from county_gov.rules.judging import decode_change
from county_gov.store import alerts, case_lists
from county_gov.store.observations import decode_changes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from county_gov.cases import Cases
    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.context import Context, EpisodeView
    from county_gov.registers import Registers
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
class OpeningStep:
    """Opens a case for each new episode, or lets it join the open case of its datastream.

    It follows the judging instead of being part of it: where two thousand stations raise an alert
    at once, their cases are opened a few at a time, and nobody waits for the writer.

    An episode that was over before the newest reading that had been judged is history, told by
    late data: it is recorded, and nobody is sent out.
    """

    cases: Cases
    registers: Registers
    policies: Mapping[str, AlertPolicy]
    drill: bool

    async def __call__(self, rows: Sequence[JournalRow]) -> Callable[[Transaction], None]:
        """Pick the new episodes whose policy opens cases."""
        raised: list[tuple[AlertPolicy, EpisodeView]] = []
        for row in rows:
            if row.payload is None:
                continue
            change, episode, details = decode_change(row.payload)
            policy = self.policies.get(episode.policy)
            if change == "raised" and not details.get("late") and policy and policy.workflow:
                raised.append((policy, episode))

        def apply(tx: Transaction) -> None:
            for policy, episode in raised:
                self._open_case(tx, policy, episode)

        return apply

    def _open_case(self, tx: Transaction, policy: AlertPolicy, episode: EpisodeView) -> None:
        case = case_lists.open_case_of(tx, policy.workflow, episode.datastream)
        if case is None:
            view = self.cases.open_in(
                tx,
                policy.workflow,
                title=self._title(policy, episode),
                area=episode.area,
                subject=episode.datastream,
                data={},
                actor=SYSTEM,
                key=f"episode:{episode.id}",
                drill=self.drill,
            )
            case = int(view.id)
        alerts.link_case(tx, episode.id, case)

    def _title(self, policy: AlertPolicy, episode: EpisodeView) -> str:
        snapshot = self.registers.snapshot
        number = snapshot.number(episode.datastream)
        if number < 0:
            return f"{policy.title.zh}：{episode.datastream}"
        view = snapshot.datastream(number)
        return f"{policy.title.zh}：{view.thing_name or view.name}"


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
