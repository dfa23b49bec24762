"""Request ids: sortable by time, and safe to print wherever they came from."""

from __future__ import annotations

import os
import re

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
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
    """A new ULID (https://github.com/ulid/spec): 48 bits of milliseconds, 80 random bits."""
    number = (now // 1000 & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(digits))
