"""An alarm: calls work when it is due, and sleeps until then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from attrs import define, field

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import StoreBusy, StoreClosed

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock

log = structlog.get_logger(__name__)

GLANCE_SECONDS = 1.0
"""So often a sleeper looks at the clock, which may have been set; the store is not asked."""
LONGEST_SECONDS = 30.0
"""After so long the work is called in any case: another process may have added to it."""
RETRY_SECONDS = 1.0


@define(eq=False)
class Alarm:
    """Calls work at the instants that it names itself.

    Args:
        name: In the logs.
        clock: Where the time comes from; it may be set forward and back.
        work: Does what is due and gives the instant at which the next thing is, None for nothing.
    """

    name: str
    clock: Clock
    work: Callable[[], Awaitable[int | None]]
    _rung: asyncio.Event = field(factory=asyncio.Event, init=False)

    def ring(self) -> None:
        """Call the work soon; on the loop's own thread."""
        self._rung.set()

    async def run(self) -> None:
        """Go on until cancelled; a failure is logged and tried again."""
        while True:
            self._rung.clear()
            try:
                due_at = await self.work()
            except StoreClosed:
                return
            except StoreBusy:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception:
                log.exception("what was due failed, will try again", alarm=self.name)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._sleep(due_at)

    async def _sleep(self, due_at: int | None) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_SECONDS
        while not self._rung.is_set() and loop.time() < until:
            left = GLANCE_SECONDS
            if due_at is not None:
                left = min(left, (due_at - self.clock.now()) / MICROSECONDS)
                if left <= 0:
                    return
            try:
                async with asyncio.timeout(left):
                    await self._rung.wait()
            except TimeoutError:
                continue
