"""What hangs, what holds the event loop up, what is expected, and what is counted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog.testing

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import ContractError, MalformedDelivery, PluginFailed
from county_gov.registry.gateway import Answer, Failed, Gateway
from county_gov.registry.running import Watch
from county_gov.testing import SetClock


@pytest.fixture
def clock() -> SetClock:
    """A clock that stands until a test moves it."""
    return SetClock(1_000 * MICROSECONDS)


@pytest.fixture
def gateway(clock: SetClock) -> Iterator[Gateway]:
    """A gateway whose threads end with the test."""
    made = Gateway(clock)
    yield made
    made.stop()


def test_a_sync_call_that_hangs_is_given_up_and_cut_off_at_once(gateway: Gateway) -> None:
    """The caller goes on, the next call is not made, and another purpose is not affected."""
    release = threading.Event()

    hung = gateway.call("one", "rule", release.wait, seconds=0.05)
    after = gateway.call("one", "rule", lambda: 1)
    other = gateway.call("one", "guard", lambda: 2)
    release.set()

    assert isinstance(hung, Failed)
    assert "no answer within 0.05 s; its thread cannot be ended" == hung.reason
    assert isinstance(after, Failed)
    assert not after.called
    assert isinstance(other, Answer)
    circuit = gateway.circuit("one", "rule")
    assert (1, 1, 1, 1) == (circuit.calls, circuit.failures, circuit.hung, circuit.cut_off)


def test_what_hangs_on_every_trial_keeps_few_threads(gateway: Gateway, clock: SetClock) -> None:
    """After three threads that do not come back it is not tried any more, until one does."""
    release = threading.Event()
    ended = threading.Semaphore(0)

    def hang() -> None:
        release.wait()
        ended.release()

    called = []
    for _ in range(5):
        clock.at += 301 * MICROSECONDS
        answer = gateway.call("one", "rule", hang, seconds=0.02)
        assert isinstance(answer, Failed)
        called.append(answer.called)
    assert [True, True, True, False, False] == called
    release.set()
    deadline = time.monotonic() + 10
    while gateway.circuit("one", "rule").stuck:
        assert time.monotonic() < deadline
        ended.acquire(timeout=0.01)
    assert isinstance(gateway.call("one", "rule", lambda: 1), Answer)


def test_an_expected_error_is_an_answer(gateway: Gateway) -> None:
    """It is raised as it was, and counts as success."""

    def refuse() -> int:
        raise MalformedDelivery("no")

    with pytest.raises(MalformedDelivery):
        gateway.call("one", "decode", refuse, expected=(MalformedDelivery,))

    assert 0 == gateway.circuit("one", "decode").failures


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (ValueError("bad bytes"), False),
        (PluginFailed("ValueError: bad bytes", raised=True), False),
        (PluginFailed("its process ended"), True),
        (ContractError("expected int64"), True),
    ],
)
def test_what_a_decoder_raises_does_not_cut_it_off(
    error: Exception, opens: bool, gateway: Gateway
) -> None:
    """One sender's bad bytes hold nobody else up; what breaks the contract or a process does."""

    def decode() -> int:
        raise error

    for _ in range(6):
        gateway.call("one", "decode", decode, forgiving=True)

    circuit = gateway.circuit("one", "decode")
    assert opens == (not circuit.breaker.allows)
    assert (5 if opens else 6) == circuit.failures


def test_a_result_that_breaks_the_contract_is_a_failure(gateway: Gateway) -> None:
    """The check's words are the reason."""

    def check(value: int) -> None:
        raise ContractError(f"expected 2, got {value}")

    result = gateway.call("one", "rule", lambda: 3, check=check)

    assert isinstance(result, Failed)
    assert "expected 2, got 3" == result.reason


async def test_an_async_function_that_holds_the_loop_up_is_cut_off(gateway: Gateway) -> None:
    """Its place is told while it still holds everybody up, and it is not called again."""
    told: list[str] = []
    seen = threading.Event()

    def overdue(_visit: object, place: str) -> None:
        told.append(place)
        seen.set()

    watch = Watch(gateway.visits, overdue)

    async def hold() -> int:
        (visit,) = gateway.visits.snapshot().values()
        visit.since -= 60
        looker = threading.Thread(target=watch.look)
        looker.start()
        seen.wait(10)
        looker.join()
        return 1

    result = await gateway.call_async("one", "page", hold, seconds=5)

    assert isinstance(result, Failed)
    assert "kept the event loop from everybody else" == result.reason
    assert "test_gateway_hanging.py" in told[0] or "threading.py" in told[0]


def test_the_watch_opens_the_circuit_and_logs_the_place(gateway: Gateway) -> None:
    """Whoever watches says which plugin hangs and where."""
    release = threading.Event()

    with structlog.testing.capture_logs() as logs, gateway.visits.of("one", "rule", 0.0):
        gateway.start()
        deadline = time.monotonic() + 10
        while gateway.circuit("one", "rule").breaker.allows:
            assert time.monotonic() < deadline
            release.wait(0.01)

    (entry,) = [one for one in logs if one["event"] == "plugin hangs"]
    assert ("one", "rule") == (entry["plugin"], entry["what"])
    assert "wait" in entry["place"]


async def test_steps_hand_on_results_errors_and_cancellation(gateway: Gateway) -> None:
    """An async function behaves behind the gateway as it would without."""
    cancelled = asyncio.Event()

    async def pause() -> int:
        await asyncio.sleep(0)
        return 3

    async def fail() -> int:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def wait() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return 1

    answer = await gateway.call_async("one", "a", pause, seconds=5)
    failed = await gateway.call_async("one", "b", fail, seconds=5)
    late = await gateway.call_async("one", "c", wait, seconds=0.01)

    assert isinstance(answer, Answer)
    assert 3 == answer.value
    assert isinstance(failed, Failed)
    assert "KeyError: 'x'" == failed.reason
    assert isinstance(late, Failed)
    assert cancelled.is_set()
    assert {} == dict(gateway.visits.snapshot())


class Empty:
    """Fails before it yields anything."""

    def __aiter__(self) -> Empty:
        return self

    async def __anext__(self) -> int:
        raise ValueError("never began")


async def test_a_source_that_fails_is_cut_off(gateway: Gateway) -> None:
    """What it yields is handed on; one that fails again and again is not opened."""

    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ValueError("lost")

    source = gateway.iterate("one", "open", broken)
    first = await anext(aiter(source))
    with pytest.raises(PluginFailed, match="ValueError: lost"):
        await anext(aiter(source))
    for _ in range(4):
        with pytest.raises(PluginFailed, match="ValueError: never began"):
            await anext(aiter(gateway.iterate("one", "open", Empty)))

    assert 1 == first
    with pytest.raises(PluginFailed, match="cut off"):
        await anext(aiter(gateway.iterate("one", "open", broken)))


def test_calls_at_once_have_threads_of_their_own(gateway: Gateway) -> None:
    """Two calls that wait for each other both end."""
    meeting = threading.Barrier(2)
    results: list[object] = []

    def meet() -> int:
        return meeting.wait(10)

    threads = [
        threading.Thread(target=lambda: results.append(gateway.call("one", "rule", meet)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [True, True] == [isinstance(one, Answer) for one in results]
