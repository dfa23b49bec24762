"""Calling plugins safely."""

from __future__ import annotations

import asyncio

from attrs import define

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import ContractError
from county_gov.registry.gateway import Answer, Failed, Gateway


@define
class SetClock:
    at: int = 0

    def now(self) -> int:
        """The instant that was set."""
        return self.at


def fail() -> int:
    """Raise as a plugin might."""
    msg = "broken"
    raise ValueError(msg)


def test_an_answer_is_handed_on() -> None:
    """A result comes back as an answer."""
    result = Gateway(SetClock()).call("one", "rule", lambda: 3)

    assert isinstance(result, Answer)
    assert 3 == result.value


def test_repeated_failures_cut_off_and_time_reconnects() -> None:
    """After the limit nothing is called until the pause is over, then a success closes again."""
    clock = SetClock()
    gateway = Gateway(clock, limit=2, pause=10 * MICROSECONDS)
    calls: list[int] = []

    def counted() -> int:
        calls.append(1)
        return len(calls)

    assert isinstance(gateway.call("one", "rule", fail), Failed)
    assert isinstance(gateway.call("one", "rule", fail), Failed)
    cut = gateway.call("one", "rule", counted)
    other = gateway.call("two", "rule", counted)
    clock.at = 11 * MICROSECONDS
    again = gateway.call("one", "rule", counted)

    assert isinstance(cut, Failed)
    assert "cut off after repeated failures: ValueError: broken" == cut.reason
    assert isinstance(other, Answer)
    assert isinstance(again, Answer)
    assert 2 == len(calls)


async def test_a_call_that_hangs_is_ended() -> None:
    """An async call is cancelled after its time and counts as a failure."""
    gateway = Gateway(SetClock())

    async def hang() -> int:
        await asyncio.Event().wait()
        return 1

    result = await gateway.call_async("one", "page", hang, seconds=0.01)

    assert isinstance(result, Failed)
    assert "no answer within 0.01 s" == result.reason


async def test_after_the_pause_one_call_is_tried_and_the_others_wait_for_it() -> None:
    """While the trial is under way nobody else calls; cancelled, it leaves its place to another."""
    clock = SetClock()
    gateway = Gateway(clock, limit=1, pause=10 * MICROSECONDS)
    begun: list[int] = []
    release = asyncio.Event()

    async def wait() -> int:
        begun.append(1)
        await release.wait()
        return 1

    gateway.call("one", "page", fail)
    clock.at = 10 * MICROSECONDS
    first = asyncio.create_task(gateway.call_async("one", "page", wait, seconds=60))
    await asyncio.sleep(0)
    others = [await gateway.call_async("one", "page", wait, seconds=60) for _ in range(3)]
    first.cancel()
    await asyncio.wait([first])
    release.set()
    second = await gateway.call_async("one", "page", wait, seconds=60)

    assert [False, False, False] == [one.called for one in others if isinstance(one, Failed)]
    assert isinstance(second, Answer)
    assert 2 == len(begun)
    assert gateway.circuit("one", "page").breaker.closed


async def test_a_forgiving_call_is_counted_and_cuts_nothing_off() -> None:
    """What the function raises stays without consequence; a wrong result opens the circuit."""
    gateway = Gateway(SetClock(), limit=2)

    async def broken() -> int:
        return fail()

    async def wrong() -> int:
        msg = "no answer"
        raise ContractError(msg)

    for _ in range(3):
        failed = await gateway.call_async("one", "hook", broken, seconds=1, forgiving=True)
        assert isinstance(failed, Failed)
    circuit = gateway.circuit("one", "hook")
    assert (True, 3) == (circuit.breaker.closed, circuit.failures)
    for _ in range(2):
        await gateway.call_async("one", "hook", wrong, seconds=1, forgiving=True)
    assert not circuit.breaker.closed
