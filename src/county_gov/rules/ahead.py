"""Reading ahead: readings of many datastreams in one read, where each would be read by itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from county_gov.store.observations.rows import Stored

if TYPE_CHECKING:
    from county_gov.rules.samples import Readings
    from county_gov.store.transaction import Snapshot


@define(eq=False)
class ReadAhead:
    """Readings of which a part is held in memory, for as long as one snapshot is looked at.

    Args:
        readings: Where they are read.
    """

    readings: Readings
    _held: dict[int, Stored] = field(factory=dict, init=False)
    _low: int = field(default=0, init=False)
    _high: int = field(default=0, init=False)

    def hold(self, snapshot: Snapshot, datastreams: Collection[int], low: int, high: int) -> None:
        """Read some datastreams in [low, high) at once; `drop` what is held with the snapshot."""
        numbers = sorted(datastreams)
        rows = self.readings.read_many(snapshot, numbers, low, high)
        starts = np.searchsorted(rows.datastream, numbers, "left").tolist()
        ends = np.searchsorted(rows.datastream, numbers, "right").tolist()
        self._held = {
            number: rows.take(slice(start, end))
            for number, start, end in zip(numbers, starts, ends, strict=True)
        }
        self._low, self._high = low, high

    def drop(self) -> None:
        """Hold nothing any longer."""
        self._held = {}

    def read(self, snapshot: Snapshot, datastream: int, start: int, end: int) -> Stored:
        """Current readings of a datastream in [start, end), by time."""
        if datastream not in self._held or start < self._low or end > self._high:
            return self.readings.read(snapshot, datastream, start, end)
        rows = self._held[datastream]
        low, high = np.searchsorted(rows.time, (start, end)).tolist()
        return rows.take(slice(low, high))

    def read_many(
        self, snapshot: Snapshot, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        """Current readings of several datastreams in [start, end), by datastream and time."""
        held = all(number in self._held for number in datastreams)
        if not held or start < self._low or end > self._high:
            return self.readings.read_many(snapshot, datastreams, start, end)
        return Stored.join(
            [self.read(snapshot, number, start, end) for number in sorted(set(datastreams))]
        )
