"""What the journal tells of readings, ordered for judging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from county_gov.contract.batch import Bools, Int64s, UInt8s
from county_gov.rules.samples import Stretch

if TYPE_CHECKING:
    from county_gov.store.observations import Changes

LAST_BATCH = (1 << 63) - 1
"""No batch is newer."""


@frozen(eq=False)
class Told:
    """The readings that some entries of the journal tell of, by datastream and time.

    Args:
        datastream: Numbers, rising, shape (n,).
        time: Instants, rising within a datastream, shape (n,).
        value: Scaled values, shape (n,).
        flag: Numbers of quality flags, shape (n,).
        again: Readings that are revised or told more than once, so that what they hold now has to
            be read from the store, shape (n,).
        newest: The newest batch that is told of; those after it are told later.
    """

    datastream: Int64s
    time: Int64s
    value: Int64s
    flag: UInt8s
    again: Bools
    newest: int = LAST_BATCH

    @classmethod
    def of(cls, changes: Sequence[Changes], newest: int = LAST_BATCH) -> Told:
        """All changes together."""
        none = np.empty(0, np.int64)
        datastream = np.concatenate([none, *(one.datastream for one in changes)])
        time = np.concatenate([none, *(one.time for one in changes)])
        value = np.concatenate([none, *(one.value for one in changes)])
        flag = np.concatenate([np.empty(0, np.uint8), *(one.flag for one in changes)])
        again = np.concatenate([np.empty(0, np.bool_), *(one.revised for one in changes)])
        order = np.lexsort((time, datastream))
        datastream, time, again = datastream[order], time[order], again[order]
        again[1:] |= (datastream[1:] == datastream[:-1]) & (time[1:] == time[:-1])
        return cls(datastream, time, value[order], flag[order], again, newest)

    def rows_of(self, numbers: Sequence[int]) -> tuple[list[int], list[int]]:
        """First row of each of some datastreams, and the row after its last."""
        firsts = np.searchsorted(self.datastream, numbers, "left").tolist()
        ends = np.searchsorted(self.datastream, numbers, "right").tolist()
        return firsts, ends

    def stretch(self, first: int, end: int) -> Stretch:
        """First and last instant of rows ``[first, end)`` of one datastream."""
        return Stretch(int(self.time[first]), int(self.time[end - 1]))
