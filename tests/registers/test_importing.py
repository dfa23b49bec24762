"""Register files are imported whole, idempotently, or refused with all their problems."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.access import Actor
from county_gov.errors import RegisterError
from county_gov.registers import Imported, RegisterFile, Registers
from county_gov.registers.entries import read_entries
from county_gov.registers.registers import plan_on
from county_gov.store import tables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from county_gov.store import Store, Transaction

DEMO = Path(__file__).parents[2] / "examples" / "demo_county" / "registers"
NAMES = ("areas", "units", "things", "datastreams")
DAY_2020 = 18_262
AREAS = (
    "code,kind,name,parent,valid_from,valid_to\n"
    "990101,county,示范县,,2013-01-01,\n"
    "990101001,township,知秋街道,990101,2013-01-01,\n"
    "990101002,township,望舒街道,990101,2013-01-01,\n"
    "990101001001,village,青桐社区,990101001,2013-01-01,\n"
)
UNITS = "code,name,kind,area\nenvironment,生态环境局,department,990101\n"
THINGS = "code,name,area,unit,longitude,latitude\nstation,监测站,990101001001,environment,116,40\n"
DATASTREAMS = (
    "code,thing,observed_property,name,unit,period_seconds,decimals,minimum,maximum\n"
    "station.pm25,station,pm25,细颗粒物,µg/m³,3600,1,0,1000\n"
)


def demo_files() -> list[RegisterFile]:
    """The registers of the demonstration county."""
    return [
        RegisterFile(name, f"{name}.csv", (DEMO / f"{name}.csv").read_bytes()) for name in NAMES
    ]


def file(register: str, text: str, encoding: str = "utf-8") -> RegisterFile:
    """A register file from its text."""
    return RegisterFile(register, f"{register}.csv", text.encode(encoding))


def small() -> list[RegisterFile]:
    """A county of four areas with one station."""
    texts = (AREAS, UNITS, THINGS, DATASTREAMS)
    return [file(name, text) for name, text in zip(NAMES, texts, strict=True)]


async def problems_of(registers: Registers, *files: RegisterFile) -> list[str]:
    """What is refused about some files."""
    with pytest.raises(RegisterError) as refusal:
        await registers.import_files(files)
    return [str(problem) for problem in refusal.value.problems]


async def test_demonstration_county(any_store: Store) -> None:
    """The demonstration county's registers come in whole, and again without any change."""
    registers = Registers(any_store)

    first = await registers.import_files(demo_files())
    version = registers.snapshot.version
    again = await registers.import_files(demo_files())

    expected = {"areas": 70, "units": 8, "things": 4, "datastreams": 24}
    assert {name: Imported(added=rows) for name, rows in expected.items()} == first.imported
    assert {name: Imported(unchanged=rows) for name, rows in expected.items()} == again.imported
    assert version == registers.snapshot.version
    assert () == first.warnings
    view = registers.snapshot.datastream(registers.snapshot.number("aotizhongxin.pm25"))
    assert ("990101001002003", "environment", 116.4955) == (
        view.area,
        view.responsible_unit,
        view.longitude,
    )


async def test_import_is_audited_once(store: Store) -> None:
    """An import that changes something is in the audit with its counts, and one that does not is
    not.
    """
    registers = Registers(store)
    person = Actor(kind="person", name="甲", account=7)
    await registers.import_files(small(), actor=person)
    await registers.import_files(small(), actor=person)

    entries = await store.read(lambda snapshot: snapshot.rows(sa.select(tables.audit)))

    assert [("甲", 7, "registers.import", "done")] == [
        (row.actor, row.account, row.action, row.outcome) for row in entries
    ]
    assert '"datastreams":{"added":1,"changed":0,"unchanged":0}' in entries[0].details


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_encodings(store: Store, encoding: str) -> None:
    """Files in UTF-8, with or without a byte order mark, and in GB18030 say the same."""
    registers = Registers(store)
    await registers.import_files([file("areas", AREAS, encoding)])

    assert "示范县" == registers.snapshot.areas["990101"].name


async def test_change_of_parent_keeps_both_rows(store: Store) -> None:
    """A new parent from a day on is one line; the days before keep the old one."""
    registers = Registers(store)
    await registers.import_files(small())
    header = AREAS.splitlines()[0]
    move = file("areas", f"{header}\n990101001001,village,青桐社区,990101002,2020-01-01,\n")

    first = await registers.import_files([move])
    again = await registers.import_files([move])

    assert Imported(changed=1) == first.imported["areas"]
    assert Imported(unchanged=1) == again.imported["areas"]
    snapshot = registers.snapshot
    assert "990101001" == snapshot.parent_of("990101001001", DAY_2020 - 1)
    assert "990101002" == snapshot.parent_of("990101001001", DAY_2020)
    assert frozenset() == snapshot.descendants("990101001", DAY_2020)
    assert [
        "areas.csv:2: parent: '990101001001' does not begin with its parent's code '990101002'"
    ] == [str(warning) for warning in first.warnings]


async def test_line_imported_by_mistake_is_withdrawn(store: Store) -> None:
    """A line that ends on the day on which it begins takes a wrong row out again."""
    registers = Registers(store)
    await registers.import_files(small())
    header = AREAS.splitlines()[0]
    wrong = "990101001001,village,青桐社区,990101002,2031-01-01,"
    right = "990101001001,village,青桐社区,990101001,2013-01-01,"
    await registers.import_files([file("areas", f"{header}\n{wrong}\n")])
    mended = file("areas", f"{header}\n{right}\n{wrong}2031-01-01\n")

    first = await registers.import_files([mended])
    again = await registers.import_files([mended])

    assert Imported(changed=1) == first.imported["areas"]
    assert 0 == again.imported["areas"].changed
    assert 1 == len(registers.snapshot.parents["990101001001"])
    assert "990101001" == registers.snapshot.parent_of("990101001001", 30_000)


BAD_AREAS = {
    "cycle": (
        "990101001,township,知秋街道,990101001001,2020-01-01,",
        "areas.csv:2: parent: on 2020-01-01 '990101001' would lie below itself",
    ),
    "own parent": (
        "990101001,township,知秋街道,990101001,2020-01-01,",
        "areas.csv:2: parent: on 2020-01-01 '990101001' would lie below itself",
    ),
    "hole": (
        "5,grid,甲,990101001,2014-01-01,2015-01-01\n5,grid,甲,990101001,2015-01-02,",
        "areas.csv:3: valid_from: '5' has no parent from 2015-01-01 to 2015-01-02",
    ),
    "two parents on one day": (
        "5,grid,甲,990101001,2014-01-01,\n5,grid,甲,990101002,2015-01-01,",
        "areas.csv:3: valid_from: '5' has two parents on 2015-01-01",
    ),
    "overlap": (
        "5,grid,甲,990101001,2014-01-01,2015-01-02\n5,grid,甲,990101002,2015-01-01,",
        "areas.csv:3: valid_from: '5' has two parents on 2015-01-01",
    ),
    "the same day twice": (
        "5,grid,甲,990101001,2014-01-01,\n5,grid,甲,990101002,2014-01-01,",
        "areas.csv:3: valid_from: '5' has a line for this day at areas.csv:2 already",
    ),
    "unknown parent": (
        "5,grid,甲,99010101,2014-01-01,",
        "areas.csv:2: parent: unknown area '99010101'; did you mean '990101",
    ),
    "parent not there yet": (
        "5,grid,甲,990101001,2012-12-31,",
        "areas.csv:2: parent: '990101001' exists only from 2013-01-01",
    ),
    "parent abolished": (
        "990101001001,village,青桐社区,990101001,2013-01-01,2015-01-01\n"
        "5,grid,甲,990101001001,2014-01-01,",
        "areas.csv:3: parent: '990101001001' exists only until 2015-01-01",
    ),
    "unknown kind": (
        "5,vilage,甲,990101001,2014-01-01,",
        "areas.csv:2: kind: expected one of county, township, village, grid; "
        "did you mean 'village'?, got 'vilage'",
    ),
    "two names": (
        "5,grid,甲,990101001,2014-01-01,2015-01-01\n5,grid,乙,990101001,2015-01-01,",
        "areas.csv:3: name: '5' is '甲' at areas.csv:2 and '乙' here",
    ),
    "impossible day": (
        "5,grid,甲,990101001,2014-02-30,",
        "areas.csv:2: valid_from: expected a day like 2026-01-31, got '2014-02-30'",
    ),
    "end before beginning": (
        "5,grid,甲,990101001,2014-02-20,2014-02-19",
        "areas.csv:2: valid_to: expected the first day no longer under this parent",
    ),
    "a code with blanks": (
        "5 5,grid,甲,990101001,2014-02-20,",
        "areas.csv:2: code: expected 1 to 64 letters",
    ),
    "a name with a control character": (
        "5,grid,甲\x1b[31m,990101001,2014-02-20,",
        "areas.csv:2: name: expected at most 200 printable characters",
    ),
    "a field too many": (
        "5,grid,甲,990101001,2014-02-20,,",
        "areas.csv:2: expected 6 fields as in the header, got 7",
    ),
    "the only line withdrawn": (
        "5,grid,甲,990101001,2014-02-20,2014-02-20",
        "area 5: its only line is withdrawn",
    ),
}


@pytest.mark.parametrize("case", BAD_AREAS)
async def test_bad_areas(store: Store, case: str) -> None:
    """An unsound tree is refused, naming line, field and way out, and nothing is written."""
    lines, expected = BAD_AREAS[case]
    registers = Registers(store)
    await registers.import_files(small())
    before = registers.snapshot.version

    found = await problems_of(registers, file("areas", f"{AREAS.splitlines()[0]}\n{lines}\n"))
    await registers.refresh()

    assert 1 == len(found)
    assert found[0].startswith(expected)
    assert before == registers.snapshot.version


async def test_all_problems_at_once(store: Store) -> None:
    """The problems of all files come together, and a broken line is not reported twice."""
    found = await problems_of(
        Registers(store),
        file("areas", AREAS + "990101003,townshp,甲,990101,2013-01-01,\n"),
        file("units", "code,name,kind,area\noffice,甲,department,990101003\n"),
        file("things", "code,name,area,unit,longtude\na,甲,990101,offce,1\n,乙,990101,office,\n"),
        file("datastreams", DATASTREAMS.replace("3600,1,0,1000", "3600,1.5,9,8")),
    )

    assert [
        "things.csv:1: longtude",
        "areas.csv:6: kind",
        "things.csv:3: code",
        "datastreams.csv:2: decimals",
        "datastreams.csv:2: maximum",
        "things.csv:2: unit",
    ] == [": ".join(problem.split(": ")[:2]) for problem in found]
    assert "did you mean 'longitude'?" in found[0]
    assert "did you mean 'office'?" in found[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "areas.csv:1: code: the header lacks this field"),
        (AREAS.replace("name", "code"), "areas.csv:1: code: the header names this field twice"),
        (AREAS + '"open', "areas.csv: is not CSV"),
    ],
)
async def test_bad_files(store: Store, text: str, expected: str) -> None:
    """A file that is not a register's is refused at its place."""
    found = await problems_of(Registers(store), file("areas", text))

    assert found[0].startswith(expected)


async def test_neither_encoding(store: Store) -> None:
    """Bytes in no known encoding are refused with the way out."""
    found = await problems_of(Registers(store), RegisterFile("areas", "a.csv", b"\xff\xff\xff"))

    assert [
        "a.csv: expected text in UTF-8 or GB18030, got neither; save it as 'CSV UTF-8'"
    ] == found


def have_latest(number: int, tx: Transaction) -> None:
    """Give a datastream a latest reading."""
    insert_zeros(tx, tables.latest, datastream=number)


def have_block(number: int, tx: Transaction) -> None:
    """Give a datastream a settled block."""
    insert_zeros(tx, tables.blocks, datastream=number)


def have_landed(number: int, tx: Transaction) -> None:
    """Give a datastream a reading that has just landed."""
    insert_zeros(tx, tables.landings, number=7)
    insert_zeros(tx, tables.landings, number=8)
    tx.execute(sa.text("CREATE TABLE landing_7 (datastream INTEGER)"))
    tx.execute(sa.text("INSERT INTO landing_7 VALUES (:number)").bindparams(number=number))


def insert_zeros(tx: Transaction, table: sa.Table, **values: int) -> None:
    """Insert a row with the given values and nothing else in it."""
    zeros = {
        column.name: b"" if isinstance(column.type, sa.LargeBinary) else 0
        for column in table.c
        if not column.nullable
    }
    tx.insert(table, **(zeros | values))


READINGS = {"latest": have_latest, "blocks": have_block, "landing": have_landed}


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (",3600,1,", ",60,1,", "datastreams.csv:2: period_seconds"),
        (",3600,1,", ",3600,2,", "datastreams.csv:2: decimals"),
        ("station.pm25,station,", "station.pm25,other,", "datastreams.csv:2: thing"),
        ("µg/m³", "mg/m³", "datastreams.csv:2: unit"),
    ],
)
@pytest.mark.parametrize("where", READINGS)
async def test_scale_of_readings_is_kept(
    any_store: Store, old: str, new: str, place: str, where: str
) -> None:
    """Period, decimals, thing and unit change only while there is no reading."""
    registers = Registers(any_store)
    other = THINGS + "other,监测站,990101001001,environment,,\n"
    await registers.import_files([*small(), file("things", other)])
    number = registers.snapshot.number("station.pm25")
    changed = file("datastreams", DATASTREAMS.replace(old, new))
    await any_store.write(partial(READINGS[where], number))

    found = await problems_of(registers, changed)

    assert 1 == len(found)
    assert found[0].startswith(place)
    assert "make a new datastream" in found[0]


async def test_a_reading_that_comes_while_slices_are_written_keeps_its_scale(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A datastream is redefined only if it has no reading in the very change that does it."""
    registers = Registers(store)
    await registers.import_files(small())
    number, write = registers.snapshot.number("station.pm25"), store.write
    monkeypatch.setattr(
        store, "write", lambda change: read_in_between(write, change, partial(have_latest, number))
    )
    units = UNITS.splitlines()[0] + "".join(
        f"\nunit{one},单位,department,990101" for one in range(600)
    )

    found = await problems_of(
        registers,
        file("units", units),
        file("datastreams", DATASTREAMS.replace(",3600,1,", ",3600,2,")),
    )

    assert "make a new datastream" in found[0]
    await registers.refresh()
    assert 1 == registers.snapshot.decimals[number]


async def read_in_between(
    write: Callable[[Callable[[Transaction], int]], Awaitable[int]],
    change: Callable[[Transaction], int],
    reading: Callable[[Transaction], None],
) -> int:
    """Make a change; as soon as it is made a reading arrives."""

    def once(tx: Transaction) -> int:
        if tx.first(sa.select(tables.latest)) is None:
            reading(tx)
        return 0

    version = await write(change)
    await write(once)
    return version


async def test_scale_can_change_before_the_first_reading(store: Store) -> None:
    """A mistake in a datastream's decimals can be mended while it has no readings."""
    registers = Registers(store)
    await registers.import_files(small())

    await registers.import_files([file("datastreams", DATASTREAMS.replace(",3600,1,", ",60,3,"))])

    number = registers.snapshot.number("station.pm25")
    assert (60_000_000, 3) == (
        registers.snapshot.period[number],
        registers.snapshot.decimals[number],
    )


async def test_one_active_datastream_per_property(store: Store) -> None:
    """A second datastream of a thing's property needs the first to be given up."""
    registers = Registers(store)
    await registers.import_files(small())
    second = DATASTREAMS + DATASTREAMS.splitlines()[1].replace("station.pm25", "station.new")

    found = await problems_of(registers, file("datastreams", second))
    header, first, new = second.splitlines()
    given_up = f"{header},active\n{first},0\n{new},1\n"
    await registers.import_files([file("datastreams", given_up)])

    assert 2 == len(found)
    assert all("has another active datastream of 'pm25'" in problem for problem in found)
    assert {"pm25": "station.new"} == registers.snapshot.datastreams_of("station")
    assert not registers.snapshot.active[registers.snapshot.number("station.pm25")]


async def test_large_import_is_written_in_slices(store: Store) -> None:
    """Many new areas, lowest first in the file, are written from the top down in several changes,
    and nothing is lost.
    """
    registers = Registers(store)
    header, *top = AREAS.splitlines()
    grids = [f"9901010010010{number:03d},grid,格,990101001001,2013-01-01," for number in range(700)]
    commits = store.writer.commits

    plan = await registers.import_files([file("areas", "\n".join([header, *grids, *top]))])

    assert Imported(added=704) == plan.imported["areas"]
    assert plan.new_areas is not None
    assert {"990101", "990101001", "990101002", "990101001001"} == set(plan.new_areas[:4])
    assert 703 == len(registers.snapshot.descendants("990101", DAY_2020))
    assert 2 <= store.writer.commits - commits


async def test_old_area_below_a_new_one(any_store: Store) -> None:
    """An area that was there before can move below one that comes in the same file."""
    registers = Registers(any_store)
    await registers.import_files(small())
    header = AREAS.splitlines()[0]

    plan = await registers.import_files(
        [
            file(
                "areas",
                f"{header}\n990101001001,village,青桐社区,990101300,2020-01-01,\n"
                "990101300,township,新镇,990101,2020-01-01,\n",
            )
        ]
    )

    assert Imported(added=1, changed=1) == plan.imported["areas"]
    assert plan.new_areas is None
    assert ("990101300", "990101") == registers.snapshot.ancestors("990101001001", DAY_2020)


async def test_imports_at_once_do_not_overwrite_each_other(store: Store) -> None:
    """An import that was planned on an older version is planned again."""
    registers = Registers(store)
    await registers.import_files(small())
    header = AREAS.splitlines()[0]
    moves = [
        file("areas", f"{header}\n99010100100{one},village,村{one},990101001,2013-01-01,\n")
        for one in range(2, 8)
    ]

    await asyncio.gather(*(registers.import_files([move]) for move in moves))

    assert {f"99010100100{one}" for one in range(1, 8)} == registers.snapshot.descendants(
        "990101001", DAY_2020
    )


async def test_within_a_change(store: Store) -> None:
    """Entries can be imported within somebody else's change, and are seen after a refresh."""
    registers = Registers(store)
    entries = read_entries(small())

    def change(tx: Transaction) -> list[Imported]:
        return [
            registers.import_areas(tx, entries.areas),
            registers.import_units(tx, entries.units),
            registers.import_things(tx, entries.things),
            registers.import_datastreams(tx, entries.datastreams),
        ]

    counts = await store.write(change)

    assert [4, 1, 1, 1] == [one.added for one in counts]
    assert await registers.refresh()
    assert not await registers.refresh()
    assert {"station.pm25"} == set(registers.snapshot.numbers)


@given(st.permutations(AREAS.splitlines()[1:]))
def test_order_of_lines_does_not_matter(lines: list[str]) -> None:
    """The lines of a file can come in any order."""
    from county_gov.registers.importing import plan_import
    from county_gov.store.registers import RegisterContents

    text = "\n".join([AREAS.splitlines()[0], *lines])
    entries = read_entries([file("areas", text)])
    plan = plan_import(RegisterContents(versions={}), entries, has_readings=lambda _: False)

    assert ["990101", "990101001", "990101001001", "990101002"] == [
        row.code for row in plan.changes.parents
    ]


async def test_plan_changes_nothing(store: Store) -> None:
    """A plan can be looked at without importing."""
    entries = read_entries(small())

    plan = await store.read(lambda snapshot: plan_on(entries, snapshot))

    assert Imported(added=4) == plan.imported["areas"]
    assert 0 == await store.read(
        lambda s: s.scalar(sa.select(sa.func.count()).select_from(tables.areas))
    )
