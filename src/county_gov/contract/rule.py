"""Rules: judgements over columns, three-valued, cited and dated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from county_gov.contract.batch import Batch, Float64s, Int8s

if TYPE_CHECKING:
    from county_gov.contract.text import Text

PASS = 1
FAIL = 0
UNKNOWN = -1
"""Kleene's third value: the condition could not be determined. Never taken for pass or fail."""


@frozen
class Citation:
    """Where a limit or condition comes from, and when and where it is in force.

    Args:
        document: Name of the standard, law or decision.
        number: Its number, for example ``GB 3095-2026``.
        article: Clause, table or article.
        effective_from: First day in force (local date).
        effective_to: First day no longer in force, or None.
        jurisdiction: Code of the area whose authority issued it; empty for the nation.
    """

    document: str
    number: str = ""
    article: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    jurisdiction: str = ""

    def in_force(self, day: date) -> bool:
        """Whether the citation is in force on a local day."""
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.effective_to is None or day < self.effective_to)

    def __str__(self) -> str:
        return " ".join(part for part in (self.document, self.number, self.article) if part)


@frozen(eq=False)
class Condition:
    """One question that a rule answers for every row.

    Args:
        id: Within the rule.
        title: The question, in words.
        citation: Where its limit comes from now.
        unit: Unit of value and limit.
        earlier: Where the limit came from before, for days on which that was in force.
    """

    id: str
    title: Text
    citation: Citation
    unit: str = ""
    earlier: tuple[Citation, ...] = ()

    def citation_on(self, day: date) -> Citation:
        """The citation in force on a local day; `citation` where none is."""
        dated = (one for one in (self.citation, *self.earlier) if one.in_force(day))
        return next(dated, self.citation)


@frozen
class Latest:
    """Input: each reading of an observed property, as it came (column ``value``)."""

    observed_property: str


@frozen
class HourlyMean:
    """Input: the mean of each clock hour (column ``value``).

    An hour counts when at least ``coverage`` of its readings are there (GB 3095-2026, table 4:
    45 minutes of sampling) and the hour is over; any other hour is a gap.
    """

    observed_property: str
    coverage: float = 0.75


Input = Latest | HourlyMean


@frozen(eq=False)
class Judgement:
    """One condition's answers for every row.

    Args:
        outcomes: int8, shape (n,): `PASS`, `FAIL` or `UNKNOWN`.
        values: float64, shape (n,): the value that was compared; NaN where unknown.
        limits: float64, shape (n,): the limit that it was compared with; NaN where none.
    """

    outcomes: Int8s
    values: Float64s
    limits: Float64s


@frozen(eq=False)
class Verdicts:
    """A rule's answers: one `Judgement` per condition, rows as in the input batch."""

    rule: str
    version: str
    judgements: Mapping[str, Judgement]


@frozen(eq=False)
class Rule:
    """A judgement over columns.

    Args:
        id: Prefixed by the plugin.
        title: What it is called.
        subject: What one row speaks of.
        input: Series that is joined into the rows; the batch given to ``judge`` has the columns
            ``datastream`` (int64 numbers), ``time`` (int64 microseconds UTC), ``value`` (float64
            in the datastream's unit).
        conditions: What is asked; ``judge`` answers each.
        judge: Pure function from a batch to a judgement per condition id. A row's answer never
            depends on the other rows, unless ``scope`` is "cohort".
        scope: "row" or "cohort".
        version: Raised with each change; recorded with every verdict.
    """

    id: str
    title: Text
    input: Input
    conditions: tuple[Condition, ...]
    judge: Callable[[Batch], Mapping[str, Judgement]]
    subject: Literal["datastream"] = "datastream"
    scope: Literal["row", "cohort"] = "row"
    version: str = "1"
