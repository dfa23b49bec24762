"""The registers in memory: immutable, versioned, and quick to look up by code or number."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from attrs import field, frozen

from county_gov.contract.context import DatastreamView
from county_gov.store.registers import AreaRow, ParentRow, RegisterContents, UnitRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from county_gov.contract.batch import Bools, Float64s, Int64s

T = TypeVar("T", bound=np.generic)
NOTHING: Mapping[str, str] = MappingProxyType({})


@frozen(eq=False)
class RegisterSnapshot:
    """The registers at one version. Implements `county_gov.contract.source.Things`.

    Arrays are read-only and indexed by a datastream's number; numbers begin with 1, and index 0
    and the numbers of no datastream hold period 0, decimals 0, open bounds and ``active`` False.

    Args:
        version: Raised with each change of a register.
        numbers: Datastream's code to its number.
        period: int64, microseconds; 0 for irregular readings.
        decimals: int64, decimals with which values are scaled to integers.
        minimum: float64, ``-inf`` where there is no bound.
        maximum: float64, ``inf`` where there is no bound.
        active: bool, whether both the datastream and its thing are in use.
        areas: Area's code to its row.
        units: Unit's code to its row.
    """

    version: int
    numbers: Mapping[str, int]
    period: Int64s
    decimals: Int64s
    minimum: Float64s
    maximum: Float64s
    active: Bools
    areas: Mapping[str, AreaRow]
    units: Mapping[str, UnitRow]
    views: tuple[DatastreamView | None, ...]
    codes_of_things: Mapping[str, Mapping[str, str]]
    views_of_things: Mapping[str, tuple[DatastreamView, ...]]
    parents: Mapping[str, tuple[ParentRow, ...]]
    _change_days: tuple[int, ...]
    _trees: dict[int, Mapping[str, tuple[str, ...]]] = field(factory=dict)

    @classmethod
    def of(cls, contents: RegisterContents) -> RegisterSnapshot:
        """Lay the registers out for looking up."""
        numbers = contents.datastream_numbers
        size = max(numbers.values(), default=0) + 1
        period = np.zeros(size, np.int64)
        decimals = np.zeros(size, np.int64)
        minimum = np.full(size, -np.inf)
        maximum = np.full(size, np.inf)
        active = np.zeros(size, np.bool_)
        views: list[DatastreamView | None] = [None] * size
        by_thing: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for code, row in contents.datastreams.items():
            number, thing = numbers[code], contents.things[row.thing]
            period[number], decimals[number] = row.period, row.decimals
            if row.minimum is not None:
                minimum[number] = row.minimum
            if row.maximum is not None:
                maximum[number] = row.maximum
            active[number] = row.active and thing.active
            if active[number]:
                by_thing[row.thing][row.observed_property] = code
            views[number] = DatastreamView(
                number=number,
                code=code,
                thing=row.thing,
                observed_property=row.observed_property,
                name=row.name,
                name_en=row.name_en,
                unit=row.unit_symbol,
                period=row.period,
                decimals=row.decimals,
                area=thing.area,
                responsible_unit=thing.unit,
                longitude=thing.longitude,
                latitude=thing.latitude,
                minimum=row.minimum,
                maximum=row.maximum,
                thing_name=thing.name,
                thing_name_en=thing.name_en,
            )
        at_thing: defaultdict[str, list[DatastreamView]] = defaultdict(list)
        for view in sorted(filter(None, views), key=lambda one: (not active[one.number], one.code)):
            at_thing[view.thing].append(view)
        return cls(
            version=contents.version,
            numbers=MappingProxyType(dict(numbers)),
            period=_frozen(period),
            decimals=_frozen(decimals),
            minimum=_frozen(minimum),
            maximum=_frozen(maximum),
            active=_frozen(active),
            areas=contents.areas,
            units=contents.units,
            views=tuple(views),
            codes_of_things={thing: MappingProxyType(codes) for thing, codes in by_thing.items()},
            views_of_things={thing: tuple(found) for thing, found in at_thing.items()},
            parents=contents.parents,
            change_days=tuple(
                sorted({row.valid_from for rows in contents.parents.values() for row in rows})
            ),
        )

    def number(self, code: str) -> int:
        """The number of a datastream, or -1 where the code is unknown."""
        return self.numbers.get(code, -1)

    def datastream(self, number: int) -> DatastreamView:
        """The datastream of a number.

        Raises:
            KeyError: if no datastream has the number.
        """
        view = self.views[number] if 0 <= number < len(self.views) else None
        if view is None:
            raise KeyError(f"no datastream has the number {number}")
        return view

    def datastreams(self, *, observed_property: str = "") -> tuple[DatastreamView, ...]:
        """The active datastreams, optionally of one observed property, by code."""
        found = (self.datastream(number) for number in self.numbers.values())
        return tuple(
            view
            for view in sorted(found, key=lambda view: view.code)
            if self.active[view.number]
            and (not observed_property or view.observed_property == observed_property)
        )

    def datastreams_of(self, thing: str) -> Mapping[str, str]:
        """Code of the active datastream by observed property; empty for an unknown thing."""
        return self.codes_of_things.get(thing, NOTHING)

    def datastreams_at(self, thing: str) -> tuple[DatastreamView, ...]:
        """All datastreams of a thing, those in use first, then by code."""
        return self.views_of_things.get(thing, ())

    def parent_of(self, code: str, day: int) -> str | None:
        """The area above another on a day; an abolished area keeps its last parent.

        Args:
            code: The area's code.
            day: Days since 1970-01-01.

        Returns:
            The parent's code; None at the top, before the area existed, or for an unknown code.
        """
        rows = self.parents.get(code, ())
        begun = bisect_right(rows, day, key=_valid_from)
        return rows[begun - 1].parent if begun else None

    def exists(self, code: str, day: int) -> bool:
        """Whether an area exists on a day, that is, has begun and was not abolished."""
        rows = self.parents.get(code, ())
        begun = bisect_right(rows, day, key=_valid_from)
        if not begun:
            return False
        end = rows[begun - 1].valid_to
        return end is None or day < end

    def ancestors(self, code: str, day: int) -> tuple[str, ...]:
        """The areas above one on a day, nearest first, without itself."""
        found: list[str] = []
        parent = self.parent_of(code, day)
        while parent is not None and parent not in found:
            found.append(parent)
            parent = self.parent_of(parent, day)
        return tuple(found)

    def descendants(self, code: str, day: int) -> frozenset[str]:
        """The areas below one on a day, without itself."""
        children = self._children(day)
        found: set[str] = set()
        waiting = list(children.get(code, ()))
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(children.get(one, ()))
        return frozenset(found - {code})

    def lies_within(self, code: str, area: str, day: int) -> bool:
        """Whether an area is another or lies below it on a day, as `store.scope` decides it."""
        return code == area or area in self.ancestors(code, day)

    def _children(self, day: int) -> Mapping[str, tuple[str, ...]]:
        """Children by parent; the same for all days between two changes."""
        era = bisect_right(self._change_days, day)
        tree = self._trees.get(era)
        if tree is None:
            children: defaultdict[str, list[str]] = defaultdict(list)
            for code in self.parents:
                parent = self.parent_of(code, day)
                if parent is not None:
                    children[parent].append(code)
            tree = {parent: tuple(codes) for parent, codes in children.items()}
            self._trees[era] = tree
        return tree


def _valid_from(row: ParentRow) -> int:
    return row.valid_from


def _frozen(array: NDArray[T]) -> NDArray[T]:
    array.flags.writeable = False
    return array
