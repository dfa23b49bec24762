"""What importing a file would do: each row added, changed, unchanged or rejected, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from attrs import define, evolve, field, frozen

from county_gov.contract.access import Actor
from county_gov.contract.schema import Value
from county_gov.contract.values import ValueRefused
from county_gov.errors import Problem
from county_gov.records.authority import unmasking, writing
from county_gov.records.columns import NOTE, CellReader, Columns, read_header
from county_gov.records.keys import full_key
from county_gov.records.references import reference_of, unknown_codes
from county_gov.records.viewing import shown
from county_gov.records.writing import (
    Desk,
    area_of,
    merged,
    row_key,
    unknown_code,
    where_words,
)
from county_gov.store import records as tables
from county_gov.store.records import RowKey, StoredRow

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.store import Snapshot
    from county_gov.tabular.table import FileTable, Line

RowKind = Literal["added", "changed", "unchanged", "rejected"]


@frozen(eq=False)
class ImportRow:
    """What importing does with one row of the file.

    Args:
        number: The row's number in the file; the header is 1.
        key: Its key, with its day where the dataset is dated; empty where it has none.
        kind: What becomes of it.
        problems: Why it is rejected: each field with what is wrong.
        before: The values of the row that is there, as who imports sees them; None where rejected.
        after: The values that it will have, as who imports sees them; None where rejected.
        changed: Names of the fields whose value changes.
    """

    number: int
    key: str
    kind: RowKind
    problems: tuple[Problem, ...] = ()
    before: Mapping[str, Value] | None = None
    after: Mapping[str, Value] | None = None
    changed: tuple[str, ...] = ()


@define(eq=False)
class Draft:
    """A row of the file on its way to a plan."""

    line: Line
    values: dict[str, object]
    problems: list[Problem] = field(factory=list)
    key: RowKey | None = None
    current: StoredRow | None = None
    kept: dict[str, Value] = field(factory=dict)

    @property
    def kind(self) -> RowKind:
        """What becomes of it."""
        if self.problems:
            return "rejected"
        if self.current is None:
            return "added"
        return "unchanged" if self.kept == self.current.values else "changed"


@frozen(eq=False)
class Plan:
    """What importing a file would do, against the rows that were there when it was made.

    Args:
        table: The file.
        columns: Which field each column holds.
        drafts: Its rows.
        counts: How many rows have which fate.
    """

    table: FileTable
    columns: Columns
    drafts: tuple[Draft, ...]
    counts: Mapping[RowKind, int]


@frozen(eq=False)
class Planner:
    """Makes a plan of a file.

    Args:
        desk: What writing records of the dataset needs.
        actor: Who imports.
        timezone: The county's: of times without an offset.
    """

    desk: Desk
    actor: Actor
    timezone: ZoneInfo

    def plan(self, snapshot: Snapshot, table: FileTable) -> Plan:
        """Plan the import of a file; nothing is written.

        Raises:
            RecordInvalid: if its header does not name the dataset's fields.
        """
        columns = read_header(self.desk.known.dataset, table.header)
        drafts = [self._draft(columns, table, line) for line in _data(table.lines)]
        self._refuse_twice(drafts)
        records = [one.key.record for one in drafts if one.key is not None]
        current = tables.read_rows(snapshot, self.desk.table, records)
        hidden = self._hidden_areas(snapshot, [one.values for one in current.values()])
        for one in drafts:
            if one.key is not None:
                self._merge(snapshot, one, current.get(one.key), hidden)
        self._refuse_unknown(snapshot, drafts)
        self._refuse_elsewhere(snapshot, drafts)
        counts: Counter[RowKind] = Counter(one.kind for one in drafts)
        return Plan(table, columns, tuple(drafts), MappingProxyType(counts))

    def check_again(self, snapshot: Snapshot, drafts: Sequence[Draft]) -> None:
        """Refuse planned rows that do not fit any more: what they refer to, where they lie.

        What refers to other rows of the file itself was checked when they were all there.
        """
        self._refuse_unknown(snapshot, drafts, itself=False)
        self._refuse_elsewhere(snapshot, drafts)

    def reaches(self, snapshot: Snapshot, area: str | None) -> bool:
        """Whether who imports may write rows of an area; None means that of the whole county."""
        scope = writing(self.actor, self.desk.known, importing=True)
        return tables.reaches(snapshot, scope, area, self.desk.today)

    def _draft(self, columns: Columns, table: FileTable, line: Line) -> Draft:
        draft = Draft(line, {})
        cells = line.cells
        expected = len(columns.fields)
        if len(cells) > expected or (table.format == "csv" and len(cells) < expected):
            message = f'expected {expected} cells, got {len(cells)}; put "…" around what has commas'
            draft.problems.append(Problem("", message))
            return draft
        reader = CellReader(self.timezone)
        for number, one in enumerate(columns.fields):
            if one is None:
                continue
            try:
                draft.values[one.name] = reader.read(
                    one, cells[number] if number < len(cells) else None
                )
            except ValueRefused as refused:
                draft.problems.append(Problem(one.name, str(refused)))
        draft.key, problems = row_key(self.desk.known.dataset, draft.values)
        told = {one.place for one in draft.problems}
        draft.problems += [one for one in problems if one.place not in told]
        return draft

    def _refuse_twice(self, drafts: Sequence[Draft]) -> None:
        first: dict[RowKey, int] = {}
        for one in drafts:
            if one.key is None:
                continue
            number = first.setdefault(one.key, one.line.number)
            if number != one.line.number:
                place = self.desk.known.dataset.schema.key[0]
                one.problems.append(Problem(place, f"is in row {number} of this file already"))

    def _hidden_areas(
        self, snapshot: Snapshot, rows: Iterable[Mapping[str, Value]]
    ) -> frozenset[str | None]:
        """The areas of those rows that the actor does not see."""
        by_area = {area_of(self.desk.known.dataset, values): values for values in rows}
        return frozenset(
            area
            for area, values in by_area.items()
            if not self.desk.sees(snapshot, self.actor, values, importing=True)
        )

    def _merge(
        self,
        snapshot: Snapshot,
        draft: Draft,
        current: StoredRow | None,
        hidden: frozenset[str | None],
    ) -> None:
        told_of = current
        if current is not None:
            area = area_of(self.desk.known.dataset, current.values)
            if area in hidden:
                told_of = None
            scope = unmasking(self.actor, self.desk.known)
            seen = scope.everywhere or tables.sees(snapshot, scope, area, self.desk.today)
            current = evolve(current, unmasked=seen)
            told_of = told_of and current
        draft.current = current
        draft.kept, problems = merged(self.desk.known, draft.values, told_of)
        told = {one.place for one in draft.problems}
        draft.problems += [one for one in problems if one.place not in told]

    def _refuse_unknown(
        self, snapshot: Snapshot, drafts: Sequence[Draft], *, itself: bool = True
    ) -> None:
        """Refuse rows that refer to what does not exist; the file's own new rows count."""
        dataset = self.desk.known.dataset
        for one in dataset.schema.fields:
            reference = reference_of(dataset, one)
            if not reference or (reference == dataset.id and not itself):
                continue
            named = {draft.kept[one.name] for draft in drafts if _named(draft, one.name)}
            unknown = unknown_codes(
                snapshot, self.desk.registers, self.desk.tables, reference, named
            )
            if reference == dataset.id:
                coming = {draft.key.record for draft in drafts if draft.key and not draft.problems}
                unknown = {code for code in unknown if str(code) not in coming}
            for draft in drafts:
                if _named(draft, one.name) and draft.kept[one.name] in unknown:
                    words = unknown_code(reference, draft.kept[one.name])
                    draft.problems.append(Problem(one.name, words))

    def _refuse_elsewhere(self, snapshot: Snapshot, drafts: Sequence[Draft]) -> None:
        """Refuse rows that lie, or would lie, outside the area in which the actor writes.

        A new row of a dated dataset lies where those of its key's other days lie as well, as it is
        in force in their place.
        """
        dataset = self.desk.known.dataset
        days = self._other_days(snapshot, drafts)
        allowed: dict[str | None, bool] = {}
        for draft in drafts:
            if draft.key is None or draft.problems:
                continue
            there = days.get(draft.key.record, [])
            if draft.current is not None:
                there = [draft.current.values]
            own = area_of(dataset, draft.kept)
            areas = dict.fromkeys([*(area_of(dataset, one) for one in there), own])
            for area in areas:
                if area not in allowed:
                    allowed[area] = self.reaches(snapshot, area)
            refused = [area for area in areas if not allowed[area]]
            hidden = self._hidden_areas(snapshot, there) if refused else frozenset()
            words = [
                "is in a record that is not yours"
                if area in hidden and area != own
                else f"writing {where_words(area)} is not yours"
                for area in refused
            ]
            draft.problems += [Problem(dataset.area, one) for one in dict.fromkeys(words)]

    def _other_days(
        self, snapshot: Snapshot, drafts: Sequence[Draft]
    ) -> dict[str, list[Mapping[str, Value]]]:
        """The rows of all days, by key, of those keys of a dated dataset that get a new row."""
        found: dict[str, list[Mapping[str, Value]]] = {}
        if self.desk.known.dataset.dated:
            new = [one.key.record for one in drafts if one.key and one.current is None]
            for key, row in tables.read_rows(snapshot, self.desk.table, new).items():
                found.setdefault(key.record, []).append(row.values)
        return found


def _data(lines: Sequence[Line]) -> Iterator[Line]:
    """The lines that are rows: remarks of a template are passed over."""
    for number, line in enumerate(lines):
        first = line.cells[0] if line.cells else None
        if number == 0 and isinstance(first, str) and first.startswith((NOTE.zh, NOTE.en)):
            continue
        yield line


def _named(draft: Draft, name: str) -> bool:
    """Whether a row names something new in a field."""
    value = draft.kept.get(name)
    same = draft.current is not None and draft.current.values.get(name) == value
    return value is not None and not same


def shown_row(desk: Desk, draft: Draft) -> ImportRow:
    """A row as people are shown it."""
    known, current = desk.known, draft.current
    rejected = draft.kind == "rejected"
    before: Mapping[str, Value] | None = None
    if current is not None and not rejected:  # what is rejected may lie outside one's area
        before = shown(known, current.values, unmasked=current.unmasked)[0]
    after: dict[str, Value] | None = None
    changed: tuple[str, ...] = ()
    if not rejected:
        after = shown(known, draft.kept, unmasked=True)[0]
        old = {} if current is None else current.values
        changed = tuple(
            one.name
            for one in known.dataset.schema.fields
            if current is not None and old.get(one.name) != draft.kept[one.name]
        )
        if before is not None:
            # What did not change is shown as it was, so that a mask hides it here as well.
            after |= {name: value for name, value in before.items() if name not in changed}
    return ImportRow(
        number=draft.line.number,
        key="" if draft.key is None else full_key(draft.key),
        kind=draft.kind,
        problems=tuple(draft.problems),
        before=before,
        after=after,
        changed=changed,
    )
