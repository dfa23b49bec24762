"""Observations as CSV: a header, then one line for each row.

No field can rightly hold a line break, so a line is a row: an unclosed quotation mark spoils its
own line and no other. Cells are trimmed; an empty cell means that nothing is given.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence

import numpy as np
from attrs import define, evolve, field

from county_gov.errors import MalformedDelivery
from county_gov.intake.readable import CONTROL, Columns, Readable, Refused, TimeText, assemble
from county_gov.intake.reasons import FIELDS, REQUIRED, Fault, suggest
from county_gov.tabular.charset import UTF8_MARK, detect_charset, refuse_other_marks

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)
_NUMBER_BYTES = b"0123456789+-.eE"
_SPECIAL_BYTES = bytes(byte for byte in range(32) if byte != ord("\n"))
"""Control characters; in both charsets these bytes stand for nothing else."""


def read_csv(raw: bytes, charset: str | None) -> Readable:
    """Read a CSV file.

    Args:
        raw: The file.
        charset: "utf-8" or "gb18030"; None to tell it from the bytes.

    Raises:
        MalformedDelivery: if the charset cannot be told, or the header is not one of ours.
    """
    file = _File.of(raw, charset)
    return _read_plain(file) or _read_each(file)


@define(eq=False)
class _File:
    """The lines of a CSV file; ``names`` are those of its columns."""

    charset: str
    header: bytes
    lines: list[bytes]
    names: list[str] = field(factory=list)

    @classmethod
    def of(cls, raw: bytes, charset: str | None) -> _File:
        refuse_other_marks(raw)
        charset = charset or detect_charset(raw)
        lines = [line for line in raw.removeprefix(UTF8_MARK).split(b"\n") if line.strip()]
        if not lines:
            msg = "empty: expected a header line and rows"
            raise MalformedDelivery(msg)
        file = cls(charset, lines[0].rstrip(b"\r"), lines[1:])
        try:
            header = file.header.decode(charset)
        except UnicodeDecodeError as error:
            msg = f"the header is not {charset}"
            raise MalformedDelivery(msg, place=f"line 1, byte {error.start}") from error
        file.names = _read_header(header)
        return file

    @property
    def row_format(self) -> str:
        return f"text/csv; charset={self.charset}"

    def raw_of(self, numbers: Sequence[int]) -> list[bytes]:
        """Header and line of each row: a CSV file of one row."""
        return [self.header + b"\n" + self.lines[number].rstrip(b"\r") for number in numbers]


def _read_header(header: str) -> list[str]:
    try:
        (cells,) = csv.reader([header], strict=True)
    except (csv.Error, ValueError) as error:
        msg = f"the header cannot be read: {error}"
        raise MalformedDelivery(msg, place="line 1") from error
    names = [cell.strip() for cell in cells]
    for name in names:
        if name not in FIELDS:
            msg = f"unknown column {name[:60]!r}{suggest(name)}; known are {', '.join(FIELDS)}"
            raise MalformedDelivery(msg, place="line 1")
        if names.count(name) > 1:
            msg = f"the column {name!r} stands there twice"
            raise MalformedDelivery(msg, place="line 1")
    for name in REQUIRED:
        if name not in names:
            msg = f"the column {name!r} is missing; the first line names the columns"
            raise MalformedDelivery(msg, place="line 1")
    return names


def _read_plain(file: _File) -> Readable | None:
    """All rows at once where no cell is quoted and each is what it should be, else None."""
    raw = b"\n".join(file.lines).replace(b"\r\n", b"\n").removesuffix(b"\r")
    if b'"' in raw or len(raw.translate(None, _SPECIAL_BYTES)) != len(raw):
        return None
    try:
        text = raw.decode(file.charset)
    except UnicodeDecodeError:
        return None
    width = len(file.names)
    if not file.lines or not _is_regular(raw, width):
        return None
    flat = text.replace("\n", ",").split(",")
    cells = {name: flat[place::width] for place, name in enumerate(file.names)}
    if " " in text or not text.isascii():
        cells = {name: [cell.strip() for cell in column] for name, column in cells.items()}
    values = _floats(cells["value"])
    if values is None or not (all(cells["datastream"]) and all(cells["time"])):
        return None
    result_time, flag = cells.get("result_time"), cells.get("flag")
    columns = Columns(
        datastream=cells["datastream"],
        time=_times(cells["time"]),
        value=values,
        result_time=[_time(cell) if cell else None for cell in result_time or ()] or None,
        flag=flag,
    )
    return assemble(columns, file.raw_of, row_format=file.row_format)


def _is_regular(raw: bytes, width: int) -> bool:
    """Whether each line has as many commas as the header; they are no part of other characters."""
    chars = np.frombuffer(raw + b"\n", dtype=np.uint8)
    separators = chars[(chars == ord(",")) | (chars == ord("\n"))]
    if len(separators) % width:
        return False
    by_line = separators.reshape(-1, width)
    return bool((by_line[:, :-1] == ord(",")).all() and (by_line[:, -1] == ord("\n")).all())


def _floats(cells: Sequence[str]) -> list[float] | None:
    """All cells as finite numbers, or None where one is not.

    Python reads more than numbers ("nan", "1_000", full-width digits); what is left after only the
    characters of a number are allowed is exactly the pattern `NUMBER`.
    """
    joined = "".join(cells)
    if not joined.isascii() or joined.encode().translate(None, _NUMBER_BYTES):
        return None
    try:
        values = list(map(float, cells))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _times(cells: Sequence[str]) -> Sequence[TimeText]:
    """Integers as such, everything else as text."""
    if not any(map(str.isdecimal, cells)) and "\n-" not in "\n".join(["", *cells]):
        return cells
    return list(map(_time, cells))


def _time(cell: str) -> TimeText:
    return int(cell) if INTEGER.fullmatch(cell) else cell


def _read_each(file: _File) -> Readable:
    """Read each line by itself; the bad ones are rejected with their raw text."""
    refused: list[Refused] = []
    numbers: list[int] = []
    rows: list[_Row] = []
    for number, line in enumerate(file.lines):
        row = _read_line(line, file)
        if isinstance(row, Fault):
            (raw,) = file.raw_of([number])
            refused.append(Refused(row.at(number), raw, row.datastream))
        else:
            rows.append(row)
            numbers.append(number)
    columns = Columns(
        datastream=[row.datastream for row in rows],
        time=[row.time for row in rows],
        value=[row.value for row in rows],
        result_time=[row.result_time for row in rows] if "result_time" in file.names else None,
        flag=[row.flag for row in rows] if "flag" in file.names else None,
        rows=numbers,
    )
    return assemble(columns, file.raw_of, row_format=file.row_format, refused=refused)


@define
class _Row:
    datastream: str
    time: TimeText
    value: float
    result_time: TimeText | None
    flag: str | None


def _read_line(line: bytes, file: _File) -> _Row | Fault:
    cells = _cells(line, file)
    if isinstance(cells, Fault):
        return cells
    row = dict(zip(file.names, cells, strict=True))
    for name in REQUIRED:
        if not row[name]:
            message = f"{name} is empty"
            return Fault("missing_field", message, name, datastream=row["datastream"])
    value = _number(row["value"])
    if isinstance(value, Fault):
        return evolve(value, datastream=row["datastream"])
    result_time, flag = row.get("result_time"), row.get("flag")
    return _Row(
        datastream=row["datastream"],
        time=_time(row["time"]),
        value=value,
        result_time=_time(result_time) if result_time else None,
        flag=flag or None,
    )


def _cells(line: bytes, file: _File) -> list[str] | Fault:
    """The trimmed cells of a line, as many as there are columns."""
    try:
        text = line.decode(file.charset).rstrip("\r")
    except UnicodeDecodeError as error:
        return Fault("invalid_charset", f"byte {error.start} of the line is not {file.charset}")
    if CONTROL.search(text):
        return Fault("control_character", "the line holds a control character; remove it")
    try:
        (cells,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        return Fault("malformed_row", f"the line cannot be read: {error}", value=text)
    if len(cells) != len(file.names):
        message = f"{len(cells)} cells; the header names {len(file.names)} columns"
        return Fault("malformed_row", message, value=text)
    return [cell.strip() for cell in cells]


def _number(cell: str) -> float | Fault:
    if not NUMBER.fullmatch(cell):
        return Fault("wrong_type", "value: expected a number such as 35.2", "value", cell)
    number = float(cell)
    if not math.isfinite(number):
        return Fault("number_out_of_range", "value is beyond what a double holds", "value", cell)
    return number
