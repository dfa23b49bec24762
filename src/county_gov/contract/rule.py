"""Rules: judgements over columns, three-valued, cited and dated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from county_gov.contract.batch import Batch, Float64s, Int8s
from county_gov.contract.clock import HOUR
from county_gov.errors import ContractError

if TYPE_CHECKING:
    from county_gov.contract.schema import Value
    from county_gov.contract.text import Text

PASS = 1
FAIL = 0
UNKNOWN = -1
"""Kleene's third value: the condition could not be determined. Never taken for pass or fail."""

ROW_COLUMNS = ("datastream", "time")
"""Columns that every batch of a rule has beside its inputs."""


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
        limit: Name of the rule's `Setting` that gives the limit, if one does: an alert then cites
            the document under which the limit that was applied was approved.
    """

    id: str
    title: Text
    citation: Citation
    unit: str = ""
    earlier: tuple[Citation, ...] = ()
    limit: str = ""

    def citation_on(self, day: date) -> Citation:
        """The citation in force on a local day; `citation` where none is."""
        dated = (one for one in (self.citation, *self.earlier) if one.in_force(day))
        return next(dated, self.citation)


@frozen
class Latest:
    """Input: the readings of an observed property, as they came.

    As the first input of a rule: each reading is a row. With ``within`` a silence is a row as well:
    where no reading follows another for so long, whatever its flag, the instant at which it has
    lasted ``within`` is a row whose value is NaN; it is judged as soon as the clock gets there.
    As a further input: the newest reading at or before the row's instant, and not older than that
    by more than ``within``; else NaN.

    Args:
        observed_property: Of a datastream of the row's thing.
        within: How old the newest reading may be, microseconds. As a further input more than 0; as
            the first one 0 means that silence says nothing.
    """

    observed_property: str
    within: int = 0


HourFigure = Literal["mean", "equivalent_level", "vector_mean", "sum", "minimum", "maximum"]
HOUR_FIGURES: tuple[HourFigure, ...] = (
    "mean", "equivalent_level", "vector_mean", "sum", "minimum", "maximum",
)  # fmt: skip
LATENESS = HOUR // 12


@frozen
class Hourly:
    """Input: a figure of each clock hour.

    "mean" is the arithmetic mean. "equivalent_level" is the equivalent continuous level L_eq of
    levels in decibels, the mean of their energy: 10 lg(mean(10^(L/10))) (GB 3096-2008, 3.2).
    "vector_mean" is the direction of the mean of unit vectors, degrees from 0 up to 360, for
    directions such as the wind's; NaN where they cancel each other out.

    An hour counts when at least ``coverage`` of its readings are there (GB 3095-2026, table 4:
    45 minutes of sampling); any other hour is a gap. It is judged when all of its readings are
    there, when the first one after it has come, or when it has been over for ``lateness``: a meter
    that falls silent holds nothing up. What comes later still is judged again. As the first input
    of a rule: each hour that counts is a row, whose time is the hour's beginning. As a further one:
    the last full hour at the row's instant, NaN where it does not count; beside hours, the same
    hour.

    Args:
        observed_property: Of a datastream of the row's thing.
        how: Which figure.
        coverage: Share of the hour's readings, above 0 and up to 1.
        lateness: As the first input: microseconds after the hour's end in which its readings may
            still come before it is judged without them.
    """

    observed_property: str
    how: HourFigure = "mean"
    coverage: float = 0.75
    lateness: int = LATENESS


WindowFigure = Literal[
    "rise", "sum", "mean", "equivalent_level", "vector_mean", "minimum", "maximum", "count"
]
WINDOW_FIGURES: tuple[WindowFigure, ...] = ("rise", *HOUR_FIGURES, "count")


@frozen
class Window:
    """Further input: a figure of the readings in (t - length, t], t being the row's instant.

    "rise" is the value at t minus the value at t - length, each taken from the newest reading at
    or before it that is not older than ``within``: NaN where one of both is missing. Means are
    those of `Hourly`. Without any reading "count" is 0, and everything else NaN: unknown is never
    zero.

    Args:
        observed_property: Of a datastream of the row's thing; may be that of the first input.
        length: Microseconds.
        how: Which figure.
        coverage: Share of the readings that the datastream's period lets expect in the window;
            where fewer are there, the figure is NaN. From 0 to 1; an irregular datastream (period
            0) has no expectation.
        within: For "rise", the age in microseconds that the readings at both ends may have; 0
            stands for a quarter of the length.
    """

    observed_property: str
    length: int
    how: WindowFigure
    coverage: float = 0.0
    within: int = 0

    @property
    def tolerance(self) -> int:
        """The age that the readings at both ends of a rise may have, microseconds."""
        return self.within or self.length // 4


@frozen
class Attribute:
    """Further input: a field of the record that belongs to the row's thing or area.

    Of a dated dataset the record in force on the row's local day is taken. The column is float64
    (exact decimals unscaled, days since 1970-01-01, instants in microseconds, 0 and 1 for bool),
    NaN where there is no record or no value; for a text field objects, "" where there is none.

    Args:
        dataset: Id of a dataset of records whose key is a single field.
        field: Name of one of its fields.
        key: Whether the record's key is the code of the row's thing, or of its area.
    """

    dataset: str
    field: str
    key: Literal["thing", "area"] = "thing"


@frozen
class Setting:
    """Further input: a parameter's value in force on the row's local day.

    It is the value for the row's thing, area or choice, by what the parameter varies. Its column
    is as that of an `Attribute`: NaN or "" where no value holds.

    Args:
        parameter: Id of the parameter.
        choice: For a parameter that varies by a choice: the text field that says which one it is.
    """

    parameter: str
    choice: Attribute | None = None


ClockPart = Literal["hour", "weekday", "day"]
CLOCK_PARTS: tuple[ClockPart, ...] = ("hour", "weekday", "day")


@frozen
class LocalTime:
    """Further input: the row's local time, for limits that differ by hour, weekday or season.

    Its column is float64 and never NaN; an hourly row has the time of its hour's beginning.

    Args:
        part: "hour" is the hours since local midnight with their fraction (0 up to 24), "weekday"
            is 0 for Monday to 6, "day" the day of the year, from 1.
    """

    part: ClockPart = "hour"


Driving = Latest | Hourly
"""What a rule's first input can be: it gives the rows."""

Input = Latest | Hourly | Window | Attribute | Setting | LocalTime


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

    The first input gives the rows: each reading, or each hour, of every datastream of its property.
    The core joins the others to each row by event time, from the datastreams of the same thing,
    from records and from parameters. A row's instant is its reading's time, or the last
    microsecond of its hour. What comes late, is revised or is approved later changes the rows that
    it belongs to, and they are judged again:

        Rule(
            id="reservoir.flood",
            title=Text(zh="超汛限", en="Above the flood limit"),
            inputs={
                "level": Latest("water_level"),
                "rise": Window("water_level", HOUR, "rise"),
                "rain": Window("rainfall", 3 * HOUR, "sum", coverage=0.75),
                "limit": Setting("reservoir.flood_limit"),
                "crest": Attribute("reservoir.reservoirs", "crest"),
            },
            conditions=(Condition("above", Text(zh="超过汛限", en="Above"), FLOOD_LAW, "m"),),
            judge=judge_flood,
        )

    where ``judge_flood`` answers UNKNOWN wherever an input that it needs is NaN:

        def judge_flood(batch: Batch) -> Mapping[str, Judgement]:
            level, limit = batch["level"], batch["limit"]
            known = np.isfinite(level) & np.isfinite(limit)
            above = np.where(known, np.where(level > limit, PASS, FAIL), UNKNOWN)
            return {"above": Judgement(above.astype(np.int8), level, limit)}

    Args:
        id: Prefixed by the plugin.
        title: What it is called.
        inputs: What is joined into the rows, by the name of its column; the first one drives. The
            batch given to ``judge`` has the columns ``datastream`` (int64, the driving one's
            number), ``time`` (int64 microseconds UTC) and one per input (float64 in the unit of
            its datastream or field; texts as objects).
        conditions: What is asked; ``judge`` answers each.
        judge: Pure function from a batch to a judgement per condition id. A row's answer never
            depends on the other rows, unless ``scope`` is "cohort".
        scope: "row" or "cohort".
        version: Raised with each change of ``judge``.
        configuration: What the answers depend on beside the columns: the settings of the plugin's
            configuration that ``judge`` uses, by name. They are part of the rule's `edition`.

    Raises:
        ContractError: if an input has a wrong name or figure, the first one cannot drive, or a
            condition's limit is no setting.
    """

    id: str
    title: Text
    inputs: Mapping[str, Input]
    conditions: tuple[Condition, ...]
    judge: Callable[[Batch], Mapping[str, Judgement]]
    subject: Literal["datastream"] = "datastream"
    scope: Literal["row", "cohort"] = "row"
    version: str = "1"
    configuration: Mapping[str, Value] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if not self.inputs:
            raise ContractError(f"rule {self.id}: inputs: name at least one")
        for place, (name, one) in enumerate(self.inputs.items()):
            if not name.isidentifier() or name in ROW_COLUMNS:
                raise ContractError(
                    f"rule {self.id}: inputs: {name!r}: expected an identifier other than"
                    f" {' and '.join(ROW_COLUMNS)}"
                )
            problem = _fault(one) if place else _driving_fault(one)
            if problem:
                raise ContractError(f"rule {self.id}: inputs[{name!r}]: {problem}")
        settings = sorted(name for name, one in self.inputs.items() if isinstance(one, Setting))
        for condition in self.conditions:
            if condition.limit and condition.limit not in settings:
                raise ContractError(
                    f"rule {self.id}: conditions[{condition.id!r}]: limit {condition.limit!r}:"
                    f" expected one of the inputs that are a Setting: {settings}"
                )

    @property
    def edition(self) -> str:
        """Version and configuration: recorded with every verdict. Another edition judges anew."""
        if not self.configuration:
            return self.version
        told = repr(sorted(self.configuration.items()))
        return f"{self.version}+{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    @property
    def driving(self) -> Driving:
        """The first input, which gives the rows."""
        first = next(iter(self.inputs.values()))
        if not isinstance(first, Latest | Hourly):
            raise ContractError(f"rule {self.id}: inputs: {_driving_fault(first)}")
        return first

    @property
    def driving_name(self) -> str:
        """The column of the first input."""
        return next(iter(self.inputs))

    @property
    def joined(self) -> Mapping[str, Input]:
        """The further inputs, by column."""
        return dict(list(self.inputs.items())[1:])


def _driving_fault(one: Input) -> str:
    """Why an input cannot be the first one, or an empty text."""
    if not isinstance(one, Latest | Hourly):
        return f"the first input gives the rows: expected Latest or Hourly, got {one}"
    if isinstance(one, Latest):
        return f"within: expected 0 or more, got {one.within}" if one.within < 0 else ""
    return _fault(one)


def _fault(one: Input) -> str:
    """What is wrong with the figures of a further input, or an empty text."""
    problem = ""
    match one:
        case Latest(within=within) if within <= 0:
            problem = f"within: how old may the reading be? expected microseconds, got {within}"
        case Hourly(how=how) if how not in HOUR_FIGURES:
            problem = f"how: expected one of {', '.join(HOUR_FIGURES)}, got {how!r}"
        case Hourly(coverage=coverage) if not 0 < coverage <= 1:
            problem = f"coverage: expected a share above 0 and up to 1, got {coverage}"
        case Hourly(lateness=lateness) if lateness < 0:
            problem = f"lateness: expected 0 microseconds or more, got {lateness}"
        case Window(length=length) if length <= 0:
            problem = f"length: expected microseconds above 0, got {length}"
        case Window(how=how) if how not in WINDOW_FIGURES:
            problem = f"how: expected one of {', '.join(WINDOW_FIGURES)}, got {how!r}"
        case Window(coverage=coverage, within=within) if not 0 <= coverage <= 1 or within < 0:
            problem = f"expected a coverage from 0 to 1 and within of 0 or more, got {one}"
        case LocalTime(part=part) if part not in CLOCK_PARTS:
            problem = f"part: expected one of {', '.join(CLOCK_PARTS)}, got {part!r}"
        case Attribute(key=key) if key not in {"thing", "area"}:
            problem = f"key: expected 'thing' or 'area', got {key!r}"
    return problem
