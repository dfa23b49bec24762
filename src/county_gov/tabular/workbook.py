"""Reading Excel workbooks (.xlsx) that strangers send.

A workbook is a ZIP archive of XML. Before it is handed to the reader, which lays the sheet out as a
rectangle in memory, everything that could blow it up is looked for: what its parts unpack to, cells
that stand far away, texts that many cells name, and document types, through which XML refers to
other entities.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

from county_gov.errors import DeliveryTooLarge, MalformedDelivery, UnsupportedWireFormat
from county_gov.tabular.shared_texts import SharedTexts
from county_gov.tabular.table import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from county_gov.tabular.table import Cell, TableLimits

MOST_PARTS = 500
_CHUNK = 1 << 20
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)([0-9]+)["']""")
_ERROR = re.compile(rb"""<(?:[A-Za-z_][\w.-]*:)?c\s[^>]*\bt\s*=\s*["']e["']""")
_UNCOMPUTED = re.compile(rb"</f>\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>|<f\b[^>]*/>\s*</c>")
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_LETTERS = 26
TAGS_A_CELL = 4
"""A cell has about so many tags: its own, its value's, and their ends."""


def read_workbook(raw: bytes, limits: TableLimits) -> list[Line]:
    """The rows of the first sheet.

    Raises:
        MalformedDelivery: if it is no workbook, or holds what is never taken.
        DeliveryTooLarge: if it would unpack to more than the limits.
        UnsupportedWireFormat: if the library that reads it is not installed.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        msg = "reading .xlsx needs county-gov[excel]; install it, or send CSV"
        raise UnsupportedWireFormat(msg) from error
    _inspect(raw, limits)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(raw)) as workbook:
            sheet = workbook.get_sheet_by_index(0)
            if sheet.total_width > limits.max_columns or sheet.total_height > limits.max_rows + 1:
                raise _too_far(limits)
            _refuse_merged(sheet.merged_cell_ranges or [])
            rows: list[list[Cell]] = sheet.to_python(skip_empty_area=False)  # type: ignore[assignment]
    except (CalamineError, IndexError, ValueError, OSError) as error:
        raise MalformedDelivery(f"is not a workbook that can be read: {error}") from error
    return [Line(number, tuple(cells)) for number, cells in enumerate(rows, 1)]


def _inspect(raw: bytes, limits: TableLimits) -> None:
    """Look at all parts before anything reads them."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
            names = [part.filename for part in parts]
            if len(parts) > MOST_PARTS or len(set(names)) != len(names):
                raise MalformedDelivery("is not a workbook: it has too many parts, or one twice")
            if "xl/workbook.xml" not in names:
                raise UnsupportedWireFormat("this is no Excel workbook (.xlsx); send that, or CSV")
            left = limits.max_unpacked_bytes
            texts = SharedTexts()
            for part in parts:
                left -= _inspect_part(archive, part, left, limits, texts)
            for name in names:
                if _is_sheet(name):
                    _inspect_texts(archive.read(name), texts, limits)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise MalformedDelivery(f"is not a workbook that can be unpacked: {error}") from error


def _inspect_part(
    archive: zipfile.ZipFile,
    part: zipfile.ZipInfo,
    left: int,
    limits: TableLimits,
    texts: SharedTexts,
) -> int:
    """Unpack one part within what is left, which also proves the size that it claims."""
    body = bytearray()
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            body += chunk
            if len(body) > left:
                msg = (
                    f"the workbook unpacks to more than {limits.max_unpacked_bytes} bytes: split it"
                )
                raise DeliveryTooLarge(msg)
    name = part.filename
    if name.endswith((".xml", ".rels", ".vml")):
        _inspect_xml(name, bytes(body), limits)
    if _is_sheet(name):
        _inspect_sheet(bytes(body), limits)
    else:
        texts.add(bytes(body))
    return len(body)


def _is_sheet(name: str) -> bool:
    return name.startswith("xl/worksheets/") and name.endswith(".xml")


def _inspect_texts(body: bytes, texts: SharedTexts, limits: TableLimits) -> None:
    """Look how much text the cells of a sheet come to."""
    most = limits.max_unpacked_bytes
    if texts.may_exceed(body, most) and texts.bytes_in(body) > most:
        raise DeliveryTooLarge(
            f"the cells of a sheet hold more than {most} bytes of text: split it"
        )


def _refuse_merged(ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """Refuse cells that are one for the eye: all but the first would come in empty."""
    if ranges:
        first, last = (f"{_letters(column)}{row + 1}" for row, column in ranges[0])
        more = f", and {len(ranges) - 1} more ranges" if len(ranges) > 1 else ""
        msg = f"are merged{more}: split them, and fill in each cell"
        raise MalformedDelivery(msg, place=f"cells {first}:{last}")


def _inspect_xml(name: str, body: bytes, limits: TableLimits) -> None:
    if b"\0" in body:
        raise MalformedDelivery(f"its part {name[:80]} is not in UTF-8")
    if _DOCTYPE.search(body):
        raise MalformedDelivery(f"its part {name[:80]} has a document type, which is never taken")
    if body.count(b"<") > TAGS_A_CELL * limits.max_cells:
        raise DeliveryTooLarge(f"the sheet has more than {limits.max_cells} cells: split it")


def _inspect_sheet(body: bytes, limits: TableLimits) -> None:
    """Look where cells stand: the reader makes a rectangle that reaches to the farthest."""
    columns = rows = 0
    for match in _PLACE.finditer(body):
        letters, digits = match.groups()
        columns, rows = max(columns, _column(letters)), max(rows, int(digits[:12]))
    if columns > limits.max_columns or rows > limits.max_rows + 1:
        raise _too_far(limits)
    if columns * rows > limits.max_cells:
        raise DeliveryTooLarge(f"the sheet has more than {limits.max_cells} cells: split it")
    if match_error := _ERROR.search(body):
        place = _PLACE.search(match_error.group())
        where = f"cell {b''.join(place.groups()).decode()}" if place else "a cell"
        raise MalformedDelivery("holds an error instead of a value: put it right", place=where)
    if formula := _UNCOMPUTED.search(body):
        place = _PLACE.search(body, max(body.rfind(b"<c ", 0, formula.start()), 0))
        where = f"cell {b''.join(place.groups()).decode()}" if place else "a cell"
        msg = "holds a formula without a value: open the file in Excel, save it, and send it again"
        raise MalformedDelivery(msg, place=where)


def _column(letters: bytes) -> int:
    """The number of a column, counted from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper()[:8]:
        number = number * _LETTERS + letter - ord("A") + 1
    return number


def _letters(column: int) -> str:
    """The letters of a column, counted from 0: A is 0, AA is 26."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, _LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters


def _too_far(limits: TableLimits) -> DeliveryTooLarge:
    return DeliveryTooLarge(
        f"the sheet reaches beyond {limits.max_rows} rows or {limits.max_columns} columns; "
        "remove what stands far away, or split it"
    )
