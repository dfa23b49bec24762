"""How a dataset's declaration has changed since the last start, and what its rows need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from county_gov.errors import Problem
from county_gov.records.declaration import decode_declaration, decode_retired
from county_gov.store import records as tables
from county_gov.store.records_declared import DeclaredRow

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Field
    from county_gov.store import Snapshot

StepKind = Literal["make", "widen", "upgrade"]


@frozen(eq=False)
class Step:
    """What a start does for one dataset.

    Args:
        dataset: As it is declared now.
        stored: As it was at the last start, None for a new one.
        retired: Fields that it has no longer, whose columns stay.
        row: What the store knows of it, None for a new one.
        kind: "make" its table, "widen" it (or leave it), or "upgrade" its rows.
        words: What that is, empty where nothing changes.
    """

    dataset: Dataset
    stored: Dataset | None
    retired: tuple[Field, ...]
    row: DeclaredRow | None
    kind: StepKind
    words: str


def step_of(
    snapshot: Snapshot, dataset: Dataset, row: DeclaredRow | None
) -> tuple[Step, list[Problem]]:
    """What a start has to do for a dataset, and why it cannot.

    Args:
        snapshot: The rows that are there.
        dataset: As it is declared now.
        row: As it was at the last start, None for a new one.
    """
    if row is None:
        return Step(dataset, None, (), None, "make", f"{dataset.id}: a new table"), []
    stored = decode_declaration(row.declaration)
    once = (*stored.schema.fields, *decode_retired(row.declaration))
    retired = tuple(one for one in once if one.name not in dataset.schema.names)
    old, new = stored.schema.version, dataset.schema.version
    place = f"dataset {dataset.id}"
    if new < old:
        message = f"version {new}, but its rows are of version {old}: install the newer plugin"
        refused = Problem(f"{place}.schema.version", message)
        return Step(dataset, stored, retired, row, "widen", ""), [refused]
    if new > old and dataset.upgrade is not None:
        words = f"{dataset.id}: upgrade from version {old} to {new}"
        return Step(dataset, stored, retired, row, "upgrade", words), []
    way_out = (
        f"give it an upgrade from version {old}"
        if new > old
        else f"raise schema.version to {old + 1} and give it an upgrade"
    )
    problems = [
        Problem(f"{place}{where}", f"{message}; {way_out}")
        for where, message in _clashes(snapshot, dataset, stored, {one.name: one for one in once})
    ]
    added = [one.name for one in dataset.schema.fields if one.name not in stored.schema.names]
    words = f"{dataset.id}: new fields {', '.join(added)}" if added else ""
    return Step(dataset, stored, retired, row, "widen", words), problems


def _clashes(
    snapshot: Snapshot, dataset: Dataset, stored: Dataset, once: Mapping[str, Field]
) -> Iterator[tuple[str, str]]:
    """What the rows cannot follow by themselves: where, and stored and declared."""
    if dataset.schema.key != stored.schema.key:
        yield ".schema.key", f"the key was {stored.schema.key} and is now {dataset.schema.key}"
    if dataset.dated != stored.dated:
        yield ".dated", f"was {stored.dated} and is now {dataset.dated}"
    for one in dataset.schema.fields:
        before = once.get(one.name)
        if one.name not in stored.schema.names and one.required:
            yield f".{one.name}", "is new and required, and rows that are there lack it"
        if before is None:
            continue
        if _kind(before) != _kind(one):
            yield f".{one.name}", f"was {_kind(before)} and is now {_kind(one)}"
        elif one.required and not before.required and one.name in stored.schema.names:
            name = tables.table_name(dataset.id)
            if empty := tables.count_empty(snapshot, name, one.name):
                yield f".{one.name}", f"is required now, and {empty} rows lack it"


def _kind(one: Field) -> str:
    """What makes stored numbers mean what they mean: type, decimals and unit."""
    decimals = "" if one.decimals is None else f" with {one.decimals} decimals"
    unit = f" in {one.unit}" if one.unit else ""
    return f"{one.dtype}{decimals}{unit}"
