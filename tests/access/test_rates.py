"""Token buckets: never more than was promised, never refused after waiting as long as was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.access import TokenBuckets
from tests.store_fixtures import StandingClock

steps = st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3)), max_size=60)


@given(steps, st.floats(0.2, 50), st.integers(1, 20))
def test_never_more_than_promised(
    requests: list[tuple[str, float]], rate: float, burst: int
) -> None:
    """In any stretch of time a key gets at most a burst and what flowed in meanwhile."""
    clock = StandingClock()
    buckets = TokenBuckets(rate, burst, clock)
    taken: dict[str, list[int]] = {"a": [], "b": []}
    for key, gap in requests:
        clock.advance(seconds=gap)
        if buckets.take(key) == 0:
            taken[key].append(clock.now())

    for instants in taken.values():
        for first, start in enumerate(instants):
            for last in range(first, len(instants)):
                flowed = (instants[last] - start) / 1e6 * rate
                assert last - first + 1 <= burst + flowed + 1e-3


@given(steps, st.floats(0.2, 50), st.integers(1, 20))
def test_waiting_is_enough(requests: list[tuple[str, float]], rate: float, burst: int) -> None:
    """Who waits as long as was said is let through; a moment earlier nobody is."""
    clock = StandingClock()
    buckets = TokenBuckets(rate, burst, clock)
    for key, gap in requests:
        clock.advance(seconds=gap)
        wait = buckets.take(key)
        early = wait * 0.9 if wait > 0.001 else 0
        clock.advance(seconds=early)
        if early:
            assert buckets.take(key) > 0
        if wait:
            clock.advance(seconds=wait - early + 2e-6)
            assert 0 == buckets.take(key)


def test_keys_are_independent() -> None:
    """One key's haste costs no other."""
    buckets = TokenBuckets(1, 2, StandingClock())

    assert [0, 0, 1.0] == [buckets.take("a") for _ in range(3)]
    assert 0 == buckets.take("b")


def test_memory_is_bounded() -> None:
    """Of too many keys the one not used for longest is forgotten."""
    buckets = TokenBuckets(1, 1, StandingClock(), keys=100)
    for number in range(10_000):
        buckets.take(f"address:{number}")

    assert 100 == len(buckets)
    assert 0 < buckets.take("address:9999")
    assert 0 == buckets.take("address:0")


def test_clock_going_backwards() -> None:
    """A clock that goes backwards fills nothing in, and does not lock anybody out."""
    clock = StandingClock()
    buckets = TokenBuckets(1, 1, clock)
    assert 0 == buckets.take("a")
    clock.advance(seconds=-3600)
    assert 1.0 == buckets.take("a")
    clock.advance(seconds=1)

    assert 0 == buckets.take("a")


def test_several_tokens() -> None:
    """A large request takes what it costs, and never more than a bucket can hold."""
    clock = StandingClock()
    buckets = TokenBuckets(10, 100, clock)

    assert 0 == buckets.take("a", 70)
    assert 4.0 == pytest.approx(buckets.take("a", 70))
    clock.advance(seconds=10)
    assert 0 == buckets.take("a", 5000)


@pytest.mark.parametrize(("rate", "burst", "keys"), [(0, 1, 1), (-1, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_bad_limits(rate: float, burst: float, keys: int) -> None:
    """Limits under which nothing could pass are refused."""
    with pytest.raises(ValueError, match="expected rate > 0"):
        TokenBuckets(rate, burst, StandingClock(), keys=keys)
