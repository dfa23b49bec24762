"""Importing register files: compare with what is there, refuse what is unsound, plan the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import Problem, RegisterError
from county_gov.registers.csvfile import suggestion
from county_gov.registers.entries import AREA_KINDS, AreaEntry, RegisterEntries
from county_gov.registers.tree import check_tree, merged
from county_gov.store.registers import ParentRow, RegisterChanges, RegisterContents

if TYPE_CHECKING:
    from county_gov.registers.entries import DatastreamEntry, ThingEntry, UnitEntry
    from county_gov.store.registers import AreaRow, DatastreamRow

    Named = UnitEntry | ThingEntry | DatastreamEntry

R = TypeVar("R")


@frozen
class Imported:
    """What an import did to one register, in rows of its file."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


@frozen(eq=False)
class ImportPlan:
    """Changes that are sound at one version of the registers.

    Args:
        version: The version that they were compared with.
        changes: The rows to write.
        redefined: Code and number of datastreams whose period, decimals, unit or property change;
            they must have no reading.
        imported: Register's name to its counts.
        warnings: What is allowed, but probably not meant.
        new_areas: Codes of the areas from the top down where all that change are new, else None.
    """

    version: int
    changes: RegisterChanges
    redefined: Mapping[str, int] = field(factory=dict)
    imported: Mapping[str, Imported] = field(factory=dict)
    warnings: tuple[Problem, ...] = ()
    new_areas: tuple[str, ...] | None = None


def plan_import(
    contents: RegisterContents, entries: RegisterEntries, *, has_readings: Callable[[int], bool]
) -> ImportPlan:
    """Compare entries with the registers.

    Args:
        contents: The registers as they are.
        entries: What the files say.
        has_readings: Whether a datastream, by number, has readings already.

    Raises:
        RegisterError: with all problems of all files at once.
    """
    problems = list(entries.problems)
    problems.extend(_check_areas_of_files(entries.areas))
    tree = merged(contents.parents, entries.areas)
    places = {(one.row.code, one.parent.valid_from): one.place for one in entries.areas}
    problems.extend(check_tree(tree, places, unsure=entries.broken))
    problems.extend(_check_references(contents, entries, tree))
    problems.extend(_check_properties(contents, entries.datastreams))
    redefined = tuple(_redefined(contents, entries.datastreams))
    for entry, number in redefined:
        if has_readings(number):
            problems.append(_keeps_its_scale(contents, entry))
    if problems:
        raise RegisterError(problems)
    changes, imported = _differences(contents, entries, tree)
    return ImportPlan(
        version=contents.version,
        changes=changes,
        redefined={entry.row.code: number for entry, number in redefined},
        imported=imported,
        warnings=tuple(_doubts(entries.areas)),
        new_areas=_from_the_top(changes, contents),
    )


def _check_areas_of_files(entries: Sequence[AreaEntry]) -> Iterator[Problem]:
    """Lines of one area that contradict each other."""
    first: dict[str, AreaEntry] = {}
    begun: dict[tuple[str, int], str] = {}
    for entry in entries:
        code, day = entry.row.code, entry.parent.valid_from
        earlier = begun.setdefault((code, day), entry.place)
        if earlier != entry.place:
            message = f"{code!r} has a line for this day at {earlier} already; remove one of them"
            yield Problem(f"{entry.place}: valid_from", message)
        other = first.setdefault(code, entry)
        for name in ("kind", "name", "name_en"):
            said, says = getattr(other.row, name), getattr(entry.row, name)
            if said != says:
                message = (
                    f"{code!r} is {said!r} at {other.place} and {says!r} here; "
                    "all lines of an area carry its present kind and names"
                )
                yield Problem(f"{entry.place}: {name}", message)


def _check_references(
    contents: RegisterContents, entries: RegisterEntries, tree: Collection[str]
) -> Iterator[Problem]:
    """References to areas, units and things that do not exist."""
    areas = {*tree, *entries.broken}
    units = {*contents.units, *(entry.row.code for entry in entries.units), *entries.broken}
    things = {*contents.things, *(entry.row.code for entry in entries.things), *entries.broken}
    for unit in entries.units:
        yield from _refer(unit, "area", unit.row.area, areas, "areas")
    for thing in entries.things:
        yield from _refer(thing, "area", thing.row.area, areas, "areas")
        yield from _refer(thing, "unit", thing.row.unit, units, "units")
    for datastream in entries.datastreams:
        yield from _refer(datastream, "thing", datastream.row.thing, things, "things")


def _refer(
    entry: Named, name: str, code: str, known: Collection[str], register: str
) -> Iterator[Problem]:
    if code not in known:
        message = f"{code!r} is not in the register of {register}{suggestion(code, known)}"
        yield Problem(f"{entry.place}: {name}", f"{message}; add it there or correct the code")


def _check_properties(
    contents: RegisterContents, entries: Sequence[DatastreamEntry]
) -> Iterator[Problem]:
    """A thing has one active datastream for each observed property, so that it can be found."""
    rows = dict(contents.datastreams) | {entry.row.code: entry.row for entry in entries}
    active = [row for row in rows.values() if row.active]
    counts = Counter((row.thing, row.observed_property) for row in active)
    for entry in entries:
        row = entry.row
        if row.active and counts[row.thing, row.observed_property] > 1:
            others = sorted(
                other.code
                for other in active
                if (other.thing, other.observed_property) == (row.thing, row.observed_property)
                and other.code != row.code
            )
            message = (
                f"{row.thing!r} has another active datastream of {row.observed_property!r}, "
                f"{others[0]!r}; set active to 0 on the one that is no longer used"
            )
            yield Problem(f"{entry.place}: observed_property", message)


def _redefined(
    contents: RegisterContents, entries: Sequence[DatastreamEntry]
) -> Iterator[tuple[DatastreamEntry, int]]:
    """The datastreams whose stored readings would change their meaning, with their numbers."""
    for entry in entries:
        old, new = contents.datastreams.get(entry.row.code), entry.row
        if old and _meaning(old) != _meaning(new):
            yield entry, contents.datastream_numbers[new.code]


def _meaning(row: DatastreamRow) -> tuple[int, int, str, str]:
    """What a stored reading's meaning depends on."""
    return row.period, row.decimals, row.thing, row.unit_symbol


def _keeps_its_scale(contents: RegisterContents, entry: DatastreamEntry) -> Problem:
    old, new = contents.datastreams[entry.row.code], entry.row
    pairs = {
        "period_seconds": (old.period // MICROSECONDS, new.period // MICROSECONDS),
        "decimals": (old.decimals, new.decimals),
        "thing": (old.thing, new.thing),
        "unit": (old.unit_symbol, new.unit_symbol),
    }
    name, (was, would_be) = next(item for item in pairs.items() if item[1][0] != item[1][1])
    message = (
        f"expected {was!r} as before, got {would_be!r}: {new.code!r} has readings already, and "
        "they would change their meaning; make a new datastream and set active to 0 on this one"
    )
    return Problem(f"{entry.place}: {name}", message)


def _differences(
    contents: RegisterContents, entries: RegisterEntries, tree: Mapping[str, tuple[ParentRow, ...]]
) -> tuple[RegisterChanges, dict[str, Imported]]:
    mentioned = {entry.row.code for entry in entries.areas}
    area_rows: dict[str, AreaRow] = {entry.row.code: entry.row for entry in entries.areas}
    old_parents = {row for code in mentioned for row in contents.parents.get(code, ())}
    new_parents = {row for code in mentioned for row in tree[code]}
    days = {(row.code, row.valid_from) for row in new_parents}
    withdrawn = [row for row in old_parents if (row.code, row.valid_from) not in days]
    changes = RegisterChanges(
        areas=_new(contents.areas, area_rows),
        parents=sorted(new_parents - old_parents, key=_code_and_day),
        withdrawn=sorted(withdrawn, key=_code_and_day),
        units=_new(contents.units, {one.row.code: one.row for one in entries.units}),
        things=_new(contents.things, {one.row.code: one.row for one in entries.things}),
        datastreams=_new(
            contents.datastreams, {one.row.code: one.row for one in entries.datastreams}
        ),
    )
    touched = {row.code for row in changes.areas}
    touched.update(row.code for row in (*changes.parents, *changes.withdrawn))
    imported = {
        "areas": _count(area_rows, touched, contents.areas),
        "units": _count(entries.units, [row.code for row in changes.units], contents.units),
        "things": _count(entries.things, [row.code for row in changes.things], contents.things),
        "datastreams": _count(
            entries.datastreams, [row.code for row in changes.datastreams], contents.datastreams
        ),
    }
    return changes, imported


def _from_the_top(changes: RegisterChanges, contents: RegisterContents) -> tuple[str, ...] | None:
    """The new areas, each after its parents; None where old ones change, or there is no order."""
    graph: dict[str, set[str]] = {row.code: set() for row in changes.areas}
    touched = {row.code for row in (*changes.parents, *changes.withdrawn)} | graph.keys()
    if not touched.isdisjoint(contents.areas):
        return None
    for row in changes.parents:
        if row.parent in graph:
            graph[row.code].add(row.parent)
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError:
        return None


def _code_and_day(row: ParentRow) -> tuple[str, int]:
    return row.code, row.valid_from


def _new(old: Mapping[str, R], new: Mapping[str, R]) -> list[R]:
    """The rows that are not there yet, or otherwise."""
    return [row for code, row in new.items() if old.get(code) != row]


def _count(said: Collection[object], touched: Collection[str], old: Collection[str]) -> Imported:
    added = sum(code not in old for code in touched)
    return Imported(added, len(touched) - added, len(said) - len(touched))


def _doubts(entries: Sequence[AreaEntry]) -> Iterator[Problem]:
    """Codes that do not follow the custom; codes are labels, so this refuses nothing."""
    for entry in entries:
        code, kind, parent = entry.row.code, entry.row.kind, entry.parent.parent
        digits = AREA_KINDS[kind]
        fits = len(code) >= digits if kind == "grid" else len(code) == digits
        if not (fits and code.isdigit()):
            least = "at least " if kind == "grid" else ""
            message = f"the code of a {kind} usually has {least}{digits} digits, got {code!r}"
            yield Problem(f"{entry.place}: code", message)
        if parent is not None and not code.startswith(parent):
            message = f"{code!r} does not begin with its parent's code {parent!r}"
            yield Problem(f"{entry.place}: parent", message)
