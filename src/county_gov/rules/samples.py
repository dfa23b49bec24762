"""Readings of several datastreams, on their way to a rule."""

from __future__ import annotations

from attrs import frozen

from county_gov.contract.batch import Bools, Float64s, Int64s


@frozen(eq=False)
class Samples:
    """Stored readings, sorted by series and time.

    Args:
        series: Index of each reading's series, rising, shape (n,).
        times: Instants, rising within a series, shape (n,).
        values: Scaled values, shape (n,).
        counting: Whether the value counts; the others only show that time has passed, shape (n,).
    """

    series: Int64s
    times: Int64s
    values: Int64s
    counting: Bools


@frozen(eq=False)
class InputRows:
    """What a rule is asked about: rows sorted by series and time.

    Args:
        series: Index of each row's series, shape (n,).
        times: Instants or starts of hours, shape (n,).
        values: In the datastream's unit, shape (n,).
    """

    series: Int64s
    times: Int64s
    values: Float64s
