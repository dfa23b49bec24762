"""Request ids: sortable by time, and safe to print wherever they came from."""

from __future__ import annotations

import random
import re

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_SHIFTS = range(120, -1, -10)
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
    number = (now // 1000 & 0xFFFFFFFFFFFF) << 80 | _random.getrandbits(80)
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
