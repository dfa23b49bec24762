"""Batches for rules, generated from what the rule says that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from county_gov.contract.batch import Batch
from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.rule import Attribute, Setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.parameter import Parameter
    from county_gov.contract.rule import Input, Rule

FIRST = 1_325_376_000_000_000
"""2012-01-01T00:00:00Z."""
LAST = FIRST + 20 * 365 * DAY
LONGEST = 12
"""Rows of a generated batch at most."""
SIZES = (0.0, 0.5, 1.0, 10.0, 50.0, 100.0, 115.0, 150.0, 151.0, 500.0, 1e4, -1.0, -40.0)
"""Values around which limits usually lie."""


def text_inputs(
    rule: Rule, datasets: Iterable[Dataset], parameters: Iterable[Parameter]
) -> frozenset[str]:
    """The inputs of a rule whose columns hold texts."""
    fields = {f"{one.id}.{of.name}": of.dtype for one in datasets for of in one.schema.fields}
    fields |= {one.id: one.field.dtype for one in parameters}
    return frozenset(name for name, one in rule.inputs.items() if fields.get(_field(one)) == "text")


def _field(one: Input) -> str:
    if isinstance(one, Attribute):
        return f"{one.dataset}.{one.field}"
    return one.parameter if isinstance(one, Setting) else ""


def _cell(*, text: bool) -> st.SearchStrategy[Any]:
    if text:
        return st.sampled_from(("", "甲", "level-1"))
    return st.sampled_from((np.nan, *SIZES)) | st.floats(-1e6, 1e6, allow_nan=False, width=32)


def batches(
    rule: Rule, texts: frozenset[str], *, minimum: int = 0
) -> st.SearchStrategy[Mapping[str, NDArray[Any]]]:
    """Columns of a batch: several datastreams, times in any order, missing values.

    Args:
        rule: The rule that they are for.
        texts: Its inputs whose columns hold texts.
        minimum: Rows at least.
    """
    cells = [_cell(text=name in texts) for name in rule.inputs]
    row = st.tuples(st.integers(1, 4), st.integers(0, (LAST - FIRST) // HOUR), *cells)

    def columns(rows: list[tuple[Any, ...]]) -> Mapping[str, NDArray[Any]]:
        found = list(zip(*rows, strict=True)) if rows else [()] * (2 + len(cells))
        made_of = {
            "datastream": np.array(found[0], np.int64),
            "time": FIRST + np.array(found[1], np.int64) * HOUR,
        }
        for name, values in zip(rule.inputs, found[2:], strict=True):
            made_of[name] = np.array(values, object if name in texts else np.float64)
        return made_of

    return st.lists(row, min_size=minimum, max_size=LONGEST).map(columns)


def made(columns: Mapping[str, NDArray[Any]]) -> Batch:
    """A batch of copies of some columns."""
    return Batch({name: column.copy() for name, column in columns.items()})


def missing(rule: Rule, texts: frozenset[str], rows: int = 3) -> dict[str, NDArray[Any]]:
    """Columns in which every input is missing."""
    columns: dict[str, NDArray[Any]] = {
        "datastream": np.arange(1, rows + 1, dtype=np.int64),
        "time": FIRST + 10 * 365 * DAY + np.arange(rows, dtype=np.int64) * HOUR,
    }
    for name in rule.inputs:
        columns[name] = np.array([""] * rows, object) if name in texts else np.full(rows, np.nan)
    return columns
