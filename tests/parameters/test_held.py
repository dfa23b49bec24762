"""What holds, where and when, against a model that looks at every approval."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import date, timedelta
from pathlib import Path
from random import Random

from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.parameters import Held, Proposal
from county_gov.registers import RegisterSnapshot
from county_gov.store import Store
from county_gov.store.registers import ParentRow, RegisterContents
from county_gov.store.sqlite import SqliteDatabase
from tests.parameters.county import (
    AN,
    BO,
    COUNTY,
    LIMIT,
    MOVED,
    NORTH,
    SOUTH,
    TODAY,
    VILLAGE,
    Town,
    day_number,
    town_of,
)
from tests.store_fixtures import StandingClock

CHANGE = day_number(MOVED)
TREE = {
    COUNTY: (ParentRow(COUNTY, None, 0, None),),
    NORTH: (ParentRow(NORTH, COUNTY, 0, None),),
    SOUTH: (ParentRow(SOUTH, COUNTY, 0, None),),
    VILLAGE: (ParentRow(VILLAGE, NORTH, 0, CHANGE), ParentRow(VILLAGE, SOUTH, CHANGE, None)),
}
REGISTERS = RegisterSnapshot.of(RegisterContents(versions={}, parents=TREE))
AREAS = ("", NORTH, SOUTH, VILLAGE)
DAYS = st.integers(CHANGE - 3, CHANGE + 3)
VALUES = st.one_of(st.none(), st.integers(0, 20).map(float))


@frozen
class Set:
    """A value that was approved: for which area, from which day."""

    area: str
    day: int
    value: float | None


SETS = st.lists(st.builds(Set, st.sampled_from(AREAS), DAYS, VALUES), max_size=12)


def way_up(area: str, day: int) -> list[str]:
    """The areas whose values count for one, nearest first, written out by hand."""
    township = NORTH if day < CHANGE else SOUTH
    return {"": [""], NORTH: [NORTH, ""], SOUTH: [SOUTH, ""], VILLAGE: [VILLAGE, township, ""]}[
        area
    ]


def modelled(sets: list[Set], area: str, day: int) -> object:
    """The value that holds, found by looking at every approval in turn."""
    for code in way_up(area, day):
        found: Set | None = None
        for one in sets:
            if one.area == code and one.day <= day and (found is None or one.day >= found.day):
                found = one
        if found is not None and found.value is not None:
            return found.value
    return LIMIT.default


@settings(max_examples=300)
@given(SETS, st.sampled_from(AREAS), DAYS, st.randoms(use_true_random=False))
def test_what_holds_is_what_the_model_says(
    sets: list[Set], area: str, day: int, chance: Random
) -> None:
    """Nearest area, last day begun, last approval; however the rows come out of the database."""
    rows = [
        Proposal(LIMIT.id, one.area, one.value, "m", one.day, "文件", "1", number=n, approval=n)
        for n, one in enumerate(sets, start=1)
    ]
    chance.shuffle(rows)
    found = Held.of(len(rows), rows).value(LIMIT, (area, ""), day, REGISTERS)
    assert found is not None
    assert modelled(sets, area, day) == found.value


DECISIONS = st.sampled_from(("approve", "reject", "withdraw", "wait"))
PROPOSED = st.builds(Set, st.sampled_from(AREAS), DAYS, VALUES).filter(
    lambda one: one.value is not None or one.area not in ("", COUNTY)
)
"""The whole county's own value never ends: there is none above it."""
STEPS = st.lists(st.tuples(PROPOSED, DECISIONS), max_size=8)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_only_what_was_approved_holds(steps: list[tuple[Set, str]]) -> None:
    """Proposals through the store, decided at last from the last one to the first."""
    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(f"sqlite:///{Path(folder) / 'county.db'}")
        database.create_tables()
        store = Store(database, StandingClock())
        store.start()
        try:
            asyncio.run(_check(store, steps))
        finally:
            store.close()


async def _check(store: Store, steps: list[tuple[Set, str]]) -> None:
    town = await town_of(store)
    epoch = TODAY - timedelta(days=day_number(TODAY))
    proposed = [
        (one, decision, await _propose(town, one, epoch + timedelta(days=one.day)))
        for one, decision in steps
    ]
    approved: list[Set] = []
    for one, decision, proposal in reversed(proposed):
        match decision:
            case "approve":
                await town.parameters.approve(BO, proposal.id, key=town.key())
                approved.append(one)
            case "reject":
                await town.parameters.reject(BO, proposal.id, reason="不", key=town.key())
            case "withdraw":
                await town.parameters.withdraw(AN, proposal.id, key=town.key())
    for area in AREAS:
        for day in range(CHANGE - 3, CHANGE + 4):
            on = epoch + timedelta(days=day)
            assert modelled(approved, area, day) == await town.level(area, on)


async def _propose(town: Town, one: Set, day: date) -> Proposal:
    return await town.propose(one.value, day, area=one.area)
