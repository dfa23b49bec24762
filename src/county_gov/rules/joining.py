"""Joining: what a rule's further inputs say at the instants of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from county_gov.contract.batch import Bools, Float64s, Int64s, UInt8s
from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.rule import Attribute, Hourly, Latest, LocalTime, Setting
from county_gov.rules.dated import DatedInput, DatedValues, clock_part, local_days, sources_of
from county_gov.rules.hours import floor_hour
from county_gov.rules.joined import Asked, Joined, SeriesInput, fits, look_back
from county_gov.rules.samples import InputRows, Readings, Register, Samples, Stretch
from county_gov.store.observations import measures

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.context import DatastreamView
    from county_gov.contract.rule import Rule
    from county_gov.rules.told import Told
    from county_gov.store.transaction import Snapshot

NARROW = 2 * DAY
"""Rows of many datastreams that lie further apart are joined one datastream at a time."""


@frozen(eq=False)
class Joiner:
    """Joins further inputs to a rule's rows, and tells which rows a reading is joined to.

    Args:
        rule: The rule.
        readings: Where stored readings are read.
        register: Gives the current register of datastreams.
        dated: Where records and parameters are looked up.
        zone: Whose days count.
        ignored: Which quality flags say nothing, by their number.
    """

    rule: Rule
    readings: Readings
    register: Callable[[], Register]
    dated: DatedValues
    zone: ZoneInfo
    ignored: Bools
    series: Mapping[str, Mapping[str, SeriesInput]] = field(init=False)
    """The inputs that are read from datastreams, by column, by observed property."""
    by_day: Mapping[str, DatedInput] = field(init=False)
    """Those that hold by the day, by column."""
    by_clock: Mapping[str, LocalTime] = field(init=False)
    """Those that the row's instant itself says, by column."""

    def __attrs_post_init__(self) -> None:
        series: dict[str, dict[str, SeriesInput]] = {}
        by_day: dict[str, DatedInput] = {}
        by_clock: dict[str, LocalTime] = {}
        for name, one in self.rule.joined.items():
            if isinstance(one, Attribute | Setting):
                by_day[name] = one
            elif isinstance(one, LocalTime):
                by_clock[name] = one
            else:
                series.setdefault(one.observed_property, {})[name] = one
        object.__setattr__(self, "series", series)
        object.__setattr__(self, "by_day", by_day)
        object.__setattr__(self, "by_clock", by_clock)

    def __bool__(self) -> bool:
        """Whether there is anything to join."""
        return bool(self.series or self.by_day or self.by_clock)

    @property
    def hourly(self) -> bool:
        """Whether a row is an hour."""
        return isinstance(self.rule.driving, Hourly)

    def counting(self, one: SeriesInput, flags: UInt8s) -> Bools:
        """Whether readings with these flags count for an input, shape (n,)."""
        counting = ~self.ignored[flags]
        return counting if isinstance(one, Latest) else counting & measures(flags)

    def columns(
        self, snapshot: Snapshot, views: Sequence[DatastreamView], rows: InputRows
    ) -> dict[str, NDArray[Any]]:
        """The further inputs' columns, in the order of the rule, each of shape (n,).

        Args:
            snapshot: Where readings, records and parameters are read.
            views: The driving datastreams; ``rows.series`` counts them.
            rows: The rows, sorted by series and time.
        """
        found: dict[str, NDArray[Any]] = {}
        if self.by_day:
            days = local_days(rows.times, self.zone)
            for name, one in self.by_day.items():
                found[name] = self.dated.column(snapshot, one, views, rows.series, days)
        for name, clock in self.by_clock.items():
            found[name] = clock_part(rows.times, self.zone, clock.part)
        instants = rows.times + (HOUR - 1) if self.hourly else rows.times
        for observed, inputs in self.series.items():
            found |= self._figures(snapshot, views, observed, inputs, Asked(rows.series, instants))
        return {name: found[name] for name in self.rule.joined}

    def _figures(
        self,
        snapshot: Snapshot,
        views: Sequence[DatastreamView],
        observed: str,
        inputs: Mapping[str, SeriesInput],
        asked: Asked,
    ) -> dict[str, Float64s]:
        """The columns of all inputs of one observed property."""
        found = {name: np.full(len(asked.instants), np.nan) for name in inputs}
        partners = [self.partner(view, observed) for view in views]
        back = max(look_back(one) for one in inputs.values())
        for rows in _groups(asked, back):
            series = asked.series[rows]
            streams, places = _places(partners, np.unique(series).tolist())
            there = rows[places[series] >= 0]
            if len(there):
                mine = Asked(places[asked.series[there]], asked.instants[there])
                for name, column in self._together(snapshot, streams, inputs, mine, back):
                    found[name][there] = column
        return found

    def _together(
        self,
        snapshot: Snapshot,
        streams: Sequence[DatastreamView],
        inputs: Mapping[str, SeriesInput],
        asked: Asked,
        back: int,
    ) -> Iterator[tuple[str, Float64s]]:
        """The columns of rows whose joined datastreams (by number) are read in one read."""
        low, high = int(asked.instants.min()) - back, int(asked.instants.max())
        numbers = [view.number for view in streams]
        stored = self.readings.read_many(snapshot, numbers, low, high + 1)
        owners = np.searchsorted(np.array(numbers, np.int64), stored.datastream)
        scales = 10.0 ** np.array([view.decimals for view in streams], np.float64)
        periods = np.array([view.period for view in streams], np.int64)
        for name, one in inputs.items():
            counts = self.counting(one, stored.flag)
            samples = Samples(
                owners[counts], stored.time[counts], stored.value[counts], counts[counts]
            )
            yield name, Joined(samples, scales, periods, low, high).figures(one, asked)

    @property
    def back(self) -> int:
        """How far before a row's instant the readings may lie that are joined to it."""
        found = (look_back(one) for inputs in self.series.values() for one in inputs.values())
        return max(found, default=0)

    def partners(self, views: Sequence[DatastreamView]) -> set[int]:
        """Numbers of the datastreams that are joined to driving ones."""
        found = (self.partner(view, observed) for view in views for observed in self.series)
        return {one.number for one in found if one is not None}

    def partner(self, view: DatastreamView, observed: str) -> DatastreamView | None:
        """The datastream of a property that is joined to a driving one; None where there is none.

        It is the driving one itself where that has the property, else the first of the thing.
        """
        if view.observed_property == observed:
            return view
        siblings = self.register().datastreams_at(view.thing)
        return next((one for one in siblings if one.observed_property == observed), None)

    def touched(self, views: Sequence[DatastreamView], told: Told) -> dict[int, Stretch]:
        """Numbers of the driving datastreams that told readings are joined to, and to which rows.

        Args:
            views: The datastreams that are told of.
            told: The readings.
        """
        found: dict[int, Stretch] = {}
        joined = [view for view in views if view.observed_property in self.series]
        firsts, ends = told.rows_of([view.number for view in joined])
        for view, first, end in zip(joined, firsts, ends, strict=True):
            reached = self._reached(view.observed_property, told.stretch(first, end))
            for driver in self._drivers(view):
                found[driver.number] = reached.joined(found.get(driver.number))
        return found

    def _reached(self, observed: str, stretch: Stretch) -> Stretch:
        """The driving readings whose rows readings of a joined datastream may be part of."""
        forth = max(look_back(one) for one in self.series[observed].values())
        start = floor_hour(stretch.start) if self.hourly else stretch.start
        return Stretch(start, stretch.end + forth)

    def _drivers(self, view: DatastreamView) -> Iterator[DatastreamView]:
        """The driving datastreams that a joined one is joined to."""
        wanted = self.rule.driving.observed_property
        if view.observed_property == wanted:
            yield view
            return
        for one in self.register().datastreams_at(view.thing):
            if one.observed_property == wanted:
                partner = self.partner(one, view.observed_property)
                if partner is not None and partner.number == view.number:
                    yield one

    def depends_on(self, kind: str, ref: str) -> bool:
        """Whether an entry of the journal, of a kind and about a ref, may have changed an input."""
        return any((kind, ref) in sources_of(one) for one in self.by_day.values())


def _places(
    partners: Sequence[DatastreamView | None], present: Sequence[int]
) -> tuple[list[DatastreamView], Int64s]:
    """The joined datastreams of some series, by number, and the place of each series' own (-1)."""
    places = np.full(len(partners), -1)
    found = {one.number: one for one in (partners[index] for index in present) if one is not None}
    place_of = {number: place for place, number in enumerate(sorted(found))}
    for index in present:
        partner = partners[index]
        if partner is not None:
            places[index] = place_of[partner.number]
    return [found[number] for number in place_of], places


def _groups(asked: Asked, back: int) -> Iterator[Int64s]:
    """Rows that are joined together: all, or one series after the other."""
    if not len(asked.instants):
        return
    low, high = int(asked.instants.min()) - back, int(asked.instants.max())
    series, starts = np.unique(asked.series, return_index=True)
    everything = np.arange(len(asked.instants))
    if len(series) == 1 or (high - low <= NARROW + back and fits(len(series), low, high)):
        yield everything
        return
    yield from np.split(everything, starts[1:])
