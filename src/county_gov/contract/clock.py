"""Time: instants are int microseconds UTC everywhere inside; local time only at the edge."""

from __future__ import annotations

import time
from typing import Protocol

MICROSECONDS = 1_000_000
"""Microseconds in a second."""

HOUR = 3600 * MICROSECONDS
DAY = 24 * HOUR

EARLIEST = -2_208_988_800 * MICROSECONDS
"""1900-01-01T00:00:00Z, the earliest instant that is taken in."""

LATEST = 4_102_444_800 * MICROSECONDS
"""2100-01-01T00:00:00Z, the first instant that is not taken in."""


class Clock(Protocol):
    """Where the current instant comes from; injected, so that tests and replays can set it."""

    def now(self) -> int:
        """The current instant, microseconds UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """The current instant, microseconds UTC."""
        return time.time_ns() // 1000
