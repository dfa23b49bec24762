"""What somebody sees of a dataset: which rows, and which of their fields masked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from county_gov.contract.dataset import VALID_FROM, Dataset
from county_gov.contract.records import Record
from county_gov.contract.schema import Value
from county_gov.records.authority import Known, mask
from county_gov.records.stored import day_text, seen
from county_gov.store.records import RecordTable, StoredRow
from county_gov.store.records_queries import Query

if TYPE_CHECKING:
    from county_gov.contract.access import Scope


@frozen(eq=False)
class View:
    """What somebody sees of a dataset: which rows, and of these which unmasked."""

    known: Known
    table: RecordTable
    scope: Scope
    unmasked: Scope
    today: int

    def query(self, **parts: Any) -> Query:
        """A query within this view."""
        return Query(
            scope=self.scope,
            today=self.today,
            unmasked=self.unmasked,
            masked=self.known.personal,
            **parts,
        )

    def record(self, row: StoredRow) -> Record:
        """A row as a record."""
        return record_of(self.known, row)


def record_of(known: Known, row: StoredRow) -> Record:
    """A row as a record, masked where who reads does not see its personal fields."""
    dataset = known.dataset
    values, masked = shown(known, row.values, unmasked=row.unmasked)
    if row.key.valid_from is not None:
        values = _with_day(dataset, values, row.key.valid_from)
    return Record(
        dataset=dataset.id,
        key=row.key.record,
        values=MappingProxyType(values),
        version=row.version,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        masked=masked,
    )


def shown(
    known: Known, kept: Mapping[str, Value], *, unmasked: bool
) -> tuple[dict[str, Value], frozenset[str]]:
    """Kept values as somebody sees them, and the names of those that are masked."""
    values: dict[str, Value] = {}
    masked: set[str] = set()
    for one in known.dataset.schema.fields:
        value = kept.get(one.name)
        if one.classification == "personal" and not unmasked and value is not None:
            values[one.name] = mask(one, value)
            masked.add(one.name)
        else:
            values[one.name] = seen(one, value)
    return values, frozenset(masked)


def _with_day(dataset: Dataset, values: Mapping[str, Value], day: int) -> dict[str, Value]:
    names = [one.name for one in dataset.record_schema.fields]
    return {name: day_text(day) if name == VALID_FROM else values[name] for name in names}


def masked_values(known: Known, row: StoredRow) -> dict[str, Value]:
    """Kept values of a row, the personal ones masked where who reads does not see them."""
    values = dict(row.values)
    for one in known.dataset.schema.fields:
        if one.name in known.personal and not row.unmasked:
            values[one.name] = mask(one, values[one.name])
    if known.dataset.dated:
        values[VALID_FROM] = row.key.valid_from
    return values
