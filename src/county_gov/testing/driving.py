"""Driving a county without its loops: what is due is done now, in a fixed order, and then it rests.

A county that runs by itself does its work in loops beside each other, woken by the machine's clock.
In a story the same work is done by the same parts, one after another, whenever the story goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from county_gov.store import followers, outbox

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
        failures: Whether contributions of plugins may fail.
    """

    county: County
    clock: SetClock
    failures: bool = False
    _head: int = field(default=-1, init=False)
    _failed: dict[tuple[str, str], int] = field(factory=dict, init=False)

    async def settle(self) -> None:
        """Judge, open cases, tell plugins, run what is due and send notices, until all is quiet.

        Raises:
            AssertionError: if it never becomes quiet, or a plugin's contribution has failed.
        """
        for _round in range(ROUNDS):
            busy = await self._follow()
            await self._run_due()
            busy |= bool(await self.county.outbox.deliver_due())
            if not busy and await self.county.store.read(followers.head) == self._head:
                break
        else:
            raise AssertionError(
                f"still not quiet after {ROUNDS} rounds: a listener, job or task answers itself"
            )
        self._require_no_failure()

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
            self.clock.at = due
            await self.settle()
        self.clock.at = until
        await self.settle()
        await self.county.observations.settle(budget_seconds=1.0)

    async def _follow(self) -> bool:
        """Let every follower do all that there is; whether there was anything."""
        head = await self.county.store.read(followers.head)
        if head == self._head and not any(one.unfinished() for one in self.county.followers):
            return False
        for follower in self.county.followers:
            await follower.catch_up()
        self._head = head
        return True

    async def _next_due(self) -> int | None:
        """The next instant after now at which a job, task, notice or judgement is due, or None."""
        sent_at = await self.county.store.read(outbox.next_due)
        found = [*await self._run_due(), sent_at, self.county.judging.next_close]
        return min((one for one in found if one is not None and one > self.clock.at), default=None)

    async def _run_due(self) -> tuple[int | None, int | None]:
        """Run jobs and open tasks that are due; the next instant at which each is, or None."""
        coming = await self.county.jobs.run_due()
        return coming, await self.county.cases.recurring.open_due()

    def _require_no_failure(self) -> None:
        """Tell of contributions that have failed since this was asked last.

        Raises:
            AssertionError: naming each with its last error.
        """
        found = []
        for one in self.county.gateway.all_circuits():
            key = (one.plugin, one.what)
            if one.failures > self._failed.get(key, 0):
                found.append(f"{one.plugin}: {one.what} failed: {one.last_error}")
            self._failed[key] = one.failures
        if found and not self.failures:
            raise AssertionError("; ".join(found))
