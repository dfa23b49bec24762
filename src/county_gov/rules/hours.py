"""Clock hours out of readings: which are over, and whether enough was measured in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from county_gov.contract.batch import NO_TIME, Float64s, Int64s
from county_gov.contract.clock import HOUR
from county_gov.rules.episode import OpenHour
from county_gov.rules.figures import Parts
from county_gov.rules.samples import InputRows, Samples

if TYPE_CHECKING:
    from county_gov.contract.rule import HourFigure


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


@frozen(eq=False)
class Carried:
    """The hour that each series is filling.

    Args:
        hours: It, None for a series without readings.
        given: Whether it was given out already.
        over_until: Instant by which the clock ends hours, int64 per series, shape (S,): those that
            end by then are over.
    """

    hours: Sequence[OpenHour | None]
    given: Sequence[bool]
    over_until: Int64s

    @classmethod
    def nothing(cls, series: int, over_until: int = NO_TIME) -> Carried:
        """No series is filling any hour."""
        return cls([None] * series, [False] * series, np.full(series, over_until))


def floor_hour(time: int) -> int:
    """The start of the clock hour (UTC) that holds an instant."""
    return time // HOUR * HOUR


def hours_over(
    samples: Samples,
    how: HourFigure,
    scales: Float64s,
    coverage: Coverage,
    carried: Carried,
) -> tuple[InputRows, Carried]:
    """Fill hours with readings, and give out those that are over.

    An hour is over when a reading of a later hour has come, when all that are expected have, or
    when the clock says so.

    Args:
        samples: The readings.
        how: Which figure of an hour is wanted.
        scales: What scaled values are divided by, per series, shape (S,).
        coverage: What makes an hour count, per series.
        carried: The hour that each series was filling before.

    Returns:
        The hours given out, with their figure in the datastreams' units, and the hour that each
        series is filling now.
    """
    held = [index for index, one in enumerate(carried.hours) if one is not None]
    begun = [one for one in carried.hours if one is not None]
    hours = np.concatenate(
        [np.array([one.hour for one in begun], np.int64), samples.times // HOUR * HOUR]
    )
    owners = np.concatenate([np.array(held, np.int64), samples.series])
    if not len(hours):
        empty = np.empty(0, np.int64)
        return InputRows(empty, empty, np.empty(0)), carried
    counts = np.concatenate([np.array([one.count for one in begun], np.int64), samples.counting])
    parts = Parts.of(how, samples.values, scales[samples.series]).after(_parts(how, begun))
    given = np.zeros(len(hours), np.bool_)
    given[: len(begun)] = [carried.given[index] for index in held]
    order = np.lexsort((hours, owners))
    hours, owners, counts = hours[order], owners[order], counts[order]
    new = np.ones(len(hours), np.bool_)
    new[1:] = (hours[1:] != hours[:-1]) | (owners[1:] != owners[:-1])
    first = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    says = np.flatnonzero(counts > 0)
    sums = parts.take(order[says]).together(how, group[says], len(first))
    count = np.add.reduceat(counts, first)
    told = np.logical_or.reduceat(given[order], first)
    hour, owner = hours[first], owners[first]
    last = np.ones(len(first), np.bool_)
    last[:-1] = owner[1:] != owner[:-1]
    over = ~last | (count >= coverage.full[owner]) | (hour + HOUR <= carried.over_until[owner])
    out = over & ~told & (count >= coverage.needed[owner])
    figures = sums.figures(how, count, scales[owner])
    open_hours, are_given = list(carried.hours), list(carried.given)
    for row in np.flatnonzero(last).tolist():
        total = sums.first[row].item()
        open_hours[owner[row]] = OpenHour(
            int(hour[row]), int(count[row]), total, float(sums.second[row])
        )
        are_given[owner[row]] = bool(over[row] | told[row])
    rows = InputRows(owner[out], hour[out], figures[out])
    return rows, Carried(open_hours, are_given, carried.over_until)


def _parts(how: HourFigure, begun: Sequence[OpenHour]) -> Parts:
    """What the hours that were being filled hold already."""
    totals = [one.total for one in begun]
    whole = Parts.empty(how).first.dtype == np.int64
    first = np.array(totals, np.int64) if whole else np.array(totals, np.float64)
    return Parts(first, np.array([one.second for one in begun], np.float64))
