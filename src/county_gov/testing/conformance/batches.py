"""Batches for rules, generated from what the rule says that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from county_gov.contract.batch import Batch
from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.rule import Attribute, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.parameter import Parameter
    from county_gov.contract.rule import Input, Rule

FIRST = 1_325_376_000_000_000
"""2012-01-01T00:00:00Z."""
LAST = FIRST + 20 * 365 * DAY
LONGEST = 24
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


def _column(kind: str, rows: int) -> st.SearchStrategy[NDArray[Any]]:
    if kind == "text":
        words = st.lists(st.sampled_from(["", "甲", "level-1"]), min_size=rows, max_size=rows)
        return words.map(lambda found: np.array(found, object))
    numbers = st.one_of(
        st.just(np.nan),
        st.sampled_from(SIZES),
        st.floats(-1e6, 1e6, allow_nan=False, width=32),
    )
    return st.lists(numbers, min_size=rows, max_size=rows).map(
        lambda found: np.array(found, np.float64)
    )


@st.composite
def batches(
    draw: st.DrawFn, rule: Rule, texts: frozenset[str], *, minimum: int = 0
) -> Mapping[str, NDArray[Any]]:
    """Columns of a batch: several datastreams, times in any order, missing values."""
    rows = draw(st.integers(minimum, LONGEST))
    streams = draw(st.lists(st.integers(1, 4), min_size=rows, max_size=rows))
    hours = draw(st.lists(st.integers(0, (LAST - FIRST) // HOUR), min_size=rows, max_size=rows))
    columns: dict[str, NDArray[Any]] = {
        "datastream": np.array(streams, np.int64),
        "time": FIRST + np.array(hours, np.int64) * HOUR,
    }
    for name in rule.inputs:
        columns[name] = draw(_column("text" if name in texts else "number", rows))
    return columns


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
