"""Calling plugins safely: a failure is recorded, and a plugin that keeps failing is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog
from attrs import define, field, frozen

from county_gov.contract.clock import Clock
from county_gov.registry.breaker import FAILURES, PAUSE, CircuitBreaker

T = TypeVar("T")
log = structlog.get_logger(__name__)


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
class Gateway:
    """Calls plugins' functions behind a circuit breaker per plugin and purpose.

    Args:
        clock: Gives the instants of the breaker.
        limit: Failures in a row after which the circuit opens.
        pause: Microseconds for which it stays open.
    """

    clock: Clock
    limit: int = FAILURES
    pause: int = PAUSE
    circuits: dict[tuple[str, str], CircuitBreaker] = field(factory=dict)

    def call(self, plugin: str, what: str, function: Callable[[], T]) -> Answer[T] | Failed:
        """Call a sync function."""
        circuit = self._circuit(plugin, what)
        if not circuit.allows:
            reason = f"cut off after repeated failures: {circuit.reason}"
            return Failed(plugin, what, reason, called=False)
        try:
            value = function()
        except Exception as error:  # noqa: BLE001 whatever a plugin raises is recorded
            return self._failed(circuit, plugin, what, f"{type(error).__name__}: {error}")
        return self._answered(circuit, value)

    async def call_async(
        self, plugin: str, what: str, function: Callable[[], Awaitable[T]], *, seconds: float
    ) -> Answer[T] | Failed:
        """Call an async function and wait at most ``seconds``."""
        circuit = self._circuit(plugin, what)
        if not circuit.allows:
            reason = f"cut off after repeated failures: {circuit.reason}"
            return Failed(plugin, what, reason, called=False)
        try:
            async with asyncio.timeout(seconds):
                value = await function()
        except TimeoutError:
            return self._failed(circuit, plugin, what, f"no answer within {seconds:g} s")
        except Exception as error:  # noqa: BLE001 whatever a plugin raises is recorded
            return self._failed(circuit, plugin, what, f"{type(error).__name__}: {error}")
        return self._answered(circuit, value)

    def _circuit(self, plugin: str, what: str) -> CircuitBreaker:
        circuit = self.circuits.get((plugin, what))
        if circuit is None:
            circuit = CircuitBreaker(self.clock, failures=self.limit, pause=self.pause)
            self.circuits[plugin, what] = circuit
        return circuit

    def _answered(self, circuit: CircuitBreaker, value: T) -> Answer[T]:
        circuit.succeeded()
        return Answer(value)

    def _failed(self, circuit: CircuitBreaker, plugin: str, what: str, reason: str) -> Failed:
        circuit.note_failure(reason)
        log.error("plugin failed", plugin=plugin, what=what, reason=reason)
        return Failed(plugin, what, reason)
