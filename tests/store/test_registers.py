"""The registers' tables give back what was written, and count their versions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from county_gov.store.registers import (
    AreaRow,
    DatastreamRow,
    ParentRow,
    RegisterChanges,
    RegisterContents,
    ThingRow,
    UnitRow,
    read_contents,
    read_version,
    write_changes,
)

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction

AREAS = [AreaRow("a", "county", "甲县", "A"), AreaRow("b", "township", "乙乡", "")]
PARENTS = [ParentRow("a", None, 0, None), ParentRow("b", "a", 1, 9), ParentRow("b", "a", 9, None)]
UNIT = UnitRow("u", "单位", "Unit", "department", "a")
THING = ThingRow("t", "站", "", None, None, "b", "u")
DATASTREAM = DatastreamRow("t.p", "t", "p", "名", "", "µg/m³", 60_000_000, 2, None, 9.5, False)
EVERYTHING = RegisterChanges(
    areas=AREAS, parents=PARENTS, units=[UNIT], things=[THING], datastreams=[DATASTREAM]
)


def written(store: Store, changes: RegisterChanges) -> RegisterContents:
    """The registers after some changes."""
    store.submit(partial(_write, changes)).result()
    return store.read_now(read_contents)


def _write(changes: RegisterChanges, tx: Transaction) -> None:
    write_changes(tx, changes)


def test_round_trip(any_store: Store) -> None:
    """All rows come back as they were written."""
    contents = written(any_store, EVERYTHING)

    assert {row.code: row for row in AREAS} == contents.areas
    assert {"a": (PARENTS[0],), "b": (PARENTS[1], PARENTS[2])} == contents.parents
    assert {"u": UNIT} == contents.units
    assert {"t": THING} == contents.things
    assert {"t.p": DATASTREAM} == contents.datastreams


def test_numbers_stay(any_store: Store) -> None:
    """A changed datastream keeps its number, and another gets a new one."""
    number = written(any_store, EVERYTHING).datastream_numbers["t.p"]
    renamed = DatastreamRow("t.p", "t", "p", "新名", "", "µg/m³", 60_000_000, 2, None, 9.5)
    other = DatastreamRow("t.q", "t", "q", "名", "", "µg/m³", 60_000_000, 2, None, 9.5)

    contents = written(any_store, RegisterChanges(datastreams=[renamed, other]))

    assert number == contents.datastream_numbers["t.p"]
    assert number != contents.datastream_numbers["t.q"]
    assert "新名" == contents.datastreams["t.p"].name


def test_versions(any_store: Store) -> None:
    """Only the version of a register that changes rises."""
    assert 0 == any_store.read_now(read_version)
    first = written(any_store, EVERYTHING)
    second = written(any_store, RegisterChanges(units=[UNIT]))
    third = written(any_store, RegisterChanges(withdrawn=[PARENTS[2]]))

    assert {"areas": 1, "units": 1, "things": 1, "datastreams": 1} == first.versions
    assert {"areas": 1, "units": 2, "things": 1, "datastreams": 1} == second.versions
    assert {"areas": 2, "units": 2, "things": 1, "datastreams": 1} == third.versions
    assert (PARENTS[1],) == third.parents["b"]
    assert third.version == any_store.read_now(read_version)
