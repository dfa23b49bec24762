"""Live events: what the pages of this process hear of changes, as they happen.

Every process reads the journal's tail for itself, without a durable position: a page that has lost
the connection says which position it saw last and is told what it missed, or to draw itself anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

import structlog
from attrs import define, field, frozen

from county_gov.deployment.following import POLL_SECONDS, Signal
from county_gov.store import Snapshot, Store, followers
from county_gov.store.followers import JournalRow

log = structlog.get_logger(__name__)

KEPT = 1024
"""Events that are kept for pages that come back."""
WAITING = 256
"""Events that may wait for one slow page before it is told to draw itself anew."""
BATCH = 256
GATHERING = 0.1
"""Seconds during which changes gather before the pages hear of them."""


@frozen(eq=False)
class LiveEvent:
    """Something changed.

    Args:
        position: Of the journal.
        kind: That of the journal's entry; "reset" tells a page to draw itself anew.
        ref: What changed; for this process alone, never sent to a page.

    """

    position: int
    kind: str
    ref: str


@define(eq=False)
class LiveEvents:
    """Hands the journal's tail to the pages of this process."""

    store: Store
    signal: Signal
    _kept: deque[LiveEvent] = field(factory=lambda: deque(maxlen=KEPT), init=False)
    _pages: set[asyncio.Queue[LiveEvent]] = field(factory=set, init=False)
    _position: int | None = field(default=None, init=False)
    """Last position that was read; None while no page listens."""

    async def run(self) -> None:
        """Read the tail until cancelled; while no page listens it is left alone."""
        event = self.signal.subscribe()
        try:
            while True:
                event.clear()
                if not self._pages:
                    self._position = None
                    self._kept.clear()
                rows = await self.store.read(self._rows) if self._pages else []
                for row in rows:
                    self._publish(row)
                if rows:
                    await asyncio.sleep(GATHERING)
                    continue
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await event.wait()
                except TimeoutError:
                    continue
        finally:
            self.signal.unsubscribe(event)

    def _rows(self, snapshot: Snapshot) -> list[JournalRow]:
        if self._position is None:
            return []
        return followers.read_journal(snapshot, self._position, limit=BATCH, payloads=False)

    def _publish(self, row: JournalRow) -> None:
        self._position = row.position
        event = LiveEvent(row.position, row.kind, row.ref)
        self._kept.append(event)
        for page in self._pages:
            if page.qsize() >= WAITING:
                while not page.empty():
                    page.get_nowait()
                page.put_nowait(LiveEvent(row.position, "reset", ""))
            else:
                page.put_nowait(event)

    @property
    def pages(self) -> int:
        """How many pages listen."""
        return len(self._pages)

    async def listen(self, after: int | None) -> AsyncGenerator[LiveEvent, None]:
        """Events after a position (None: from now on), until the page goes away."""
        queue: asyncio.Queue[LiveEvent] = asyncio.Queue()
        self._pages.add(queue)
        try:
            if self._position is None:
                self._position = await self.store.read(followers.head)
            if after is not None:
                self._catch_up(queue, after, self._position)
            while True:
                yield await queue.get()
        finally:
            self._pages.discard(queue)

    def _catch_up(self, queue: asyncio.Queue[LiveEvent], after: int, position: int) -> None:
        """Tell a page that comes back what it missed, or to draw itself anew."""
        oldest = self._kept[0].position if self._kept else position + 1
        if after + 1 < oldest:
            queue.put_nowait(LiveEvent(position, "reset", ""))
            return
        for event in self._kept:
            if event.position > after:
                queue.put_nowait(event)
