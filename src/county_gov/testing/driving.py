"""Driving a county without its loops: what is due is done now, in a fixed order, and then it rests.

A county that runs by itself does its work in loops beside each other, woken by the machine's clock.
In a story the same work is done by the same parts, one after another, whenever the story goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from county_gov.store import followers

if TYPE_CHECKING:
    from county_gov.deployment import County
    from county_gov.testing.clock import SetClock

ROUNDS = 1000
"""After so many rounds without rest, something answers itself for ever."""


@define(eq=False)
class Driver:
    """Does what is due in a county that was started without its background loops.

    Args:
        county: The county.
        clock: Its clock.
    """

    county: County
    clock: SetClock
    _head: int = field(default=-1, init=False)

    async def settle(self) -> None:
        """Judge, open cases, tell plugins, run what is due and send notices, until all is quiet.

        Raises:
            AssertionError: if it never becomes quiet.
        """
        for _round in range(ROUNDS):
            busy = await self._follow()
            busy |= await self._run_due()
            busy |= bool(await self.county.outbox.deliver_due())
            if not busy:
                return
        raise AssertionError(
            f"still not quiet after {ROUNDS} rounds: some listener, job or task answers itself"
        )

    async def advance(self, until: int) -> None:
        """Move the clock on, stopping at each instant at which something is due.

        Args:
            until: Where the clock stands in the end.

        Raises:
            ValueError: if that lies in the past.
        """
        if until < self.clock.at:
            raise ValueError(f"time goes on: {until} lies before {self.clock.at}")
        while True:
            due = await self._next_due()
            if due is None or due > until:
                break
            self.clock.at = max(self.clock.at, due)
            await self.settle()
        self.clock.at = until
        await self.settle()
        await self.county.observations.settle(budget_seconds=1.0)

    async def _follow(self) -> bool:
        """Let every follower do all that there is; whether there was anything."""
        head = await self.county.store.read(followers.head)
        if head == self._head:
            return False
        for follower in self.county.followers:
            await follower.catch_up()
        self._head = head
        return True

    async def _run_due(self) -> bool:
        """Run jobs and timers that are due; whether there were any."""
        return False

    async def _next_due(self) -> int | None:
        """The next instant after now at which something is due, or None."""
        return None
