"""Request ids: sortable by time, and safe to print wherever they came from."""

from __future__ import annotations

import random
import re
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_TIME_SHIFTS = range(40, -1, -10)
_RANDOM_SHIFTS = range(70, -1, -10)
_random = random.Random(random.SystemRandom().getrandbits(128))  # noqa: S311 not secret
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def request_id(given: str | None, now: int) -> str:
    """The id that a proxy or client has given, where it is harmless, else a new ULID.

    Args:
        given: Value of ``X-Request-Id``.
        now: The current instant, microseconds UTC.
    """
    if given is not None and _SAFE.fullmatch(given):
        return given
    return ulid(now)


def ulid(now: int) -> str:
    """A new ULID (https://github.com/ulid/spec): 48 bits of milliseconds, 80 random bits.

    It is unique, not secret: the random bits are Python's own, which costs no system call.
    """
    bits = _random.getrandbits(80)
    return _time_part(now // 1000 & 0xFFFFFFFFFFFF) + "".join(
        [_PAIRS[bits >> shift & 1023] for shift in _RANDOM_SHIFTS]
    )


@lru_cache(maxsize=4)
def _time_part(milliseconds: int) -> str:
    """The first ten letters, which many ids of one millisecond share."""
    return "".join([_PAIRS[milliseconds >> shift & 1023] for shift in _TIME_SHIFTS])
