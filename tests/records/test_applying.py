"""Imports that stop half-way, and go on: nothing twice, nothing lost without a word."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from county_gov.contract.access import SYSTEM
from county_gov.errors import NotFound, StoreError
from county_gov.records import Records
from county_gov.store import records as tables
from county_gov.store import records_imports as imports
from county_gov.store.records_imports import Part
from tests.records.conftest import person

if TYPE_CHECKING:
    from county_gov.records.importing import Import
    from county_gov.store import Snapshot, Store, Transaction

ID = "reservoir.reservoirs"
MANY = "code,name\n" + "".join(f"R{number:03},甲\n" for number in range(300))


async def preview(records: Records, text: str) -> Import:
    """Look at a CSV file as the system."""
    return await records.preview(SYSTEM, ID, text.encode(), "file.csv")


def failing_from(call: int, does: Callable[..., None]) -> Callable[..., None]:
    """What does the same until its call of a number, and fails from then on."""
    calls = count(1)

    def attempt(*arguments: Any) -> None:
        if next(calls) >= call:
            raise StoreError("the power is gone")
        does(*arguments)

    return attempt


async def test_an_interrupted_import_goes_on(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written before the interruption is not written again."""
    text = "code,name\n" + "".join(f"R{number:03},甲\n" for number in range(400))
    found = await preview(records, text)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "insert_rows", failing_from(2, tables.insert_rows))
        with pytest.raises(StoreError, match="the power is gone"):
            await records.apply(SYSTEM, found.id)
    there = await records.count(SYSTEM, ID)
    assert 0 < there < 400
    edited, waiting = "R000", "R399"
    for code in (edited, waiting):
        values = {"code": code, "name": "丁"}
        await records.put(person(3), ID, values, idempotency_key=code)
    done = await records.apply(SYSTEM, found.id)
    assert (399, 1, 1) == (done.added, done.rejected, done.conflicts)
    versions = {one.key: one.version for one in await records.find(SYSTEM, ID)}
    assert ({edited: 2}, 400) == ({k: v for k, v in versions.items() if v > 1}, len(versions))
    names = {one.key for one in await records.find(SYSTEM, ID) if one.values["name"] == "丁"}
    assert {edited, waiting} == names


@pytest.fixture
async def interrupted(records: Records, monkeypatch: pytest.MonkeyPatch) -> Import:
    """An import of 300 rows of which a third was taken in."""
    found = await preview(records, MANY)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "insert_rows", failing_from(2, tables.insert_rows))
        with pytest.raises(StoreError, match="the power is gone"):
            await records.apply(SYSTEM, found.id)
    assert 100 == await records.count(SYSTEM, ID)
    return found


async def test_an_interrupted_import_goes_on_days_later(
    records: Records, interrupted: Import, clock: Any
) -> None:
    """Its rows are kept for it, and what became of them for two days more."""
    clock.advance(seconds=20 * 86_400)
    await records.forget_files()
    assert "applying" == (await records.imported(SYSTEM, interrupted.id)).state
    assert 300 == (await records.apply(SYSTEM, interrupted.id)).added
    assert 300 == await records.count(SYSTEM, ID)
    await records.forget_files()
    clock.advance(seconds=86_400)
    assert 300 == len((await records.imported(SYSTEM, interrupted.id)).rows)
    clock.advance(seconds=2 * 86_400)
    with pytest.raises(NotFound, match="bring the file again"):
        await records.imported(SYSTEM, interrupted.id)


async def test_an_interrupted_import_is_forgotten_in_the_end(
    records: Records, interrupted: Import, clock: Any
) -> None:
    """After thirty days; the file brought again adds what was missing."""
    clock.advance(seconds=31 * 86_400)
    with pytest.raises(NotFound, match="bring the file again"):
        await records.apply(SYSTEM, interrupted.id)
    done = await records.bring(SYSTEM, ID, MANY.encode(), idempotency_key="again")
    assert (200, 100) == (done.added, done.unchanged)


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_rows_that_were_forgotten_are_not_passed_over(
    records: Records, any_store: Store, lost: int
) -> None:
    """Be they to write or rejected: nothing is taken in, and the import is not called applied."""
    found = await preview(records, MANY + "R1,甲\n" * 2)

    def forget(tx: Transaction) -> None:
        (place,) = imports.part_places(tx, found.id)[lost : lost + 1]
        imports.replace_part(tx, found.id, Part(place.number, place.kind, 0, b""))

    any_store.submit(forget).result()
    with pytest.raises(NotFound, match="bring the file again"):
        await records.apply(SYSTEM, found.id)
    assert 0 == await records.count(SYSTEM, ID)
    assert "previewed" == (await records.imported(SYSTEM, found.id)).state


async def test_a_part_that_is_forgotten_while_others_are_taken_in_is_told(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import stays unfinished, and says so again."""
    found = await preview(records, MANY)
    read = imports.read_part

    def forgetful(snapshot: Snapshot, number: int, part: int) -> Part | None:
        return None if part == 1 else read(snapshot, number, part)

    monkeypatch.setattr(imports, "read_part", forgetful)
    for _ in range(2):
        with pytest.raises(NotFound, match="bring the file again"):
            await records.apply(SYSTEM, found.id)
    assert 100 == await records.count(SYSTEM, ID)
    assert "applying" == (await records.imported(SYSTEM, found.id)).state
