"""Saying what is wrong with one JSON row: slow and careful, for refused rows only."""

from __future__ import annotations

import json
import math

from attrs import evolve

from county_gov.intake.reasons import FIELDS, REQUIRED, Fault, suggest

_EXPECTED = {
    "datastream": "a text",
    "time": "RFC 3339 text or integer microseconds UTC",
    "value": "a number",
    "result_time": "RFC 3339 text or integer microseconds UTC",
    "flag": "a text",
}
_WORDS = {
    dict: "an object",
    list: "a list",
    bool: "true or false",
    type(None): "null",
    str: "a text",
    int: "an integer",
    float: "a number with a point",
}


class _DuplicateKey(ValueError):
    pass


def explain_row(text: bytes, error: Exception | None = None) -> Fault:
    """What is wrong with a row that was refused.

    Args:
        text: The row, as it came.
        error: Why the typed decoder refused it, for what nothing else explains.
    """
    try:
        row = json.loads(
            text.decode(), object_pairs_hook=_pairs, parse_constant=_refuse, parse_int=_integer
        )
    except UnicodeDecodeError as wrong:
        return Fault("invalid_charset", f"byte {wrong.start} of the row is not UTF-8")
    except _DuplicateKey as wrong:
        name = str(wrong)
        return Fault("duplicate_key", f"the key {name[:60]!r} is given twice", name)
    except RecursionError:
        return Fault("malformed_row", "lists or objects are nested too deeply")
    except ValueError as wrong:
        return Fault(
            "malformed_row", f"not JSON: {wrong}", value=text[:400].decode(errors="replace")
        )
    if not isinstance(row, dict):
        words = f"expected an object with {', '.join(REQUIRED)}; got {_WORDS[type(row)]}"
        return Fault("wrong_type", words, value=_show(row))
    fault = _explain_fields(row) or Fault("malformed_row", f"refused: {error}", value=_show(row))
    code = row.get("datastream")
    return evolve(fault, datastream=code if isinstance(code, str) else "")


def _explain_fields(row: dict[str, object]) -> Fault | None:
    for name, value in row.items():
        if name not in FIELDS:
            message = f"unknown field {name[:60]!r}{suggest(name)}"
            return Fault("unknown_field", message, name[:60], _show(value))
    for name in REQUIRED:
        if name not in row:
            return Fault("missing_field", f"{name} is not given", name)
    for name, value in row.items():
        if not _fits(name, value):
            message = f"{name}: expected {_EXPECTED[name]}, got {_WORDS[type(value)]}"
            return Fault("wrong_type", message, name, _show(value))
    value = row["value"]
    if isinstance(value, int | float) and not _is_double(value):
        return Fault("number_out_of_range", "value is beyond what a double holds", "value")
    return None


def _fits(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return False
    if name == "value":
        return isinstance(value, int | float)
    if value is None:
        return name not in REQUIRED
    return isinstance(value, str) or (name in {"time", "result_time"} and isinstance(value, int))


def _is_double(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _integer(digits: str) -> int | float:
    """An integer, or infinity where it has more digits than anything here can mean."""
    return int(digits) if len(digits) <= 400 else math.inf  # noqa: PLR2004


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise _DuplicateKey(name)
        members[name] = value
    return members


def _refuse(constant: str) -> object:
    msg = f"{constant} is not a number; leave out a row without a value"
    raise ValueError(msg)


def _show(value: object) -> str:
    return value if isinstance(value, str) else repr(value)[:400]
