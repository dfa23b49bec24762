"""A circuit breaker: what fails again and again is left alone for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from county_gov.contract.clock import MICROSECONDS

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock

FAILURES = 5
PAUSE = 300 * MICROSECONDS


@define(eq=False)
class CircuitBreaker:
    """Counts failures in a row; after the last one allowed, nothing is called during the pause.

    After the pause one call is let through: its success closes the circuit, its failure begins
    the pause anew.

    Args:
        clock: Where the time comes from.
        failures: Failures in a row that open the circuit.
        pause: Microseconds for which it stays open.
    """

    clock: Clock
    failures: int = FAILURES
    pause: int = PAUSE
    failed: int = field(default=0, init=False)
    """Failures in a row until now."""
    until: int = field(default=0, init=False)
    """Instant at which calls are allowed again; 0 while the circuit is closed."""
    reason: str = field(default="", init=False)
    """Words of the last failure."""

    @property
    def allows(self) -> bool:
        """Whether a call may be made now."""
        return self.until == 0 or self.clock.now() >= self.until

    def succeeded(self) -> None:
        """A call went well: the count begins anew."""
        self.failed, self.until, self.reason = 0, 0, ""

    def note_failure(self, reason: str) -> bool:
        """A call failed; returns whether the circuit is open now."""
        self.failed += 1
        self.reason = reason
        if self.failed >= self.failures:
            self.until = self.clock.now() + self.pause
        return self.until != 0

    def trip(self, reason: str) -> None:
        """Open the circuit at once: a call did what must not happen again soon."""
        self.failed = max(self.failed, self.failures)
        self.reason = reason
        self.until = self.clock.now() + self.pause
