"""Joined values that hold by the day: fields of records, and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np
from attrs import define, field, frozen

from county_gov.contract.batch import Float64s, Int64s, Texts
from county_gov.contract.clock import DAY, EARLIEST, HOUR, MICROSECONDS
from county_gov.contract.rule import Attribute, ClockPart, Setting
from county_gov.contract.schema import Value

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.context import DatastreamView
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.parameter import Parameter, ParameterValue
    from county_gov.contract.schema import Field
    from county_gov.store.transaction import Snapshot

EPOCH = date(1970, 1, 1)
THURSDAY = 3
"""The weekday of 1970-01-01, counted from Monday."""
QUARTER = HOUR // 4
"""Offsets from UTC change at no finer instants than these."""
MOST_KEPT = 100_000

DatedInput = Attribute | Setting


class Attributes(Protocol):
    """Where records are looked up."""

    def in_force(
        self, snapshot: Snapshot, dataset: str, key: str, day: int
    ) -> Mapping[str, Value] | None:
        """The record of a key that holds on a local day (days since 1970-01-01), or None."""
        ...


class Settings(Protocol):
    """Where parameters are looked up."""

    def value_at(
        self, snapshot: Snapshot, parameter: str, area: str, subject: str, day: int
    ) -> ParameterValue | None:
        """What holds for a thing or choice in an area on a local day (days since 1970-01-01)."""
        ...


@frozen(eq=False)
class Nothing:
    """Neither records nor parameters."""

    def in_force(
        self, snapshot: Snapshot, dataset: str, key: str, day: int
    ) -> Mapping[str, Value] | None:
        """No record."""
        return None

    def value_at(
        self, snapshot: Snapshot, parameter: str, area: str, subject: str, day: int
    ) -> ParameterValue | None:
        """No value."""
        return None


@frozen(eq=False)
class DatedSources:
    """Where records and parameters come from; by default there are none.

    Args:
        attributes: Where records are looked up.
        settings: Where parameters are looked up.
        datasets: The declared datasets by id, for the fields' types.
        parameters: The declared parameters by id.
    """

    attributes: Attributes = field(factory=Nothing)
    settings: Settings = field(factory=Nothing)
    datasets: Mapping[str, Dataset] = field(factory=dict)
    parameters: Mapping[str, Parameter] = field(factory=dict)


def local_days(times: Int64s, zone: ZoneInfo) -> Int64s:
    """The local day of each instant, days since 1970-01-01, shape (n,)."""
    quarters, rows = np.unique(times // QUARTER, return_inverse=True)
    days = [
        (datetime.fromtimestamp(one * QUARTER // MICROSECONDS, zone).date() - EPOCH).days
        for one in quarters.tolist()
    ]
    return np.array(days, np.int64)[rows]


def clock_part(times: Int64s, zone: ZoneInfo, part: ClockPart) -> Float64s:
    """What the county's clocks and calendar show at each instant, shape (n,); see `LocalTime`."""
    quarters, rows = np.unique(times // QUARTER, return_inverse=True)
    offsets = [
        datetime.fromtimestamp(one * QUARTER // MICROSECONDS, zone).utcoffset() or timedelta()
        for one in quarters.tolist()
    ]
    steps = [one // timedelta(microseconds=1) for one in offsets]
    local = times + np.array(steps, np.int64)[rows]
    if part == "hour":
        return np.asarray(local % DAY / HOUR, np.float64)
    days = local // DAY
    if part == "weekday":
        return np.asarray((days + THURSDAY) % 7, np.float64)
    dates = days.astype("datetime64[D]")
    return np.asarray((dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1, np.float64)


def first_instant(day: int, zone: ZoneInfo) -> int:
    """The instant at which a local day begins; the earliest that is stored, for days before."""
    ordinal = EPOCH.toordinal() + day
    if ordinal <= datetime.fromtimestamp(EARLIEST // MICROSECONDS, UTC).toordinal():
        return EARLIEST
    begins = datetime.combine(date.fromordinal(min(ordinal, date.max.toordinal())), time(), zone)
    return int(begins.timestamp()) * MICROSECONDS


@define(eq=False)
class DatedValues:
    """Looks values up once per day and key, and keeps them until they are told to have changed.

    A value that has changed meanwhile may be kept for a moment: its change is in the journal, and
    judging again whatever it touches begins with `forget`. Not for use by several threads.

    Args:
        sources: Where they are looked up.
    """

    sources: DatedSources
    _kept: dict[DatedInput, dict[tuple[str, str, int], Value]] = field(factory=dict, init=False)

    def forget(self, kind: str, owner: str) -> None:
        """Look up anew what belongs to a dataset ("record") or parameter ("parameter")."""
        self._kept = {
            one: kept for one, kept in self._kept.items() if (kind, owner) not in sources_of(one)
        }

    def column(
        self,
        snapshot: Snapshot,
        one: DatedInput,
        views: Sequence[DatastreamView],
        series: Int64s,
        days: Int64s,
    ) -> Float64s | Texts:
        """An input's column for rows of some series on local days, shape (n,)."""
        is_text = self._field(one).dtype == "text"
        if not len(days):
            return np.empty(0, np.object_) if is_text else np.empty(0)
        first = int(days.min())
        span = int(days.max()) - first + 1
        pairs, rows = np.unique(series * span + (days - first), return_inverse=True)
        found = [
            self._look_up(snapshot, one, views[pair // span], pair % span + first)
            for pair in pairs.tolist()
        ]
        if is_text:
            texts = np.empty(len(found), np.object_)
            texts[:] = [value if isinstance(value, str) else "" for value in found]
            chosen: Texts = texts[rows]
            return chosen
        return np.array([_number(value) for value in found], np.float64)[rows]

    def _field(self, one: DatedInput) -> Field:
        if isinstance(one, Attribute):
            return self.sources.datasets[one.dataset].schema[one.field]
        return self.sources.parameters[one.parameter].field

    def _look_up(
        self, snapshot: Snapshot, one: DatedInput, view: DatastreamView, day: int
    ) -> Value:
        kept = self._kept.setdefault(one, {})
        key = (view.area, view.thing, day)
        if key not in kept:
            if len(kept) >= MOST_KEPT:
                kept.clear()
            kept[key] = self._find(snapshot, one, view, day)
        return kept[key]

    def _find(self, snapshot: Snapshot, one: DatedInput, view: DatastreamView, day: int) -> Value:
        if isinstance(one, Attribute):
            key = view.thing if one.key == "thing" else view.area
            record = self.sources.attributes.in_force(snapshot, one.dataset, key, day)
            return None if record is None else record.get(one.field)
        value = self.setting(snapshot, one, view, day)
        return None if value is None else value.value

    def setting(
        self, snapshot: Snapshot, one: Setting, view: DatastreamView, day: int
    ) -> ParameterValue | None:
        """What a parameter is for a datastream's thing, area or choice on a local day."""
        varies = self.sources.parameters[one.parameter].varies_by
        subject = view.thing if varies == "thing" else ""
        if one.choice is not None:
            chosen = self._look_up(snapshot, one.choice, view, day)
            if not isinstance(chosen, str) or not chosen:
                return None
            subject = chosen
        return self.sources.settings.value_at(snapshot, one.parameter, view.area, subject, day)


def sources_of(one: DatedInput) -> tuple[tuple[str, str], ...]:
    """The journal's kinds and refs of what changes an input."""
    if isinstance(one, Attribute):
        return (("record", one.dataset),)
    chosen = () if one.choice is None else sources_of(one.choice)
    return (("parameter", one.parameter), *chosen)


def _number(value: Value) -> float:
    """A value as it stands in a column; a day as days since 1970-01-01."""
    if isinstance(value, str):
        return float((date.fromisoformat(value) - EPOCH).days)
    return float("nan") if value is None else float(value)
