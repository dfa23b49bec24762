"""Query parameters, read strictly: unknown, repeated or out of bounds is refused with a hint."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.clock import EARLIEST, LATEST
from county_gov.errors import Problem
from county_gov.server.refusal import RequestInvalid

if TYPE_CHECKING:
    from multidict import MultiMapping

    from county_gov.server.routes import Parameter

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
LONGEST = 200
ALWAYS = frozenset({"lang"})
"""Parameters that every address takes."""
NO_FIELDS: Mapping[str, Mapping[str, str]] = MappingProxyType({})
_FIELD = re.compile(r"(\w+)\[(\w{1,100})\]")


@frozen(eq=False)
class Values:
    """The parameters of a request, by kind."""

    texts: Mapping[str, str]
    numbers: Mapping[str, int]
    fields: Mapping[str, Mapping[str, str]] = NO_FIELDS

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        return self.texts.get(name, default)

    def number(self, name: str, default: int) -> int:
        """A whole number or an instant."""
        return self.numbers.get(name, default)

    def by_field(self, name: str) -> Mapping[str, str]:
        """What was given as ``name[field]=value``, by field."""
        return self.fields.get(name, {})

    def truth(self, name: str) -> bool:
        """Whether a truth was given as "true" or "1"."""
        return bool(self.numbers.get(name, 0))


def read_parameters(query: MultiMapping[str], declared: Sequence[Parameter]) -> Values:
    """The declared parameters of a query.

    Raises:
        RequestInvalid: with every parameter that is wrong.
    """
    known = {one.name: one for one in declared if one.kind != "fields"}
    fields: dict[str, dict[str, str]] = {one.name: {} for one in declared if one.kind == "fields"}
    problems = _read_names(query, known, fields)
    texts: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for name, parameter in known.items():
        given = query.getall(name, [])
        if len(given) > 1:
            problems.append(Problem(f"query: {name}", "is given twice; give it once"))
        elif not given:
            if parameter.required:
                problems.append(Problem(f"query: {name}", "is needed"))
        else:
            problem = _read(parameter, given[0], texts, numbers)
            if problem:
                problems.append(Problem(f"query: {name}", f"{problem}, got {given[0][:60]!r}"))
    if problems:
        raise RequestInvalid(problems)
    return Values(texts, numbers, fields)


def _read_names(
    query: MultiMapping[str], known: Collection[str], fields: Mapping[str, dict[str, str]]
) -> list[Problem]:
    """Take what stands as ``name[field]``; problems of it, and of names that are not known."""
    problems: list[Problem] = []
    for name in dict.fromkeys(query):
        found = _FIELD.fullmatch(name)
        if found and found[1] in fields:
            problem = _read_field(fields[found[1]], found[2], query.getall(name))
            if problem:
                problems.append(Problem(f"query: {name}", problem))
        elif name not in known and name not in ALWAYS:
            hint = _hint(name, [*known, *(f"{one}[…]" for one in fields)])
            problems.append(Problem(f"query: {name[:40]}", f"unknown parameter{hint}"))
    return problems


def _read_field(values: dict[str, str], name: str, given: Sequence[str]) -> str:
    """Take the value of one field; what is wrong with it, else an empty text."""
    if len(given) > 1:
        return "is given twice; give it once"
    values[name] = given[0]
    fits = len(given[0]) <= LONGEST and given[0].isprintable()
    return "" if fits else f"expected at most {LONGEST} printable characters"


def _read(parameter: Parameter, value: str, texts: dict[str, str], numbers: dict[str, int]) -> str:
    """Read one value; what was expected where it is wrong, else an empty text."""
    if parameter.kind == "text":
        texts[parameter.name] = value
        if parameter.choices and value not in parameter.choices:
            return f"expected one of {', '.join(parameter.choices)}"
        fits = len(value) <= LONGEST and value.isprintable()
        return "" if fits else f"expected at most {LONGEST} printable characters"
    if parameter.kind == "truth":
        numbers[parameter.name] = int(value in ("true", "1"))
        return "" if value in ("true", "1", "false", "0") else "expected true or false"
    number = _instant(value) if parameter.kind == "instant" else _whole(value)
    if number is None:
        return "expected an instant" if parameter.kind == "instant" else "expected a whole number"
    numbers[parameter.name] = number
    low = EARLIEST if parameter.kind == "instant" else parameter.minimum
    high = LATEST if parameter.kind == "instant" else parameter.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        return f"expected a number from {low} to {high}"
    return ""


def _whole(value: str) -> int | None:
    return int(value) if _WHOLE.fullmatch(value) else None


def _instant(value: str) -> int | None:
    """RFC 3339 with an offset, or integer microseconds UTC."""
    number = _whole(value)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _hint(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known) or 'none'}"
