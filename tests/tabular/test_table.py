"""Tables that strangers send: read within limits, or refused with what is wrong."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from county_gov.errors import (
    DeliveryTooLarge,
    IntakeError,
    MalformedDelivery,
    UnsupportedWireFormat,
)
from county_gov.tabular.formulas import FORMULA_STARTS, neutralise, restore
from county_gov.tabular.shared_texts import SharedTexts
from county_gov.tabular.table import TableFormat, TableLimits, read_table
from county_gov.tabular.writing import Out, Sheet, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping

SHEET = "xl/worksheets/sheet1.xml"
SMALL = TableLimits(
    max_bytes=100_000, max_rows=50, max_columns=10, max_cells=1_000, max_unpacked_bytes=200_000
)


def workbook(**parts: str | bytes) -> bytes:
    """A small workbook in which some parts are replaced; names with / stand in the keys."""
    made = write_table("xlsx", Sheet("x", ["a", "b"], [["1", 2]]))
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(made)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, parts.pop(name, source.read(name)))
        for name, body in parts.items():
            target.writestr(name, body)
    return buffer.getvalue()


def sheet(rows: str, *, before: str = "") -> Mapping[str, str]:
    """A sheet with these rows."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return {SHEET: f"{before}<worksheet {space}><sheetData>{rows}</sheetData></worksheet>"}


def cell(place: str, value: str = "<v>1</v>", more: str = "") -> str:
    """A cell at a place."""
    return f'<c r="{place}"{more}>{value}</c>'


def merged(*places: str) -> bytes:
    """A workbook with merged cells."""
    ranges = "".join(f'<mergeCell ref="{one}"/>' for one in places)
    (body,) = sheet(cell("A1", "<v>1</v>")).values()
    return workbook(
        **{SHEET: body.replace("</worksheet>", f"<mergeCells>{ranges}</mergeCells></worksheet>")}
    )


def naming(length: int, times: int, value: str = "<v>2</v>") -> bytes:
    """A workbook in which many cells name one text, the others being short."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    texts = "".join(f"<si><t>{one}</t></si>" for one in ("a", "b", "x" * length))
    kind = ' t="s"'
    cells = "".join(
        f'<row r="{1 + at // 10}">{cell("ABCDEFGHIJ"[at % 10] + "1", value, kind)}</row>'
        for at in range(times)
    )
    return workbook(**sheet(cells), **{"xl/sharedStrings.xml": f"<sst {space}>{texts}</sst>"})


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_comes_back(kind: TableFormat) -> None:
    """Header, rows and their numbers; empty rows are left out and still counted."""
    rows: list[list[Out]] = [["甲", "0012"], [None, None], ["乙\n丙", '"x", y']]
    table = read_table(write_table(kind, Sheet("x", ["名称", "编码"], rows)))
    assert ("名称", "编码") == table.header
    assert [2, 4] == [line.number for line in table.lines]
    assert ("乙\n丙", '"x", y') == table.lines[1].cells


def test_values_keep_their_digits() -> None:
    """Long numbers and early days are written as texts, which no program rounds."""
    values: list[list[Out]] = [
        [2**60, Decimal("12345678901234567.89"), date(1850, 1, 1), 1.1, Decimal("0.10")]
    ]
    (line,) = read_table(write_table("xlsx", Sheet("x", list("abcde"), values))).lines
    assert (str(2**60), "12345678901234567.89", "1850-01-01", 1.1, 0.1) == line.cells


@given(st.text(st.sampled_from("'=+-@＝a1_x0041"), max_size=8))
def test_formulas_are_neutralised_and_restored(text: str) -> None:
    """No text that leaves begins like a formula, and each comes back."""
    assert not neutralise(text).startswith(FORMULA_STARTS)
    assert text == restore(neutralise(text))


@given(
    st.lists(
        st.lists(
            st.text(
                st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")),
                min_size=1,
                max_size=12,
            ),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["csv", "xlsx"]),
)
@example([["_x0041_", "'=1"], ["_x005F_x0041_", "1e5"]], "xlsx")
def test_any_text_comes_back(rows: list[list[str]], kind: TableFormat) -> None:
    """Whatever a person may write survives either format, once the quotes are taken away."""
    table = read_table(write_table(kind, Sheet("x", ["a", "b"], rows)))
    assert rows == [[restore(str(one)) for one in line.cells] for line in table.lines]


@pytest.mark.parametrize(
    ("raw", "error", "words"),
    [
        (b"a,b\n" + b"1,2\n" * 51, DeliveryTooLarge, "51 rows"),
        (b",".join([b"a"] * 11), DeliveryTooLarge, "11 columns"),
        (b"a" * 100_001, DeliveryTooLarge, "100001 bytes"),
        (workbook(**sheet(cell("XFD1048576"))), DeliveryTooLarge, "beyond 50 rows"),
        (workbook(**sheet('<c s=">" r="XFD1"/>')), DeliveryTooLarge, "10 columns"),
        (workbook(**sheet('<row r="99999999999999"/>')), DeliveryTooLarge, "beyond"),
        (workbook(**sheet("<row/>" * 30_000)), DeliveryTooLarge, "more than"),
        (workbook(**{"xl/media/x.bin": b"\0" * 300_000}), DeliveryTooLarge, "unpacks to more"),
        (
            workbook(**sheet("", before='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>')),
            MalformedDelivery,
            "document type",
        ),
        (workbook(**{SHEET: "<worksheet/>".encode("utf-16")}), MalformedDelivery, "UTF-8"),
        (workbook(**sheet(cell("B2", "<v>#N/A</v>", ' t="e"'))), MalformedDelivery, "B2.*error"),
        (workbook(**sheet(cell("B7", "<f>1+1</f><v/>"))), MalformedDelivery, "B7.*without a value"),
        (merged("C2:C3", "A9:D9"), MalformedDelivery, "C2:C3.*are merged, and 1 more"),
        (naming(1_000, 300), DeliveryTooLarge, "200000 bytes of text"),
        (naming(1_000, 300, "<v >2</v>"), DeliveryTooLarge, "200000 bytes of text"),
        (b'a,b\n1,2\n3,"x\ny', MalformedDelivery, "line 3.*never closed"),
        (workbook(**{SHEET: "<worksheet><sheetData>"}), IntakeError, "workbook|empty"),
        (workbook()[:400], MalformedDelivery, "unpacked"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 99, UnsupportedWireFormat, "save it as .xlsx"),
        (b'a,b\n"1"x,2\n', MalformedDelivery, "is not CSV"),
        (b'a,b\n"' + b"y" * 90_000, MalformedDelivery, "is not CSV"),
    ],
)
def test_what_would_do_harm_is_refused(raw: bytes, error: type[Exception], words: str) -> None:
    """Bombs, far cells, entities, errors and broken files, before any reader meets them."""
    with pytest.raises(error, match=words):
        read_table(raw, SMALL)


def test_texts_that_many_cells_name_are_counted_one_by_one() -> None:
    """A long text that few cells name does no harm among many short ones."""
    texts = SharedTexts()
    texts.add(b"<sst><si><t>a</t></si><si><t>" + b"x" * 1_000 + b"</t></si></sst>")
    cells = (
        b'<c r="A1" s="2" t="s"><v>0</v></c>' * 500 + b'<c t="s"><v>1</v></c><c r="A2"><v>1</v></c>'
    )
    assert texts.may_exceed(cells, 100_000)
    assert 500 * len("<si><t>a</t></si>") <= texts.bytes_in(cells) < 12_000


def test_a_text_that_no_cell_holds_is_refused_not_cut_off() -> None:
    """The place is told; CSV takes it."""
    long = Sheet("x", ["编码", "正文"], [["a", "b"], ["c", "y" * 32_768]])
    with pytest.raises(DeliveryTooLarge, match="row 3, 正文: the text has 32768 characters"):
        write_table("xlsx", long)
    assert "y" * 32_768 == read_table(write_table("csv", long)).lines[1].cells[1]


def test_a_cell_beyond_all_bounds_is_told_with_its_line() -> None:
    """A CSV file whose cell goes on and on names where it began."""
    with pytest.raises(MalformedDelivery, match=r"line 2.*more than 131072 characters"):
        read_table(b'a,b\n1,"' + b"y\n" * 100_000 + b'"')


def test_a_part_that_lies_about_its_size_is_refused() -> None:
    """What a part claims to unpack to is proved before the workbook is read."""
    raw = bytearray(workbook(**{"xl/media/x.bin": b"\0" * 5_000}))
    raw = raw.replace((5_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(MalformedDelivery, match="unpacked"):
        read_table(bytes(raw))


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    """A ZIP of something else says what is taken."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(UnsupportedWireFormat, match="no Excel workbook"):
        read_table(buffer.getvalue())


@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xef\xbb\xbf", b"a,b\n"]))
def test_no_bytes_break_the_reader(raw: bytes, start: bytes) -> None:
    """Whatever comes is a table or an error of ours."""
    try:
        read_table(start + raw)
    except IntakeError:
        return
