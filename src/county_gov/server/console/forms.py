"""Forms made from a schema's fields: how each is asked, and what is wrong with an answer.

Cases, records and commands share them: a handler makes `Action` objects of them, the template
``_actions.html`` draws these, and `county_gov.contract.values.from_words` reads what was typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve

from county_gov.contract.problem_words import problem_words
from county_gov.contract.text import Text
from county_gov.server.render import Action, ActionField, Option

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.schema import Field, Value
    from county_gov.errors import Problem
    from county_gov.server.render.actions import FieldKind

FEW = 4
"""So many choices are shown side by side; more fold into a list."""
LONGEST_KEPT = 10_000
"""Characters of what was typed into a field that come back with an error."""
YES = Text(zh="是", en="yes")
NO = Text(zh="否", en="no")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def field_of(
    one: Field, options: tuple[Option, ...] | None = None, *, value: str = ""
) -> ActionField:
    """How a field is asked.

    Args:
        one: The field.
        options: What can be chosen where the schema does not say it: areas, persons, records.
        value: What stands in it at first.
    """
    chosen = options is not None
    return ActionField(
        name=one.name,
        label=one.title,
        help=one.meaning,
        kind=kind_of(one, chosen=chosen),
        options=options or tuple(Option(key, words) for key, words in one.choices),
        required=one.required and one.dtype != "bool",
        value=value,
        unit=one.unit,
    )


def kind_of(one: Field, *, chosen: bool = False) -> FieldKind:
    """The control for a field; ``chosen`` where its options are given beside the schema."""
    if chosen:
        return "select"
    if one.choices:
        return "radio" if len(one.choices) <= FEW else "select"
    kinds: Mapping[str, FieldKind] = {
        "bool": "checkbox",
        "int64": "number",
        "float64": "number",
        "date": "date",
        "instant": "instant",
    }
    return kinds.get(one.dtype) or ("textarea" if one.multiline else "text")


def shown_value(one: Field, value: Value, timezone: ZoneInfo) -> str:
    """A value as its control takes it: local time for an instant, ISO for a day.

    Args:
        one: The field.
        value: In the shape of `county_gov.contract.schema.Value`.
        timezone: The county's local time.
    """
    if value is None:
        return ""
    if one.dtype == "bool":
        return "yes" if value else ""
    if one.dtype == "instant" and isinstance(value, int):
        local = (_EPOCH + timedelta(microseconds=value)).astimezone(timezone)
        return local.replace(tzinfo=None).isoformat(
            timespec="seconds" if local.second else "minutes"
        )
    if one.decimals is not None and isinstance(value, int | float):
        return f"{value:.{one.decimals}f}"
    return str(value)


def with_problems(
    action: Action, typed: Mapping[str, str], problems: Sequence[Problem], whole: Text | None = None
) -> Action:
    """The action with what was typed into it, and what is wrong with it.

    Args:
        action: As it was offered.
        typed: What came back, by the fields' names.
        problems: Each with a field's name as its place; others are told for the whole.
        whole: What is wrong with the action as a whole.
    """
    known = {one.name for one in action.fields}
    wrong = {one.place: problem_words(one.message) for one in problems if one.place in known}
    others = [one for one in problems if one.place not in known]
    if others and whole is None:
        whole = Text(
            zh="；".join(f"{one.place} {problem_words(one.message).zh}".strip() for one in others),
            en="; ".join(str(one) for one in others),
        )
    fields = tuple(
        evolve(one, value=typed.get(one.name, "")[:LONGEST_KEPT], error=wrong.get(one.name))
        for one in action.fields
    )
    return evolve(action, fields=fields, error=whole)
