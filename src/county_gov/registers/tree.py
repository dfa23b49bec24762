"""The dated tree of areas: adding rows to it, and whether it is sound on every day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from attrs import evolve

from county_gov.errors import Problem
from county_gov.registers.csvfile import day_text, suggestion

if TYPE_CHECKING:
    from county_gov.registers.entries import AreaEntry
    from county_gov.store.registers import ParentRow

Tree = Mapping[str, tuple["ParentRow", ...]]
"""Area's code to its rows, by the day on which they begin."""


def merged(tree: Tree, entries: Sequence[AreaEntry]) -> dict[str, tuple[ParentRow, ...]]:
    """The tree with new rows in it.

    A row is known by its area and first day. A row that was open, and that the entries do not
    mention, ends on the day on which the area's next row begins: so a change of parent is imported
    as one line. A row whose last day is its first is taken out.
    """
    mentioned: defaultdict[str, dict[int, ParentRow]] = defaultdict(dict)
    for entry in entries:
        mentioned[entry.row.code][entry.parent.valid_from] = entry.parent
    result = dict(tree)
    for code, rows in mentioned.items():
        by_day = {row.valid_from: row for row in tree.get(code, ())} | rows
        kept = [by_day[day] for day in sorted(by_day) if by_day[day].valid_to != day]
        result[code] = tuple(
            _ended(row, after) if row.valid_from not in rows else row
            for row, after in zip(kept, [*kept, None][1:], strict=True)
        )
    return result


def _ended(row: ParentRow, after: ParentRow | None) -> ParentRow:
    if after is None or row.valid_to is not None:
        return row
    return evolve(row, valid_to=after.valid_from)


def check_tree(
    tree: Tree, places: Mapping[tuple[str, int], str], *, unsure: Collection[str] = ()
) -> Iterator[Problem]:
    """All that is wrong with a tree: repeated and missing days, parents that do not exist, cycles.

    Args:
        tree: The whole tree.
        places: Area's code and first day to the line that said so; other rows are named by code.
        unsure: Areas with a line that could not be read; nothing is said of what lies in them.
    """

    def place(row: ParentRow, name: str) -> str:
        return f"{places.get((row.code, row.valid_from), f'area {row.code}')}: {name}"

    for code, rows in tree.items():
        if not rows:
            message = "its only line is withdrawn; an area that is no more ends with a valid_to"
            yield Problem(f"area {code}", message)
        for earlier, later in pairwise(rows):
            message = _between(earlier, later)
            if message:
                yield Problem(place(later, "valid_from"), message)
        for row in rows:
            message = _below(row, tree) if row.parent not in unsure else ""
            if message:
                yield Problem(place(row, "parent"), message)
    for row in _closing_circles(tree):
        message = (
            f"on {day_text(row.valid_from)} {row.code!r} would lie below itself by way of "
            f"{row.parent!r}; give one of the areas in the circle another parent"
        )
        yield Problem(place(row, "parent"), message)


def _between(earlier: ParentRow, later: ParentRow) -> str:
    """What is wrong between two successive rows of one area, or ""."""
    begin = day_text(later.valid_from)
    if earlier.valid_to is None or earlier.valid_to > later.valid_from:
        return (
            f"{later.code!r} has two parents on {begin}, {earlier.parent!r} and {later.parent!r}; "
            f"end the earlier one with valid_to {begin}"
        )
    if earlier.valid_to < later.valid_from:
        return (
            f"{later.code!r} has no parent from {day_text(earlier.valid_to)} to {begin}; "
            "let each row begin on the day on which the one before it ends"
        )
    return ""


def _below(row: ParentRow, tree: Tree) -> str:
    """What is wrong with a row's parent, or ""."""
    if row.parent is None:
        return ""
    above = tree.get(row.parent)
    if not above:
        hint = suggestion(row.parent, tree)
        return f"unknown area {row.parent!r}{hint}; add a line for it or correct the code"
    begin, end = above[0].valid_from, above[-1].valid_to
    if begin > row.valid_from:
        return (
            f"{row.parent!r} exists only from {day_text(begin)}, "
            f"but {row.code!r} lies in it from {day_text(row.valid_from)}; move one of the days"
        )
    if end is not None and (row.valid_to is None or row.valid_to > end):
        return (
            f"{row.parent!r} exists only until {day_text(end)}; "
            f"give {row.code!r} another parent from that day on"
        )
    return ""


def _closing_circles(tree: Tree) -> Iterator[ParentRow]:
    """The rows with which a circle closes, one for each circle.

    A circle exists on the day on which the last of its rows begins, so each row need be followed
    upwards only on its own first day.
    """
    circles: set[frozenset[str]] = set()
    for rows in tree.values():
        for row in rows:
            path = [row.code]
            above = row.parent
            while above is not None and above not in path:
                path.append(above)
                above = _parent(tree.get(above, ()), row.valid_from)
            if above == row.code and frozenset(path) not in circles:
                circles.add(frozenset(path))
                yield row


def _parent(rows: Sequence[ParentRow], day: int) -> str | None:
    for row in rows:
        if row.valid_from <= day and (row.valid_to is None or day < row.valid_to):
            return row.parent
    return None
