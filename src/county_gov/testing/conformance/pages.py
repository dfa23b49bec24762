"""Checks of pages: they draw with nothing there, and with nonsense in the address."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, get_args

import attrs
import numpy as np
from attrs import evolve

from county_gov.contract.page import (
    Figures,
    Form,
    Map,
    Marker,
    Page,
    Row,
    Series,
    Shape,
    Table,
    View,
)
from county_gov.contract.text import Text
from county_gov.testing.conformance.check import Check, Nonconformity, Subject, require
from county_gov.testing.conformance.running import (
    PERSON,
    empty_context,
    end_when_cancelled,
    finish,
)

VIEWS = get_args(View)
NONSENSE = ("", "0", "-1", "../x", "<b>", "1e999", "汉", "\x00", "a" * 300)
NAMES = ("id", "code", "page", "sort", "property", "area", "day", "from", "to", "hours", "thing")


def page_checks(subject: Subject) -> Iterator[Check]:
    """Checks of each page."""
    for page in subject.declared("pages"):
        for name, (question, look) in CHECKS.items():
            yield Check(f"page:{page.path}:{name}", question, partial(look, subject, page))


def _views(subject: Subject, page: Page, query: Mapping[str, str] | None = None) -> tuple[Any, ...]:
    context = evolve(empty_context(subject), query=query or {}, actor=PERSON)
    try:
        found: object = finish(lambda: page.views(context))
    except Nonconformity:
        raise
    except Exception as error:
        shown = f" for ?{query}" if query else ""
        raise Nonconformity(f"raised {type(error).__name__}{shown}: {error}") from error
    require(isinstance(found, tuple), f"views gave {type(found).__name__}; expected a tuple")
    return tuple(found) if isinstance(found, tuple) else ()


def _draws(subject: Subject, page: Page) -> None:
    views = _views(subject, page)
    problems = [
        f"views()[{number}] is {type(view).__name__}"
        for number, view in enumerate(views)
        if not isinstance(view, VIEWS)
    ]
    ids = [view.id for view in views if isinstance(view, VIEWS)]
    problems += [f"the id {one!r} is given twice" for one in sorted(ids) if ids.count(one) > 1]
    for view in views:
        faults = (*_faults(view), *_case_faults(view))
        problems += [f"{getattr(view, 'id', '?')}: {fault}" for fault in faults]
    require(not problems, "; ".join(problems))


def _faults(view: object) -> Iterator[str]:
    match view:
        case Table():
            yield from _table_faults(view)
        case Series():
            yield from _series_faults(view)
        case Figures():
            for one in view.figures:
                if one.value is not None and not np.isfinite(one.value):
                    yield f"{one.label} is {one.value}; expected None where it is unknown"
        case Map():
            for marker in view.markers:
                if not (abs(marker.longitude) <= 180 and abs(marker.latitude) <= 90):  # noqa: PLR2004
                    yield f"{marker.label} stands nowhere: {marker.longitude}, {marker.latitude}"
        case Form(command=""):
            yield "names no command"


def _table_faults(view: Table) -> Iterator[str]:
    columns = {one.key for one in view.columns}
    for number, row in enumerate(view.rows):
        for key in sorted({*row.cells, *row.texts} - columns):
            yield f"row {number} has a cell for {key!r}, which is no column"


def _case_faults(view: object) -> Iterator[str]:
    """Rows and places that name a case by something else than its id."""
    items: tuple[Row | Marker | Shape, ...] = ()
    if isinstance(view, Table):
        items = view.rows
    elif isinstance(view, Map):
        items = (*view.markers, *view.shapes)
    for number, one in enumerate(items):
        case: object = one.case
        if case != "" and not (isinstance(case, str) and case.isdecimal()):
            yield f"item {number} names the case {case!r}; expected the id of a case"


def _series_faults(view: Series) -> Iterator[str]:
    for line in view.lines:
        shapes = {np.shape(one) for one in (line.times, line.values)}
        if len(shapes) > 1:
            yield f"times and values of {line.label} have shapes {shapes}"
        elif np.any(np.diff(line.times) < 0):
            yield f"the times of {line.label} do not rise"


def _headline(subject: Subject, page: Page) -> None:
    if page.headline is None:
        return
    function = page.headline
    found: object = finish(lambda: function(empty_context(subject)))
    require(isinstance(found, Text), f"headline gave {type(found).__name__}; expected a Text")


def _nonsense(subject: Subject, page: Page) -> None:
    for value in NONSENSE:
        _views(subject, page, dict.fromkeys(NAMES, value))


def _repeatable(subject: Subject, page: Page) -> None:
    first, again = (_views(subject, page) for _ in range(2))
    kinds = [[type(one).__name__ for one in views] for views in (first, again)]
    require(kinds[0] == kinds[1], f"looked at twice it shows {kinds[0]}, then {kinds[1]}")
    for before, after in zip(first, again, strict=True):
        require(
            _plain(before) == _plain(after),
            f"looked at twice it shows {before!r}, then {after!r}: time is ctx.clock, and nothing"
            " is kept between two readers",
        )


def _plain(value: object) -> object:
    """A view as data that can be compared: columns as lists, NaN equal to itself."""
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value.tolist()]
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    cls: Any = type(value)
    if attrs.has(cls):
        fields = {one.name: _plain(getattr(value, one.name)) for one in attrs.fields(cls)}
        return (cls.__name__, fields)
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _cancellation(subject: Subject, page: Page) -> None:
    async def start(context: Any) -> object:  # noqa: ANN401 (a stalling context)
        return await page.views(context)

    end_when_cancelled(start, empty_context(subject))


CHECKS: dict[str, tuple[str, Callable[[Subject, Page], None]]] = {
    "draws": ("Does it draw sound views while there is no data?", _draws),
    "headline": ("Does its headline answer while there is no data?", _headline),
    "nonsense": ("Does nonsense in the address do no harm?", _nonsense),
    "repeatable": ("Does it show the same twice?", _repeatable),
    "cancellation": ("Does it end when the reader goes away?", _cancellation),
}
