"""The quarantine as CSV for spreadsheets, which must not read a stranger's text as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from county_gov.store.intake import QuarantinedItem
from county_gov.tabular.formulas import neutralise

COLUMNS = (
    "id",
    "state",
    "code",
    "message",
    "field",
    "value",
    "datastream",
    "row",
    "source",
    "provenance",
    "received_at",
    "wire_format",
    "raw",
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _lines(rows: Iterable[Iterable[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows(rows)
    return buffer.getvalue()


HEADER = "\N{BYTE ORDER MARK}" + _lines([COLUMNS])
"""First line; the mark lets spreadsheet programs see UTF-8."""


def export_lines(items: Iterable[QuarantinedItem]) -> str:
    """Lines of CSV, one for each item (the raw text of a CSV row has two lines of its own)."""
    return _lines([neutralise(cell) for cell in _cells(item)] for item in items)


def _cells(item: QuarantinedItem) -> list[str]:
    return [
        str(item.id),
        item.state,
        item.code,
        item.message,
        item.field,
        item.value,
        item.datastream,
        "" if item.row is None else str(item.row),
        item.source,
        item.provenance,
        (_EPOCH + timedelta(microseconds=item.received_at)).isoformat(),
        item.wire_format,
        raw_text(item),
    ]


def raw_text(item: QuarantinedItem) -> str:
    """The raw bytes as text; what its charset cannot read, and control characters, as escapes."""
    charset = "gb18030" if item.wire_format.endswith("charset=gb18030") else "utf-8"
    text = item.raw.decode(charset, "backslashreplace")
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)
