"""The circuit breaker against a naive model: what opens it, and the one trial that closes it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from county_gov.registry.breaker import CircuitBreaker
from county_gov.testing import SetClock

FAILURES, PAUSE = 3, 100_000_000
SECOND = 1_000_000


@define(eq=False)
class Call:
    """A call that was let through, with all that a model wants to know of it."""

    ticket: int
    trial: bool
    over_at: int
    """Instant at which it loses the place of a trial."""
    stale: bool = False
    """Whether the circuit has opened since, or another trial has its place."""


@define(eq=False)
class Model:
    """Keeps every call that was ever made, and says at length what `CircuitBreaker` says."""

    state: str = "closed"
    failed: int = 0
    opened_at: int = 0
    calls: list[Call] = field(factory=list)
    trial: Call | None = None

    def may_enter(self, now: int) -> bool:
        """Whether one more call may be made."""
        if self.state == "closed":
            return True
        paused = now < self.opened_at + PAUSE
        taken = self.trial is not None and now < self.trial.over_at
        return not paused and not taken

    def enter(self, ticket: int, now: int, seconds: int) -> Call:
        """A call was let through."""
        call = Call(ticket, self.state == "open", now + seconds * SECOND)
        if call.trial:
            for other in self.calls:
                other.stale = True
            self.trial = call
        self.calls.append(call)
        return call

    def succeed(self, call: Call) -> None:
        """A call went well."""
        if not call.stale:
            self.state, self.failed, self.trial = "closed", 0, None

    def fail(self, call: Call, now: int) -> None:
        """A call failed."""
        if not call.stale:
            self.failed += 1
            if self.failed >= FAILURES:
                self.open(now)

    def open(self, now: int) -> None:
        """The circuit opens, and no call that is under way has a say any more."""
        self.state, self.failed, self.opened_at = "open", max(self.failed, FAILURES), now
        self.trial = None
        for call in self.calls:
            call.stale = True

    def leave(self, call: Call) -> None:
        """A call ended without an outcome."""
        if call is self.trial:
            self.trial = None


class BreakerMachine(RuleBasedStateMachine):
    """Calls begin, end well, fail, are cancelled or hang, in any order and at any time."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.clock = SetClock(1_000 * SECOND)
        self.breaker = CircuitBreaker(self.clock, failures=FAILURES, pause=PAUSE)
        self.model = Model()

    @rule(target=under_way, seconds=st.integers(1, 60))
    def enter(self, seconds: int) -> Any:
        """A call asks for its turn, and both say the same."""
        expected = self.model.may_enter(self.clock.at)
        ticket = self.breaker.enter(seconds)
        assert expected == (ticket is not None)
        if ticket is None:
            return None
        return self.model.enter(ticket, self.clock.at, seconds)

    @rule(call=consumes(under_way))
    def succeed(self, call: Call | None) -> None:
        """A call goes well."""
        if call is not None:
            self.breaker.succeeded(call.ticket)
            self.model.succeed(call)
            self.model.calls.remove(call)

    @rule(call=consumes(under_way))
    def fail(self, call: Call | None) -> None:
        """A call fails."""
        if call is not None:
            self.breaker.note_failure("bad", call.ticket)
            self.model.fail(call, self.clock.at)
            self.model.calls.remove(call)

    @rule(call=consumes(under_way))
    def cancel(self, call: Call | None) -> None:
        """A call ends without an outcome."""
        if call is not None:
            self.breaker.leave(call.ticket)
            self.model.leave(call)
            self.model.calls.remove(call)

    @rule()
    def trip(self) -> None:
        """A call does what must not happen again soon."""
        self.breaker.trip("hung")
        self.model.open(self.clock.at)

    @rule(seconds=st.sampled_from([1, 30, 60, 99, 100, 101]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.at += seconds * SECOND

    @invariant()
    def they_agree(self) -> None:
        """Both let the next call through, or neither does."""
        assert self.model.may_enter(self.clock.at) == self.breaker.allows
        assert (self.model.state == "closed") == self.breaker.closed


TestBreaker = BreakerMachine.TestCase


@pytest.fixture
def clock() -> SetClock:
    """A clock that stands until a test moves it."""
    return SetClock(1_000 * SECOND)


@pytest.fixture
def half_open(clock: SetClock) -> CircuitBreaker:
    """A breaker whose pause is just over."""
    breaker = CircuitBreaker(clock, failures=1, pause=PAUSE)
    breaker.note_failure("bad")
    clock.at += PAUSE
    return breaker


def test_exactly_one_trial_is_let_through(half_open: CircuitBreaker) -> None:
    """Of many who ask after the pause, the first gets the place, and its success lets all in."""
    tickets = [half_open.enter(10) for _ in range(5)]

    assert [False, True, True, True, True] == [one is None for one in tickets]
    half_open.succeeded(tickets[0])
    assert None not in [half_open.enter(10) for _ in range(5)]


def test_a_trial_that_hangs_gives_its_place_up_and_its_say_with_it(
    half_open: CircuitBreaker, clock: SetClock
) -> None:
    """At its time limit another is tried, and what the first says afterwards is not heard."""
    hanging = half_open.enter(10)
    clock.at += 10 * SECOND
    second = half_open.enter(10)
    half_open.succeeded(hanging)

    assert hanging is not None
    assert second is not None
    assert not half_open.closed
    half_open.succeeded(second)
    assert half_open.closed


def test_a_call_from_before_does_not_close_the_circuit(clock: SetClock) -> None:
    """A success that was begun before the failures says nothing about how it goes now."""
    breaker = CircuitBreaker(clock, failures=1, pause=PAUSE)
    slow = breaker.enter(10)
    breaker.note_failure("bad", breaker.enter(10))
    breaker.succeeded(slow)

    assert not breaker.closed
