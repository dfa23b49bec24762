"""What plugins' functions must give, checked where it comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from county_gov.contract.batch import Batch
from county_gov.contract.notifier import Receipt
from county_gov.contract.page import View
from county_gov.contract.rule import FAIL, PASS, UNKNOWN, Judgement, Rule
from county_gov.contract.source import Decoded, Reason
from county_gov.contract.text import Text
from county_gov.errors import ContractError
from county_gov.registry.shape import Shapes, require

MOST_VIEWS = 50
"""Views of one page."""


def check_judgements(rule: Rule, answers: object, rows: int) -> Mapping[str, Judgement]:
    """A rule's answers, where they are one judgement for each condition and row.

    Raises:
        ContractError: if a condition is missing or unknown, or if a column has the wrong type,
            dtype, shape or values; the text names the first bad row.
    """
    place = f"rule {rule.id}"
    if not isinstance(answers, Mapping):
        raise _broken(f"{place}: judge", "a mapping from condition id to Judgement", answers)
    expected = {condition.id for condition in rule.conditions}
    if set(answers) != expected:
        raise _broken(f"{place}: judge", f"the conditions {sorted(expected)}", sorted(answers))
    for condition, judgement in answers.items():
        _check_judgement(f"{place}: {condition}", judgement, rows)
    return answers


def _check_judgement(place: str, judgement: object, rows: int) -> None:
    if not isinstance(judgement, Judgement):
        raise _broken(place, "a Judgement", judgement)
    columns: tuple[tuple[str, Any, type[np.generic]], ...] = (
        ("outcomes", judgement.outcomes, np.int8),
        ("values", judgement.values, np.float64),
        ("limits", judgement.limits, np.float64),
    )
    for name, column, dtype in columns:
        where = f"{place}.{name}"
        if not isinstance(column, np.ndarray):
            raise _broken(where, f"an array of {dtype.__name__}", column)
        if column.dtype != dtype:
            raise _broken(where, f"dtype {dtype.__name__}", column.dtype)
        if column.shape != (rows,):
            raise _broken(where, f"shape ({rows},)", column.shape)
    outcomes, values, limits = judgement.outcomes, judgement.values, judgement.limits
    known = outcomes != UNKNOWN
    wrong = known & (outcomes != PASS) & (outcomes != FAIL)
    _first(f"{place}.outcomes", f"{PASS}, {FAIL} or {UNKNOWN}", wrong, outcomes)
    missing = known & ~np.isfinite(values)
    _first(f"{place}.values", "a finite value wherever PASS or FAIL", missing, values)
    _first(f"{place}.limits", "a finite limit, or NaN for none", np.isinf(limits), limits)


def check_decoded(source: str) -> Callable[[object], None]:
    """A check of what a source's ``decode`` gave."""

    def check(decoded: object) -> None:
        place = f"source {source}: decode"
        if not isinstance(decoded, Decoded):
            raise _broken(place, "a Decoded", decoded)
        missing = {"datastream", "time", "value"} - set(decoded.batch)
        if missing:
            raise _broken(place, f"the columns {sorted(missing)} as well", sorted(decoded.batch))
        if decoded.batch["time"].dtype != np.int64:
            raise _broken(f"{place}.time", "dtype int64", decoded.batch["time"].dtype)
        if decoded.batch["value"].dtype.kind not in "fiu":
            raise _broken(f"{place}.value", "dtype float64", decoded.batch["value"].dtype)
        _check_texts(f"{place}.datastream", decoded.batch["datastream"])
        if "flag" in decoded.batch:
            _check_texts(f"{place}.flag", decoded.batch["flag"])
        _check_numbers(place, decoded)
        require(decoded.rejected, tuple[tuple[Reason, bytes], ...], f"{place}.rejected")

    return check


def _check_numbers(place: str, decoded: Decoded) -> None:
    """Each row's number within the delivery, and its result time where there is one."""
    if not isinstance(decoded.rows, np.ndarray):
        raise _broken(f"{place}.rows", "an array of int64", decoded.rows)
    columns = {"rows": decoded.rows}
    if "result_time" in decoded.batch:
        columns["result_time"] = decoded.batch["result_time"]
    for name, column in columns.items():
        if column.dtype != np.int64:
            raise _broken(f"{place}.{name}", "dtype int64", column.dtype)
        if column.shape != (decoded.batch.rows,):
            raise _broken(f"{place}.{name}", f"shape ({decoded.batch.rows},)", column.shape)
    _first(f"{place}.rows", "numbers from 0", decoded.rows < 0, decoded.rows)


def _check_texts(place: str, column: NDArray[Any]) -> None:
    """A column of texts."""
    if column.dtype.kind == "U":
        return
    if column.dtype != object:
        raise _broken(place, "texts", column.dtype)
    for row, one in enumerate(column):
        if not isinstance(one, str):
            raise _broken(f"{place}[{row}]", "a text", one)


def check_batch(what: str, rows: int) -> Callable[[object], None]:
    """A check of a function that makes rows of rows, and must keep their number."""

    def check(batch: object) -> None:
        if not isinstance(batch, Batch):
            raise _broken(what, "a Batch", batch)
        if batch.rows != rows:
            raise _broken(what, f"{rows} rows", batch.rows)

    return check


def check_objection(guard: str) -> Callable[[object], None]:
    """A check of a guard's answer."""
    return lambda answer: require(answer, Text | None, f"guard {guard}")


def check_receipts(receipts: Iterable[Receipt]) -> None:
    """A channel's receipts."""
    require(tuple(receipts), tuple[Receipt, ...], "send")


def check_headline(headline: object) -> None:
    """A page's title."""
    require(headline, Text, "headline")


def check_views(page: str) -> Callable[[object], None]:
    """A check of a page's views, down to what each field must hold."""
    shapes = Shapes()

    def check(views: object) -> None:
        if not isinstance(views, tuple | list):
            raise _broken(f"page {page}", "a tuple of views", views)
        if len(views) > MOST_VIEWS:
            raise _broken(f"page {page}", f"at most {MOST_VIEWS} views", len(views))
        require(tuple(views), tuple[View, ...], f"page {page}")
        for view in views:
            held = {name: getattr(view, name) for name in shapes.of(type(view))}
            shapes.require(type(view), held)

    return check


def _first(place: str, expected: str, bad: NDArray[np.bool_], column: NDArray[Any]) -> None:
    """Raise for the first bad row, if there is one."""
    if bad.any():
        row = int(np.argmax(bad))
        raise _broken(f"{place}[{row}]", expected, column[row])


def _broken(place: str, expected: str, got: object) -> ContractError:
    if not isinstance(got, str | int | float | np.generic | np.dtype | tuple | list):
        got = type(got).__name__
    return ContractError(f"{place}: expected {expected}, got {str(got)[:200]}")
