"""Adding, changing, reading and removing records, within scopes and with their history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from county_gov.contract.access import SYSTEM, Grant, Scope
from county_gov.contract.records import Equal, From, Missing, OneOf, Until
from county_gov.errors import (
    AccessDenied,
    NotFound,
    RecordConflict,
    RecordInvalid,
)
from county_gov.records import RecordAccess, Records
from tests.records.conftest import COUNTY, NORTH, SOUTH, VILLAGE, Open, dataset, person

if TYPE_CHECKING:
    from county_gov.contract.records import Record
    from county_gov.store import Store

ID = "reservoir.reservoirs"
FULL: dict[str, Any] = {
    "code": "R1",
    "name": "青山水库",
    "area": NORTH,
    "crest": 128.35,
    "volume": 1.25e6,
    "built": "1958-10-01",
    "checked": 1_700_000_000_000_000,
    "large": True,
    "grade": "a",
    "keeper": "张三丰",
    "note": "一\n二",
}


async def put(records: Records, key: str, **values: Any) -> Any:
    """Put a record as the system."""
    return await records.put(SYSTEM, ID, values, idempotency_key=key)


async def test_what_was_put_is_read_back(records: Records) -> None:
    """Every type comes back as it was given, by key, in lists and as columns."""
    made = await put(records, "k", **FULL)
    assert ("R1", 1, FULL) == (made.key, made.version, dict(made.values))
    found = await records.get(SYSTEM, ID, "R1")
    assert found is not None
    assert FULL == dict(found.values)
    assert [FULL] == [dict(one.values) for one in await records.find(SYSTEM, ID)]
    columns = await records.columns(SYSTEM, ID)
    assert [12835] == columns["crest"].tolist()
    assert ["张三丰"] == columns["keeper"].tolist()


async def test_fields_that_are_not_named_keep_their_value(records: Records) -> None:
    """A change names only what changes, and raises the version."""
    await put(records, "1", **FULL)
    changed = await put(records, "2", code="R1", name="青山湖")
    assert (2, {**FULL, "name": "青山湖"}) == (changed.version, dict(changed.values))


async def test_the_same_values_again_change_nothing(records: Records) -> None:
    """No version and no history for what is not a change."""
    await put(records, "1", **FULL)
    assert 1 == (await put(records, "2", **FULL)).version
    assert 1 == len(await records.history(SYSTEM, ID, "R1"))


async def test_an_idempotency_key_works_once(records: Records) -> None:
    """The same request gives the same row; another one under the same key is refused."""
    await put(records, "1", **FULL)
    await put(records, "1", **FULL)
    with pytest.raises(RecordConflict, match="take a new key") as refused:
        await put(records, "1", code="R2", name="另一座")
    assert "idempotency" == refused.value.code


async def test_versions_guard_against_lost_changes(records: Records) -> None:
    """Whoever read an older version is told; 0 asks for a new row."""
    await put(records, "1", **FULL)
    await put(records, "2", code="R1", name="乙")
    for number, expected in enumerate((0, 1, 3)):
        with pytest.raises(RecordConflict) as refused:
            await records.put(
                SYSTEM, ID, FULL, idempotency_key=f"x{number}", expected_version=expected
            )
        assert 2 == refused.value.current


async def test_all_problems_are_told_at_once(records: Records) -> None:
    """Each field with what is wrong, the key and unknown fields among them."""
    with pytest.raises(RecordInvalid) as refused:
        await records.put(
            SYSTEM,
            ID,
            {"code": "a/b", "crest": 1.234, "volume": -1, "built": "1958", "grde": "a"},
            idempotency_key="1",
        )
    told = {one.place: one.message for one in refused.value.problems}
    assert {"code", "name", "crest", "volume", "built", "grde"} == set(told)
    assert "did you mean 'grade'?" in told["grde"]


async def test_what_is_referred_to_must_exist(records: Records) -> None:
    """An area that the register does not know is refused."""
    with pytest.raises(RecordInvalid, match="'99' is not known as an area"):
        await put(records, "1", **{**FULL, "area": "99"})


async def test_a_removed_row_keeps_its_history(records: Records) -> None:
    """Removal is a change like others; a row of the same key later goes on counting."""
    await put(records, "1", **FULL)
    await put(records, "2", code="R1", name="乙")
    await records.remove(SYSTEM, ID, "R1", idempotency_key="3")
    await records.remove(SYSTEM, ID, "R1", idempotency_key="3")
    assert await records.get(SYSTEM, ID, "R1") is None
    with pytest.raises(NotFound):
        await records.remove(SYSTEM, ID, "R1", idempotency_key="4")
    assert 4 == (await put(records, "5", **FULL)).version
    history = await records.history(SYSTEM, ID, "R1")
    assert ["added", "removed", "changed", "added"] == [one.change for one in history]
    assert ("name",) == history[2].changed
    assert history[2].before is not None
    assert FULL == dict(history[2].before)
    assert history[1].after is None


async def test_lists_are_filtered_searched_and_sorted(records: Records) -> None:
    """By values, by text, by a field in both directions, a page at a time."""
    for number, area in enumerate((NORTH, SOUTH, VILLAGE, None)):
        await put(records, f"{number}", code=f"R{number}", name=f"库{number % 2}", area=area)

    def ids(found: tuple[Record, ...]) -> list[str]:
        return [one.key for one in found]

    assert ["R0"] == ids(await records.find(SYSTEM, ID, where=(Equal("area", NORTH),)))
    assert ["R3"] == ids(await records.find(SYSTEM, ID, where=(Missing("area"),)))
    assert ["R1", "R3"] == ids(await records.find(SYSTEM, ID, search="库1"))
    assert ["R2"] == ids(await records.find(SYSTEM, ID, search="r2"))
    assert ["R0", "R2", "R1", "R3"] == ids(await records.find(SYSTEM, ID, sort="name"))
    assert ["R3", "R1", "R2", "R0"] == ids(await records.find(SYSTEM, ID, sort="-name"))
    assert ["R1", "R2"] == ids(await records.find(SYSTEM, ID, limit=2, offset=1))
    assert 2 == await records.count(SYSTEM, ID, where=(Equal("name", "库0"),))
    with pytest.raises(RecordInvalid, match="did you mean 'name'"):
        await records.find(SYSTEM, ID, where=(Equal("nam", "x"),))
    with pytest.raises(RecordInvalid, match="is not a field"):
        await records.find(SYSTEM, ID, sort="-x")


async def test_rows_are_found_by_what_holds_of_them(records: Records) -> None:
    """By ranges of numbers, days and times, by lists, by what is missing, and by all together."""
    for number in range(5):
        values: dict[str, Any] = {"code": f"R{number}", "name": "库", "crest": 100.5 + number}
        if number:
            values |= {"built": f"200{number}-06-01", "grade": "ab"[number % 2]}
        await put(records, f"{number}", **values)

    async def found(*where: Any) -> str:
        return "".join(one.key[1:] for one in await records.find(SYSTEM, ID, where=where))

    assert "234" == await found(From("crest", 102.5))
    assert "01" == await found(Until("crest", 101.5))
    assert "23" == await found(From("built", "2002-06-01"), Until("built", "2003-06-01"))
    assert "0" == await found(Missing("built"))
    assert "013" == await found(OneOf("crest", (100.5, 101.5, 103.5)))
    assert "24" == await found(Equal("grade", "a"), From("built", "2001-06-02"))


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (From("name", "a"), "is a text: expected a number, day or time"),
        (Until("large", 1), "is a truth"),
        (Equal("crest", "high"), "crest: expected a number, got 'high'"),
        (From("built", "2026"), "expected a date"),
        (Equal("keeper", ""), "ask what is missing"),
        (OneOf("code", ()), "expected 1 to 1000 values, got 0"),
        (Missing("heigth"), "heigth: is not a field"),
        ({"code": "R1"}, "expected Equal, OneOf, From, Until or Missing, got dict"),
    ],
)
async def test_what_cannot_be_asked_is_told(records: Records, where: Any, words: str) -> None:
    """With the field, the value and what was expected."""
    with pytest.raises(RecordInvalid, match=words):
        await records.find(SYSTEM, ID, where=(where,))


async def test_rows_come_in_pages_behind_a_key(unstarted: Open) -> None:
    """However many there are; nothing is left out without a word."""
    records = unstarted(dataset(dated=True))
    await records.start()
    for number, (code, day) in enumerate(
        (("R1", "2023-01-01"), ("R1", "2023-06-01"), ("R2", "2023-01-01"), ("R3", "2023-02-01"))
    ):
        await put(records, f"{number}", code=code, name="库", valid_from=day)

    async def behind(after: str, on: str = "all") -> list[str]:
        found = await records.find(SYSTEM, ID, after=after, on=on, limit=2)
        return [f"{one.key}/{one.values['valid_from']}" for one in found]

    assert ["R1/2023-01-01", "R1/2023-06-01"] == await behind("")
    assert ["R1/2023-06-01", "R2/2023-01-01"] == await behind("R1/2023-01-01")
    assert ["R3/2023-02-01"] == await behind("R2", on="")
    batch = await records.columns(SYSTEM, ID, on="all", limit=2, after="R1/2023-06-01")
    assert ["R2", "R3"] == batch["code"].tolist()
    assert 1 == (await records.columns(SYSTEM, ID, where=(Equal("code", "R3"),))).rows
    with pytest.raises(RecordInvalid, match="more than 3 rows"):
        await records.columns(SYSTEM, ID, on="all", limit=3)
    for wrong in ({"limit": 10_001}, {"after": "a/b/c"}, {"after": "R1", "sort": "name"}):
        with pytest.raises(RecordInvalid):
            await records.find(SYSTEM, ID, **wrong)


async def test_rows_are_seen_within_the_scope(records: Records) -> None:
    """A list, a count and a row are narrowed by area; a row without area is the county's."""
    for number, area in enumerate((NORTH, SOUTH, VILLAGE, None)):
        await put(records, f"{number}", code=f"R{number}", name="库", area=area)
    north = person(1, area=NORTH)
    assert ["R0", "R2", "R3"] == [one.key for one in await records.find(north, ID)]
    assert 3 == await records.count(north, ID)
    assert 3 == (await records.columns(north, ID)).rows
    assert await records.get(north, ID, "R1") is None
    with pytest.raises(NotFound):
        await records.history(north, ID, "R1")
    narrow = Scope(grants=frozenset({Grant(area=NORTH, unit="water")}))
    assert () == await records.find(narrow, ID)
    with pytest.raises(NotFound, match="there is no dataset"):
        await records.find(person(1, "other.read"), ID)


async def test_rows_are_written_within_the_scope(records: Records) -> None:
    """Neither a row of another area nor a row into another area; the county's by the county."""
    await put(records, "1", code="R1", name="库", area=SOUTH)
    await put(records, "2", code="R2", name="库", area=None)
    north = person(1, area=NORTH)

    async def write(key: str, **values: Any) -> Record:
        return await records.put(north, ID, values, idempotency_key=key)

    assert 1 == (await write("3", code="R3", name="库", area=VILLAGE)).version
    for key, values in (
        ("4", {"code": "R3", "area": SOUTH}),
        ("6", {"code": "R2", "name": "乙"}),
        ("7", {"code": "R4", "name": "库"}),
    ):
        with pytest.raises(AccessDenied):
            await write(key, **values)
    with pytest.raises(NotFound):
        await write("5", code="R1", area=NORTH, name="库")
    with pytest.raises(NotFound):
        await records.remove(north, ID, "R1", idempotency_key="8")
    with pytest.raises(AccessDenied):
        await records.remove(north, ID, "R2", idempotency_key="9")
    with pytest.raises(AccessDenied, match=r"reservoir\.write"):
        await records.put(person(2, "reservoir.read"), ID, {"code": "R3"}, idempotency_key="1")
    county = person(3, area=COUNTY)
    assert (
        2
        == (
            await records.put(county, ID, {"code": "R2", "name": "乙"}, idempotency_key="1")
        ).version
    )


async def test_personal_fields_are_masked(records: Records) -> None:
    """The first character stays; a mask that comes back does not write over what it hides."""
    await put(records, "1", **FULL)
    reader = person(1)
    (found,) = await records.find(reader, ID)
    assert "张**" == found.values["keeper"]
    assert {"keeper"} == set(found.masked)
    assert ["张**"] == (await records.columns(reader, ID))["keeper"].tolist()
    changed = await records.put(reader, ID, {**found.values, "name": "乙"}, idempotency_key="2")
    assert "张**" == changed.values["keeper"]
    kept = await records.get(SYSTEM, ID, "R1")
    assert kept is not None
    assert ("张三丰", "乙") == (kept.values["keeper"], kept.values["name"])
    history = await records.history(reader, ID, "R1")
    assert {"张**"} == {one.after["keeper"] for one in history if one.after}


async def test_what_is_masked_cannot_be_guessed(records: Records) -> None:
    """A filter or search passes over masked rows, and an order takes them as empty."""
    await put(records, "1", **FULL)
    await put(records, "2", **{**FULL, "code": "R2", "keeper": "李四"})
    reader = person(1)
    assert () == await records.find(reader, ID, where=(Equal("keeper", "张三丰"),))
    assert () == await records.find(reader, ID, search="三丰")
    assert 0 == await records.count(reader, ID, where=(Missing("keeper"),))
    keys = [one.key for one in await records.find(reader, ID, sort="keeper")]
    assert ["R1", "R2"] == keys


async def test_who_may_sees_personal_fields_and_that_is_audited(
    records: Records, any_store: Store
) -> None:
    """Unmasked where the permission reaches, and the audit trail says so."""
    await put(records, "1", **FULL)
    await put(records, "2", **{**FULL, "code": "R2", "area": SOUTH})
    reader = person(1)
    reader.scopes["reservoir.unmask"] = Scope(grants=frozenset({Grant(area=NORTH)}))
    seen = {one.key: one.values["keeper"] for one in await records.find(reader, ID)}
    assert {"R1": "张三丰", "R2": "张**"} == seen
    reads = any_store.read_now(
        lambda s: s.connection.exec_driver_sql(
            "SELECT object FROM audit WHERE action = 'record.read'"
        ).all()
    )
    assert [(ID,)] == [tuple(row) for row in reads]


async def test_dated_rows_hold_from_a_day_on(unstarted: Open) -> None:
    """Of the rows of a key that with the latest day that has begun holds."""
    records = unstarted(dataset(dated=True))
    await records.start()
    for number, (day, name) in enumerate(
        (("2023-01-01", "甲"), ("2023-06-01", "乙"), ("2024-01-01", "丙"))
    ):
        await put(records, f"{number}", code="R1", name=name, valid_from=day)

    async def name_on(on: str) -> Any:
        found = await records.get(SYSTEM, ID, "R1", on=on)
        return found.values["name"] if found else None

    assert [None, "甲", "甲", "乙", "丙"] == [
        await name_on(day)
        for day in ("2022-12-31", "2023-01-01", "2023-05-31", "2023-06-01", "2030-01-01")
    ]
    assert "乙" == await name_on("")
    exact = await records.get(SYSTEM, ID, "R1/2024-01-01")
    assert exact is not None
    assert "2024-01-01" == exact.values["valid_from"]
    assert ["乙"] == [one.values["name"] for one in await records.find(SYSTEM, ID)]
    assert 3 == len(await records.find(SYSTEM, ID, on="all"))
    assert ["甲"] == (await records.columns(SYSTEM, ID, on="2023-02-01"))["name"].tolist()
    await records.remove(SYSTEM, ID, "R1/2023-06-01", idempotency_key="r")
    assert "甲" == await name_on("")
    with pytest.raises(RecordInvalid, match="expected a date"):
        await name_on("tomorrow")


BROKEN = ("\ud800", "\0", "x" * 201, "\u202e")


@pytest.mark.parametrize("broken", BROKEN)
async def test_broken_texts_are_told_of_wherever_they_come_in(
    records: Records, broken: str
) -> None:
    """In values, keys, filters, searches and idempotency keys, on every database."""
    for values in ({**FULL, "code": broken}, {**FULL, "name": broken}, {**FULL, "area": broken}):
        with pytest.raises(RecordInvalid):
            await records.put(SYSTEM, ID, values, idempotency_key="1")
    with pytest.raises(RecordInvalid):
        await put(records, broken, **FULL)
    assert await records.get(SYSTEM, ID, broken) is None
    with pytest.raises(NotFound):
        await records.remove(SYSTEM, ID, broken, idempotency_key="1")
    with pytest.raises(NotFound):
        await records.history(SYSTEM, ID, broken)
    with pytest.raises(RecordInvalid):
        await records.find(SYSTEM, ID, search=broken)
    with pytest.raises(RecordInvalid):
        await records.find(SYSTEM, ID, sort=broken)
    with pytest.raises(NotFound):
        await records.find(SYSTEM, broken)


async def test_the_journal_tells_of_each_change(records: Records, any_store: Store) -> None:
    """One entry of kind record for each change, none for what changes nothing."""
    await put(records, "1", **FULL)
    await put(records, "2", **FULL)
    await records.remove(SYSTEM, ID, "R1", idempotency_key="3")
    rows = any_store.read_now(
        lambda s: s.connection.exec_driver_sql(
            "SELECT kind, ref FROM journal ORDER BY position"
        ).all()
    )
    assert [("record", ID)] * 2 == [tuple(row) for row in rows]


async def test_a_plugin_writes_its_own_datasets_only(records: Records) -> None:
    """It reads all as the system, and writes what its name stands before."""
    own = RecordAccess(records, SYSTEM, plugin="reservoir")
    other = RecordAccess(records, SYSTEM, plugin="other")
    await own.put(ID, FULL, idempotency_key="1")
    assert 1 == await other.count(ID)
    with pytest.raises(AccessDenied, match="writes its own datasets only"):
        await other.put(ID, FULL, idempotency_key="1")
    with pytest.raises(AccessDenied, match="writes its own datasets only"):
        await other.remove(ID, "R1", idempotency_key="2")
    await own.remove(ID, "R1", idempotency_key="2")
    allied = RecordAccess(records, SYSTEM, plugin="other", requires=frozenset({"reservoir"}))
    assert 3 == (await allied.put(ID, FULL, idempotency_key="1")).version


async def test_a_plugins_repeated_command_is_the_same_command(records: Records) -> None:
    """Its key gives the first row, whatever the clock made of the values; removals have theirs."""
    own = RecordAccess(records, SYSTEM, plugin="reservoir")
    first = await own.put(ID, FULL, idempotency_key="1")
    again = await own.put(ID, {**FULL, "code": "R2", "checked": 9}, idempotency_key="1")
    assert (first.key, first.version) == (again.key, again.version)
    assert 1 == await own.count(ID)
    await own.remove(ID, "R1", idempotency_key="1")
    await own.remove(ID, "R9", idempotency_key="1")
    assert 0 == await own.count(ID)
    with pytest.raises(NotFound, match="was removed since"):
        await own.put(ID, FULL, idempotency_key="1")


async def test_the_keys_of_plugins_and_people_do_not_meet(records: Records) -> None:
    """The same key of another plugin, or of the system itself, is another key."""
    allied = RecordAccess(records, SYSTEM, plugin="other", requires=frozenset({"reservoir"}))
    await RecordAccess(records, SYSTEM, plugin="reservoir").put(ID, FULL, idempotency_key="1")
    assert 2 == (await allied.put(ID, {**FULL, "name": "乙"}, idempotency_key="1")).version
    assert 3 == (await put(records, "1", **{**FULL, "name": "丙"})).version


async def test_one_key_for_two_rows_of_a_command_is_told(records: Records) -> None:
    """A command that would lose its second row is refused, and hears what to do."""
    click = RecordAccess(records, SYSTEM, plugin="reservoir", used={})
    await click.put(ID, FULL, idempotency_key="k")
    await click.put(ID, FULL, idempotency_key="k")
    with pytest.raises(RecordConflict, match="a key of its own"):
        await click.put(ID, {**FULL, "code": "R2"}, idempotency_key="k")
    await click.remove(ID, "R1", idempotency_key="k")
    with pytest.raises(RecordConflict, match="a key of its own"):
        await click.remove(ID, "R2", idempotency_key="k")


async def test_what_another_system_decides_is_not_edited(unstarted: Open) -> None:
    """A person imports it; the system may write what its source says."""
    records = unstarted(dataset(system_of_record="external"))
    await records.start()
    with pytest.raises(AccessDenied, match="kept by another system"):
        await records.put(person(1), ID, FULL, idempotency_key="1")
    assert 1 == (await put(records, "1", **FULL)).version
