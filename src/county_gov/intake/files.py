"""Files: replaying and backfilling what lies on a disk, through the same way in as live data.

A file is read in pieces of some thousand lines, each a delivery of its own whose commit also moves
a cursor. A run that was stopped goes on behind the last committed piece.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
from attrs import evolve, frozen

from county_gov.contract.source import Delivery, Outcome, Reason
from county_gov.errors import IntakeError, MalformedDelivery, UnsupportedWireFormat
from county_gov.intake.wire_format import CSV, NDJSON, ContentType
from county_gov.tabular.charset import UTF8_MARK, detect_charset

if TYPE_CHECKING:
    from county_gov.intake.intake import Intake

LINES = 10_000
LONGEST_LINE = 1_048_576

_FORMATS = {".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON}


@frozen
class Progress:
    """How far a file has been taken in; the counts are of this run.

    Args:
        path: The file.
        bytes_done, bytes_total: Position in the file as it lies on the disk.
        rows: Rows read, those of earlier runs included.
        resumed: Rows that an earlier run had committed already.
        accepted, duplicate, revised, quarantined: What became of this run's rows.
        reasons: Reasons of the latest piece, its rows counted from the file's first.
        done: Whether the file is at its end.
    """

    path: Path
    bytes_done: int
    bytes_total: int
    rows: int = 0
    resumed: int = 0
    accepted: int = 0
    duplicate: int = 0
    revised: int = 0
    quarantined: int = 0
    reasons: tuple[Reason, ...] = ()
    done: bool = False

    def after(self, outcome: Outcome, piece: _Piece) -> Progress:
        """The progress after a piece was committed."""
        return evolve(
            self,
            bytes_done=piece.position,
            rows=piece.first_row + piece.rows,
            accepted=self.accepted + outcome.accepted,
            duplicate=self.duplicate + outcome.duplicate,
            revised=self.revised + outcome.revised,
            quarantined=self.quarantined + outcome.quarantined,
            reasons=outcome.reasons,
        )


@frozen(eq=False)
class _Piece:
    raw: bytes
    wire_format: str
    first_row: int
    rows: int
    position: int
    offset: int
    """Bytes of the (unpacked) file up to the end of the piece."""


class _Mark(msgspec.Struct):
    """The cursor of a file: where its next piece begins."""

    offset: int
    rows: int


async def ingest_file(
    intake: Intake,
    path: Path,
    *,
    source: str = "core.files",
    wire_format: str = "",
    lines: int = LINES,
    restart: bool = False,
) -> AsyncIterator[Progress]:
    """Take a file in, and tell after each committed piece how far it is.

    Args:
        intake: Where it goes.
        path: ``.csv``, ``.ndjson`` or ``.jsonl``, also packed as ``.gz``.
        source: Id of the source in batches and quarantine.
        wire_format: Content type, for another ending or to name the charset
            (``text/csv; charset=gb18030``).
        lines: Lines of a piece.
        restart: Begin anew, whatever an earlier run committed; its rows will be duplicates.

    Yields:
        Progress, first with what an earlier run committed, last with ``done``.

    Raises:
        MalformedDelivery: if a piece as a whole cannot be read; what came before is committed.
        UnsupportedWireFormat: if the format is not one of lines.
        OSError: if the file cannot be read.
    """
    content = ContentType.parse(wire_format or _format_of(path))
    if content.media_type not in {CSV, NDJSON}:
        msg = f"files are CSV or NDJSON, one row a line; got {content.media_type!r}"
        raise UnsupportedWireFormat(msg)
    cursor, total = await asyncio.to_thread(_identify, path)
    mark = _Mark(0, 0)
    known = None if restart else await intake.cursor(cursor)
    if known is not None:
        mark = msgspec.json.decode(known, type=_Mark)
    progress = Progress(path, 0, total, rows=mark.rows, resumed=mark.rows)
    yield progress
    pieces = _pieces(path, content, mark, lines)
    try:
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            outcome = await _take(intake, piece, source=source, cursor=cursor, path=path)
            progress = progress.after(outcome, piece)
            yield progress
    finally:
        pieces.close()
    yield evolve(progress, bytes_done=total, reasons=(), done=True)


async def _take(intake: Intake, piece: _Piece, *, source: str, cursor: str, path: Path) -> Outcome:
    mark = _Mark(piece.offset, piece.first_row + piece.rows)
    delivery = Delivery(
        raw=piece.raw,
        wire_format=piece.wire_format,
        provenance=f"file:{path.name}",
        received_at=intake.clock.now(),
    )
    try:
        validated = await asyncio.to_thread(intake.prepare, delivery, source=source)
    except IntakeError as error:
        place = f"{path.name}, rows {piece.first_row} to {piece.first_row + piece.rows - 1}"
        raise MalformedDelivery(str(error), place=place) from error
    return await intake.commit(
        delivery,
        validated.from_row(piece.first_row),
        source=source,
        cursor=(cursor, msgspec.json.encode(mark).decode()),
    )


def _format_of(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    wire_format = _FORMATS.get(Path(name).suffix.lower())
    if wire_format is None:
        known = ", ".join(_FORMATS)
        msg = f"{path.name}: expected a name ending in {known} or one of them and .gz"
        raise UnsupportedWireFormat(msg)
    return wire_format


def _identify(path: Path) -> tuple[str, int]:
    """The name of a file's cursor, and the file's size.

    Every byte counts, so that a corrected file of the same size and beginning is another one.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    digest.update(f"|{size}|{path.name}".encode())
    return f"file:{digest.hexdigest()}", size


def _pieces(
    path: Path, content: ContentType, mark: _Mark, lines: int
) -> Generator[_Piece, None, None]:
    """The pieces behind a mark, each with the header before it where there is one."""
    with path.open("rb") as packed:
        file: IO[bytes] = (
            io.BufferedReader(gzip.GzipFile(fileobj=packed))
            if (path.name.endswith(".gz"))
            else packed
        )
        header, charset = b"", content.charset
        if content.media_type == CSV:
            header = _header(file)
            charset = charset or (header.startswith(UTF8_MARK) and "utf-8") or None
        file.seek(max(mark.offset, file.tell()))
        first = mark.rows
        count = lines
        while count == lines:
            chunk = list(_lines(file, lines))
            count = len(chunk)
            chunk = [line for line in chunk if line.strip()]
            if not chunk:
                continue
            raw = header.rstrip(b"\r\n") + b"\n" * bool(header) + b"".join(chunk)
            if content.media_type == CSV and charset is None and not raw.isascii():
                charset = detect_charset(raw)
            wire_format = content.media_type + (f"; charset={charset}" if charset else "")
            yield _Piece(raw, wire_format, first, len(chunk), packed.tell(), file.tell())
            first += len(chunk)


def _header(file: IO[bytes]) -> bytes:
    """The first line that is not blank."""
    while line := _line(file):
        if line.strip():
            return line
    msg = "empty: expected a header line and rows"
    raise MalformedDelivery(msg)


def _lines(file: IO[bytes], count: int) -> Iterator[bytes]:
    for _ in range(count):
        line = _line(file)
        if not line:
            return
        yield line


def _line(file: IO[bytes]) -> bytes:
    start = file.tell()
    line = file.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
        msg = f"a line is longer than {LONGEST_LINE} bytes; expected one row a line"
        raise MalformedDelivery(msg, place=f"byte {start}")
    return line
