"""What a record was: each change with the values before and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.schema import Value
from county_gov.records.authority import Known, mask
from county_gov.records.stored import day_text
from county_gov.store.records import RowKey
from county_gov.store.records_history import ChangeKind, HistoryRow

if TYPE_CHECKING:
    from county_gov.contract.schema import Field

Values = Mapping[str, Value | Decimal]


@frozen(eq=False)
class Revision:
    """One change of a row.

    Args:
        key: The row's key.
        valid_from: The day from which the row holds, empty where its dataset is not dated.
        version: The version that the change made.
        change: "added", "changed", "removed", or "upgraded" to another version of the schema.
        before: The values before it, None where there was no row.
        after: The values that it made, None where it removed the row.
        changed: Names of the fields whose value changed, in the schema's order.
        changed_at: Instant of the change, microseconds UTC.
        changed_by: Who made it.
        masked: Names of the fields that are masked for who reads.
    """

    key: str
    valid_from: str
    version: int
    change: ChangeKind
    before: Values | None
    after: Values | None
    changed: tuple[str, ...]
    changed_at: int
    changed_by: str
    masked: frozenset[str]


def revisions(
    known: Known,
    rows: Iterable[HistoryRow],
    current: Mapping[RowKey, Values],
    *,
    sees: Callable[[str | None], bool],
    unmasks: Callable[[str | None], bool],
) -> tuple[Revision, ...]:
    """The changes of one key that somebody may see, latest first.

    Args:
        known: The dataset.
        rows: The changes as they were kept, latest first.
        current: The values of the key's rows as they are now, as the system sees them.
        sees: Whether rows of an area are visible to who asks.
        unmasks: Whether personal fields in rows of an area are.
    """
    after: dict[RowKey, Values | None] = dict(current)
    areas: dict[str | None, tuple[bool, bool]] = {}
    found: list[Revision] = []
    for row in rows:
        change = row.change
        later = after.get(change.key)
        after[change.key] = change.before
        states: list[Values] = [one for one in (change.before, later) if one is not None]
        rights = [_rights(areas, known, state, sees, unmasks) for state in states]
        if rights and all(visible for visible, _ in rights):
            unmasked = all(clear for _, clear in rights)
            found.append(_revision(known, row, later, unmasked=unmasked))
    return tuple(found)


def _rights(
    areas: dict[str | None, tuple[bool, bool]],
    known: Known,
    state: Values,
    sees: Callable[[str | None], bool],
    unmasks: Callable[[str | None], bool],
) -> tuple[bool, bool]:
    value = state.get(known.dataset.area) if known.dataset.area else None
    area = None if value is None else str(value)
    if area not in areas:
        areas[area] = sees(area), unmasks(area)
    return areas[area]


def _revision(known: Known, row: HistoryRow, after: Values | None, *, unmasked: bool) -> Revision:
    before = row.change.before
    fields = known.dataset.schema.fields
    masked = frozenset() if unmasked else known.personal
    day = row.change.key.valid_from
    return Revision(
        key=row.change.key.record,
        valid_from="" if day is None else day_text(day),
        version=row.change.version,
        change=row.change.change,
        before=_shown(fields, before, masked),
        after=_shown(fields, after, masked),
        changed=tuple(
            one.name
            for one in fields
            if (before or {}).get(one.name) != (after or {}).get(one.name)
        ),
        changed_at=row.at,
        changed_by=row.actor,
        masked=masked,
    )


def _shown(
    fields: tuple[Field, ...], values: Values | None, masked: frozenset[str]
) -> Values | None:
    if values is None:
        return None
    return MappingProxyType(
        {
            one.name: mask(one, values.get(one.name))
            if one.name in masked
            else values.get(one.name)
            for one in fields
        }
    )
