"""Files: taken in piece by piece, and gone on with where a run stopped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from county_gov.contract.access import Scope
from county_gov.contract.clock import HOUR
from county_gov.errors import MalformedDelivery, UnsupportedWireFormat
from county_gov.intake.files import Progress, ingest_file
from county_gov.intake.intake import Intake
from county_gov.intake.quarantine import Quarantine
from tests.intake.bad_inputs import DATASTREAM, RECEIVED_AT

ROWS = 25


def csv_text(rows: int = ROWS) -> str:
    """Hourly readings."""
    lines = [f"{DATASTREAM},{RECEIVED_AT - row * HOUR},{row}" for row in range(rows)]
    return "\n".join(["datastream,time,value", *lines, ""])


def ndjson_text(rows: int = ROWS) -> str:
    """The same readings as NDJSON, blank lines between them, no line feed at the end."""
    lines = [
        json.dumps({"datastream": DATASTREAM, "time": RECEIVED_AT - row * HOUR, "value": row})
        for row in range(rows)
    ]
    return "\n\n".join(lines)


async def take(intake: Intake, path: Path, **options: object) -> list[Progress]:
    """All progress of a run, in pieces of ten lines."""
    arguments: dict[str, object] = {"lines": 10, **options}
    return [one async for one in ingest_file(intake, path, **arguments)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "make", "packed"),
    [
        ("a.csv", csv_text, False),
        ("a.csv.gz", csv_text, True),
        ("a.ndjson", ndjson_text, False),
        ("a.jsonl.gz", ndjson_text, True),
    ],
)
async def test_a_file_is_taken_in(
    intake: Intake, tmp_path: Path, name: str, make: Callable[[], str], packed: bool
) -> None:
    """Every row is accepted, progress only grows, the last one says done."""
    path = tmp_path / name
    raw = make().encode()
    path.write_bytes(gzip.compress(raw) if packed else raw)
    progress = await take(intake, path)
    assert (ROWS, ROWS, True) == (progress[-1].rows, progress[-1].accepted, progress[-1].done)
    assert progress[-1].bytes_done == progress[-1].bytes_total == path.stat().st_size
    done = [one.bytes_done for one in progress]
    assert done == sorted(done)
    again = await take(intake, path)
    assert (ROWS, ROWS, 0) == (again[-1].rows, again[-1].resumed, again[-1].accepted)
    anew = await take(intake, path, restart=True)
    assert (0, ROWS) == (anew[-1].accepted, anew[-1].duplicate)


async def test_a_stopped_run_goes_on_behind_its_last_piece(intake: Intake, tmp_path: Path) -> None:
    """A run that ends after a piece is taken up with the next, whatever its pieces' size."""
    for name, raw in {
        "a.csv": csv_text().encode(),
        "b.csv.gz": gzip.compress(csv_text().replace(",", ", ").encode().replace(b", ", b",")),
    }.items():
        path = tmp_path / name
        path.write_bytes(raw)
        async for progress in ingest_file(intake, path, lines=10):
            if progress.rows == 10:
                break
        rest = await take(intake, path, lines=4)
        assert 10 == rest[0].resumed == rest[0].rows
        assert ROWS - 10 == rest[-1].accepted + rest[-1].duplicate
        assert ROWS == rest[-1].rows


async def test_a_corrected_file_is_another_file(intake: Intake, tmp_path: Path) -> None:
    """A byte that differs far behind the beginning, with name and size the same, is taken in."""
    path = tmp_path / "a.csv"
    path.write_text(csv_text() + "\n" * 100_000 + f"{DATASTREAM},{RECEIVED_AT},7\n")
    assert ROWS == (await take(intake, path, lines=200_000))[-1].accepted
    path.write_text(csv_text() + "\n" * 100_000 + f"{DATASTREAM},{RECEIVED_AT},8\n")
    (first, *_, last) = await take(intake, path, lines=200_000)
    assert (0, ROWS, 1) == (first.resumed, last.duplicate, last.revised)


async def test_rows_are_named_by_their_place_in_the_file(
    intake: Intake, quarantine: Quarantine, tmp_path: Path
) -> None:
    """A bad row in a later piece has its number in the file, and its own text with the header."""
    path = tmp_path / "a.csv"
    text = csv_text().splitlines()
    text[22] = f"{DATASTREAM},never,1"
    path.write_text("\n".join(text), encoding="utf-8")
    progress = await take(intake, path)
    assert (ROWS - 1, 1) == (progress[-1].accepted, progress[-1].quarantined)
    assert [21] == [reason.row for one in progress for reason in one.reasons]
    (item,), _ = await quarantine.find(Scope.everything())
    assert (21, f"datastream,time,value\n{DATASTREAM},never,1".encode()) == (item.row, item.raw)
    assert "file:a.csv" == item.provenance


async def test_a_file_in_gb18030(intake: Intake, quarantine: Quarantine, tmp_path: Path) -> None:
    """The charset is told from the first piece that is not ASCII, or named."""
    path = tmp_path / "a.csv"
    path.write_bytes((csv_text() + f"奥体中心,{RECEIVED_AT},1\n").encode("gb18030"))
    progress = await take(intake, path)
    assert (ROWS, 1) == (progress[-1].accepted, progress[-1].quarantined)
    (item,), _ = await quarantine.find(Scope.everything())
    assert ("奥体中心", "text/csv; charset=gb18030") == (item.datastream, item.wire_format)
    named = await take(intake, path, wire_format="text/csv; charset=gb18030", restart=True)
    assert ROWS == named[-1].duplicate


async def test_an_unreadable_file_says_where(intake: Intake, tmp_path: Path) -> None:
    """A wrong header, an endless line or an empty file is refused with the file's name or place."""
    path = tmp_path / "a.csv"
    path.write_text("station,time,value\na,1,1\n", encoding="utf-8")
    with pytest.raises(MalformedDelivery, match=r"a\.csv.*unknown column 'station'"):
        await take(intake, path)
    path.write_bytes(b"datastream,time,value\n" + b"x" * 1_048_576)
    with pytest.raises(MalformedDelivery, match="byte 22: a line is longer"):
        await take(intake, path)
    path.write_bytes(b"")
    with pytest.raises(MalformedDelivery, match="empty"):
        await take(intake, path)


@pytest.mark.parametrize(("name", "wire_format"), [("a.txt", ""), ("a.csv", "application/json")])
async def test_only_formats_of_lines_are_read(
    intake: Intake, tmp_path: Path, name: str, wire_format: str
) -> None:
    """A file of an unknown ending, or of one big document, is refused."""
    path = tmp_path / name
    path.write_text("x", encoding="utf-8")
    with pytest.raises(UnsupportedWireFormat):
        await take(intake, path, wire_format=wire_format)
