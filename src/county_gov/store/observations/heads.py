"""The highest time ever stored per datastream: what lies above it cannot be a duplicate."""

from __future__ import annotations

import numpy as np

from county_gov.contract.batch import NO_TIME, Bools, Int64s


class Heads:
    """Highest times by datastream number, in memory.

    Exact where one process writes. A head that is too high costs a look-up and does no harm; one
    that is too low would let a row be stored twice, so heads are only lowered by undoing.
    """

    def __init__(self) -> None:
        self._times = np.full(1024, NO_TIME, np.int64)

    def load(self, datastream: Int64s, time: Int64s) -> None:
        """Forget all heads, and begin with times that are stored; both of shape (n,)."""
        self._times[:] = NO_TIME
        self._reserve(int(datastream.max(initial=0)))
        np.maximum.at(self._times, datastream, time)

    def above(self, datastream: Int64s, time: Int64s) -> Bools:
        """Whether each row lies above its datastream's head, shape (n,)."""
        self._reserve(int(datastream.max()))
        above: Bools = time > self._times[datastream]
        return above

    def is_above(self, datastream: int, time: int) -> bool:
        """Whether one row lies above its datastream's head."""
        return datastream >= len(self._times) or time > self._times.item(datastream)

    def raise_to(self, datastream: Int64s, time: Int64s) -> Int64s:
        """Raise heads to the times of stored rows, ordered by time.

        Returns:
            The heads before, shape (n,), for `restore`.
        """
        self._reserve(int(datastream.max()))
        before = self._times[datastream]
        # Of several assignments to one element numpy keeps the last: the highest time.
        self._times[datastream] = time
        lowered = self._times[datastream] < before
        if lowered.any():
            np.maximum.at(self._times, datastream[lowered], before[lowered])
        return before

    def restore(self, datastream: Int64s, before: Int64s) -> None:
        """Undo `raise_to`."""
        self._times[datastream] = before

    def _reserve(self, highest: int) -> None:
        if highest >= len(self._times):
            more = np.full(2 * highest - len(self._times) + 1024, NO_TIME, np.int64)
            self._times = np.concatenate((self._times, more))
