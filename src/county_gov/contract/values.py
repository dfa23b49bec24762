"""Values: checked against a schema and put into one shape before anything else sees them.

Whatever is typed or sent comes through here, be it a form's, a record's or a parameter's value:
`normalise` takes typed data, as JSON brings it; `from_words` first reads the texts of an HTML form.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

from county_gov.contract.clock import EARLIEST, LATEST, MICROSECONDS
from county_gov.errors import Problem

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.schema import Field, Schema, Value

LONGEST_TEXT = 10_000
"""Characters of a text whose field names no maximum."""
UNKNOWN_SHOWN = 20
LONGEST_KEY = 200
"""Characters of an idempotency key."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY_SECONDS = 86_400
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINE_BREAKS = frozenset("\u2028\u2029\x85")
TRUTHS = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "no": False}
INT64 = 2**63
DIGITS = 18
"""Decimal digits before the point, less one, that 64 bits can hold."""


N = TypeVar("N", int, float, int | float | Decimal)


class ValueRefused(ValueError):
    """A value that its field does not take; the message says what was expected."""


def normalise(schema: Schema, data: Mapping[str, object]) -> tuple[dict[str, Value], list[Problem]]:
    """Check data against a form and put it into the stored shape.

    Args:
        schema: The form.
        data: Values by field name. Fields with decimals are given in their unit and come back as
            scaled integers; instants may be RFC 3339 texts with an offset, dates ISO texts.

    Returns:
        Every field of the form in its order, None where nothing was given, and all problems found.
        With problems the values are not to be used.
    """
    problems = unknown_fields(schema, data)
    values: dict[str, Value] = {}
    for one in schema.fields:
        value = data.get(one.name)
        try:
            values[one.name] = check_value(one, value)
        except ValueRefused as refused:
            problems.append(Problem(one.name, str(refused)))
    return values, problems


def from_words(
    schema: Schema, words: Mapping[str, str], timezone: ZoneInfo
) -> dict[str, str | int | float | bool | None]:
    """The fields of an HTML form as values for `normalise`.

    An empty text means that nothing was given; local times get the county's offset. What cannot be
    read stays the text that it is, so that `normalise` names it.
    """
    values: dict[str, str | int | float | bool | None] = dict(words)
    for one in schema.fields:
        if one.name in words:
            values[one.name] = _read_words(one, words[one.name], timezone)
        elif one.dtype == "bool":
            values[one.name] = False
    return values


def _read_words(one: Field, word: str, timezone: ZoneInfo) -> str | int | float | bool | None:
    stripped = word.strip()
    if not stripped:
        return None
    value: str | int | float | bool = word
    try:
        if one.decimals is not None or one.dtype == "float64":
            value = float(Decimal(stripped))
            if one.decimals is not None and Decimal(repr(value)) != Decimal(stripped):
                return word
        elif one.dtype == "int64" and Decimal(stripped) % 1 == 0:
            value = int(Decimal(stripped))
        elif one.dtype == "instant":
            moment = datetime.fromisoformat(stripped)
            value = (moment if moment.tzinfo else moment.replace(tzinfo=timezone)).isoformat()
        elif one.dtype == "bool":
            value = TRUTHS.get(stripped.lower(), word)
    except (ValueError, InvalidOperation, OverflowError):
        return word
    return value


def to_value(one: Field, stored: Value) -> Value:
    """A value in the shape that `normalise` gives, as plugins and documents have it.

    Args:
        one: Its field.
        stored: Exact numbers as scaled integers, days as days since 1970-01-01.

    Returns:
        Exact numbers in the field's unit, days as ISO 8601 texts; anything else as it is.
    """
    if isinstance(stored, bool) or not isinstance(stored, int):
        return stored
    if one.decimals is not None:
        return float(Decimal(stored).scaleb(-one.decimals))
    if one.dtype == "date":
        return date.fromordinal(stored + EPOCH_DAY).isoformat()
    return stored


def clean_key(key: str) -> Iterator[Problem]:
    """What is wrong with an idempotency key: it has 1 to 200 printable ASCII characters."""
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        yield Problem("key", f"expected 1 to {LONGEST_KEY} printable ASCII characters")


def clean_text(text: str, *, multiline: bool = False) -> str:
    """A text in normal form C, without blanks around it and with plain line ends.

    Raises:
        ValueError: if it holds control characters, lone surrogates, or characters that turn the
            direction of writing.
    """
    cleaned = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    for character in cleaned:
        if _is_refused(character, multiline=multiline):
            raise ValueError(f"U+{ord(character):04X} is not allowed in a text: leave it out")
    return cleaned


def mend_text(text: str) -> str:
    """A text of one line as `clean_text` would take it, without what it would refuse."""
    kept = "".join(one for one in text if not _is_refused(one, multiline=False))
    return unicodedata.normalize("NFC", kept).strip()


def _is_refused(character: str, *, multiline: bool) -> bool:
    if multiline and character in "\n\t":
        return False
    refused = unicodedata.category(character) in ("Cc", "Cs")
    return refused or character in BIDI_CONTROLS or character in LINE_BREAKS


def unknown_fields(schema: Schema, names: Iterable[object]) -> list[Problem]:
    """A problem for each name that is no field; many of them are counted together."""
    problems = [_unknown(schema, name) for name in names if name not in schema.names]
    hidden = len(problems) - UNKNOWN_SHOWN
    if hidden > 0:
        problems[UNKNOWN_SHOWN:] = [Problem("", f"{hidden} more unknown fields")]
    return problems


def _unknown(schema: Schema, name: object) -> Problem:
    shown = str(name)[:60].encode("utf-8", "replace").decode()
    near = get_close_matches(shown, schema.names, 1)
    known = ", ".join(one.name for one in schema.fields) or "none"
    hint = f"did you mean {near[0]!r}?" if near else f"known fields: {known}"
    return Problem(shown, f"is not a field here; {hint}")


def check_value(one: Field, value: object) -> Value:
    """One value of a field in the stored shape, None where nothing was given.

    Raises:
        ValueRefused: saying what was expected; also where a required value was not given.
    """
    if isinstance(value, str) and not value.strip():
        value = None
    if value is None:
        if one.required:
            raise ValueRefused("is required")
        return None
    checked = _READERS[one.dtype](one, value)
    if one.choices and str(checked) not in {key for key, _ in one.choices}:
        keys = ", ".join(key for key, _ in one.choices)
        raise ValueRefused(f"expected one of {keys}, got {_shown(value)}")
    return checked


def _whole(one: Field, value: object) -> Value:
    if one.decimals is not None:
        return _scaled(one, value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueRefused(f"expected a whole number, got {_shown(value)}")
    return _bounded(one, _int64(value, value))


def _number(one: Field, value: object) -> Value:
    if one.decimals is not None:
        return _scaled(one, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueRefused(f"expected a number, got {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueRefused(f"expected a finite number, got {_shown(value)}") from None
    if not math.isfinite(number):
        raise ValueRefused(f"expected a finite number, got {_shown(value)}")
    return _bounded(one, number)


def _scaled(one: Field, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueRefused(f"expected a number, got {_shown(value)}")
    if not isinstance(value, int) and not math.isfinite(value):
        raise ValueRefused(f"expected a finite number, got {_shown(value)}")
    decimals = one.decimals or 0
    if isinstance(value, Decimal) and value.adjusted() > DIGITS:
        raise ValueRefused("expected a number of at most 64 bits")
    _int64(int(_bounded(one, value)), value)
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    scaled = exact.scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise ValueRefused(f"expected at most {decimals} decimals, got {_shown(value)}")
    return _int64(int(scaled), value)


def _flag(_one: Field, value: object) -> Value:
    if not isinstance(value, bool):
        raise ValueRefused(f"expected true or false, got {_shown(value)}")
    return value


def _text(one: Field, value: object) -> Value:
    if not isinstance(value, str):
        raise ValueRefused(f"expected a text, got {_shown(value)}")
    try:
        text = clean_text(value, multiline=one.multiline)
    except ValueError as error:
        raise ValueRefused(str(error)) from None
    shortest = one.minimum or 0
    longest = one.maximum if one.maximum is not None else LONGEST_TEXT
    if not shortest <= len(text) <= longest:
        raise ValueRefused(f"expected {shortest:g} to {longest:g} characters, got {len(text)}")
    return text


def _instant(one: Field, value: object) -> Value:
    instant: int | None = None
    if isinstance(value, str):
        instant = _read_instant(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        instant = value
    if instant is None:
        raise ValueRefused(
            f"expected a time such as 2026-03-01T08:00:00+08:00, got {_shown(value)}"
        )
    if not EARLIEST <= instant < LATEST:
        raise ValueRefused(f"expected a time between 1900 and 2100, got {_shown(value)}")
    return _bounded(one, instant)


def _read_instant(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment - EPOCH) // timedelta(microseconds=1) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _date(one: Field, value: object) -> Value:
    if isinstance(value, str):
        try:
            day = date.fromisoformat(value.strip()).toordinal() - EPOCH_DAY
        except ValueError:
            raise ValueRefused(f"expected a date such as 2026-03-01, got {_shown(value)}") from None
    elif isinstance(value, int) and not isinstance(value, bool):
        day = value
    else:
        raise ValueRefused(f"expected a date, got {_shown(value)}")
    a_day = DAY_SECONDS * MICROSECONDS
    if not EARLIEST // a_day <= day < LATEST // a_day:
        raise ValueRefused(f"expected a date between 1900 and 2100, got {_shown(value)}")
    return _bounded(one, day)


_READERS = {
    "int64": _whole,
    "float64": _number,
    "bool": _flag,
    "text": _text,
    "instant": _instant,
    "date": _date,
}


def _bounded(one: Field, value: N) -> N:
    """The value, if it lies within the field's bounds."""
    if one.minimum is not None and value < one.minimum:
        raise ValueRefused(f"expected at least {one.minimum:g}, got {_shown(value)}")
    if one.maximum is not None and value > one.maximum:
        raise ValueRefused(f"expected at most {one.maximum:g}, got {_shown(value)}")
    return value


def _int64(number: int, value: object) -> int:
    if not -INT64 <= number < INT64:
        raise ValueRefused(f"expected a number of at most 64 bits, got {_shown(value)}")
    return number


def _shown(value: object) -> str:
    if isinstance(value, int) and abs(value) > 2 * INT64:
        return "a number beyond 64 bits"
    if isinstance(value, Decimal):
        return str(value)[:80]
    return repr(value)[:80].encode("utf-8", "replace").decode()
