"""Files of records: looked at, brought in, handed back, and out again."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from county_gov.contract.access import SYSTEM
from county_gov.errors import (
    AccessDenied,
    IntakeError,
    NotFound,
    RecordConflict,
    RecordInvalid,
)
from county_gov.records import Records, importing
from county_gov.records.applying import ImportOutcome
from county_gov.records.planning import Planner
from county_gov.tabular.table import TableFormat, read_table
from county_gov.tabular.writing import Sheet, write_table
from tests.records.conftest import NORTH, SOUTH, Open, dataset, person

if TYPE_CHECKING:
    from county_gov.records.importing import Import
    from county_gov.records.planning import ImportRow
    from county_gov.store import Store

ID = "reservoir.reservoirs"
HEADER = "编码,名称,所在区域,坝顶高程（m）\n"


async def preview(records: Records, text: str, **options: Any) -> Import:
    """Look at a CSV file as the system."""
    return await records.preview(SYSTEM, ID, text.encode(), "file.csv", **options)


def by_number(found: Import) -> list[ImportRow]:
    """The rows in the order of the file."""
    return sorted(found.rows, key=lambda one: one.number)


def fates(found: Import) -> list[tuple[int, str, str]]:
    """Number, key and fate of each row, in the order of the file."""
    return [(one.number, one.key, one.kind) for one in by_number(found)]


async def test_a_file_is_looked_at_before_it_counts(records: Records) -> None:
    """New, changed, unchanged and rejected rows are told; only applying writes."""
    await records.put(SYSTEM, ID, {"code": "R1", "name": "甲", "crest": 1.5}, idempotency_key="1")
    await records.put(SYSTEM, ID, {"code": "R2", "name": "乙"}, idempotency_key="2")
    found = await preview(records, HEADER + f"R1,甲,,2.50\nR2,乙,,\nR3,丙,{NORTH},\nR4,,,x\n")
    assert [
        (2, "R1", "changed"),
        (3, "R2", "unchanged"),
        (4, "R3", "added"),
        (5, "R4", "rejected"),
    ] == fates(found)
    assert ["rejected", "changed", "added", "unchanged"] == [one.kind for one in found.rows]
    rows = by_number(found)
    assert ("crest",) == rows[0].changed
    assert rows[0].before is not None
    assert rows[0].after is not None
    assert (1.5, 2.5) == (rows[0].before["crest"], rows[0].after["crest"])
    assert {"name", "crest"} == {one.place for one in rows[3].problems}
    assert ["R1"] == [
        one.key for one in (await records.imported(SYSTEM, found.id, limit=1, offset=1)).rows
    ]
    assert 2 == await records.count(SYSTEM, ID)
    done = await records.apply(SYSTEM, found.id)
    assert ImportOutcome(found.id, ID, added=1, changed=1, unchanged=1, rejected=1) == done
    assert done == await records.apply(SYSTEM, found.id)
    changed = await records.get(SYSTEM, ID, "R1")
    assert changed is not None
    assert (2.5, 2) == (changed.values["crest"], changed.version)
    again = await records.imported(SYSTEM, found.id)
    assert "applied" == again.state
    assert (dict(found.counts), fates(found)) == (dict(again.counts), fates(again))


async def test_rejected_rows_come_back_and_can_be_mended(records: Records) -> None:
    """The file that is handed back has a column of errors, which the next import passes over."""
    found = await preview(records, HEADER + "R1,,,\n=1+1,甲,99,\nR3,丙,,\n")
    back = await records.rejected(SYSTEM, found.id)
    lines = list(csv.reader(io.StringIO(back.decode("utf-8-sig"))))
    assert ["编码", "名称", "所在区域", "坝顶高程（m）", "错误"] == lines[0]
    assert ["R1", "", "", "", "名称: 必填"] == lines[1]
    assert ["'=1+1", "甲", "99"] == lines[2][:3]
    assert 3 == len(lines)
    mended = back.decode("utf-8-sig").replace("R1,,", "R1,甲,").replace(",99,", f",{NORTH},")
    again = await preview(records, mended)
    assert [(2, "R1", "added"), (3, "=1+1", "added")] == fates(again)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_what_was_exported_comes_in_unchanged(
    records: Records, kind: TableFormat, language: str
) -> None:
    """An export in either format and language is a file that changes nothing."""
    rows: list[dict[str, Any]] = [
        {
            "code": "R1",
            "name": "=甲",
            "area": NORTH,
            "crest": 12345678.91,
            "volume": 0.1,
            "built": "1958-10-01",
            "checked": 1_700_000_000_123_456,
            "large": False,
            "grade": "b",
            "keeper": "张三",
            "note": "一\n二, “三”",
        },
        {"code": "007", "name": "'=乙", "built": "1900-01-05", "large": True},
    ]
    for number, row in enumerate(rows):
        await records.put(SYSTEM, ID, row, idempotency_key=f"{number}")
    file = await records.export(SYSTEM, ID, kind, language=language)
    found = await records.preview(SYSTEM, ID, file)
    assert {"unchanged": 2} == dict(found.counts)
    masked = await records.export(person(1), ID, kind, language=language)
    assert "张三" not in str(read_table(masked).lines)
    own = await records.preview(person(1), ID, masked)
    assert {"unchanged": 2} == dict(own.counts)


@pytest.mark.parametrize(
    "raw",
    [
        (HEADER + "R1,镕基水库,,\n").encode("utf-8-sig"),
        (HEADER + "R1,镕基水库,,\n").encode("gb18030"),
        HEADER.replace(",", ";").encode() + "R1;镕基水库;;\n".encode(),
        HEADER.replace(",", "\t").encode() + "R1\t镕基水库\t\t\r\n".encode(),
        "Code,NAME,Crest(m)\nR1,镕基水库,\n".encode(),
        "code,name\r\n\r\nR1,镕基水库\r\n".encode(),
        "\n\n编码 ,名　称\nR1, 镕基水库\n".encode(),
    ],
)
async def test_offices_write_files_in_many_ways(records: Records, raw: bytes) -> None:
    """Charsets, delimiters, headers in either language, by name, in any case and width."""
    found = await records.preview(SYSTEM, ID, raw)
    assert {"added": 1} == dict(found.counts)
    assert found.rows[0].after is not None
    assert "镕基水库" == found.rows[0].after["name"]


async def test_cells_are_read_as_people_write_them(records: Records) -> None:
    """Days, times, truths and choices in the ways in which spreadsheets hold them."""
    header = "编码,名称,建成日期,检查时间,是否大型,等级,坝顶高程\n"
    rows = (
        "1,a,1958/10/1,2026/6/1 8:05,是,甲,１２.5\n"
        "2,a,1958年10月1日,2026-06-01T08:05:00+08:00,yes,first,12.50\n"
        "3,a,1958-10-01,2026-06-01 00:05:00Z,1,a,1.25e1\n"
    )
    found = await preview(records, header + rows)
    assert {"added": 3} == dict(found.counts)
    seen = [
        {name: value for name, value in (one.after or {}).items() if name not in ("code", "name")}
        for one in found.rows
    ]
    assert seen[0] == seen[1] == seen[2]
    assert ("1958-10-01", True, "a", 12.5) == tuple(
        seen[0][name] for name in ("built", "large", "grade", "crest")
    )


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is empty"),
        (b"\n\n ,\n", "is empty"),
        (b"\xff\xfe\x00", "UTF-16"),
        (b"code,name\n\x81", "neither UTF-8 nor GB18030"),
        (b'code,name\n"a,b\n', "is not CSV"),
        (b"\xd0\xcf\x11\xe0old", "save it as .xlsx"),
        (b"PK\x03\x04 broken", "cannot|unpacked"),
        (b"code," + b"," * 500 + b"x\n", "columns"),
    ],
)
async def test_files_that_cannot_be_read_are_refused(
    records: Records, raw: bytes, words: str
) -> None:
    """Each with what is wrong; nothing is kept."""
    with pytest.raises(IntakeError, match=words):
        await records.preview(SYSTEM, ID, raw)


async def test_hostile_cells_are_told_by_row_and_column(records: Records) -> None:
    """Numbers where days belong, texts beyond all bounds, control characters, formulas."""
    header = ["code", "name", "built", "checked", "note"]
    rows: list[list[Any]] = [
        ["R1", "甲", 45000.5, None, None],
        ["R2", "甲", None, 45000.25, None],
        ["R3", "x" * 20_000, None, None, None],
        ["R4", "甲", None, None, '=HYPERLINK("http://x","y")'],
        ["R5", "甲", None, None, "y" * 30_000],
    ]
    found = await records.preview(SYSTEM, ID, write_table("xlsx", Sheet("x", header, rows)))
    told = {one.number: [str(each) for each in one.problems] for one in found.rows}
    assert [
        "built: is the number 45000.5: format the cell as a date in the spreadsheet, enter it again"
    ] == told[2]
    assert "checked: is the number 45000.2" in told[3][0]
    assert ["name: expected 0 to 80 characters, got 20000"] == told[4]
    assert [] == told[5]
    assert ["note: expected 0 to 10000 characters, got 30000"] == told[6]
    assert b"R5" in await records.rejected(SYSTEM, found.id, "csv")
    await records.apply(SYSTEM, found.id)
    kept = await records.get(SYSTEM, ID, "R4")
    assert kept is not None
    assert '=HYPERLINK("http://x","y")' == kept.values["note"]
    assert b"'=HYPERLINK" in await records.export(SYSTEM, ID, "csv")


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030"])
async def test_files_come_in_any_of_our_charsets(records: Records, charset: str) -> None:
    """With a byte order mark or without one, rare characters of names among them."""
    file = "编码\t名称\nR1\t㐀龘𠮷\n".encode(charset)
    found = await records.preview(SYSTEM, ID, file)
    assert [(2, "R1", "added")] == fates(found)
    assert found.rows[0].after is not None
    assert "㐀龘𠮷" == found.rows[0].after["name"]


async def test_headers_must_name_the_fields(records: Records) -> None:
    """Unknown, doubled and missing columns are told at once."""
    with pytest.raises(RecordInvalid) as refused:
        await preview(records, "名成,名称,Name\n1,2,3\n")
    told = {one.place: one.message for one in refused.value.problems}
    assert {"名成", "name", "code"} == set(told)
    assert "did you mean '名称'?" in told["名成"]
    assert "the columns 2, 3 hold the same field: keep one of them" == told["name"]


async def test_rows_that_do_not_fit_are_rejected(records: Records) -> None:
    """Ragged rows, the same key twice, unknown references and wrong values, each by its row."""
    found = await preview(
        records,
        HEADER + "R1,甲\nR2,甲,,,5\nR3,甲,,\nR3,乙,,\nR4,甲,99,\nR5,甲,,1.234\na/b,甲,,\n,甲,,\n",
    )
    assert {"added": 1, "rejected": 7} == dict(found.counts)
    told = [one.problems[0].message if one.problems else "" for one in by_number(found)]
    for words, message in zip(
        ("4 cells, got 2", "got 5", "", "row 4", "not known", "2 decimals", "key", "required"),
        told,
        strict=True,
    ):
        assert words in message


async def test_rows_outside_the_area_are_rejected(records: Records) -> None:
    """Neither a row that is there nor a new one is written where it is not theirs."""
    await records.put(SYSTEM, ID, {"code": "R1", "name": "甲", "area": SOUTH}, idempotency_key="1")
    text = f"code,name,area\nR1,乙,{SOUTH}\nR2,乙,{SOUTH}\nR3,乙,\nR4,乙,{NORTH}\n"
    found = await records.preview(person(1, area=NORTH), ID, text.encode())
    assert ["rejected"] * 3 + ["added"] == [one.kind for one in found.rows]
    with pytest.raises(AccessDenied):
        await records.preview(person(2, "reservoir.read"), ID, text.encode())
    with pytest.raises(NotFound):
        await records.apply(person(3), found.id)


async def test_what_changed_since_the_preview_is_not_overwritten(records: Records) -> None:
    """Added, changed and removed rows stay as colleagues left them, and come back with the name."""
    for code in ("R2", "R3", "R4"):
        await records.put(SYSTEM, ID, {"code": code, "name": "甲"}, idempotency_key=code)
    text = HEADER + "R1,乙,,\nR2,乙,,\nR3,乙,,\nR4,乙,,\n"
    found = await preview(records, text)
    colleague = person(3)
    for code in ("R1", "R2"):
        values = {"code": code, "name": "丁"}
        await records.put(colleague, ID, values, idempotency_key=f"c{code}")
    await records.remove(colleague, ID, "R3", idempotency_key="cR3")
    done = await records.apply(SYSTEM, found.id)
    assert ImportOutcome(found.id, ID, changed=1, rejected=3, conflicts=3) == done
    names = {one.key: one.values["name"] for one in await records.find(SYSTEM, ID)}
    assert {"R1": "丁", "R2": "丁", "R4": "乙"} == names
    again = await records.imported(SYSTEM, found.id)
    assert ["rejected", "rejected", "rejected", "changed"] == [one.kind for one in again.rows]
    for row, verb in zip(again.rows, ("added", "changed", "removed"), strict=False):
        assert f"was {verb} meanwhile by P3 at 2023-11-" in row.problems[0].message
    back = (await records.rejected(SYSTEM, found.id)).decode("utf-8-sig")
    assert "编码: 已由P3于 2023-11-" in back
    assert {"added": 1, "changed": 2} == dict((await preview(records, back)).counts)


async def test_what_does_not_fit_any_more_is_rejected_as_it_is_taken_in(
    records: Records,
) -> None:
    """A row of an area that is no longer one's own since the preview."""
    text = f"code,name,area\nR1,甲,{NORTH}\nR2,甲,{SOUTH}\n"
    found = await records.preview(person(1), ID, text.encode())
    assert {"added": 2} == dict(found.counts)
    done = await records.apply(person(1, area=NORTH), found.id)
    assert (1, 1, 0) == (done.added, done.rejected, done.conflicts)
    (refused, _) = (await records.imported(person(1), found.id)).rows
    assert "is not yours" in refused.problems[0].message


async def test_a_file_is_planned_once(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """Showing it, taking it in and handing rows back read the plan that was kept."""
    found = await preview(records, HEADER + "R1,甲,,\nR2,,,\n")

    def refuse(*_arguments: object) -> None:
        raise AssertionError("planned again")

    monkeypatch.setattr(Planner, "plan", refuse)
    monkeypatch.setattr(importing, "read_table", refuse)
    await records.imported(SYSTEM, found.id)
    assert b"R2" in await records.rejected(SYSTEM, found.id)
    assert 1 == (await records.apply(SYSTEM, found.id)).added


async def test_imports_at_once_under_one_key_are_one_import(records: Records) -> None:
    """One of them is kept, and the others get its answer."""
    file = (HEADER + "R1,甲,,\n").encode()
    found = await asyncio.gather(
        *(records.preview(SYSTEM, ID, file, idempotency_key="k") for _ in range(4))
    )
    assert 1 == len({one.id for one in found})
    assert 1 == (await records.apply(SYSTEM, found[0].id)).added
    assert 1 == await records.count(SYSTEM, ID)


async def test_the_same_key_again_is_the_same_import(records: Records) -> None:
    """For ever, also when it was applied; another file under it is refused."""
    text = HEADER + "R1,甲,,\n"
    first = await preview(records, text, idempotency_key="k")
    done = await records.bring(SYSTEM, ID, text.encode(), idempotency_key="k")
    assert done == await records.bring(SYSTEM, ID, text.encode(), idempotency_key="k")
    assert (first.id, 1) == (done.id, done.added)
    with pytest.raises(RecordConflict, match="another request"):
        await records.bring(SYSTEM, ID, HEADER.encode(), idempotency_key="k")


async def test_many_rows_come_in_slices(records: Records, any_store: Store) -> None:
    """All of them, with history and one entry of the audit trail, and no change takes long."""
    lines = "".join(f"R{number},库{number},{NORTH},{number}.25\n" for number in range(1200))
    done = await records.bring(SYSTEM, ID, (HEADER + lines).encode(), idempotency_key="1")
    assert 1200 == done.added
    assert 1200 == await records.count(SYSTEM, ID)
    changed = lines.replace(".25", ".50")
    done = await records.bring(SYSTEM, ID, (HEADER + changed).encode(), idempotency_key="2")
    assert 1200 == done.changed
    found = await records.get(SYSTEM, ID, "R1199")
    assert found is not None
    assert (1199.5, 2) == (found.values["crest"], found.version)
    assert 2 == len(await records.history(SYSTEM, ID, "R1199"))
    audited = any_store.read_now(
        lambda s: s.connection.exec_driver_sql(
            "SELECT count(*) FROM audit WHERE action = 'record.import'"
        ).scalar()
    )
    assert 2 == audited


async def test_files_are_forgotten(records: Records, any_store: Store, clock: Any) -> None:
    """After two days a preview asks for the file anew; what was applied still says what it did."""
    waiting = await preview(records, HEADER + "R1,甲,,\n")
    done = await records.bring(SYSTEM, ID, (HEADER + "R2,甲,,\n").encode(), idempotency_key="1")
    clock.advance(seconds=3 * 86_400)
    await records.forget_files()
    with pytest.raises(NotFound, match="bring the file again"):
        await records.apply(SYSTEM, waiting.id)
    assert done == await records.apply(SYSTEM, done.id)
    assert {"added": 1} == dict((await preview(records, HEADER + "R1,甲,,\n")).counts)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_a_template_says_what_to_fill_in(records: Records, kind: TableFormat) -> None:
    """Filled in below its remarks, it can be imported."""
    file = await records.template(person(1), ID, kind, language="en")
    table = read_table(file)
    assert ("Code", "Name", "Area", "Crest (m)") == table.header[:4]
    filled: list[Any] = [["R9", "a", NORTH, 3.5, *[None] * (len(table.header) - 4)]]
    rows = [*(line.cells for line in table.lines), *filled]
    found = await records.preview(SYSTEM, ID, write_table(kind, Sheet("x", table.header, rows)))
    assert {"added": 1} == dict(found.counts)
    assert "R9" == found.rows[-1].key


async def test_another_systems_records_are_imported(unstarted: Open) -> None:
    """Who may write imports them, though nobody edits them."""
    records = unstarted(dataset(system_of_record="external", dated=True))
    await records.start()
    file = "编码,名称,生效日期\nR1,甲,2023-01-01\nR1,乙,2023-06-01\n"
    found = await records.preview(person(1), ID, file.encode())
    assert ["R1/2023-01-01", "R1/2023-06-01"] == [one.key for one in found.rows]
    assert 2 == (await records.apply(person(1), found.id)).added
    exported = await records.export(person(1), ID, on="all")
    assert {"unchanged": 2} == dict((await records.preview(person(1), ID, exported)).counts)
