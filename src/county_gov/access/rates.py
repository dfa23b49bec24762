"""Rate limits: a bucket of tokens for each device, account or address."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from county_gov.contract.clock import MICROSECONDS

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock

ROUNDING = 1e-6
"""Tokens that may lack, so that who waits as long as was said is let through."""


class TokenBuckets:
    """Buckets that fill steadily; each request takes a token out of its key's bucket.

    Memory is bounded: of too many keys the one not used for longest is forgotten, which gives it
    a full bucket again. Not for use by several threads at once.

    Args:
        rate: Tokens a second.
        burst: Tokens that a full bucket holds; at least 1.
        clock: Where the time comes from; when it goes backwards, nothing is filled in.
        keys: How many keys are remembered.
    """

    def __init__(self, rate: float, burst: float, clock: Clock, *, keys: int = 65_536) -> None:
        if rate <= 0 or burst < 1 or keys < 1:
            msg = f"expected rate > 0, burst >= 1 and keys >= 1, got {rate}, {burst} and {keys}"
            raise ValueError(msg)
        self._rate = rate / MICROSECONDS
        self._burst = burst
        self._clock = clock
        self._keys = keys
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, tokens: float = 1.0) -> float:
        """Take tokens out of a key's bucket.

        Args:
            key: Whose bucket, for example ``device:aotizhongxin``.
            tokens: How many; more than the bucket holds are taken as all that it holds.

        Returns:
            0 when they were taken; otherwise nothing was, and so many seconds later they can be.
        """
        left, now = self._left(key)
        self._buckets.pop(key, None)
        wanted = min(tokens, self._burst)
        taken = left >= wanted - ROUNDING
        self._buckets[key] = (max(0.0, left - wanted) if taken else left, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (wanted - left) / self._rate / MICROSECONDS

    def wait(self, key: str) -> float:
        """In how many seconds a key's bucket has a token; takes none."""
        if key not in self._buckets:
            return 0.0
        left, _now = self._left(key)
        return 0.0 if left >= 1 - ROUNDING else (1 - left) / self._rate / MICROSECONDS

    def _left(self, key: str) -> tuple[float, int]:
        """The tokens that a key's bucket holds now."""
        now = self._clock.now()
        left, filled_at = self._buckets.get(key, (self._burst, now))
        return min(self._burst, left + max(0, now - filled_at) * self._rate), now
