"""Why a row or a delivery is not accepted: stable codes, and how a reason is worded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from attrs import frozen

from county_gov.contract.source import Reason

FIELDS = ("datastream", "time", "value", "result_time", "flag")
"""What a row may hold."""

REQUIRED = FIELDS[:3]

VALUE_LENGTH = 200
"""Characters of an offending value that a reason repeats."""

ROW_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "malformed_row": "the row cannot be parsed, or its CSV line has too many or too few cells",
        "invalid_charset": "the row's bytes are not the text its charset promises",
        "control_character": "a text holds NUL or another control character",
        "duplicate_key": "a JSON object names the same key twice",
        "unknown_field": "the row has a field that is not known",
        "missing_field": "datastream, time or value is not given",
        "wrong_type": "a field has another type than it must have",
        "number_out_of_range": "the number cannot be held exactly enough, or at all",
        "not_finite": "the value is not a finite number",
        "invalid_time": "the time is neither RFC 3339 with an offset nor integer microseconds UTC",
        "time_out_of_range": "the time lies before 1900 or not before 2100",
        "future_time": "the time lies further after the arrival than is tolerated",
        "unknown_datastream": "no datastream has this code",
        "inactive_datastream": "the datastream is registered, but not active",
        "out_of_bounds": "the value lies outside the datastream's minimum and maximum",
        "unknown_flag": "the flag is not one of the known ones",
    }
)
"""Code and meaning of everything that quarantines a single row."""

DELIVERY_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "unreadable": "the bytes are not what the wire format says",
        "unsupported_wire_format": "no decoder is known for the content type",
        "too_large": "more bytes or rows than are taken at once",
    }
)
"""Code and meaning of what quarantines a whole delivery of a source that cannot be answered."""

RETRY_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "outside_area": "a reading belongs to a datastream outside the area of who retries",
        "taken_otherwise": "the row was taken in before, with another text",
        "put_aside": "the row was put aside before",
    }
)
"""Code and meaning of what else keeps a retry from taking an item in."""


@frozen
class Fault:
    """What is wrong with one row, before its number is known."""

    code: str
    message: str
    field: str = ""
    value: str = ""
    datastream: str = ""
    """Code of the row's datastream, as far as it could be read."""

    def at(self, row: int | None) -> Reason:
        """The reason for the row of this number."""
        return Reason(row, self.code, self.message, self.field, shorten(self.value))


def shorten(text: str) -> str:
    """A text as it may be shown: printable, and at most 200 characters."""
    head = text[: VALUE_LENGTH + 1]
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in head)
    return shown if len(shown) <= VALUE_LENGTH else shown[: VALUE_LENGTH - 1] + "…"


def suggest(name: str, known: Iterable[str] = FIELDS) -> str:
    """A hint " (did you mean …?)", or nothing where no known name is near."""
    nearest = get_close_matches(name.strip().lower(), list(known), n=1, cutoff=0.5)
    nearest = nearest or [full for short, full in ALIASES.items() if short == name.strip().lower()]
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "ts": "time",
        "phenomenontime": "time",
        "resulttime": "result_time",
        "result": "value",
        "val": "value",
        "v": "value",
        "id": "datastream",
        "sensor": "datastream",
        "series": "datastream",
        "quality": "flag",
        "status": "flag",
    }
)
"""What other interfaces call our fields; used for hints only."""
