"""Figures of many readings: what each reading adds, and what the sum of it says.

Whole numbers are added as such, and the others one after another in the order of time, so that it
makes no difference whether an hour was filled at once or reading by reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from county_gov.contract.batch import Float64s, Int64s

if TYPE_CHECKING:
    from county_gov.contract.rule import HourFigure

STEPS_OF_LEVEL = 6
"""Decimals of decibels and degrees that are kept: what lies below is the machine's rounding."""
CANCELLED = 1e-9
"""A mean vector shorter than this has no direction."""
HIGHEST_LEVEL = 3000.0
"""Decibels whose energy a float still holds; no meter shows more."""


@frozen(eq=False)
class Parts:
    """What readings, or stretches of them, add to a figure; shape (n,) each.

    Args:
        first: Scaled values, or energies, or cosines.
        second: Sines; zeros for every other figure.
    """

    first: Int64s | Float64s
    second: Float64s

    @classmethod
    def of(cls, how: HourFigure, values: Int64s, scales: Float64s) -> Parts:
        """What single readings add.

        Args:
            how: The figure.
            values: Scaled values, shape (n,).
            scales: What each is divided by, shape (n,).
        """
        if how == "equivalent_level":
            levels, rows = np.unique(values / scales, return_inverse=True)
            energies = [10.0 ** (min(one, HIGHEST_LEVEL) / 10.0) for one in levels.tolist()]
            return cls(np.array(energies, np.float64)[rows], np.zeros(len(values)))
        if how == "vector_mean":
            degrees, rows = np.unique(values / scales, return_inverse=True)
            angles = np.deg2rad(degrees)
            return cls(np.cos(angles)[rows], np.sin(angles)[rows])
        return cls(values, np.zeros(len(values)))

    @classmethod
    def empty(cls, how: HourFigure) -> Parts:
        """No reading at all."""
        return cls.of(how, np.empty(0, np.int64), np.empty(0))

    def after(self, other: Parts) -> Parts:
        """Those of another first, then these."""
        return Parts(
            np.concatenate([other.first, self.first]), np.concatenate([other.second, self.second])
        )

    def take(self, rows: Int64s) -> Parts:
        """Some of them."""
        return Parts(self.first[rows], self.second[rows])

    def together(self, how: HourFigure, owners: Int64s, groups: int) -> Parts:
        """What each of some groups adds; a group without parts adds nothing.

        Args:
            how: The figure.
            owners: Each part's group, rising, shape (n,).
            groups: How many there are.
        """
        if how in {"equivalent_level", "vector_mean"}:
            return Parts(_added(owners, self.first, groups), _added(owners, self.second, groups))
        found = np.zeros(groups, np.int64)
        if len(owners):
            starts = np.flatnonzero(np.concatenate([[True], owners[1:] != owners[:-1]]))
            better = {"minimum": np.minimum, "maximum": np.maximum}.get(how, np.add)
            found[owners[starts]] = better.reduceat(self.first, starts)
        return Parts(found, np.zeros(groups))

    def figures(self, how: HourFigure, counts: Int64s, scales: Float64s) -> Float64s:
        """The figure of each group in the datastream's unit, NaN for a group without readings.

        Args:
            how: The figure.
            counts: Readings of each group, shape (n,).
            scales: What its scaled values are divided by, shape (n,).
        """
        some = counts > 0
        number = np.maximum(counts, 1)
        if how == "equivalent_level":
            mean = np.where(some, self.first / number, 1.0)
            found = np.round(10.0 * np.log10(mean), STEPS_OF_LEVEL)
        elif how == "vector_mean":
            degrees = np.rad2deg(np.arctan2(self.second, self.first)) % 360.0
            found = np.round(degrees, STEPS_OF_LEVEL) % 360.0
            some = some & (np.hypot(self.first, self.second) > CANCELLED * number)
        elif how == "mean":
            found = self.first / number / scales
        else:
            found = self.first / scales
        return np.where(some, found, np.nan)


def _added(owners: Int64s, numbers: Int64s | Float64s, groups: int) -> Float64s:
    """The sum of each group's numbers, added in their order."""
    return np.bincount(owners, numbers, groups).astype(np.float64)
