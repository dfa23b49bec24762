"""Records in memory, checked against the datasets' schemas as the core checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from attrs import define, evolve, field
from numpy.typing import NDArray

from county_gov.contract.batch import Batch
from county_gov.contract.dataset import VALID_FROM, Dataset
from county_gov.contract.records import Equal, Filter, From, Missing, OneOf, Record
from county_gov.contract.schema import Field, Schema, Value
from county_gov.contract.values import check_value, normalise, to_value, unknown_fields
from county_gov.errors import NotFound, Problem, RecordConflict, RecordInvalid

TODAY = "2026-06-01"


def _by_id(datasets: Iterable[Dataset]) -> dict[str, Dataset]:
    return {one.id: one for one in datasets if one.kind == "records"}


@define(eq=False)
class FakeRecords:
    """Rows as long as the test lasts; access and masking are not played.

    Args:
        datasets: The datasets that there are; those of observations are left out.
        today: The local day that "now" means for dated datasets.
        changed_at: Instant that changes are given.
    """

    _datasets: dict[str, Dataset] = field(converter=_by_id, factory=list)
    today: str = TODAY
    changed_at: int = 0
    keys: list[str] = field(factory=list, init=False)
    """Idempotency keys of all writes, in their order, repeated ones included."""
    _rows: dict[str, dict[tuple[str, str], Record]] = field(factory=dict, init=False)
    _done: dict[tuple[str, str], tuple[str, tuple[str, str]]] = field(factory=dict, init=False)

    async def get(self, dataset: str, key: str, *, on: str = "") -> Record | None:
        """The row of a key that holds on a day."""
        found = [one for one in self._in_force(dataset, on) if one.key == key]
        return found[0] if found else None

    async def find(
        self,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        on: str = "",
        sort: str = "",
        limit: int = 1000,
        offset: int = 0,
        after: str = "",
    ) -> tuple[Record, ...]:
        """Rows in which all of ``where`` holds."""
        found = [one for one in self._found(dataset, where, on) if _full_key(one) > after]
        name, down = sort.removeprefix("-"), sort.startswith("-")
        if name:
            empty = [one for one in found if one.values.get(name) is None]
            given = [one for one in found if one.values.get(name) is not None]
            given.sort(key=lambda one: one.values[name], reverse=down)  # type: ignore[arg-type,return-value]
            found = given + empty
        return tuple(found[offset : offset + limit])

    async def count(self, dataset: str, *, where: Sequence[Filter] = (), on: str = "all") -> int:
        """How many rows there are."""
        return len(self._found(dataset, where, on))

    async def columns(
        self,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        on: str = "",
        limit: int = 100_000,
        after: str | None = None,
    ) -> Batch:
        """Rows as columns."""
        rows = [one for one in self._found(dataset, where, on) if _full_key(one) > (after or "")]
        if after is None and len(rows) > limit:
            raise RecordInvalid([Problem("limit", f"there are more than {limit} rows")])
        fields = self._dataset(dataset).record_schema.fields
        return Batch({one.name: _column(one, rows[:limit]) for one in fields})

    async def put(
        self,
        dataset: str,
        values: Mapping[str, Value],
        *,
        idempotency_key: str,
        expected_version: int | None = None,
    ) -> Record:
        """Add or change a row.

        Raises:
            RecordInvalid: naming each field that is wrong.
            RecordConflict: if the row has another version.
        """
        self.keys.append(idempotency_key)
        if (done := self._repeated(dataset, idempotency_key, "put")) is not None:
            row = self._rows.get(dataset, {}).get(done)
            if row is None:
                raise NotFound(f"{dataset}: {done[0]!r} was removed since")
            return row
        declared = self._dataset(dataset)
        given = dict(values)
        day = str(given.pop(VALID_FROM, "") or "") if declared.dated else ""
        if declared.dated and not day:
            raise RecordInvalid([Problem(VALID_FROM, "is missing: a dated row holds from a day")])
        key = "/".join(str(given.get(name, "")) for name in declared.schema.key)
        rows = self._rows.setdefault(dataset, {})
        old = rows.get((key, day))
        _expect(old, expected_version, key)
        merged = {**(_own(declared, old) if old else {}), **given}
        stored, problems = normalise(declared.schema, merged)
        if problems:
            raise RecordInvalid(problems)
        shown: dict[str, Value] = {
            one.name: to_value(one, stored[one.name]) for one in declared.schema.fields
        }
        if day:
            shown[VALID_FROM] = day
        version = old.version + 1 if old else 1
        made = Record(dataset, key, MappingProxyType(shown), version, self.changed_at, "测试")
        rows[key, day] = made
        self._done[dataset, idempotency_key] = "put", (key, day)
        return made

    async def remove(
        self, dataset: str, key: str, *, idempotency_key: str, expected_version: int | None = None
    ) -> None:
        """Remove a row.

        Raises:
            NotFound: if there is none.
            RecordConflict: if it has another version.
        """
        self.keys.append(idempotency_key)
        if self._repeated(dataset, idempotency_key, "remove") is not None:
            return
        day = ""
        if self._dataset(dataset).dated:
            key, _, day = key.rpartition("/")
        rows = self._rows.setdefault(dataset, {})
        old = rows.get((key, day))
        if old is None:
            raise NotFound(f"{dataset}: there is no row {key!r}")
        _expect(old, expected_version, key)
        del rows[key, day]
        self._done[dataset, idempotency_key] = "remove", (key, day)

    def _repeated(self, dataset: str, idempotency_key: str, verb: str) -> tuple[str, str] | None:
        """Key and day of the row that a key stands for, None where it is new."""
        done, row = self._done.get((dataset, idempotency_key), (verb, None))
        if done != verb:
            raise RecordConflict(
                f"idempotency key {idempotency_key!r} was used for another request; take a new key",
                code="idempotency",
            )
        return row

    def _dataset(self, dataset: str) -> Dataset:
        found = self._datasets.get(dataset)
        if found is None:
            known = ", ".join(sorted(self._datasets)) or "none"
            raise NotFound(f"there is no dataset {dataset!r} in this test; known: {known}")
        return found

    def _found(self, dataset: str, where: Sequence[Filter], on: str) -> list[Record]:
        """The rows of a day in which all filters hold, by key."""
        schema = self._dataset(dataset).record_schema
        problems = unknown_fields(schema, [one.field for one in where])
        if problems:
            raise RecordInvalid(problems)
        rows = self._in_force(dataset, on)
        return [row for row in rows if all(_holds(schema, row, one) for one in where)]

    def _in_force(self, dataset: str, on: str) -> list[Record]:
        """The rows that hold on a day, by key; of all days where ``on`` is "all"."""
        declared = self._dataset(dataset)
        rows = sorted(self._rows.get(dataset, {}).items())
        if not declared.dated or on == "all":
            return [record for _, record in rows]
        latest = {key: record for (key, day), record in rows if day <= (on or self.today)}
        return list(latest.values())


def _own(dataset: Dataset, record: Record) -> dict[str, Value]:
    return {name: value for name, value in record.values.items() if name in dataset.schema.names}


def _expect(old: Record | None, expected: int | None, key: str) -> None:
    version = old.version if old else 0
    if expected is not None and expected != version:
        raise RecordConflict(f"{key!r} has version {version}, not {expected}; read it again")


def _full_key(record: Record) -> str:
    """A row's key with its day, where it has one."""
    day = record.values.get(VALID_FROM)
    return f"{record.key}/{day}" if day else record.key


def _holds(schema: Schema, row: Record, asked: Filter) -> bool:
    """Whether a filter holds of a row."""
    value = row.values.get(asked.field)
    if isinstance(asked, Missing) or value is None:
        return isinstance(asked, Missing) and value is None
    one = evolve(schema[asked.field], minimum=None, maximum=None, choices=())

    def kept(given: object) -> Value:
        return to_value(one, check_value(one, given))

    if isinstance(asked, OneOf):
        return value in {kept(each) for each in asked.values}
    wanted: Any = kept(asked.value)
    if isinstance(asked, Equal):
        return bool(value == wanted)
    return bool(value >= wanted if isinstance(asked, From) else value <= wanted)


def _column(one: Field, rows: Iterable[Record]) -> NDArray[np.generic]:
    values = [row.values.get(one.name) for row in rows]
    if one.decimals is not None:
        scale = 10**one.decimals
        numbers = [0 if value is None else round(float(value) * scale) for value in values]
        return np.array(numbers, np.int64)
    if one.dtype in ("int64", "instant"):
        return np.array([0 if value is None else value for value in values], np.int64)
    if one.dtype == "float64":
        return np.array([np.nan if value is None else value for value in values], np.float64)
    if one.dtype == "bool":
        return np.array([bool(value) for value in values], np.bool_)
    return np.array(["" if value is None else value for value in values], object)
