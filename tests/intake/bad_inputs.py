"""Classes of bad input, as data: what intake must refuse or quarantine, on every way in.

The tests of intake and those of the HTTP interface run over the same list. A good row stands beside
the bad one wherever the bad one can be told from it, and must be accepted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal

from attrs import frozen

DATASTREAM = "test.pm25"
"""An active datastream with one decimal, period one hour, bounds 0 to 1000."""

INACTIVE = "test.retired"
"""A datastream that is registered, but not active."""

RECEIVED_AT = 1_700_000_000_000_000
"""2023-11-14T22:13:20Z: the instant at which the inputs are taken to arrive."""

TIME = "2023-11-14T21:00:00+00:00"
GOOD = {"datastream": DATASTREAM, "time": "2023-11-14T20:00:00+00:00", "value": 35.2}
GOOD_TEXT = json.dumps(GOOD)

JSON = "application/json"
NDJSON = "application/x-ndjson"
COLUMNS = "application/vnd.county-gov.columns+json"
CSV = "text/csv"

Kind = Literal["refused", "quarantined"]


@frozen
class BadInput:
    """One class of bad input.

    Args:
        name: What is wrong, as an identifier of the test.
        content_type: As it is sent.
        body: Makes the bytes.
        kind: "refused": the delivery as a whole gets an `IntakeError`; "quarantined": the bad row
            is quarantined and the good ones are accepted.
        code: The reason's code where quarantined; the error's name where refused.
        good: Rows of the body that must be accepted.
    """

    name: str
    content_type: str
    body: Callable[[], bytes]
    kind: Kind
    code: str
    good: int = 0


def _row(**changes: object) -> str:
    """A JSON row, with texts that begin with ``raw:`` standing for themselves."""
    row: dict[str, object] = {"datastream": DATASTREAM, "time": TIME, "value": 1.5} | changes
    members = []
    for name, value in row.items():
        raw = isinstance(value, str) and value.startswith("raw:")
        members.append(f'"{name}":{str(value)[4:] if raw else json.dumps(value)}')
    return "{" + ",".join(members) + "}"


def _json(name: str, code: str, text: str | bytes) -> BadInput:
    """A bad row in an array, behind a good one."""
    raw = text.encode() if isinstance(text, str) else text
    body = b"[" + GOOD_TEXT.encode() + b"," + raw + b"]"
    return BadInput(f"json_{name}", JSON, lambda: body, "quarantined", code, 1)


def _line(name: str, code: str, text: str | bytes) -> BadInput:
    """A bad line of NDJSON, between two good ones."""
    raw = text.encode() if isinstance(text, str) else text
    other = GOOD_TEXT.replace("20:00", "19:00").encode()
    body = b"\n".join([GOOD_TEXT.encode(), raw, other])
    return BadInput(f"ndjson_{name}", NDJSON, lambda: body, "quarantined", code, 2)


def _cells(
    name: str, code: str, line: str | bytes, header: str = "datastream,time,value"
) -> BadInput:
    """A bad line of CSV, before a good one."""
    raw = line.encode() if isinstance(line, str) else line
    extra = "," * (header.count(",") - 2)
    good = f"{DATASTREAM},{GOOD['time']},35.2{extra}".encode()
    body = b"\n".join([header.encode(), raw, good])
    return BadInput(f"csv_{name}", f"{CSV}; charset=utf-8", lambda: body, "quarantined", code, 1)


def _refused(
    name: str,
    content_type: str,
    body: bytes | Callable[[], bytes],
    error: str = "MalformedDelivery",
) -> BadInput:
    make = body if callable(body) else lambda: body
    return BadInput(name, content_type, make, "refused", error)


def _columns(**lists: object) -> bytes:
    columns: dict[str, object] = {
        "datastream": [DATASTREAM, DATASTREAM],
        "time": [GOOD["time"], TIME],
        "value": [1.0, 2.0],
    }
    return json.dumps(columns | lists).encode()


def _column(name: str, code: str, **lists: object) -> BadInput:
    """Columns with one bad and one good row."""
    return BadInput(f"columns_{name}", COLUMNS, lambda: _columns(**lists), "quarantined", code, 1)


BAD_INPUTS: tuple[BadInput, ...] = (
    # Numbers
    _refused("json_nan", JSON, f"[{_row(value='raw:NaN')}]".encode()),
    _refused("json_infinity", JSON, f"[{_row(value='raw:Infinity')}]".encode()),
    _refused("json_negative_infinity", JSON, f"[{_row(value='raw:-Infinity')}]".encode()),
    _refused("json_leading_zero", JSON, f"[{_row(value='raw:007')}]".encode()),
    _line("nan", "malformed_row", _row(value="raw:NaN")),
    _json("exponent_overflow", "number_out_of_range", _row(value="raw:1e999")),
    _json("four_thousand_digits", "number_out_of_range", _row(value="raw:" + "9" * 4000)),
    _json("huge_integer_value", "out_of_bounds", _row(value=2**63)),
    _json("time_beyond_int64", "number_out_of_range", _row(time=2**63)),
    _json("time_of_thousands_of_digits", "number_out_of_range", _row(time="raw:" + "9" * 4000)),
    _column("exponent_overflow", "number_out_of_range", value=[1.0, 10**400]),
    _cells("nan", "wrong_type", f"{DATASTREAM},{TIME},nan"),
    _cells("infinity", "wrong_type", f"{DATASTREAM},{TIME},inf"),
    _cells("underscore_in_number", "wrong_type", f"{DATASTREAM},{TIME},1_000"),
    _cells("full_width_digits", "wrong_type", f"{DATASTREAM},{TIME},１２"),
    _cells("exponent_overflow", "number_out_of_range", f"{DATASTREAM},{TIME},1e999"),
    _cells("decimal_comma", "malformed_row", f"{DATASTREAM},{TIME},1,5"),
    # Types
    _json("boolean_value", "wrong_type", _row(value=True)),
    _json("text_value", "wrong_type", _row(value="35.2")),
    _json("null_value", "wrong_type", _row(value=None)),
    _json("nested_value", "wrong_type", _row(value={"value": 1})),
    _json("number_as_datastream", "wrong_type", _row(datastream=7)),
    _json("float_time", "wrong_type", _row(time="raw:1.7e15")),
    _json("boolean_time", "wrong_type", _row(time=True)),
    _json("number_as_flag", "wrong_type", _row(flag=1)),
    _json("row_is_a_list", "wrong_type", f'["{DATASTREAM}", 1, 2]'),
    _json("row_is_null", "wrong_type", "null"),
    _column("text_value", "wrong_type", value=[1.0, "2"]),
    # Keys
    _json("duplicate_key", "duplicate_key", _row()[:-1] + ',"value":2}'),
    _json("duplicate_escaped_key", "duplicate_key", _row()[:-1] + ',"\\u0076alue":2}'),
    _line("duplicate_key", "duplicate_key", _row()[:-1] + ',"value":2}'),
    _refused("columns_duplicate_key", COLUMNS, _columns()[:-1] + b',"value":[3,4]}'),
    _refused("json_duplicate_envelope", JSON, b'{"observations":[],"observations":[]}'),
    _json("unknown_field", "unknown_field", _row(valeu=2)),
    _json("missing_field", "missing_field", f'{{"datastream":"{DATASTREAM}","value":1}}'),
    _refused("columns_unknown_column", COLUMNS, _columns(station=["a", "b"])),
    _refused("columns_missing_column", COLUMNS, b'{"datastream":["a"],"value":[1]}'),
    _refused("columns_unequal_lengths", COLUMNS, _columns(value=[1.0])),
    _refused("columns_not_a_list", COLUMNS, _columns(value=1.0)),
    _refused("csv_unknown_column", CSV, b"datastream,timestamp,value\na,b,1\n"),
    _refused("csv_missing_column", CSV, b"datastream,value\na,1\n"),
    _refused("csv_duplicate_column", CSV, b"datastream,time,value,value\na,b,1,2\n"),
    # Structure
    _refused("empty_body", JSON, b""),
    _refused("empty_array", JSON, b"[]"),
    _refused("empty_columns", COLUMNS, b'{"datastream":[],"time":[],"value":[]}'),
    _refused("csv_header_only", CSV, b"datastream,time,value\n"),
    _refused("csv_empty", CSV, b"\n\n"),
    _refused("ndjson_blank_lines", NDJSON, b"\n \n"),
    _refused("json_truncated", JSON, f"[{_row()},{_row()[:-9]}".encode()),
    _refused("json_trailing_characters", JSON, f"[{_row()}] x".encode()),
    _refused("json_trailing_comma", JSON, f"[{_row()},]".encode()),
    _refused("json_scalar", JSON, b"42"),
    _refused("json_object_without_rows", JSON, b'{"observation": []}'),
    _refused("json_hundred_thousand_brackets", JSON, lambda: b"[" * 100_000),
    _refused("json_deep_objects", JSON, lambda: b'{"value":' * 100_000),
    _json("deep_value", "wrong_type", _row(value="raw:" + "[" * 200 + "]" * 200)),
    _line("not_json", "malformed_row", '{"datastream": '),
    _cells("too_many_cells", "malformed_row", f"{DATASTREAM},{TIME},1,2"),
    _cells("too_few_cells", "malformed_row", f"{DATASTREAM},{TIME}"),
    _cells("unclosed_quote", "malformed_row", f'"{DATASTREAM},{TIME},1'),
    _cells("empty_value", "missing_field", f"{DATASTREAM},{TIME},"),
    _refused("too_many_rows", JSON, lambda: b"[" + b"0," * 1_000_000 + b"0]", "DeliveryTooLarge"),
    _refused("too_many_lines", NDJSON, lambda: b"0\n" * 1_000_000, "DeliveryTooLarge"),
    _refused("too_many_bytes", JSON, lambda: b" " * (16 * 1024 * 1024 + 1), "DeliveryTooLarge"),
    _refused("unknown_content_type", "text/html", b"<p>", "UnsupportedWireFormat"),
    _refused("no_content_type", "", b"[]", "UnsupportedWireFormat"),
    _refused("unknown_charset", "text/csv; charset=big5", b"a", "UnsupportedWireFormat"),
    _refused("json_in_gb18030", f"{JSON}; charset=gb18030", b"[]", "UnsupportedWireFormat"),
    # Texts
    _refused(
        "json_invalid_utf8", JSON, f"[{_row(datastream='X')}]".encode().replace(b"X", b"\xff")
    ),
    _refused(
        "json_overlong_utf8", JSON, f"[{_row(datastream='X')}]".encode().replace(b"X", b"\xc0\x80")
    ),
    _refused(
        "json_lone_surrogate", JSON, f"[{_row(datastream='X')}]".replace("X", "\\ud800").encode()
    ),
    _refused("json_utf16", JSON, f"[{_row()}]".encode("utf-16")),
    _refused(
        "json_raw_control_character",
        JSON,
        f"[{_row(datastream='X')}]".replace("X", "\x01").encode(),
    ),
    _json("nul", "control_character", _row(datastream="a\0b")),
    _json("escape_sequence", "control_character", _row(datastream="\x1b[31mred")),
    _json("line_feed_in_code", "control_character", _row(datastream='a\n{"level":"error"}')),
    _line("invalid_utf8", "invalid_charset", _row(datastream="X").encode().replace(b"X", b"\xff")),
    _line("lone_surrogate", "malformed_row", _row(datastream="X").replace("X", "\\udfff")),
    _cells("nul", "control_character", f"{DATASTREAM}\0,{TIME},1"),
    _cells("invalid_utf8", "invalid_charset", b"\xff\xfe," + TIME.encode() + b",1"),
    _refused("csv_utf16", CSV, "datastream,time,value\na,b,1".encode("utf-16")),
    _refused("csv_charset_unclear", CSV, "datastream,time,value\nµg,2023,1".encode()),
    # Times
    _json("time_without_offset", "invalid_time", _row(time="2023-11-14T21:00:00")),
    _json("time_30_february", "invalid_time", _row(time="2023-02-30T21:00:00Z")),
    _json("time_hour_24", "invalid_time", _row(time="2023-11-14T24:00:00Z")),
    _json("time_leap_second", "invalid_time", _row(time="2016-12-31T23:59:60Z")),
    _json("time_offset_beyond", "invalid_time", _row(time="2023-11-14T21:00:00+24:00")),
    _json("time_full_width", "invalid_time", _row(time="２023-11-14T21:00:00Z")),
    _json("time_in_words", "invalid_time", _row(time="yesterday")),
    _json("time_empty", "invalid_time", _row(time="")),
    _json("time_far_in_the_past", "time_out_of_range", _row(time=-(10**17))),
    _json("time_in_seconds", "invalid_time", _row(time=RECEIVED_AT // 1_000_000)),
    _json("time_in_milliseconds", "invalid_time", _row(time=RECEIVED_AT // 1000)),
    _json("time_in_nanoseconds", "time_out_of_range", _row(time=RECEIVED_AT * 1000)),
    _cells("time_in_seconds", "invalid_time", f"{DATASTREAM},{RECEIVED_AT // 1_000_000},1"),
    _column("time_in_seconds", "invalid_time", time=[RECEIVED_AT - 1, 1_700_000_000]),
    _json("time_year_9999", "time_out_of_range", _row(time="9999-12-31T23:59:59Z")),
    _json("time_before_1900", "time_out_of_range", _row(time="0001-01-01T00:00:00Z")),
    _json("time_in_future", "future_time", _row(time="2023-11-15T22:13:20Z")),
    _json("result_time_in_future", "future_time", _row(result_time="2023-11-15T22:13:20Z")),
    _json("result_time_invalid", "invalid_time", _row(result_time="soon")),
    _cells("time_without_offset", "invalid_time", f"{DATASTREAM},2023-11-14 21:00:00,1"),
    _column("time_30_february", "invalid_time", time=[GOOD["time"], "2023-02-30T21:00:00+00:00"]),
    # Registers
    _json("unknown_datastream", "unknown_datastream", _row(datastream="test.nothing")),
    _json("inactive_datastream", "inactive_datastream", _row(datastream=INACTIVE)),
    _json("formula_as_code", "unknown_datastream", _row(datastream="=HYPERLINK(1)")),
    _json("sql_as_code", "unknown_datastream", _row(datastream="'; DROP TABLE batches; --")),
    _json("path_as_code", "unknown_datastream", _row(datastream="../../etc/passwd")),
    _json("megabyte_code", "unknown_datastream", _row(datastream="x" * 1_000_000)),
    _json("below_minimum", "out_of_bounds", _row(value=-0.1)),
    _json("above_maximum", "out_of_bounds", _row(value=1000.1)),
    _json("unknown_flag", "unknown_flag", _row(flag="fautly")),
    _cells(
        "unknown_flag", "unknown_flag", f"{DATASTREAM},{TIME},1,=1+1", "datastream,time,value,flag"
    ),
)
