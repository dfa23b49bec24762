"""Followers: what is derived from the journal, each from a durable position of its own.

A follower's effects and its new position are committed together, so that a crash between a commit
and what follows from it loses nothing and does nothing twice.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from attrs import define, field, frozen

from county_gov.errors import LeaseLost, StoreBusy, StoreClosed
from county_gov.store import Priority, Snapshot, Store, Transaction, followers
from county_gov.store.followers import JournalRow, Lease

log = structlog.get_logger(__name__)

LEASE_SECONDS = 30.0
RETRY_SECONDS = 1.0
SHORTEST_GATHERING = 0.1
LONGEST_GATHERING = 0.15
"""After a step a follower rests as long as the step took, within these bounds in seconds: meanwhile
entries gather, and many judged together cost little more than one."""
WAKING = 0.03
"""Seconds between the journal's growth and the look at it, so that not each commit is looked at."""
PASSED = 256
"""Entries of other kinds after which a follower's position is kept durably."""
POLL_SECONDS = 5.0
"""Without a signal (another process may have written) the journal is looked at this often."""


@frozen(eq=False)
class Partly:
    """What became of rows of which a step could not deal with all.

    Args:
        apply: Written together with the new position; None for nothing.
        position: Of the last row that is dealt with; None where there is none.
        pause: Seconds until the next one is tried; above 0 the follower is held up.
    """

    apply: Callable[[Transaction], None] | None
    position: int | None
    pause: float = 0.0


class Step(Protocol):
    """What a follower does with the rows that it has read."""

    async def __call__(self, rows: Sequence[JournalRow]) -> Callable[[Transaction], None] | Partly:
        """Compute off the writer; return what is written together with the new position."""
        ...


@define(eq=False)
class Signal:
    """Wakes the followers of this process when the journal has grown."""

    _waiters: set[asyncio.Event] = field(factory=set, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)

    def bind(self) -> None:
        """Remember the running loop; called once at start."""
        self._loop = asyncio.get_running_loop()

    def subscribe(self) -> asyncio.Event:
        """An event that is set with every growth of the journal."""
        event = asyncio.Event()
        self._waiters.add(event)
        return event

    def unsubscribe(self, event: asyncio.Event) -> None:
        """Forget the event."""
        self._waiters.discard(event)

    def ring(self, _position: int) -> None:
        """Called on the writer's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        for event in self._waiters:
            event.set()


@define(eq=False)
class Follower:
    """One follower's loop.

    Args:
        store: Where the journal is.
        name: Under which its position is kept.
        step: What it does with rows.
        signal: Wakes it.
        kinds: Kinds of journal rows that it reads; empty means all.
        limit: Rows per step.
        priority: Of its writes.
        vital: Whether the county is not ready while it is stuck.
        idle_seconds: Without rows the step is called with none this often; 0 for never.
        unfinished: Whether the step has more to do, for which it is called without rows at once.
    """

    store: Store
    name: str
    step: Step
    signal: Signal
    kinds: tuple[str, ...] = ()
    limit: int = 64
    priority: Priority = Priority.INTAKE
    idle_seconds: float = 0.0
    vital: bool = True
    unfinished: Callable[[], bool] = lambda: False
    position: int = field(default=0, init=False)
    _kept: int = field(default=0, init=False)
    _moved: asyncio.Event = field(factory=asyncio.Event, init=False)
    behind_since: float | None = field(default=None, init=False)
    """Since when a step has been under way or failing, by the loop's clock."""
    held_until: float | None = field(default=None, init=False)
    """By the loop's clock: when what holds it up is tried again; None where nothing does."""
    owner: str = field(factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}", init=False)

    async def run(self) -> None:
        """Follow until cancelled; a failing step is tried again, never skipped."""
        event = self.signal.subscribe()
        try:
            while True:
                try:
                    await self._follow(event)
                except LeaseLost:
                    self.behind_since = None
                    log.info("another worker follows", follower=self.name)
                    await asyncio.sleep(LEASE_SECONDS / 3)
                except StoreClosed:
                    return
                except StoreBusy:
                    await asyncio.sleep(RETRY_SECONDS)
                except Exception:
                    log.exception("follower failed, will try again", follower=self.name)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self.signal.unsubscribe(event)

    async def catch_up(self) -> None:
        """Do now what there is to do, without a loop: for tests, and for what ends soon.

        What holds it up is tried once.

        Raises:
            LeaseLost: if another worker follows.
        """
        lease = await self._acquire()
        while True:
            rows, head = await self.store.read(self._rows)
            if not rows:
                break
            await self._take(lease, rows)
            if self.held_until is not None:
                return
        if self.idle_seconds:
            await self._take(lease, ())
        while self.unfinished():
            await self._take(lease, ())
        self._move(max(head, self.position))

    def stuck(self, seconds: float) -> bool:
        """Whether one step has been under way or failing for so long."""
        since = self.behind_since
        return since is not None and asyncio.get_running_loop().time() - since > seconds

    async def _follow(self, event: asyncio.Event) -> None:
        lease = await self._acquire()
        renewed = called = asyncio.get_running_loop().time()
        while True:
            if asyncio.get_running_loop().time() - renewed > LEASE_SECONDS / 3:
                lease = await self._acquire()
                renewed = asyncio.get_running_loop().time()
            if self.held_until is not None and await self._rest(self.held_until):
                continue
            event.clear()
            rows, head = await self.store.read(self._rows)
            if rows:
                begun = asyncio.get_running_loop().time()
                self.behind_since = self.behind_since or begun
                await self._take(lease, rows)
                self.behind_since = None
                called = asyncio.get_running_loop().time()
                if len(rows) < self.limit:
                    rest = min(max(called - begun, SHORTEST_GATHERING), LONGEST_GATHERING)
                    await asyncio.sleep(rest)
                continue
            if self.unfinished():
                await self._take(lease, ())
                called = asyncio.get_running_loop().time()
                await asyncio.sleep(SHORTEST_GATHERING)
                continue
            if self.idle_seconds and asyncio.get_running_loop().time() - called > self.idle_seconds:
                await self._take(lease, ())
                called = asyncio.get_running_loop().time()
            if head > self.position:
                await self._pass(lease, head)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await event.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(WAKING)

    async def _acquire(self) -> Lease:
        def acquire(tx: Transaction) -> Lease:
            return followers.acquire(tx, self.name, self.owner, seconds=LEASE_SECONDS)

        lease = await self.store.write(acquire, self.priority)
        self._kept = lease.position
        self._move(max(self.position, lease.position))
        return lease

    def _rows(self, snapshot: Snapshot) -> tuple[list[JournalRow], int]:
        rows = followers.read_journal(snapshot, self.position, limit=self.limit, kinds=self.kinds)
        return rows, followers.head(snapshot)

    async def _pass(self, lease: Lease, head: int) -> None:
        """Go past entries of other kinds; kept durably only now and then, for the pruning."""
        if head - self._kept >= PASSED:
            await self.store.write(lambda tx: followers.advance(tx, lease, head), Priority.UPKEEP)
            self._kept = head
        self._move(head)

    def _move(self, position: int) -> None:
        self.position = position
        self._moved.set()

    async def _rest(self, until: float) -> bool:
        """Sleep for a while, but no longer than a lease allows; whether more rest is needed."""
        left = until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(min(left, LEASE_SECONDS / 3))
        return left > LEASE_SECONDS / 3

    async def reach(self, position: int) -> None:
        """Return once everything up to a position of the journal is done, or held up."""
        while self.held_until is None and (self.position < position or self.unfinished()):
            self._moved.clear()
            await self._moved.wait()

    async def _take(self, lease: Lease, rows: Sequence[JournalRow]) -> None:
        done = await self.step(rows)
        if not isinstance(done, Partly):
            done = Partly(done, rows[-1].position if rows else None)
        apply, position = done.apply, self.position if done.position is None else done.position

        def write(tx: Transaction) -> None:
            if apply is not None:
                apply(tx)
            followers.advance(tx, lease, position)

        if apply is not None or done.position is not None:
            await self.store.write(write, self.priority)
            self._kept = position
        now = asyncio.get_running_loop().time()
        self.held_until = now + done.pause if done.pause else None
        self._move(position)
