"""Values as they are kept, and as people and plugins see them.

Kept: exact numbers as scaled integers, days as days since 1970-01-01, truth as 0 or 1. Seen: exact
numbers as floats, days as ISO 8601 texts, truth as bool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from county_gov.contract.batch import NO_TIME, Batch
from county_gov.contract.dataset import VALID_FROM_FIELD
from county_gov.contract.values import EPOCH_DAY, ValueRefused, check_value
from county_gov.errors import ContractError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from county_gov.contract.schema import Field, Schema, Value

NO_TRUTH = -1
"""Stands in a column of truths where none is given."""


def seen(one: Field, kept: Value) -> Value:
    """A kept value as people and plugins see it."""
    if kept is None:
        return None
    if one.decimals is not None:
        return float(exact(one, kept))
    if one.dtype == "date":
        return day_text(int(kept))
    return bool(kept) if one.dtype == "bool" else kept


def lasting(fields: Iterable[Field], kept: Mapping[str, Value]) -> dict[str, Value | Decimal]:
    """Kept values as the history keeps them: as people see them, with all digits."""
    values: dict[str, Value | Decimal] = {}
    for one in fields:
        value = kept.get(one.name)
        scaled = one.decimals is not None and value is not None
        values[one.name] = exact(one, value) if scaled else seen(one, value)
    return values


def exact(one: Field, kept: Value) -> Decimal:
    """An exact number in its unit."""
    return Decimal(int(kept or 0)).scaleb(-(one.decimals or 0))


def day_text(day: int) -> str:
    """A day as people write it, for example ``2026-06-01``."""
    return date.fromordinal(day + EPOCH_DAY).isoformat()


def read_day(text: str) -> int:
    """The day that an ISO text names, days since 1970-01-01.

    Raises:
        ValueRefused: if it names none.
    """
    return int(check_value(VALID_FROM_FIELD, text) or 0)


def kept_again(one: Field, kept: Value) -> Value:
    """A value that is already in the kept shape, checked against a field.

    Raises:
        ValueRefused: saying what was expected.
    """
    value: object = kept
    if kept is not None and one.decimals is not None and isinstance(kept, int):
        value = exact(one, kept)
    elif kept is not None and one.dtype == "bool":
        value = bool(kept)
    return check_value(one, value)


def to_batch(fields: Sequence[Field], rows: Sequence[Mapping[str, Value]]) -> Batch:
    """Kept values as columns; `RecordReader.columns` says what stands where none is given."""
    return Batch({one.name: _column(one, [row[one.name] for row in rows]) for one in fields})


def joined(batches: Sequence[Batch]) -> Batch:
    """Batches of the same columns one behind the other."""
    names = batches[0]
    return Batch({name: np.concatenate([one[name] for one in batches]) for name in names})


def _column(one: Field, values: list[Value]) -> NDArray[Any]:
    if one.dtype == "text":
        texts = np.empty(len(values), np.object_)
        texts[:] = ["" if value is None else value for value in values]
        return texts
    if one.dtype == "float64" and one.decimals is None:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    empty, kind = (NO_TRUTH, np.int8) if one.dtype == "bool" else (NO_TIME, np.int64)
    return np.array([empty if value is None else int(value) for value in values], kind)


def check_batch(schema: Schema, batch: object, *, rows: int) -> Batch:
    """What a plugin gave as columns, if it has the shape that `to_batch` gives.

    Raises:
        ContractError: if a column is missing, superfluous or of another kind, or rows are.
    """
    if not isinstance(batch, Batch):
        raise ContractError(f"expected a Batch, got {type(batch).__name__}")
    if batch.rows != rows:
        raise ContractError(f"expected {rows} rows, got {batch.rows}")
    if set(batch) != schema.names:
        raise ContractError(f"expected the columns {sorted(schema.names)}, got {sorted(batch)}")
    for one in schema.fields:
        kind = batch[one.name].dtype.kind
        if kind not in _column_kinds(one):
            found = batch[one.name].dtype
            raise ContractError(f"column {one.name!r}: expected {_column_words(one)}, got {found}")
    return batch


def _column_kinds(one: Field) -> str:
    if one.dtype == "text":
        return "OU"
    if one.dtype == "bool":
        return "bi"
    return "f" if one.dtype == "float64" and one.decimals is None else "i"


def _column_words(one: Field) -> str:
    if one.decimals is not None:
        return f"int64, scaled by 10**{one.decimals}"
    words = {"text": "texts", "bool": "int8 or bool", "float64": "float64"}
    return words.get(one.dtype, "int64")


def from_batch(
    schema: Schema, batch: Batch
) -> tuple[list[dict[str, Value]], list[tuple[int, Problem]]]:
    """Rows of columns, checked against a schema.

    Args:
        schema: Of the rows.
        batch: Which `check_batch` has taken.

    Returns:
        Kept values by field, and what is wrong, with the number of the row.
    """
    rows: list[dict[str, Value]] = [{} for _ in range(batch.rows)]
    problems: list[tuple[int, Problem]] = []
    for one in schema.fields:
        empty = {"text": "", "bool": NO_TRUTH}.get(one.dtype, NO_TIME)
        for number, value in enumerate(batch[one.name].tolist()):
            given = None if value in ("", empty) or value != value else value  # noqa: PLR0124 (NaN)
            try:
                rows[number][one.name] = kept_again(one, given)
            except ValueRefused as refused:
                problems.append((number, Problem(one.name, str(refused))))
    return rows, problems
