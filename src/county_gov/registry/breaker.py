"""A circuit breaker: what fails again and again is left alone for a while, then tried once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from county_gov.contract.clock import MICROSECONDS

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock

FAILURES = 5
PAUSE = 300 * MICROSECONDS
TRIAL_SECONDS = 60.0
"""How long a trial keeps its place, where nothing else is said."""


@define(eq=False)
class CircuitBreaker:
    """Counts failures in a row; after the last one allowed, nothing is called during the pause.

    After the pause exactly one call is let through, as a trial: its success closes the circuit, its
    failure begins the pause anew, and until one of them is known no other call is made. A trial of
    which nothing is heard gives its place to another one at its time limit.

    Who calls from several threads asks `enter` for each call and hands its ticket back with the
    outcome; outcomes of calls that were begun before the circuit opened, or of a trial that has
    lost its place, say nothing about how it goes now, and are not heard.

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
    """Instant at which a trial is allowed; 0 while the circuit is closed."""
    reason: str = field(default="", init=False)
    """Words of the last failure."""
    _era: int = field(default=0, init=False)
    """Rises whenever calls that are under way lose their say."""
    _trial_until: int = field(default=0, init=False)
    """Instant until which a trial has the place; 0 where there is none."""

    @property
    def closed(self) -> bool:
        """Whether all calls are made."""
        return self.until == 0

    @property
    def allows(self) -> bool:
        """Whether a call may be made now: every one, or a trial."""
        now = self.clock.now()
        return self.closed or (now >= self.until and now >= self._trial_until)

    def enter(self, seconds: float = TRIAL_SECONDS) -> int | None:
        """Ask for one call.

        Args:
            seconds: How long the call may take: so long it keeps the place of a trial.

        Returns:
            A ticket for the call's outcome, or None where it must not be made.
        """
        if not self.allows:
            return None
        if not self.closed:
            self._era += 1
            self._trial_until = self.clock.now() + max(1, round(seconds * MICROSECONDS))
        return self._era

    def leave(self, ticket: int) -> None:
        """The call ended without an outcome (it was cancelled): a trial's place is free again."""
        if ticket == self._era:
            self._trial_until = 0

    def succeeded(self, ticket: int | None = None) -> None:
        """A call went well: the circuit is closed, and the count begins anew.

        Args:
            ticket: From `enter`; None from who makes one call at a time.
        """
        if ticket is None or ticket == self._era:
            self.failed, self.until, self.reason, self._trial_until = 0, 0, "", 0

    def note_failure(self, reason: str, ticket: int | None = None) -> bool:
        """A call failed; returns whether the circuit is open now. Arguments as of `succeeded`."""
        if ticket is None or ticket == self._era:
            self.failed += 1
            self.reason = reason
            if self.failed >= self.failures:
                self._open()
        return not self.closed

    def trip(self, reason: str) -> None:
        """Open the circuit at once: a call did what must not happen again soon."""
        self.failed = max(self.failed, self.failures)
        self.reason = reason
        self._open()

    def _open(self) -> None:
        self.until = self.clock.now() + self.pause
        self._trial_until = 0
        self._era += 1
