"""Clock hours out of readings: which are over, and whether enough was measured in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from county_gov.contract.batch import Float64s, Int64s
from county_gov.contract.clock import HOUR
from county_gov.rules.episode import OpenHour
from county_gov.rules.samples import InputRows, Samples


@frozen(eq=False)
class Coverage:
    """What makes an hour count, per series.

    Args:
        needed: Readings that an hour needs, float64, shape (S,).
        full: Readings after which no more are expected, float64, ``inf`` where that is not known,
            shape (S,).
    """

    needed: Float64s
    full: Float64s

    @classmethod
    def of(cls, periods: Int64s, coverage: float) -> Coverage:
        """From the periods of series (microseconds, 0 for irregular) and the share needed.

        An irregular series has no expectation: one reading makes its hour count, and the hour is
        over only when a later one has come.
        """
        expected = np.maximum(HOUR / np.maximum(periods, 1), 1.0)
        irregular = periods == 0
        needed = np.where(irregular, 1.0, np.maximum(coverage * expected, 1.0))
        return cls(needed, np.where(irregular, np.inf, np.ceil(expected)))


def floor_hour(time: int) -> int:
    """The start of the clock hour (UTC) that holds an instant."""
    return time // HOUR * HOUR


def hours_over(
    samples: Samples,
    coverage: Coverage,
    carried: Sequence[OpenHour | None],
    *,
    complete: bool = False,
) -> tuple[InputRows, list[OpenHour | None]]:
    """Fill hours with readings, and give out those that are over.

    An hour is over when a reading of a later hour has come, or when all that are expected have.

    Args:
        samples: The readings.
        coverage: What makes an hour count, per series.
        carried: The hour that each series was filling before.
        complete: Whether the last hour of each series is over as well.

    Returns:
        The hours given out, with the mean of their scaled values, and the hour that each series
        is filling now.
    """
    held = [index for index, one in enumerate(carried) if one is not None]
    begun = [one for one in carried if one is not None]
    hours = np.concatenate(
        [np.array([one.hour for one in begun], np.int64), samples.times // HOUR * HOUR]
    )
    owners = np.concatenate([np.array(held, np.int64), samples.series])
    counts = np.concatenate([np.array([one.count for one in begun], np.int64), samples.counting])
    totals = np.concatenate(
        [
            np.array([one.total for one in begun], np.int64),
            np.where(samples.counting, samples.values, 0),
        ]
    )
    open_hours = list(carried)
    if not len(hours):
        empty = np.empty(0, np.int64)
        return InputRows(empty, empty, np.empty(0)), open_hours
    given = np.zeros(len(hours), np.bool_)
    given[: len(begun)] = counts[: len(begun)] >= coverage.full[owners[: len(begun)]]
    order = np.lexsort((hours, owners))
    hours, owners, given = hours[order], owners[order], given[order]
    new = np.ones(len(hours), np.bool_)
    new[1:] = (hours[1:] != hours[:-1]) | (owners[1:] != owners[:-1])
    first = np.flatnonzero(new)
    count = np.add.reduceat(counts[order], first)
    total = np.add.reduceat(totals[order], first)
    told = np.logical_or.reduceat(given, first)
    hour, owner = hours[first], owners[first]
    last = np.ones(len(first), np.bool_)
    last[:-1] = owner[1:] != owner[:-1]
    over = ~last | (count >= coverage.full[owner]) | complete
    out = over & ~told & (count >= coverage.needed[owner])
    for row in np.flatnonzero(last).tolist():
        open_hours[owner[row]] = OpenHour(int(hour[row]), int(count[row]), int(total[row]))
    return InputRows(owner[out], hour[out], total[out] / count[out]), open_hours
