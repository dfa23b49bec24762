"""Keys: what identifies a row, as one text that fits into an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from county_gov.contract.values import ValueRefused, clean_text
from county_gov.errors import NotFound, Problem
from county_gov.records.stored import day_text, read_day
from county_gov.store.records import RowKey

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Value

LONGEST_KEY = 200
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def key_of(dataset: Dataset, values: Mapping[str, Value]) -> tuple[str, list[Problem]]:
    """A row's key, and what is wrong with it.

    Args:
        dataset: Whose row it is.
        values: Kept values of at least the key fields.
    """
    parts: list[str] = []
    problems: list[Problem] = []
    for name in dataset.schema.key:
        value = values[name]
        if value is None:
            problems.append(Problem(name, "is part of the key and required"))
            continue
        is_day = dataset.schema[name].dtype == "date"
        part = day_text(int(value)) if is_day else str(value)
        if "/" in part or part in (".", ".."):
            problems.append(Problem(name, f"is part of the key, which cannot hold {part[:40]!r}"))
        parts.append(part)
    key = "/".join(parts)
    if len(key) > LONGEST_KEY:
        place = dataset.schema.key[-1]
        problems.append(Problem(place, f"makes the key longer than {LONGEST_KEY} characters"))
    return key, problems


def parse_key(dataset: Dataset, key: str) -> RowKey:
    """What a key identifies; without a day where a dated dataset's key has none at its end.

    Raises:
        NotFound: if it cannot be a key of the dataset.
    """
    found = NotFound(f"{dataset.id} has no record {key[:LONGEST_KEY]!r}")
    try:
        parts = clean_text(key).split("/")
    except ValueError:
        raise found from None
    count = len(dataset.schema.key)
    if len(parts) == count:
        return RowKey("/".join(parts))
    if dataset.dated and len(parts) == count + 1 and DAY.fullmatch(parts[-1]):
        try:
            return RowKey("/".join(parts[:-1]), read_day(parts[-1]))
        except ValueRefused:
            raise found from None
    raise found


def full_key(key: RowKey) -> str:
    """The key with its day where there is one, as an address names just one row."""
    return key.record if key.valid_from is None else f"{key.record}/{day_text(key.valid_from)}"
