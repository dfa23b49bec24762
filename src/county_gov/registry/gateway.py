"""Calling plugins safely: a failure is recorded, and a plugin that keeps failing is cut off."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog
from attrs import define, field, frozen

from county_gov.contract.clock import Clock
from county_gov.errors import ContractError, PluginFailed
from county_gov.registry.breaker import FAILURES, PAUSE, TRIAL_SECONDS, CircuitBreaker
from county_gov.registry.running import Steps, Visit, Visits, Watch
from county_gov.registry.workers import Hung, Workers

T = TypeVar("T")
log = structlog.get_logger(__name__)

SYNC_SECONDS = 10.0
"""How long a sync function may take, where nothing else is said."""
STUCK_LIMIT = 3
"""Threads that one purpose may keep: then it is not called before one comes back."""
ASIDE_SECONDS = 2.0
"""How long a page waits for what it can do without."""
ASIDE_THREADS = 4
LONGEST_WORDS = 800
"""Characters that are kept of what a failure says."""
KEPT_LOOP = "kept the event loop from everybody else"


@frozen(eq=False)
class Failed:
    """A call that gave no usable result; ``called`` is False where the circuit was open."""

    plugin: str
    what: str
    reason: str
    called: bool = True


@frozen(eq=False)
class Answer(Generic[T]):
    """A call's result."""

    value: T


@define(eq=False)
class Circuit:
    """A plugin's calls for one purpose: whether they are made, and what became of them."""

    plugin: str
    what: str
    breaker: CircuitBreaker
    calls: int = 0
    failures: int = 0
    cut_off: int = 0
    """Calls that were not made because the circuit was open."""
    hung: int = 0
    """Calls that took longer than they may."""
    stuck: int = 0
    """Of these, the ones whose threads are still in the plugin's code."""
    seconds: float = 0.0
    """Spent in calls, those that were given up included."""
    last_error: str = ""
    last_failed_at: int = 0
    """Instant, microseconds UTC; 0 for never."""


@define(eq=False)
class _Stay:
    """A call's time on a thread of its own, which nobody can end."""

    circuit: Circuit
    ended: bool = False
    given_up: bool = False

    def end(self) -> None:
        """The call came back, in time or not."""
        self.ended = True
        self.circuit.stuck -= self.given_up

    def give_up(self) -> None:
        """Nobody waits for the call any more."""
        if not self.ended:
            self.given_up = True
            self.circuit.stuck += 1


@frozen(eq=False)
class _Attempt:
    """A call that is made; its ticket tells the breaker whether its outcome still counts."""

    circuit: Circuit
    ticket: int | None = None
    started: float = field(factory=time.perf_counter)


@define(eq=False)
class Gateway:
    """Calls plugins' functions behind a circuit breaker per plugin and purpose.

    Sync functions run on threads of their own: one that hangs is given up after its time, its
    thread stays behind (nothing can end a thread), and its circuit opens at once. An async function
    that keeps the event loop is noticed by a watching thread, logged with the place where it is,
    and counted as failed.

    Args:
        clock: Gives the instants of the breaker.
        limit: Failures in a row after which the circuit opens.
        pause: Microseconds for which it stays open.
    """

    clock: Clock
    limit: int = FAILURES
    pause: int = PAUSE
    circuits: dict[tuple[str, str], Circuit] = field(factory=dict)
    visits: Visits = field(factory=Visits, init=False)
    _workers: Workers = field(factory=Workers, init=False)
    _watch: Watch | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _aside: ThreadPoolExecutor = field(
        factory=lambda: ThreadPoolExecutor(ASIDE_THREADS, thread_name_prefix="plugin-aside"),
        init=False,
    )

    def start(self) -> None:
        """Begin to watch for calls that hang."""
        if self._watch is None:
            self._watch = Watch(self.visits, self._overdue)
            self._watch.start()

    def stop(self) -> None:
        """End the threads that are not in a plugin's code."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self._workers.close()
        self._aside.shutdown(wait=False, cancel_futures=True)

    def call(
        self,
        plugin: str,
        what: str,
        function: Callable[[], T],
        *,
        check: Callable[[T], object] | None = None,
        expected: tuple[type[Exception], ...] = (),
        seconds: float = SYNC_SECONDS,
        far: bool = False,
        forgiving: bool = False,
    ) -> Answer[T] | Failed:
        """Call a sync function.

        Args:
            plugin: Whose function it is.
            what: For which purpose; each has a circuit of its own.
            function: The function.
            check: Called with the result; raises `ContractError` where it breaks the contract.
            expected: Errors that are answers: they are raised, and count as success.
            seconds: How long it may take.
            far: Whether it lives in another process, which keeps the time itself.
            forgiving: Whether an error that the function raises is counted, but does not open the
                circuit: for functions that one sender's bad input makes fail.
        """
        circuit = self.circuit(plugin, what)
        visit: list[Visit] = []
        stay = _Stay(circuit)

        def work() -> T:
            try:
                with self.visits.of(plugin, what, seconds) as now:
                    visit.append(now)
                    return _checked(function, check)
            finally:
                with self._lock:
                    stay.end()

        with self._attempt(circuit, seconds) as attempt:
            if attempt is None:
                return self._refused(circuit)
            try:
                value = _checked(function, check) if far else self._workers.run(work, seconds)
            except Hung:
                with self._lock:
                    stay.give_up()
                reason = f"no answer within {seconds:g} s; its thread cannot be ended"
                return self._failed(attempt, reason, hung=True)
            except expected:
                self._succeeded(attempt)
                raise
            except Exception as error:  # noqa: BLE001 whatever a plugin raises is recorded
                harmless = forgiving and _raised(error)
                if isinstance(error, PluginFailed) and error.hung:
                    circuit.hung += 1
                return self._failed(attempt, words(error), harmless=harmless)
            if visit and visit[0].overdue:
                return self._failed(attempt, f"took longer than {seconds:g} s")
            self._succeeded(attempt)
            return Answer(value)

    async def call_async(
        self,
        plugin: str,
        what: str,
        function: Callable[[], Awaitable[T]],
        *,
        seconds: float,
        check: Callable[[T], object] | None = None,
        expected: tuple[type[Exception], ...] = (),
        forgiving: bool = False,
    ) -> Answer[T] | Failed:
        """Call an async function and wait at most ``seconds``; arguments as in `call`."""
        circuit = self.circuit(plugin, what)
        late: list[Visit] = []
        with self._attempt(circuit, seconds) as attempt:
            if attempt is None:
                return self._refused(circuit)
            try:
                async with asyncio.timeout(seconds):
                    value = await Steps(self.visits, plugin, what, _called(function), late.append)
                if check is not None:
                    check(value)
            except TimeoutError:
                return self._failed(attempt, f"no answer within {seconds:g} s")
            except expected:
                self._succeeded(attempt)
                raise
            except Exception as error:  # noqa: BLE001 whatever a plugin raises is recorded
                harmless = forgiving and _raised(error) and not late
                return self._failed(attempt, words(error), harmless=harmless)
            if late:
                return self._failed(attempt, KEPT_LOOP)
            self._succeeded(attempt)
            return Answer(value)

    async def aside(self, function: Callable[[], T]) -> T:
        """Ask plugins for what whoever waits can do without, on a few threads kept for that.

        Where plugins hang and these threads with them, all other threads go on.

        Args:
            function: Calls sync functions of plugins; each through its own circuit.

        Raises:
            PluginFailed: if the function does, or if there was no answer in time.
        """
        work = asyncio.get_running_loop().run_in_executor(self._aside, function)
        try:
            async with asyncio.timeout(ASIDE_SECONDS):
                return await work
        except TimeoutError as error:
            raise PluginFailed(f"no answer within {ASIDE_SECONDS:g} s") from error

    async def iterate(
        self, plugin: str, what: str, function: Callable[[], AsyncIterator[T]]
    ) -> AsyncIterator[T]:
        """Iterate over what an async generator of a plugin yields.

        Raises:
            PluginFailed: if it fails, or its circuit is open.
        """
        circuit = self.circuit(plugin, what)
        late: list[Visit] = []
        iterator = None
        with self._attempt(circuit, TRIAL_SECONDS) as opened:
            if opened is None:
                raise PluginFailed(self._refused(circuit).reason)
            try:
                iterator = function()
                while True:
                    attempt = _Attempt(circuit)
                    step = Steps(self.visits, plugin, what, anext(iterator), late.append)
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    if late:
                        self._failed(attempt, KEPT_LOOP)
                        late.clear()
                    else:
                        self._succeeded(attempt)
                    yield item
            except Exception as error:
                failed = self._failed(_Attempt(circuit), words(error))
                raise PluginFailed(failed.reason) from error
            finally:
                if isinstance(iterator, AsyncGenerator):
                    await iterator.aclose()

    def of_plugin(self, plugin: str) -> tuple[Circuit, ...]:
        """A plugin's circuits, by purpose."""
        return tuple(one for one in self.all_circuits() if one.plugin == plugin)

    def all_circuits(self) -> Iterable[Circuit]:
        """Every circuit that was ever called, by plugin and purpose."""
        with self._lock:
            found = list(self.circuits.items())
        return tuple(circuit for _key, circuit in sorted(found, key=lambda one: one[0]))

    def circuit(self, plugin: str, what: str) -> Circuit:
        """The circuit of a purpose, from now on counted even where it is never called."""
        with self._lock:
            circuit = self.circuits.get((plugin, what))
            if circuit is None:
                breaker = CircuitBreaker(self.clock, failures=self.limit, pause=self.pause)
                circuit = self.circuits[plugin, what] = Circuit(plugin, what, breaker)
            return circuit

    @contextmanager
    def _attempt(self, circuit: Circuit, seconds: float) -> Iterator[_Attempt | None]:
        """One call, or None where it must not be made; its place is free afterwards."""
        with self._lock:
            crowded = circuit.stuck >= STUCK_LIMIT
            ticket = None if crowded else circuit.breaker.enter(seconds)
        if ticket is None:
            yield None
            return
        try:
            yield _Attempt(circuit, ticket)
        finally:
            with self._lock:
                circuit.breaker.leave(ticket)

    def _refused(self, circuit: Circuit) -> Failed:
        with self._lock:
            circuit.cut_off += 1
        reason = f"cut off after repeated failures: {circuit.breaker.reason}"
        return Failed(circuit.plugin, circuit.what, reason, called=False)

    def _succeeded(self, attempt: _Attempt) -> None:
        circuit = attempt.circuit
        with self._lock:
            circuit.calls += 1
            circuit.seconds += time.perf_counter() - attempt.started
            circuit.breaker.succeeded(attempt.ticket)

    def _failed(
        self, attempt: _Attempt, reason: str, *, hung: bool = False, harmless: bool = False
    ) -> Failed:
        circuit = attempt.circuit
        with self._lock:
            circuit.calls += 1
            circuit.seconds += time.perf_counter() - attempt.started
            self._note(circuit, reason)
            if hung:
                circuit.hung += 1
                circuit.breaker.trip(reason)
            elif not harmless:
                circuit.breaker.note_failure(reason, attempt.ticket)
        log.error("plugin failed", plugin=circuit.plugin, what=circuit.what, reason=reason)
        return Failed(circuit.plugin, circuit.what, reason)

    def _note(self, circuit: Circuit, reason: str) -> None:
        circuit.failures += 1
        circuit.last_error = reason
        circuit.last_failed_at = self.clock.now()

    def _overdue(self, visit: Visit, place: str) -> None:
        circuit = self.circuit(visit.plugin, visit.what)
        reason = f"hangs for more than {visit.seconds:g} s at {place}"
        with self._lock:
            circuit.last_error = reason
            if not visit.step:  # a step counts when it ends: the machine itself may be slow
                circuit.breaker.trip(reason)
        log.error("plugin hangs", plugin=visit.plugin, what=visit.what, place=place)


def _checked(function: Callable[[], T], check: Callable[[T], object] | None) -> T:
    value = function()
    if check is not None:
        check(value)
    return value


async def _called(function: Callable[[], Awaitable[T]]) -> T:
    return await function()


def _raised(error: Exception) -> bool:
    """Whether a plugin's function raised this itself, and did nothing worse."""
    return error.raised if isinstance(error, PluginFailed) else not isinstance(error, ContractError)


def words(error: Exception) -> str:
    """What is said of a failure, on one line that is fit to be kept and shown."""
    said = str(error) if isinstance(error, PluginFailed | ContractError) else _named(error)
    printable = "".join(one if one.isprintable() else " " for one in said[:LONGEST_WORDS])
    return " ".join(printable.split())


def _named(error: Exception) -> str:
    """An error with its class; its own words may be anything, and need not even be there."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception as broken:  # noqa: BLE001 (the plugin's own __str__; recorded by its class)
        return f"{type(error).__name__}, whose words raise {type(broken).__name__}"
