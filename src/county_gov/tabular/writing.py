"""Writing tables as files for spreadsheet programs, with nothing in them that is a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from county_gov.errors import DeliveryTooLarge, UnsupportedWireFormat
from county_gov.tabular.formulas import neutralise

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

    from county_gov.tabular.table import TableFormat

Out: TypeAlias = str | int | float | bool | Decimal | date | datetime | time | None
"""A value to be written; numbers and days are typed where the format has types."""

LONGEST_CELL = 32_767
"""Characters that a workbook's cell holds; what is longer would be cut off without a word."""
EXACT_DIGITS = 15
"""So many digits a spreadsheet program keeps of an exact number; longer ones become texts. Of other
numbers the library writes 16; those that need one more become texts as well."""
FIRST_DAY = date(1900, 3, 1)
"""Before this day Excel counts wrongly; earlier ones are written as texts."""
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


@frozen(eq=False)
class Sheet:
    """A table to be written.

    Args:
        title: Name of the sheet.
        header: Texts of the first row.
        rows: The rows below.
        notes: Remarks on the columns, shown at the header's cells where the format can.
    """

    title: str
    header: Sequence[str]
    rows: Iterable[Sequence[Out]]
    notes: Sequence[str] = ()


def write_table(kind: TableFormat, *sheets: Sheet) -> bytes:
    """Write a file; CSV has the first sheet only.

    Raises:
        UnsupportedWireFormat: if the library that writes workbooks is not installed.
        DeliveryTooLarge: if a text is longer than a workbook's cell.
    """
    return _csv(sheets[0]) if kind == "csv" else _workbook(sheets)


def _csv(sheet: Sheet) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([neutralise(one) for one in sheet.header])
    writer.writerows([_text(value) for value in row] for row in sheet.rows)
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def _text(value: Out) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return neutralise(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else repr(value)


def _workbook(sheets: Sequence[Sheet]) -> bytes:
    try:
        from openpyxl import Workbook
        from openpyxl.comments import Comment
    except ImportError as error:
        msg = "writing .xlsx needs county-gov[excel]; install it, or take CSV"
        raise UnsupportedWireFormat(msg) from error
    workbook = Workbook(write_only=True)
    for sheet in sheets:
        rows = list(_fitting(sheet))  # all looked at before a file is begun
        made: WriteOnlyWorksheet = workbook.create_sheet(_sheet_title(sheet.title))
        header: list[Cell] = []
        for number, words in enumerate(sheet.header):
            cell = _cell(made, words)
            if number < len(sheet.notes) and sheet.notes[number]:
                cell.comment = Comment(sheet.notes[number], "county-gov", height=120, width=300)
            header.append(cell)
        made.append(header)
        for row in rows:
            made.append([_cell(made, value) for value in row])
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _fitting(sheet: Sheet) -> Iterator[Sequence[Out]]:
    """The rows of a sheet, none of whose texts is longer than a cell."""
    for number, row in enumerate(sheet.rows, 2):
        for column, value in enumerate(row):
            if isinstance(value, str) and len(neutralise(value)) > LONGEST_CELL:
                raise DeliveryTooLarge(
                    f"row {number}, {sheet.header[column]}: the text has {len(value)} "
                    f"characters, and a workbook's cell holds {LONGEST_CELL}: take CSV"
                )
        yield row


def _cell(sheet: WriteOnlyWorksheet, value: Out) -> Cell:
    from openpyxl.cell import WriteOnlyCell

    typed = _typed(value)
    cell: Cell = WriteOnlyCell(sheet, typed)
    if isinstance(typed, str):
        cell.data_type = "s"
    elif isinstance(typed, datetime):
        cell.number_format = "yyyy-mm-dd"
    return cell


def _typed(value: Out) -> str | float | datetime | None:
    """A value as a workbook's cell can hold it without losing anything."""
    if isinstance(value, str):
        return _ESCAPE.sub("_x005F_", neutralise(value))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return _text(value) if _is_long(value) else float(value)
    if isinstance(value, datetime | time) or value < FIRST_DAY:
        return value.isoformat()
    return datetime.combine(value, time())


def _is_long(value: float | Decimal) -> bool:
    """Whether a number has more digits than would be kept."""
    if isinstance(value, float):
        return float(f"{value:.16g}") != value
    return len(Decimal(value).as_tuple().digits) > EXACT_DIGITS


def _sheet_title(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", " ", title)[:31]
