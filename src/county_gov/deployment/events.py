"""Telling plugins of cases and alerts: at least once each, and never dropped silently.

A plugin that fails on an event holds up its own events, and nobody else's: the event is tried again
with growing pauses. When the plugin has failed for a day on everything it was told, the event goes
to the missed events, which an administrator can have delivered again, and the next one comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import structlog
from attrs import define, evolve, field, frozen

from county_gov.contract.access import SYSTEM
from county_gov.contract.clock import DAY, MICROSECONDS
from county_gov.contract.plugin import AlertChanged, CaseMoved
from county_gov.deployment.following import Partly
from county_gov.errors import NotFound
from county_gov.registry.gateway import Failed, words
from county_gov.rules.judging import decode_change
from county_gov.store import Priority
from county_gov.store import missed_events as missed
from county_gov.store.missed_events import Delay, Missed, Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from county_gov.cases import Cases
    from county_gov.contract.access import Actor
    from county_gov.contract.context import Context
    from county_gov.registry.gateway import Gateway
    from county_gov.store import Snapshot, Store, Transaction
    from county_gov.store.followers import JournalRow

log = structlog.get_logger(__name__)

LISTENER_SECONDS = 30.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 600.0
PATIENCE = DAY
"""After so long without a success the event that was tried last is missed, microseconds. One that
was not tried, since the plugin is cut off, is missed when it is twice as old."""
LEAST_FAILURES = 3
"""So often a plugin has failed since the start before one of its events is missed: that the county
itself was not running says nothing about the plugin."""
GATHERING_SECONDS = 2.0
"""After so long the position is kept, so that a crash does not tell much twice."""
LEASE = round((LISTENER_SECONDS * 2 + 10) * MICROSECONDS)
ASKED_AGAIN = 60 * MICROSECONDS
"""After so long a missed event is looked at again whose plugin is cut off."""


@frozen(eq=False)
class Listener:
    """Calls what a plugin listens with.

    Args:
        plugin: Its name.
        hooks: Its functions, by hook.
        gateway: Calls them.
        cases: Says what an entry about a case tells.
        context: What they are called with.
    """

    plugin: str
    hooks: Mapping[str, Callable[..., Awaitable[None]]]
    gateway: Gateway
    cases: Cases
    context: Context

    async def tell(self, row: JournalRow) -> Failed | None:
        """Tell the plugin of an entry of the journal; None where it knows or does not listen.

        An entry that cannot be read (another release wrote it) counts as a call that failed.
        """
        if row.payload is None:
            return None
        hook = "case_moved" if row.kind == "case" else "alert_changed"
        listener = self.hooks.get(hook)
        if listener is None:
            return None
        try:
            event = await self._event(row, row.payload)
        except (LookupError, TypeError, ValueError) as error:
            return Failed(self.plugin, hook, f"the event cannot be read: {words(error)}")
        if isinstance(event, CaseMoved) and self.cases.hides(event.case.workflow, self.plugin):
            return None
        answer = await self.gateway.call_async(
            self.plugin,
            hook,
            lambda: listener(event=event, ctx=self.context),
            seconds=LISTENER_SECONDS,
        )
        return answer if isinstance(answer, Failed) else None

    async def _event(self, row: JournalRow, payload: bytes) -> CaseMoved | AlertChanged:
        if row.kind == "case":
            return await self.cases.moved(row.position, payload)
        change, episode, _details = decode_change(payload)
        if episode.case and not await self.cases.seen(SYSTEM, [episode.case], plugin=self.plugin):
            episode = evolve(episode, case="")
        return AlertChanged(episode=episode, change=change, position=row.position)


@define(eq=False)
class EventStep:
    """Tells one plugin of what has happened, in order.

    Args:
        store: Where delays and missed events are kept.
        listener: The plugin.
    """

    store: Store
    listener: Listener
    _failures: int = field(default=0, init=False)
    """Calls that failed since the last success or the start."""

    async def __call__(self, rows: Sequence[JournalRow]) -> Partly:
        """Tell of as many as can be told now."""
        plugin = self.listener.plugin
        delay = await self.store.read(lambda snapshot: missed.read_delay(snapshot, plugin))
        loop = asyncio.get_running_loop()
        begun, told = loop.time(), None
        for row in rows:
            failed = await self.listener.tell(row)
            if failed is not None:
                return self._held_up(row, told, failed, delay)
            told, self._failures = row, 0
            if delay is not None or loop.time() - begun > GATHERING_SECONDS:
                break
        ended = delay is not None and told is not None

        def apply(tx: Transaction) -> None:
            if ended:
                missed.end_delay(tx, plugin)

        return Partly(apply, told.position if told else None)

    def _held_up(
        self, row: JournalRow, told: JournalRow | None, failed: Failed, delay: Delay | None
    ) -> Partly:
        """Keep that an event waits, or that it was missed."""
        now = self.store.clock.now()
        self._failures += failed.called
        since = delay.since if delay is not None and told is None else now
        before = delay.attempts if delay is not None and delay.position == row.position else 0
        attempts = before + failed.called
        next_at = self._next_at(failed, attempts, now)
        fair = attempts > 0 or now - row.at >= 2 * PATIENCE
        over = fair and now - since >= PATIENCE and self._failures >= LEAST_FAILURES
        kept = Delay(
            plugin=self.listener.plugin,
            position=row.position,
            since=since,
            attempts=attempts,
            tried_at=now,
            next_at=now if over else next_at,
            reason=failed.reason,
        )

        def apply(tx: Transaction) -> None:
            missed.keep_delay(tx, kept)
            if over:
                missed.add(tx, kept.plugin, row, attempts=attempts, reason=kept.reason)

        if over:
            log.error(
                "plugin missed an event", plugin=kept.plugin, at=row.position, reason=kept.reason
            )
            return Partly(apply, row.position)
        position = told.position if told else None
        pause = min(max((next_at - now) / MICROSECONDS, FIRST_PAUSE), LONGEST_PAUSE)
        known = delay is not None and (delay.position, delay.next_at) == (row.position, next_at)
        return Partly(None if known else apply, position, pause)

    def _next_at(self, failed: Failed, attempts: int, now: int) -> int:
        """When to try again: after a growing pause, or once the plugin may be called again."""
        if failed.called:
            return now + round(pause_after(attempts) * MICROSECONDS)
        breaker = self.listener.gateway.circuit(failed.plugin, failed.what).breaker
        return max(breaker.until, now + round(FIRST_PAUSE * MICROSECONDS))


@define(eq=False)
class MissedEvents:
    """What plugins have missed: the list, and delivering again what is asked for.

    Args:
        store: Where it is kept.
        listeners: The plugins that listen, by name.
    """

    store: Store
    listeners: Mapping[str, Listener]
    on_change: Callable[[str], object] = field(default=lambda _plugin: None, init=False)
    """Called on the loop with the plugin of which a delivery was asked for, so that `deliver` comes
    soon."""
    _delivering: Mapping[str, asyncio.Lock] = field(init=False)

    @_delivering.default
    def _one_lock_each(self) -> Mapping[str, asyncio.Lock]:
        return {name: asyncio.Lock() for name in self.listeners}

    async def list_open(self, *, limit: int = 50, offset: int = 0) -> tuple[list[Missed], int]:
        """A page of what was not delivered yet, oldest first, and how much there is in all."""
        return await self.store.read(
            lambda snapshot: missed.list_missed(snapshot, limit=limit, offset=offset)
        )

    async def ask(self, number: int, *, actor: Actor, key: str, request: str = "") -> Missed:
        """Have a missed event delivered again; the same key asks once.

        What was asked for already, or was delivered, stays as it is.

        Args:
            number: Of the missed event.
            actor: Who asks; goes into the audit trail.
            key: Idempotency key.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such event, or its plugin does not listen any more.
        """

        def write(tx: Transaction) -> Missed:
            asked = _scoped(actor, key)
            found, new = missed.ask(tx, number, request=asked, asked_by=actor.name)
            if found is None:
                raise NotFound(f"there is no missed event {number}")
            self._require(found.plugin)
            if new:
                tx.append_audit(
                    actor, "event.deliver", f"event:{found.plugin}:{number}", request=request
                )
            return found

        found = await self.store.write(write)
        self.on_change(found.plugin)
        return found

    async def ask_all(self, plugin: str, *, actor: Actor, key: str, request: str = "") -> int:
        """Have all that a plugin has missed delivered again, as `ask` does for one event.

        Returns:
            For how many events the key has asked.

        Raises:
            NotFound: if no plugin of that name listens.
        """
        self._require(plugin)

        def write(tx: Transaction) -> int:
            asked = _scoped(actor, key)
            count, new = missed.ask_all(tx, plugin, request=asked, asked_by=actor.name)
            if new:
                details = msgspec.json.encode({"events": count}).decode()
                tx.append_audit(
                    actor, "event.deliver", f"events:{plugin}", request=request, details=details
                )
            return count

        count = await self.store.write(write)
        self.on_change(plugin)
        return count

    def _require(self, plugin: str) -> None:
        if plugin not in self.listeners:
            known = ", ".join(self.listeners) or "none"
            raise NotFound(f"no plugin {plugin[:80]!r} listens to events; known: {known}")

    async def deliver(self, plugin: str) -> int | None:
        """Deliver what was asked for a plugin that listens; other plugins' does not wait for it.

        Returns:
            The instant at which something is due next, None where nothing is.

        Raises:
            StoreError: if the store takes no changes; what was not claimed stays due.
        """
        async with self._delivering[plugin]:
            due_at = await self._next_due(plugin)
            if due_at is None or due_at > self.store.clock.now():
                return due_at
            await self._deliver(self.listeners[plugin])
            return await self._next_due(plugin)

    async def _next_due(self, plugin: str) -> int | None:
        return await self.store.read(lambda snapshot: missed.next_due(snapshot, plugin))

    async def _deliver(self, listener: Listener) -> None:
        while (one := await self._claim(listener.plugin)) is not None:
            number, failed = one.id, await listener.tell(one.event)

            def settle(
                tx: Transaction, number: int = number, failed: Failed | None = failed
            ) -> None:
                if failed is None:
                    missed.settle(tx, number, "delivered")
                elif failed.called:
                    missed.settle(tx, number, "missed", reason=failed.reason)
                else:
                    reason, due_at = failed.reason, tx.at + ASKED_AGAIN
                    missed.settle(tx, number, "asked", reason=reason, due_at=due_at, called=0)

            await self.store.write(settle, Priority.UPKEEP)

    async def _claim(self, plugin: str) -> Missed | None:
        def claim(tx: Transaction) -> Missed | None:
            return missed.claim(tx, plugin, lease_until=tx.at + LEASE)

        return await self.store.write(claim, Priority.UPKEEP)


@frozen(eq=False)
class EventState:
    """How a plugin's events stand.

    Args:
        waiting: How many it was not told of yet, and how old they are.
        delay: What holds them up; None where nothing does.
        missed: How many it has missed and was not told of since.
    """

    waiting: Waiting
    delay: Delay | None
    missed: int

    def oldest_seconds(self, now: int) -> float:
        """Age of the oldest event that waits; 0 where none does."""
        oldest = self.waiting.oldest_at
        return 0.0 if oldest is None else max(0, now - oldest) / MICROSECONDS


def read_states(snapshot: Snapshot, positions: Mapping[str, int]) -> Mapping[str, EventState]:
    """How the events of plugins stand, by name.

    Args:
        snapshot: Where to read.
        positions: Of the plugins that listen: up to where they were told.
    """
    delays, counts = missed.read_delays(snapshot), missed.count_missed(snapshot)
    return {
        name: EventState(missed.waiting(snapshot, position), delays.get(name), counts.get(name, 0))
        for name, position in positions.items()
    }


def _scoped(actor: Actor, key: str) -> str:
    """An idempotency key among those of everybody."""
    scope = actor.kind if actor.account is None else f"account:{actor.account}"
    return f"{scope}:{key}"


def pause_after(attempts: int) -> float:
    """Seconds between a failed attempt and the next: doubled each time, 10 minutes at most."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 60)))
