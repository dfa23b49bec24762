"""Calling plugins safely: a failure is recorded, and a plugin that keeps failing is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog
from attrs import define, field, frozen

from county_gov.contract.clock import MICROSECONDS, Clock

T = TypeVar("T")
log = structlog.get_logger(__name__)


@frozen(eq=False)
class Failed:
    """A call that gave no usable result."""

    plugin: str
    what: str
    reason: str


@frozen(eq=False)
class Answer(Generic[T]):
    """A call's result."""

    value: T


@define(eq=False)
class _Circuit:
    failures: int = 0
    open_until: int = 0
    calls: int = 0
    failed: int = 0
    last: str = ""


@define(eq=False)
class Gateway:
    """Calls plugins' functions behind a circuit breaker per plugin and purpose.

    Args:
        clock: Gives the instants of the breaker.
        limit: Failures in a row after which the circuit opens.
        pause: Microseconds for which it stays open.
    """

    clock: Clock
    limit: int = 5
    pause: int = 300 * MICROSECONDS
    circuits: dict[tuple[str, str], _Circuit] = field(factory=dict)

    def call(self, plugin: str, what: str, function: Callable[[], T]) -> Answer[T] | Failed:
        """Call a sync function."""
        circuit = self.circuits.setdefault((plugin, what), _Circuit())
        if self._is_open(circuit):
            return Failed(plugin, what, f"cut off after repeated failures: {circuit.last}")
        try:
            value = function()
        except Exception as error:  # noqa: BLE001 whatever a plugin raises is recorded
            return self._failed(circuit, plugin, what, f"{type(error).__name__}: {error}")
        return self._answered(circuit, value)

    async def call_async(
        self, plugin: str, what: str, function: Callable[[], Awaitable[T]], *, seconds: float
    ) -> Answer[T] | Failed:
        """Call an async function and wait at most ``seconds``."""
        circuit = self.circuits.setdefault((plugin, what), _Circuit())
        if self._is_open(circuit):
            return Failed(plugin, what, f"cut off after repeated failures: {circuit.last}")
        try:
            async with asyncio.timeout(seconds):
                value = await function()
        except TimeoutError:
            return self._failed(circuit, plugin, what, f"no answer within {seconds:g} s")
        except Exception as error:  # noqa: BLE001 whatever a plugin raises is recorded
            return self._failed(circuit, plugin, what, f"{type(error).__name__}: {error}")
        return self._answered(circuit, value)

    def _is_open(self, circuit: _Circuit) -> bool:
        circuit.calls += 1
        return circuit.failures >= self.limit and self.clock.now() < circuit.open_until

    def _answered(self, circuit: _Circuit, value: T) -> Answer[T]:
        circuit.failures = 0
        return Answer(value)

    def _failed(self, circuit: _Circuit, plugin: str, what: str, reason: str) -> Failed:
        circuit.failures += 1
        circuit.failed += 1
        circuit.last = reason
        circuit.open_until = self.clock.now() + self.pause
        log.error("plugin failed", plugin=plugin, what=what, reason=reason)
        return Failed(plugin, what, reason)
