"""Observations as JSON rows: an array, ``{"observations": [...]}``, one object, or NDJSON.

The whole is decoded at once into typed rows. Only where that fails is each row taken by itself, so
that one bad row costs no good one.

Duplicate keys. The JSON decoder keeps the last of two equal keys and says nothing, so the keys are
counted: unknown keys are refused, and the decoded rows tell how many different keys and how many
texts there were. Each has two quotation marks; more of them in the bytes mean that a key was given
twice. Counting costs about 0.1 ms for 10,000 rows (one megabyte); a second decoder with a hook for
pairs costs 30 ms for the same. Where a backslash allows quotation marks inside of texts, the colons
outside of texts are counted instead, which costs some milliseconds more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

import msgspec
import numpy as np
from msgspec import UNSET, Raw, Struct, UnsetType

from county_gov.errors import MalformedDelivery
from county_gov.intake.json_faults import explain_row
from county_gov.intake.readable import Columns, Readable, Refused, TimeText, assemble
from county_gov.intake.reasons import FIELDS, Fault, suggest

QUOTE = ord('"')
SMALL = 4096
"""Bytes up to which ``bytes.count`` is faster than numpy."""
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
BYTE = re.compile(r" ?\((byte \d+)\)")
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Row(Struct, forbid_unknown_fields=True, gc=False):
    """One observation as it stands in JSON."""

    datastream: str
    time: TimeText
    value: float
    result_time: TimeText | UnsetType | None = UNSET
    flag: str | UnsetType | None = UNSET


class Envelope(Struct, forbid_unknown_fields=True):
    """An object around the rows."""

    observations: list[Row]


_ROW = msgspec.json.Decoder(Row)
_ROWS = msgspec.json.Decoder(list[Row])
_ENVELOPE = msgspec.json.Decoder(Envelope)
_PARTS = msgspec.json.Decoder(list[Raw])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def read_json(raw: bytes) -> Readable:
    """Read a JSON document.

    Raises:
        MalformedDelivery: if it is not JSON, or neither a list nor an object of rows.
    """
    columns = _decode_whole(raw)
    if columns is None:
        return read_each(split_json(raw))

    def raw_of(numbers: Sequence[int]) -> list[bytes]:
        texts = split_json(raw)
        return [texts[number] for number in numbers]

    return assemble(columns, raw_of, check_texts=b"\\" in raw)


def read_ndjson(raw: bytes) -> Readable:
    """Read lines that are a JSON object each; blank lines are skipped and not counted."""
    text = raw.replace(b"\r\n", b"\n").strip() if b"\r" in raw else raw.strip()
    joined = b"[%b]" % text.replace(b"}\n{", b"},{")
    columns = None if b"\n" in joined else _decode_whole(joined)
    # A row is flat: where each line feed stood between braces, as many rows have a line each.
    if columns is None or len(columns.datastream) != text.count(b"\n") + 1:
        return read_each(split_lines(raw))

    def raw_of(numbers: Sequence[int]) -> list[bytes]:
        lines = split_lines(raw)
        return [lines[number] for number in numbers]

    return assemble(columns, raw_of, check_texts=b"\\" in raw)


def read_row(raw: bytes) -> Readable:
    """Read one row, as the quarantine keeps it: a JSON object and nothing else."""
    return read_each([raw.strip()])


def read_each(texts: Sequence[bytes]) -> Readable:
    """Read each row by itself; the bad ones are rejected with their raw text."""
    rows: list[Row] = []
    numbers: list[int] = []
    refused: list[Refused] = []
    for number, text in enumerate(texts):
        try:
            row = _ROW.decode(text)
        except UNREADABLE as error:
            refused.append(_refused(explain_row(text, error), number, text))
            continue
        if structural_colons(text) != _count_keys(_columns([row], text))[0]:
            refused.append(_refused(explain_row(text), number, text))
            continue
        rows.append(row)
        numbers.append(number)

    def raw_of(chosen: Sequence[int]) -> list[bytes]:
        return [texts[number] for number in chosen]

    columns = _columns(rows, b"\\", numbers)
    return assemble(columns, raw_of, refused=refused, check_texts=True)


def _refused(fault: Fault, number: int, text: bytes) -> Refused:
    return Refused(fault.at(number), text, fault.datastream)


def _decode_whole(raw: bytes) -> Columns | None:
    """All rows at once, or None where they need to be looked at one by one."""
    around = 0
    try:
        if first_byte(raw) == b"[":
            rows = _ROWS.decode(raw)
        elif b'"observations"' in raw:
            rows, around = _ENVELOPE.decode(raw).observations, 1
        else:
            rows = [_ROW.decode(raw)]
    except UNREADABLE:
        return None
    columns = _columns(rows, raw)
    keys, texts = _count_keys(columns)
    if b"\\" in raw:
        return columns if structural_colons(raw) == keys + around else None
    return columns if count_bytes(raw, QUOTE) == 2 * (keys + texts + around) else None


def _count_keys(columns: Columns) -> tuple[int, int]:
    """How many different keys the rows gave, and how many of the values are texts."""
    count = len(columns.datastream)
    keys, texts = 3 * count, count + _count(columns.time, str)
    for column in (columns.result_time, columns.flag):
        if column is not None:
            keys += count - _count(column, UnsetType)
            texts += _count(column, str)
    return keys, texts


def _count(values: Sequence[object], kind: type) -> int:
    types = list(map(type, values))
    return types.count(kind)


def split_json(raw: bytes) -> list[bytes]:
    """The raw text of each row of a JSON document.

    Raises:
        MalformedDelivery: if the document is not JSON, or holds no rows.
    """
    check_utf8(raw)
    if first_byte(raw) == b"[":
        return [bytes(part) for part in decode_parts(raw)]
    members = decode_members(raw)
    if "observations" in members:
        for name in members:
            if name != "observations":
                msg = f"unknown key {name[:60]!r} beside 'observations'; remove it"
                raise MalformedDelivery(msg)
        return [bytes(part) for part in decode_parts(members["observations"], "observations")]
    if not members.keys() & set(FIELDS):
        hint = suggest(next(iter(members), ""), ("observations", *FIELDS))
        msg = f"expected a list of rows, {{'observations': [...]}} or one row{hint}"
        raise MalformedDelivery(msg)
    return [raw]


def first_byte(raw: bytes) -> bytes:
    """The first byte that is not white space, if it is near."""
    return raw[:1] if raw[:1] in {b"[", b"{"} else raw[:1024].lstrip()[:1]


def split_lines(raw: bytes) -> list[bytes]:
    """The lines of a delivery, without white space around them and without blank ones."""
    return [stripped for line in raw.split(b"\n") if (stripped := line.strip())]


def decode_members(raw: bytes | Raw) -> dict[str, Raw]:
    """The members of a JSON object, each once.

    Raises:
        MalformedDelivery: if it is not an object, or names a key twice.
    """
    try:
        members = _MEMBERS.decode(raw)
    except UNREADABLE as error:
        refuse(error, raw)
    inside = sum(structural_colons(bytes(member)) for member in members.values())
    if structural_colons(bytes(raw)) != len(members) + inside:
        msg = "an object names a key twice; name each once"
        raise MalformedDelivery(msg)
    return members


def decode_parts(raw: bytes | Raw, name: str = "") -> list[Raw]:
    """The raw elements of a JSON list.

    Raises:
        MalformedDelivery: if it is not a list.
    """
    try:
        return _PARTS.decode(raw)
    except UNREADABLE as error:
        refuse(error, raw, name)


def refuse(error: Exception, raw: bytes | Raw, name: str = "") -> NoReturn:
    """Say what is wrong with a document as a whole.

    Raises:
        MalformedDelivery: always.
    """
    words = str(error)
    found = BYTE.search(words)
    place = found[1] if found else name
    if isinstance(error, RecursionError):
        words = "lists or objects are nested too deeply"
    elif found:
        start = int(found[1].removeprefix("byte "))
        if bytes(raw)[start : start + 9].lstrip(b"-").startswith((b"NaN", b"Infinity", b"nan")):
            words = "NaN and Infinity are not JSON; leave out a row without a value"
    raise MalformedDelivery(BYTE.sub("", words), place=place) from error


def check_utf8(raw: bytes) -> None:
    """Refuse a document that is not UTF-8.

    Raises:
        MalformedDelivery: with the place of the first bad byte.
    """
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        msg = "the bytes are not UTF-8; JSON is always UTF-8"
        raise MalformedDelivery(msg, place=f"byte {error.start}") from error


def structural_colons(raw: bytes) -> int:
    """Colons outside of the texts of valid JSON: one for each key."""
    return STRING.sub(b"", raw).count(b":")


def count_bytes(raw: bytes, byte: int) -> int:
    """How often a byte occurs."""
    if len(raw) <= SMALL:
        return raw.count(byte)
    return int(np.count_nonzero(np.frombuffer(raw, dtype=np.uint8) == byte))


def _columns(rows: Sequence[Row], raw: bytes, numbers: Sequence[int] | None = None) -> Columns:
    """The rows as columns; optional fields that no row gave are left out."""
    optional = {
        name: [getattr(row, name) for row in rows]
        for name in ("result_time", "flag")
        if f'"{name}"'.encode() in raw or b"\\" in raw
    }
    return Columns(
        datastream=[row.datastream for row in rows],
        time=[row.time for row in rows],
        value=[row.value for row in rows],
        rows=numbers,
        **optional,
    )
