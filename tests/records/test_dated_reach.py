"""Rows of a dated dataset within a scope: a new day is in force in the place of the others."""

from __future__ import annotations

from typing import Any

import pytest

from county_gov.contract.access import SYSTEM, Actor
from county_gov.errors import AccessDenied, NotFound
from county_gov.records import RecordAccess, Records
from tests.records.conftest import NORTH, SOUTH, VILLAGE, Open, dataset, person

ID = "reservoir.reservoirs"


@pytest.fixture
async def dated(unstarted: Open) -> Records:
    """Give records of reservoirs with days: R1 is in the south, R2 moved from there northward."""
    records = unstarted(dataset(dated=True))
    await records.start()
    for code, area, day in (
        ("R1", SOUTH, "2020-01-01"),
        ("R2", SOUTH, "2020-01-01"),
        ("R2", NORTH, "2022-01-01"),
        ("R3", NORTH, "2020-01-01"),
    ):
        await put(records, SYSTEM, code, area, day)
    return records


async def put(records: Records, actor: Actor, code: str, area: str, day: str) -> Any:
    """Put a row."""
    values = {"code": code, "name": "库", "area": area, "valid_from": day}
    return await records.put(actor, ID, values, idempotency_key=f"{code}{area}{day}")


async def test_a_new_day_needs_reach_over_the_rows_of_its_key(dated: Records) -> None:
    """Whether it begins before them or behind; a person with reach over all of them adds it."""
    north = person(1, area=NORTH)
    for day in ("2019-01-01", "2023-01-01"):
        with pytest.raises(NotFound, match="has no record 'R1/"):
            await put(dated, north, "R1", NORTH, day)
        with pytest.raises(AccessDenied, match="rows of other days") as refused:
            await put(dated, north, "R2", NORTH, day)
        assert SOUTH not in str(refused.value)
    assert 1 == (await put(dated, north, "R3", VILLAGE, "2023-01-01")).version
    assert 1 == (await put(dated, north, "R4", NORTH, "2023-01-01")).version
    assert 1 == (await put(dated, person(2), "R1", NORTH, "2023-01-01")).version


async def test_days_that_are_seen_but_not_theirs_are_named(dated: Records) -> None:
    """Who reads the whole county and writes in the north is told where the other days lie."""
    actor = person(1)
    actor.scopes["reservoir.write"] = person(1, area=NORTH).scopes["reservoir.write"]
    with pytest.raises(AccessDenied, match=f"in the area {SOUTH} is not yours"):
        await put(dated, actor, "R1", NORTH, "2023-01-01")


async def test_removal_of_a_day_needs_reach_over_the_others(dated: Records) -> None:
    """As another day would be in force after it."""
    north = person(1, area=NORTH)
    with pytest.raises(AccessDenied, match="rows of other days"):
        await dated.remove(north, ID, "R2/2022-01-01", idempotency_key="1")
    await dated.remove(north, ID, "R3/2020-01-01", idempotency_key="2")
    await dated.remove(person(2), ID, "R2/2022-01-01", idempotency_key="1")


async def test_a_plugin_that_acts_for_a_person_reaches_no_further(dated: Records) -> None:
    """It writes with the rights of the one for whom it acts."""
    access = RecordAccess(dated, person(1, area=NORTH), plugin="reservoir")
    values = {"code": "R1", "name": "库", "area": NORTH, "valid_from": "2023-01-01"}
    with pytest.raises(NotFound):
        await access.put(ID, values, idempotency_key="1")


async def test_an_imported_day_needs_reach_over_the_rows_of_its_key(dated: Records) -> None:
    """It is rejected as the file is looked at, without a word of where those rows lie."""
    north = person(1, area=NORTH)
    rows = [f"R{number},新,{NORTH},2023-01-01" for number in range(1, 5)]
    file = "\n".join(["code,name,area,valid_from", *rows, f"R1,新,{NORTH},2020-01-01"])
    found = await dated.preview(north, ID, file.encode())
    assert {"rejected": 3, "added": 2} == dict(found.counts)
    told = [one.message for row in found.rows for one in row.problems]
    assert ["is in a record that is not yours"] * 3 == told
    done = await dated.apply(north, found.id)
    assert (2, 3) == (done.added, done.rejected)
    assert {"R3", "R4"} == {
        one.key
        for one in await dated.find(SYSTEM, ID, on="2023-01-01")
        if one.values["name"] == "新"
    }


async def test_a_day_that_came_after_the_preview_counts(dated: Records) -> None:
    """The rows of a key are looked at again at the moment of writing."""
    north = person(1, area=NORTH)
    file = f"code,name,area,valid_from\nR5,新,{NORTH},2023-01-01\nR6,新,{NORTH},2023-01-01\n"
    found = await dated.preview(north, ID, file.encode())
    assert {"added": 2} == dict(found.counts)
    await put(dated, SYSTEM, "R5", SOUTH, "2020-01-01")
    done = await dated.apply(north, found.id)
    assert (1, 1) == (done.added, done.rejected)
