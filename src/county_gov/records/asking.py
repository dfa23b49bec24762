"""What is asked of records: filters checked against the fields, and which window of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from county_gov.contract.records import Filter, From, Missing, OneOf, Until
from county_gov.contract.values import ValueRefused, check_value, unknown_fields
from county_gov.errors import NotFound, Problem, RecordInvalid
from county_gov.records.keys import parse_key

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Field, Schema, Value
    from county_gov.store.records import RowKey

MOST_FILTERS = 50
MOST_VALUES = 1000
"""Values that one filter lists."""
ORDERED = ("int64", "float64", "date", "instant")


@frozen
class Window:
    """Which of the rows that fit are given.

    Args:
        limit: Rows at most.
        offset: Rows passed over.
        after: Key behind which they come; empty for the first.
        most: The highest limit.
    """

    limit: int
    offset: int
    after: str
    most: int

    def problems(self, sort: str) -> list[Problem]:
        """What is wrong with it, for rows in an order."""
        found: list[Problem] = []
        if not 0 <= self.limit <= self.most:
            found.append(Problem("limit", f"expected 0 to {self.most} rows, got {self.limit}"))
        if self.offset < 0:
            found.append(Problem("offset", f"expected 0 or more, got {self.offset}"))
        if self.after and sort:
            words = "goes with the order by key: leave the other order out, or take an offset"
            found.append(Problem("after", words))
        return found

    def behind(self, dataset: Dataset) -> RowKey | None:
        """The key behind which rows come, None for the first.

        Raises:
            RecordInvalid: if it cannot be a key of the dataset.
        """
        if not self.after:
            return None
        try:
            return parse_key(dataset, self.after)
        except NotFound:
            words = f"{self.after[:60]!r} is no key of {dataset.id}"
            raise RecordInvalid([Problem("after", words)]) from None


def check_filters(
    schema: Schema, where: Sequence[Filter]
) -> tuple[tuple[Filter, ...], list[Problem]]:
    """Filters with values as they are kept, and all that is wrong with those given."""
    if len(where) > MOST_FILTERS:
        words = f"expected at most {MOST_FILTERS} filters, got {len(where)}"
        return (), [Problem("where", words)]
    given: Sequence[object] = where  # plugins are not all typed
    for each in given:
        if not isinstance(each, Filter):
            words = f"expected Equal, OneOf, From, Until or Missing, got {type(each).__name__}"
            return (), [Problem("where", words)]
    problems = unknown_fields(schema, dict.fromkeys(one.field for one in where))
    kept: list[Filter] = []
    for one in where:
        if one.field in schema.names:
            try:
                kept.append(_kept(_unbounded(schema[one.field]), one))
            except ValueRefused as refused:
                problems.append(Problem(one.field, str(refused)))
    return tuple(kept), problems


def _kept(asked: Field, one: Filter) -> Filter:
    """A filter with values as they are kept.

    Raises:
        ValueRefused: saying what was expected.
    """
    if isinstance(one, Missing):
        return one
    if isinstance(one, OneOf):
        if not 1 <= len(one.values) <= MOST_VALUES:
            raise ValueRefused(f"expected 1 to {MOST_VALUES} values, got {len(one.values)}")
        return OneOf(one.field, tuple(_values(asked, one.values)))
    if isinstance(one, From | Until) and asked.dtype not in ORDERED:
        words = "a text" if asked.dtype == "text" else "a truth"
        raise ValueRefused(f"is {words}: expected a number, day or time to ask from or until")
    (value,) = _values(asked, (one.value,))
    return evolve(one, value=value)


def _values(asked: Field, values: Iterable[object]) -> Iterable[str | float | bool]:
    for value in values:
        found: Value = check_value(asked, value)
        if found is None:
            raise ValueRefused("expected a value; to find empty ones ask what is missing")
        yield found


def _unbounded(one: Field) -> Field:
    """A field as a question names it: any value of its type may be looked for."""
    return evolve(one, minimum=None, maximum=None, choices=(), required=False)
