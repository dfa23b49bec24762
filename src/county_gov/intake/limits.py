"""How much intake takes at once, and how far it trusts a device's clock."""

from __future__ import annotations

from attrs import frozen

from county_gov.contract.clock import HOUR

MEBIBYTE = 1024 * 1024


@frozen
class IntakeLimits:
    """Limits of one deployment.

    Args:
        max_bytes: Bytes of one delivery.
        max_rows: Rows of one delivery.
        future_tolerance: Microseconds by which a reading may lie after its arrival.
        day_offset: Microseconds by which local midnight precedes midnight UTC. A datastream whose
            period is a day then has days that begin at local midnight; UTC+8 unless set.
        inline_bytes: Deliveries up to this size are decoded on the event loop, larger ones on a
            thread.
    """

    max_bytes: int = 16 * MEBIBYTE
    max_rows: int = 100_000
    future_tolerance: int = HOUR
    day_offset: int = 8 * HOUR
    inline_bytes: int = 32 * 1024
