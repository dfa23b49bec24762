"""Landed columns kept in memory until they settle, so that settling need not read them back.

Reading a million rows back through the driver takes as long as landing them did (0.75-1 s on the
machine on which landing took 0.6-0.8 s). The landing table stays the durable copy: whatever is not
here any more is read from there.
"""

from __future__ import annotations

from typing import Final

from county_gov.store.observations.rows import Stored

MOST_BYTES: Final = 128 << 20
"""Memory that is used at most, over all landing tables; about 3.2 million rows in large batches."""

_ROW = 41
_PART = 900
"""Bytes of a row's columns, and of the six arrays of a batch, however short."""


class Kept:
    """The rows of landing tables as they landed, by the table's number."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._parts: dict[int, list[Stored]] = {}
        self._bytes = 0

    def begin(self, number: int) -> None:
        """Keep a landing table that was just made."""
        self._parts[number] = []

    def append(self, number: int, rows: Stored) -> None:
        """Keep rows that landed, if all earlier ones of the table are kept; forget the newest.

        Tables settle in their order. Were the oldest forgotten, a settling that lags behind would
        find every table gone just before its turn, and read each of them back.
        """
        parts = self._parts.get(number)
        if parts is None:
            return
        parts.append(rows)
        self._bytes += _size(rows)
        while self._bytes > self._most_bytes and self._parts:
            self.forget(max(self._parts))

    def take_back(self, number: int, rows: Stored) -> None:
        """Undo the last `append` of a table."""
        parts = self._parts.get(number)
        if parts and parts[-1] is rows:
            parts.pop()
            self._bytes -= _size(rows)

    def forget(self, number: int) -> None:
        """Keep nothing of a table any more: it was changed, dropped or is too much."""
        self._bytes -= sum(map(_size, self._parts.pop(number, [])))

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()
        self._bytes = 0

    def rows_of(self, number: int) -> Stored | None:
        """All rows of a table in the order of landing, or None where they are not all kept."""
        parts = self._parts.get(number)
        return None if parts is None else Stored.join(list(parts))


def _size(rows: Stored) -> int:
    return _PART + _ROW * len(rows)
