"""Observations as columnar JSON: one object of equally long lists, the fastest way in.

The whole is decoded into typed lists. Where that fails, or a key may have been given twice, the
lists are cut into raw elements and put together as one JSON row each, and read as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from county_gov.errors import MalformedDelivery
from county_gov.intake.json_rows import (
    UNREADABLE,
    check_utf8,
    decode_members,
    decode_parts,
    read_each,
)
from county_gov.intake.readable import Columns, Readable, TimeText, assemble
from county_gov.intake.reasons import FIELDS, REQUIRED, suggest


class Lists(Struct, forbid_unknown_fields=True):
    """The columns as they stand in JSON."""

    datastream: list[str]
    time: list[TimeText]
    value: list[float]
    result_time: list[TimeText | None] | UnsetType = UNSET
    flag: list[str | None] | UnsetType = UNSET


_LISTS = msgspec.json.Decoder(Lists)


def read_columns(raw: bytes) -> Readable:
    """Read one object of equally long lists.

    Raises:
        MalformedDelivery: if it is not JSON, a list is missing, unknown, given twice or of another
            length than the others.
    """
    lists = _decode_whole(raw)
    if lists is None:
        return read_each(split_columns(raw))

    def raw_of(numbers: Sequence[int]) -> list[bytes]:
        texts = split_columns(raw)
        return [texts[number] for number in numbers]

    columns = Columns(
        datastream=lists.datastream,
        time=lists.time,
        value=lists.value,
        result_time=lists.result_time or None,
        flag=lists.flag or None,
    )
    return assemble(columns, raw_of, check_texts=b"\\" in raw)


def _decode_whole(raw: bytes) -> Lists | None:
    """All columns at once, or None where they need to be looked at one by one.

    Each key has a list, so that a key given twice shows as one bracket too many. A bracket in
    a text does too, and only costs the time to look closer.
    """
    try:
        lists = _LISTS.decode(raw)
    except UNREADABLE:
        return None
    given: list[Sequence[object]] = [lists.datastream, lists.time, lists.value]
    given += [column for column in (lists.result_time, lists.flag) if column is not UNSET]
    alike = len({len(column) for column in given}) == 1
    return lists if alike and raw.count(b"[") == len(given) else None


def split_columns(raw: bytes) -> list[bytes]:
    """Each row as a JSON object, its values spelt as they came.

    Raises:
        MalformedDelivery: as `read_columns`.
    """
    check_utf8(raw)
    members = decode_members(raw)
    _check_names(members)
    columns = {name: decode_parts(member, name) for name, member in members.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        words = ", ".join(f"{name} {length}" for name, length in lengths.items())
        msg = f"the lists differ in length: {words}"
        raise MalformedDelivery(msg)
    template = b"{%b}" % b",".join(b'"%b":%%b' % name.encode() for name in columns)
    rows = zip(*([bytes(part) for part in column] for column in columns.values()), strict=True)
    return [template % row for row in rows]


def _check_names(members: Mapping[str, Raw]) -> None:
    for name in members:
        if name not in FIELDS:
            msg = f"unknown column {name[:60]!r}{suggest(name)}; known are {', '.join(FIELDS)}"
            raise MalformedDelivery(msg)
    for name in REQUIRED:
        if name not in members:
            msg = f"the column {name!r} is missing"
            raise MalformedDelivery(msg)
