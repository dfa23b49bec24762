"""What the lines of the register files say, line by line, before it is compared with anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, field, frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import Problem
from county_gov.registers.csvfile import Line, day_text, read_lines, suggestion
from county_gov.store.registers import AreaRow, DatastreamRow, ParentRow, ThingRow, UnitRow

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
AREA_KINDS = {"county": 6, "township": 9, "village": 12, "grid": 13}
"""Kind of an area to the digits of its code; a grid's code has at least 13."""

LONGEST_PERIOD = 366 * 86_400
"""Seconds."""

MOST_DECIMALS = 9
LARGEST_BOUND = 9e15
"""A bound that is still exact as a float64; with its decimals it must fit into an int64."""


@frozen
class AreaEntry:
    """One line of ``areas.csv``: an area under one parent.

    ``parent.valid_to`` equal to ``parent.valid_from`` withdraws a line imported by mistake.
    """

    place: str
    row: AreaRow
    parent: ParentRow


@frozen
class UnitEntry:
    """One line of ``units.csv``."""

    place: str
    row: UnitRow


@frozen
class ThingEntry:
    """One line of ``things.csv``."""

    place: str
    row: ThingRow


@frozen
class DatastreamEntry:
    """One line of ``datastreams.csv``."""

    place: str
    row: DatastreamRow


@frozen(eq=False)
class RegisterFile:
    """A file of one register.

    Args:
        register: ``areas``, ``units``, ``things`` or ``datastreams``.
        name: The file's name, for problems.
        raw: Its bytes, CSV in UTF-8 or GB18030.
    """

    register: str
    name: str
    raw: bytes = field(repr=False)


@frozen(eq=False)
class RegisterEntries:
    """The lines of some register files; a register without a file has none.

    Args:
        areas, units, things, datastreams: The lines that could be read.
        broken: Codes of the lines that could not, so that a reference to one of them is not
            reported as well.
        problems: What is wrong with the files and their lines, each by itself.
    """

    areas: Sequence[AreaEntry] = ()
    units: Sequence[UnitEntry] = ()
    things: Sequence[ThingEntry] = ()
    datastreams: Sequence[DatastreamEntry] = ()
    broken: frozenset[str] = frozenset()
    problems: Sequence[Problem] = ()


def read_entries(files: Sequence[RegisterFile]) -> RegisterEntries:
    """Read register files, at most one for each register."""
    problems: list[Problem] = []
    by_register = {file.register: file for file in files}

    def lines(register: str, compulsory: str, optional: str) -> Sequence[Line]:
        file = by_register.get(register)
        if file is None:
            return ()
        found = read_lines(
            file.raw,
            file.name,
            compulsory=compulsory.split(),
            optional=optional.split(),
            problems=problems,
        )
        return list(found)

    areas = lines("areas", "code kind name parent valid_from", "name_en valid_to")
    units = lines("units", "code name kind area", "name_en")
    things = lines("things", "code name area unit", "name_en longitude latitude active")
    datastreams = lines(
        "datastreams",
        "code thing observed_property name unit period_seconds decimals",
        "name_en minimum maximum active",
    )
    broken: set[str] = set()

    def each(found: Sequence[Line], read: Callable[[Line], T]) -> tuple[T, ...]:
        entries = []
        for line in found:
            before = len(problems)
            entry = read(line)
            if len(problems) == before:
                entries.append(entry)
            else:
                broken.add(line.values["code"])
        return tuple(entries)

    entries = RegisterEntries(
        areas=each(areas, _area),
        units=each(units, _unit),
        things=each(things, _thing),
        datastreams=each(datastreams, _datastream),
    )
    for named in (entries.units, entries.things, entries.datastreams):
        problems.extend(_repeated(named))
    return evolve(entries, broken=frozenset(broken), problems=tuple(problems))


def _repeated(
    entries: Sequence[UnitEntry] | Sequence[ThingEntry] | Sequence[DatastreamEntry],
) -> list[Problem]:
    first: dict[str, str] = {}
    problems = []
    for entry in entries:
        earlier = first.setdefault(entry.row.code, entry.place)
        if earlier != entry.place:
            message = f"{entry.row.code!r} stands at {earlier} already; remove one of the lines"
            problems.append(Problem(f"{entry.place}: code", message))
    return problems


def _area(line: Line) -> AreaEntry:
    kind = line.text("kind")
    if kind and kind not in AREA_KINDS:
        line.refuse("kind", f"one of {', '.join(AREA_KINDS)}{suggestion(kind, AREA_KINDS)}")
    code = line.code("code")
    begin, end = line.day("valid_from"), line.day("valid_to")
    if begin is None and not line.values.get("valid_from"):
        line.refuse("valid_from", "the first day under this parent, like 2026-01-31")
    if begin is not None and end is not None and end < begin:
        line.refuse("valid_to", f"the first day no longer under this parent, {day_text(begin)} on")
    parent = line.code("parent", compulsory=False)
    return AreaEntry(
        line.place,
        AreaRow(code, kind, line.text("name"), line.text("name_en", compulsory=False)),
        ParentRow(code, parent or None, begin or 0, end),
    )


def _unit(line: Line) -> UnitEntry:
    row = UnitRow(
        code=line.code("code"),
        name=line.text("name"),
        name_en=line.text("name_en", compulsory=False),
        kind=line.code("kind"),
        area=line.code("area"),
    )
    return UnitEntry(line.place, row)


def _thing(line: Line) -> ThingEntry:
    longitude, latitude = line.real("longitude", -180, 180), line.real("latitude", -90, 90)
    if bool(line.values.get("longitude")) != bool(line.values.get("latitude")):
        line.refuse("latitude", "longitude and latitude both, or neither")
    row = ThingRow(
        code=line.code("code"),
        name=line.text("name"),
        name_en=line.text("name_en", compulsory=False),
        longitude=longitude,
        latitude=latitude,
        area=line.code("area"),
        unit=line.code("unit"),
        active=line.truth("active", default=True),
    )
    return ThingEntry(line.place, row)


def _datastream(line: Line) -> DatastreamEntry:
    minimum = line.real("minimum", -LARGEST_BOUND, LARGEST_BOUND)
    maximum = line.real("maximum", -LARGEST_BOUND, LARGEST_BOUND)
    decimals = line.whole("decimals", 0, MOST_DECIMALS)
    if minimum is not None and maximum is not None and minimum >= maximum:
        line.refuse("maximum", f"more than the minimum, {minimum:g}")
    for name, bound in (("minimum", minimum), ("maximum", maximum)):
        if bound is not None and abs(bound) * 10**decimals >= 2**62:
            line.refuse(name, f"a number that fits 64 bits with {decimals} decimals")
    row = DatastreamRow(
        code=line.code("code"),
        thing=line.code("thing"),
        observed_property=line.code("observed_property"),
        name=line.text("name"),
        name_en=line.text("name_en", compulsory=False),
        unit_symbol=line.text("unit", compulsory=False),
        period=line.whole("period_seconds", 0, LONGEST_PERIOD) * MICROSECONDS,
        decimals=decimals,
        minimum=minimum,
        maximum=maximum,
        active=line.truth("active", default=True),
    )
    return DatastreamEntry(line.place, row)
