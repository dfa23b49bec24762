"""The registers in memory answer by code and by number."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from county_gov.contract.source import Things
from county_gov.registers import Registers, RegisterSnapshot
from county_gov.registers.registers import load_snapshot
from county_gov.store.registers import (
    AreaRow,
    DatastreamRow,
    ParentRow,
    RegisterChanges,
    ThingRow,
    UnitRow,
    write_changes,
)

if TYPE_CHECKING:
    from county_gov.store import Store


def changes(datastreams: int) -> RegisterChanges:
    """A county with five datastreams for each thing."""
    things = -(-datastreams // 5)
    return RegisterChanges(
        areas=[AreaRow("a", "county", "甲", "A"), AreaRow("b", "township", "乙", "B")],
        parents=[ParentRow("a", None, 0, None), ParentRow("b", "a", 10, 20)],
        units=[UnitRow("u", "单位", "Unit", "department", "a")],
        things=[
            ThingRow(f"t{number}", "站", "Station", 116.0, 40.0, "b", "u", number != 1)
            for number in range(things)
        ],
        datastreams=[
            DatastreamRow(
                f"t{number // 5}.p{number % 5}",
                f"t{number // 5}",
                f"p{number % 5}",
                "名",
                "Name",
                "µg/m³",
                3_600_000_000,
                number % 5,
                None if number % 2 else 0.0,
                None if number % 3 else 1000.0,
            )
            for number in range(datastreams)
        ],
    )


def filled(store: Store, datastreams: int) -> RegisterSnapshot:
    """The snapshot of a county with so many datastreams."""
    store.submit(lambda tx: write_changes(tx, changes(datastreams))).result()
    return store.read_now(load_snapshot)


def test_numbers_and_codes(any_store: Store) -> None:
    """A datastream is found by code and by number, and the arrays are indexed by number."""
    snapshot = filled(any_store, 12)
    things: Things = snapshot

    for row in changes(12).datastreams:
        number = things.number(row.code)
        view = snapshot.datastream(number)
        assert (row.code, row.thing, "b", "u") == (
            view.code,
            view.thing,
            view.area,
            view.responsible_unit,
        )
        assert row.decimals == snapshot.decimals[number]
        assert row.period == snapshot.period[number]
        assert (-np.inf if row.minimum is None else row.minimum) == snapshot.minimum[number]
        assert (np.inf if row.maximum is None else row.maximum) == snapshot.maximum[number]
        assert (row.thing != "t1") == snapshot.active[number]
    assert {f"p{n}": f"t0.p{n}" for n in range(5)} == things.datastreams_of("t0")


def test_unknown(store: Store) -> None:
    """What is unknown has the number -1, no datastreams, no parent and no view."""
    snapshot = filled(store, 5)

    assert -1 == snapshot.number("t0.nothing")
    assert {} == snapshot.datastreams_of("nothing")
    assert snapshot.parent_of("nothing", 5) is None
    assert () == snapshot.ancestors("nothing", 5)
    for number in (-1, 0, 6):
        with pytest.raises(KeyError, match=f"no datastream has the number {number}"):
            snapshot.datastream(number)


def test_inactive_are_not_listed(store: Store) -> None:
    """The datastreams of a thing that is given up keep their numbers and are not listed."""
    snapshot = filled(store, 12)

    assert 6 == snapshot.number("t1.p0")
    assert {} == snapshot.datastreams_of("t1")
    assert ["t0.p2"] == [view.code for view in snapshot.datastreams(observed_property="p2")]
    assert 7 == len(snapshot.datastreams())


def test_days(store: Store) -> None:
    """An area exists from its first day until its last; afterwards it keeps its parent."""
    snapshot = filled(store, 1)

    days = (9, 10, 19, 20)
    assert [False, True, True, False] == [snapshot.exists("b", day) for day in days]
    assert [None, "a", "a", "a"] == [snapshot.parent_of("b", day) for day in days]
    assert [False, True, True, True] == [snapshot.lies_within("b", "a", day) for day in days]
    assert snapshot.lies_within("b", "b", 9)
    assert not snapshot.exists("nothing", 9)


def test_arrays_cannot_be_written(store: Store) -> None:
    """Nobody changes the registers by way of a snapshot."""
    snapshot = filled(store, 1)

    for array in (snapshot.period, snapshot.decimals, snapshot.minimum, snapshot.active):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


async def test_empty_before_loading(store: Store) -> None:
    """Registers that were not loaded, or never filled, know nothing."""
    registers = Registers(store)

    assert 0 == registers.snapshot.version
    assert not await registers.refresh()
    assert -1 == registers.snapshot.number("a")


def test_loading_is_quick(store: Store) -> None:
    """Loading 2,000 datastreams takes less than a tenth of a second of processor time."""
    store.submit(lambda tx: write_changes(tx, changes(2000))).result()

    def seconds() -> float:
        start = time.thread_time()
        assert 2000 == len(store.read_now(load_snapshot).numbers)
        return time.thread_time() - start

    assert min(seconds() for _ in range(5)) < 0.1
