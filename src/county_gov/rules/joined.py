"""Figures of joined readings at the instants of rows, without a loop over rows.

Everything is computed from integers, so that a row's figure never depends on what else was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from attrs import field, frozen

from county_gov.contract.batch import Float64s, Int64s
from county_gov.contract.clock import HOUR
from county_gov.contract.rule import Hourly, Latest, Window
from county_gov.rules.figures import Parts
from county_gov.rules.hours import Coverage
from county_gov.rules.samples import Samples

if TYPE_CHECKING:
    from county_gov.contract.rule import HourFigure

SeriesInput = Latest | Hourly | Window
MOST_KEYS = 1 << 62
LAID_OUT = 1 << 20
"""Readings of overlapping windows that are laid out one after another at once."""


@frozen(eq=False)
class Asked:
    """The instants at which figures are wanted.

    Args:
        series: Index of each row's series, shape (m,).
        instants: Microseconds UTC, shape (m,).
    """

    series: Int64s
    instants: Int64s


@frozen(eq=False)
class Joined:
    """Readings of the joined datastream of each series, that can be looked up by instant.

    Args:
        samples: Those that count, sorted by series and time, all in [low, high].
        scales: What their values are divided by, per series, float64, shape (S,).
        periods: Microseconds per series, 0 for irregular ones, shape (S,).
        low, high: First and last instant that can be asked for.

    Raises:
        OverflowError: if there are too many series for so long a time; ask for fewer at once.
    """

    samples: Samples
    scales: Float64s
    periods: Int64s
    low: int
    high: int
    _keys: Int64s = field(init=False)
    _totals: Int64s = field(init=False)

    def __attrs_post_init__(self) -> None:
        if not fits(len(self.scales), self.low, self.high):
            raise OverflowError(f"{len(self.scales)} series in [{self.low}, {self.high}]")
        keys = self._key(self.samples.series, self.samples.times)
        object.__setattr__(self, "_keys", keys)
        totals = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.samples.values)])
        object.__setattr__(self, "_totals", totals)

    def _key(self, series: Int64s, instants: Int64s) -> Int64s:
        return series * (self.high - self.low + 1) + (instants - self.low)

    def _after(self, series: Int64s, instants: Int64s) -> Int64s:
        """The first reading of each series that is later than an instant."""
        return np.searchsorted(self._keys, self._key(series, instants), "right")

    def figures(self, one: SeriesInput, asked: Asked) -> Float64s:
        """An input's column, NaN where it cannot be determined, shape (m,)."""
        if isinstance(one, Latest):
            return self._newest(asked, one.within)[0] / self.scales[asked.series]
        if isinstance(one, Hourly):
            return self._hours(one, asked)
        if one.how == "rise":
            return self._rise(one, asked)
        begin = self._after(asked.series, asked.instants - one.length)
        end = self._after(asked.series, asked.instants)
        enough = end - begin >= self._needed(one)[asked.series]
        if one.how == "count":
            return np.where(enough, end - begin, np.nan)
        scales = self.scales[asked.series]
        return np.where(enough, self._of_stretches(one.how, begin, end, scales), np.nan)

    def _of_stretches(
        self, how: HourFigure, begin: Int64s, end: Int64s, scales: Float64s
    ) -> Float64s:
        """A figure of the readings ``[begin, end)`` for every pair; NaN where there is none."""
        counts = end - begin
        if how in {"minimum", "maximum"}:
            better = np.minimum if how == "minimum" else np.maximum
            return _extremes(better, self.samples.values, begin, end) / scales
        if how in {"sum", "mean"}:
            totals = Parts(self._totals[end] - self._totals[begin], np.zeros(len(begin)))
            return totals.figures(how, counts, scales)
        parts = Parts.of(how, self.samples.values, self.scales[self.samples.series])
        found = np.empty(len(begin))
        for rows in _slices(counts):
            owners = np.repeat(np.arange(len(rows)), counts[rows])
            first = np.cumsum(counts[rows]) - counts[rows]
            places = np.arange(len(owners)) - first[owners] + begin[rows][owners]
            sums = parts.take(places).together(how, owners, len(rows))
            found[rows] = sums.figures(how, counts[rows], scales[rows])
        return found

    def _needed(self, one: Window) -> Float64s:
        """Readings that a window needs, per series."""
        expected = np.where(self.periods > 0, one.length / np.maximum(self.periods, 1), 0.0)
        return one.coverage * expected

    def _newest(self, asked: Asked, within: int) -> tuple[Float64s, Int64s]:
        """The newest reading at or before each instant as a scaled value, NaN for none."""
        end = self._after(asked.series, asked.instants)
        begin = self._after(asked.series, asked.instants - within - 1)
        row = np.maximum(end - 1, 0)
        if not len(self.samples.values):
            return np.full(len(row), np.nan), row
        return np.where(end > begin, self.samples.values[row], np.nan), row

    def _rise(self, one: Window, asked: Asked) -> Float64s:
        begun = Asked(asked.series, asked.instants - one.length)
        last, _ = self._newest(asked, one.tolerance)
        first, _ = self._newest(begun, one.tolerance)
        begin = self._after(asked.series, begun.instants)
        end = self._after(asked.series, asked.instants)
        enough = end - begin >= self._needed(one)[asked.series]
        return np.where(enough, (last - first) / self.scales[asked.series], np.nan)

    def _hours(self, one: Hourly, asked: Asked) -> Float64s:
        over = (asked.instants + 1) // HOUR * HOUR
        begin = self._after(asked.series, over - HOUR - 1)
        end = self._after(asked.series, over - 1)
        count = end - begin
        needed = Coverage.of(self.periods, one.coverage).needed[asked.series]
        figures = self._of_stretches(one.how, begin, end, self.scales[asked.series])
        return np.where(count >= needed, figures, np.nan)


def _slices(counts: Int64s) -> Iterator[Int64s]:
    """Rows in parts of which each has about so many readings as may be laid out at once."""
    parts = np.cumsum(counts) // LAID_OUT
    rows = np.arange(len(counts))
    yield from np.split(rows, np.flatnonzero(parts[1:] != parts[:-1]) + 1)


def fits(series: int, low: int, high: int) -> bool:
    """Whether so many series can be looked up together over so long a time."""
    return series * (high - low + 1) < MOST_KEYS


def look_back(one: SeriesInput) -> int:
    """How far before a row's instant an input's readings may lie, microseconds."""
    if isinstance(one, Latest):
        return one.within + 1
    if isinstance(one, Hourly):
        return 2 * HOUR
    return one.length + one.tolerance + 1 if one.how == "rise" else one.length + 1


def _extremes(better: np.ufunc, values: Int64s, begin: Int64s, end: Int64s) -> Float64s:
    """The extreme of ``values[begin:end]`` for every pair; NaN where there is no value.

    Tables of the extremes of 1, 2, 4, … values in a row: two of them cover any stretch.
    """
    found = np.full(len(begin), np.nan)
    lengths = end - begin
    longest = int(lengths.max(initial=0))
    table, size = values, 1
    while size <= longest:
        rows = np.flatnonzero((lengths >= size) & (lengths < 2 * size))
        found[rows] = better(table[begin[rows]], table[end[rows] - size])
        if 2 * size <= longest:
            table = better(table[:-size], table[size:])
        size *= 2
    return found
