"""A table that came in a file: its header and its rows, within limits, whatever the format."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, datetime, time
from typing import Literal, TypeAlias

from attrs import frozen

from county_gov.errors import DeliveryTooLarge, MalformedDelivery, UnsupportedWireFormat
from county_gov.tabular.charset import decode_text

Cell: TypeAlias = str | int | float | bool | date | datetime | time | None
"""A cell of a workbook has a type; one of a CSV file is a text. Empty ones are None or ""."""

TableFormat = Literal["csv", "xlsx"]

DELIMITERS = ",;\t"
_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0"


@frozen
class TableLimits:
    """How much a file may bring.

    Args:
        max_bytes: Bytes of the file.
        max_rows: Rows below the header.
        max_columns: Columns.
        max_cells: Cells of a workbook's sheet.
        max_unpacked_bytes: Bytes of a workbook's parts once they are unpacked.
    """

    max_bytes: int = 10 * 1024 * 1024
    max_rows: int = 100_000
    max_columns: int = 450
    max_cells: int = 3_000_000
    max_unpacked_bytes: int = 128 * 1024 * 1024


@frozen(eq=False)
class Line:
    """One row of a table: its number in the file, counted from 1 with the header, and its cells."""

    number: int
    cells: tuple[Cell, ...]


@frozen(eq=False)
class FileTable:
    """A table that came in a file.

    Args:
        format: Which one.
        header: Texts of the first row that is not empty, without empty ones at the end.
        lines: The rows below, empty ones left out. A row of a CSV file may have more or fewer
            cells than the header.
    """

    format: TableFormat
    header: tuple[str, ...]
    lines: tuple[Line, ...]


def read_table(raw: bytes, limits: TableLimits | None = None) -> FileTable:
    """Read a file, whose format is told from its bytes.

    Args:
        raw: CSV in UTF-8 or GB18030 with commas, semicolons or tabs, or an Excel workbook
            (.xlsx), of which the first sheet counts.
        limits: How much it may bring.

    Raises:
        MalformedDelivery: if it cannot be read.
        DeliveryTooLarge: if it brings more than the limits.
        UnsupportedWireFormat: if it has another format.
    """
    limits = limits or TableLimits()
    if len(raw) > limits.max_bytes:
        raise DeliveryTooLarge(
            f"the file has {len(raw)} bytes; at most {limits.max_bytes} are taken: split it"
        )
    if raw.startswith(_COMPOUND):
        msg = "this is an old (.xls) or encrypted workbook; save it as .xlsx without a password"
        raise UnsupportedWireFormat(msg)
    if raw.startswith(_ZIP):
        from county_gov.tabular.workbook import read_workbook

        return _table("xlsx", read_workbook(raw, limits), limits)
    return _table("csv", _read_csv(raw), limits)


def _table(kind: TableFormat, rows: list[Line], limits: TableLimits) -> FileTable:
    filled = [line for line in rows if any(not _empty(cell) for cell in line.cells)]
    if not filled:
        raise MalformedDelivery("the file is empty; its first row must name the columns")
    header = [_header_text(cell) for cell in filled[0].cells]
    while header and not header[-1]:
        header.pop()
    if len(header) > limits.max_columns:
        raise DeliveryTooLarge(
            f"the file has {len(header)} columns; at most {limits.max_columns} are taken"
        )
    if len(filled) - 1 > limits.max_rows:
        raise DeliveryTooLarge(
            f"the file has {len(filled) - 1} rows; at most {limits.max_rows} are taken: split it"
        )
    lines = tuple(Line(line.number, _trimmed(line.cells, len(header))) for line in filled[1:])
    return FileTable(kind, tuple(header), lines)


def _trimmed(cells: tuple[Cell, ...], width: int) -> tuple[Cell, ...]:
    """Cells without empty ones beyond the header."""
    end = len(cells)
    while end > width and _empty(cells[end - 1]):
        end -= 1
    return cells[:end]


def _empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _header_text(cell: Cell) -> str:
    return "" if cell is None else str(cell).strip()


def _read_csv(raw: bytes) -> list[Line]:
    text, _ = decode_text(raw)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    lines: list[Line] = []
    begins = 1
    try:
        for cells in reader:
            lines.append(Line(len(lines) + 1, tuple(cells)))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise MalformedDelivery(_csv_words(str(error)), place=f"line {begins}") from error
    return lines


def _csv_words(said: str) -> str:
    """What is wrong with a CSV file, and the way out."""
    if said.startswith("field larger"):
        return (
            f"has a cell of more than {csv.field_size_limit()} characters: shorten it, or close "
            "the quotation mark that is open there"
        )
    if said.startswith("unexpected end"):
        return "is not CSV: a quotation mark is opened there and never closed"
    return f"is not CSV: {said}; save it as CSV"


def _delimiter(text: str) -> str:
    """The one of the delimiters that stands most often in the header outside quotes."""
    counts: Counter[str] = Counter()
    quoted = False
    for character in text.lstrip("\r\n"):
        if character == '"':
            quoted = not quoted
        elif not quoted and character in "\r\n":
            break
        elif not quoted and character in DELIMITERS:
            counts[character] += 1
    return max(DELIMITERS, key=lambda one: (counts[one], -DELIMITERS.index(one)))
