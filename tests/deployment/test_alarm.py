"""The alarm: work is called when it is due, and when somebody rings, and not in between."""

from __future__ import annotations

import asyncio

import pytest
from attrs import define, field

from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.deployment import alarm as alarms
from county_gov.deployment.alarm import Alarm
from county_gov.errors import StoreBusy, StoreClosed
from tests.store_fixtures import START, StandingClock


@define(eq=False)
class Work:
    """Gives what it is told to, and says that it was called."""

    answers: list[int | Exception | None]
    called: asyncio.Event = field(factory=asyncio.Event)
    calls: int = 0

    async def __call__(self) -> int | None:
        """Count the call and give the next answer."""
        self.calls += 1
        self.called.set()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def next(self) -> None:
        """Return once it is called again."""
        self.called.clear()
        async with asyncio.timeout(10):
            await self.called.wait()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the clock often, so that the tests need not wait."""
    monkeypatch.setattr(alarms, "GLANCE_SECONDS", 0.005)
    monkeypatch.setattr(alarms, "RETRY_SECONDS", 0.0)


async def test_it_waits_until_the_clock_has_come(quick: None, clock: StandingClock) -> None:
    """Also where the clock is set forward while it sleeps."""
    work = Work([START + HOUR, START + 2 * HOUR, None])
    running = asyncio.create_task(Alarm("a", clock, work).run())
    await work.next()
    clock.instant = START + HOUR - 1
    for _ in range(5):
        await asyncio.sleep(0)
    assert 1 == work.calls
    clock.instant = START + HOUR
    await work.next()
    clock.instant = START + 5 * HOUR
    await work.next()
    assert 3 == work.calls
    running.cancel()


async def test_a_ring_wakes_it(clock: StandingClock) -> None:
    """A ring is heard at once, also one that comes while the work goes on."""
    work = Work([START + HOUR])
    alarm = Alarm("a", clock, work)
    running = asyncio.create_task(alarm.run())
    await work.next()
    alarm.ring()
    await work.next()
    assert 2 == work.calls
    running.cancel()


async def test_without_anything_due_it_looks_again_by_itself(
    quick: None, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have added work."""
    monkeypatch.setattr(alarms, "LONGEST_SECONDS", 0.01)
    work = Work([None, None])
    running = asyncio.create_task(Alarm("a", clock, work).run())
    await work.next()
    await work.next()
    running.cancel()


@pytest.mark.parametrize("error", [StoreBusy("full"), ValueError("broken")], ids=["busy", "broken"])
async def test_a_failure_is_tried_again(
    quick: None, clock: StandingClock, error: Exception
) -> None:
    """Whatever the work raises."""
    work = Work([error, START + HOUR])
    running = asyncio.create_task(Alarm("a", clock, work).run())
    await work.next()
    await work.next()
    assert 2 == work.calls
    running.cancel()


async def test_it_ends_with_the_store(clock: StandingClock) -> None:
    """A store that is closed takes no more work."""
    async with asyncio.timeout(10):
        await Alarm("a", clock, Work([StoreClosed("closed")])).run()


async def test_it_does_not_poll_while_it_waits(clock: StandingClock) -> None:
    """Between now and what is due nothing is asked."""
    assert alarms.GLANCE_SECONDS >= 1.0
    work = Work([START + 600 * MICROSECONDS])
    running = asyncio.create_task(Alarm("a", clock, work).run())
    await work.next()
    for _ in range(20):
        await asyncio.sleep(0)
    assert 1 == work.calls
    running.cancel()
