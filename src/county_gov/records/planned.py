"""Plans of imports as they are kept: planned once, packed a few rows at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import frozen

from county_gov.errors import NotFound, Problem
from county_gov.records.planning import Draft
from county_gov.records.writing import fingerprint
from county_gov.store.records import RowKey, StoredRow
from county_gov.store.records_imports import Part
from county_gov.tabular.table import Line

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Value
    from county_gov.records.planning import Plan, RowKind
    from county_gov.store.records_imports import PartKind
    from county_gov.tabular.table import Cell, TableFormat

ROWS_A_PART = 100
"""Rows that one change writes, so that the writer is never held for long."""
BYTES_A_PART = 256 * 1024
"""Packed bytes from which on a part takes no more rows."""
INT64 = 2**63
ORDER: tuple[PartKind, ...] = ("rejected", "write", "written", "unchanged")
"""What people are shown first; what was written stands where it stood before."""
KINDS: Mapping[RowKind, PartKind] = {
    "rejected": "rejected",
    "added": "write",
    "changed": "write",
    "unchanged": "unchanged",
}


@frozen(eq=False)
class PlanHead:
    """What is known of all rows of a file.

    Args:
        format: "csv" or "xlsx".
        header: The texts of its first row.
        columns: The field that each column holds, None for one that is passed over.
        counts: How many rows are to be added, changed, left as they are, and rejected.
        shape: Of the schema that the rows were planned for.
    """

    format: TableFormat
    header: tuple[str, ...]
    columns: tuple[str | None, ...]
    counts: Mapping[str, int]
    shape: str

    @classmethod
    def of(cls, dataset: Dataset, plan: Plan) -> PlanHead:
        """The head of a plan."""
        return cls(
            plan.table.format,
            plan.table.header,
            tuple(None if one is None else one.name for one in plan.columns.fields),
            {str(kind): count for kind, count in plan.counts.items()},
            shape_of(dataset),
        )

    @classmethod
    def read(cls, dataset: Dataset, text: str) -> PlanHead:
        """The head that a text holds.

        Raises:
            NotFound: if the dataset's fields have changed since.
        """
        found = msgspec.json.decode(text)
        if found.get("shape") != shape_of(dataset):
            raise NotFound(
                f"the fields of {dataset.id} have changed since this file was read: "
                "bring the file again"
            )
        return cls(
            format=found["format"],
            header=tuple(found["header"]),
            columns=tuple(found["columns"]),
            counts=found["counts"],
            shape=found["shape"],
        )

    def text(self) -> str:
        """The head as text."""
        return msgspec.json.encode(
            {
                "format": self.format,
                "header": self.header,
                "columns": self.columns,
                "counts": dict(self.counts),
                "shape": self.shape,
            }
        ).decode()


def shape_of(dataset: Dataset) -> str:
    """Hash of all that decides how a dataset's rows are kept."""
    schema = dataset.record_schema
    fields = [(one.name, one.dtype, one.decimals) for one in schema.fields]
    return fingerprint(dataset.id, schema.version, schema.key, fields)


def parts_of(dataset: Dataset, drafts: Sequence[Draft]) -> Iterator[Part]:
    """Rows as parts: those rejected first, then those to write, then those that stay."""
    number = 0
    for kind in ORDER:
        rows: list[bytes] = []
        for draft in drafts:
            if KINDS[draft.kind] != kind:
                continue
            rows.append(_packed(dataset, draft))
            if len(rows) == ROWS_A_PART or sum(map(len, rows)) > BYTES_A_PART:
                yield _part(number, kind, rows)
                rows, number = [], number + 1
        if rows:
            yield _part(number, kind, rows)
            number += 1


def pack(dataset: Dataset, number: int, kind: PartKind, drafts: Sequence[Draft]) -> Part:
    """Some rows as one part."""
    return _part(number, kind, [_packed(dataset, draft) for draft in drafts])


def unpack(dataset: Dataset, part: Part) -> list[Draft]:
    """The rows of a part."""
    rows = msgspec.msgpack.decode(zlib.decompress(part.body), type=list[bytes])
    return [_unpacked(dataset, msgspec.msgpack.decode(row)) for row in rows]


def _part(number: int, kind: PartKind, rows: list[bytes]) -> Part:
    return Part(number, kind, len(rows), zlib.compress(msgspec.msgpack.encode(rows), 1))


def _packed(dataset: Dataset, draft: Draft) -> bytes:
    names = [one.name for one in dataset.schema.fields]
    rejected, current = draft.kind == "rejected", draft.current
    return msgspec.msgpack.encode(
        [
            draft.line.number,
            [_kept_cell(cell) for cell in draft.line.cells],
            [[one.place, one.message] for one in draft.problems],
            None if draft.key is None else [draft.key.record, draft.key.valid_from],
            None if rejected else [draft.kept[name] for name in names],
            None
            if current is None or rejected
            else [
                [current.values[name] for name in names],
                current.version,
                current.changed_at,
                current.changed_by,
                current.unmasked,
            ],
        ]
    )


def _unpacked(dataset: Dataset, row: Sequence[Any]) -> Draft:
    number, cells, problems, key, kept, current = row
    names = [one.name for one in dataset.schema.fields]

    def values(found: Sequence[Value]) -> dict[str, Value]:
        return dict(zip(names, found, strict=True))

    draft = Draft(Line(number, tuple(_cell(one) for one in cells)), {})
    draft.problems = [Problem(place, message) for place, message in problems]
    draft.key = None if key is None else RowKey(*key)
    draft.kept = {} if kept is None else values(kept)
    if current is not None and draft.key is not None:
        before, version, changed_at, changed_by, unmasked = current
        draft.current = StoredRow(
            draft.key, values(before), version, changed_at, changed_by, unmasked
        )
    return draft


def _kept_cell(cell: Cell) -> object:
    """A cell as msgpack can hold it; times and long numbers as texts that name their kind."""
    if isinstance(cell, datetime):
        return {"datetime": cell.isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, time):
        return {"time": cell.isoformat()}
    if isinstance(cell, int) and not -INT64 <= cell < INT64:
        return str(cell)
    return cell


def _cell(kept: str | float | dict[str, str] | None) -> Cell:
    if not isinstance(kept, dict):
        return kept
    ((kind, text),) = kept.items()
    if kind == "datetime":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "date" else time.fromisoformat(text)
