"""Forms made from a schema's fields: how each is asked, and what is wrong with an answer.

Cases, records and commands share them: a handler makes `Action` objects of them, the template
``_actions.html`` draws these, and `county_gov.contract.values.from_words` reads what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve

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


_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), chinese)
    for pattern, chinese in (
        (r"is required", "必填"),
        (r"is required: the value holds from a day that has passed", "必填：生效日期早于今天"),
        (r"leave it empty where the area's own value ends", "不再有自己的值时，此处不填"),
        (r"(.*) is not an area of the register, or is no more", r"区划中没有 \1，或已撤销"),
        (r"(.*) is not in the register of (?:areas|units)", r"\1 不在名录中"),
        (
            r"does not fit the field any more: (.*); reject it and propose anew",
            r"不再符合要求（\1），请不批准，并重新提出",
        ),
        (r"expected at least (\S+), got (.*)", r"不能小于 \1，填的是 \2"),
        (r"expected at most (\d+) decimals, got (.*)", r"最多 \1 位小数，填的是 \2"),
        (r"expected at most (\S+), got (.*)", r"不能大于 \1，填的是 \2"),
        (r"expected (\S+) to (\S+) characters, got (\d+)", r"应为 \1 至 \2 个字，现有 \3 个字"),
        (r"expected a whole number, got (.*)", r"应为整数，填的是 \1"),
        (r"expected a(?: finite)? number, got (.*)", r"应为数字，填的是 \1"),
        (r"expected a number of at most 64 bits, got (.*)", r"数字过大：\1"),
        (r"expected true or false, got (.*)", r"应为“是”或“否”，填的是 \1"),
        (r"expected a text, got (.*)", r"应为文字，填的是 \1"),
        (r"expected a time such as (\S+), got (.*)", r"应为时间，例如 \1，填的是 \2"),
        (r"expected a date such as (\S+), got (.*)", r"应为日期，例如 \1，填的是 \2"),
        (
            r"expected a (?:time|date) between 1900 and 2100, got (.*)",
            r"应在 1900 至 2100 年之间：\1",
        ),
        (r"expected one of (.*), got (.*)", r"只能是 \1 之一，填的是 \2"),
        (r"(U\+[0-9A-F]+) is not allowed in a text: leave it out", r"含有不允许的字符 \1，请删去"),
    )
)
"""Messages of the checks in Chinese; their own words are the English ones."""


def problem_words(message: str) -> Text:
    """What is wrong with an answer, in both languages."""
    for pattern, chinese in _WORDS:
        found = pattern.fullmatch(message)
        if found:
            return Text(zh=found.expand(chinese), en=message)
    return Text(zh=f"填写有误：{message}", en=message)
