"""Readings of several datastreams, on their way to a rule, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from county_gov.contract.batch import Bools, Float64s, Int64s

if TYPE_CHECKING:
    from county_gov.contract.context import DatastreamView
    from county_gov.store.observations import Stored
    from county_gov.store.transaction import Snapshot


class Readings(Protocol):
    """Where stored readings are read."""

    def read(self, snapshot: Snapshot, datastream: int, start: int, end: int) -> Stored:
        """Current readings of a datastream in [start, end), by time."""
        ...

    def read_many(
        self, snapshot: Snapshot, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        """Current readings of several datastreams in [start, end), by datastream and time."""
        ...


class Register(Protocol):
    """Where datastreams are looked up."""

    def datastream(self, number: int) -> DatastreamView:
        """The datastream of a number.

        Raises:
            KeyError: if there is none.
        """
        ...

    def datastreams_at(self, thing: str) -> Sequence[DatastreamView]:
        """All datastreams of a thing, those in use first, then by code."""
        ...


@frozen
class Stretch:
    """Readings of one datastream that have to be judged (again): first and last instant."""

    start: int
    end: int

    def joined(self, other: Stretch | None) -> Stretch:
        """The smallest stretch that holds both."""
        if other is None:
            return self
        return Stretch(min(self.start, other.start), max(self.end, other.end))


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

    def since(self, instant: int) -> InputRows:
        """Those from an instant on."""
        kept = self.times >= instant
        if kept.all():
            return self
        return InputRows(self.series[kept], self.times[kept], self.values[kept])
