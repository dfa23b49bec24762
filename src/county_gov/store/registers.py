"""The registers' tables: areas with dated parents, units, things, datastreams.

A register's version rises with each change of it; the sum of all versions is the version that a
snapshot carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import AttrsInstance, field, fields, frozen

from county_gov.store import tables
from county_gov.store.scope import visible

if TYPE_CHECKING:
    from county_gov.contract.access import Scope
    from county_gov.store.transaction import Snapshot, Transaction

NAMES = ("areas", "units", "things", "datastreams")
"""The registers, in the order in which they refer to each other."""
ASKED_AT_ONCE = 5_000
"""Numbers that one statement names; databases bound how many it may."""


@frozen
class AreaRow:
    """An area; its parents are dated and stand in `ParentRow`."""

    code: str
    kind: str
    name: str
    name_en: str


@frozen
class ParentRow:
    """The parent of an area on the days ``valid_from`` <= day < ``valid_to`` (None: still)."""

    code: str
    parent: str | None
    valid_from: int
    valid_to: int | None


@frozen
class UnitRow:
    """An organisation unit and the area that it answers for."""

    code: str
    name: str
    name_en: str
    kind: str
    area: str


@frozen
class ThingRow:
    """A thing that observes. ``longitude`` and ``latitude`` are WGS 84 degrees."""

    code: str
    name: str
    name_en: str
    longitude: float | None
    latitude: float | None
    area: str
    unit: str
    active: bool = field(default=True, converter=bool)


@frozen
class DatastreamRow:
    """One observed property of a thing. ``period`` is microseconds, 0 for irregular readings."""

    code: str
    thing: str
    observed_property: str
    name: str
    name_en: str
    unit_symbol: str
    period: int
    decimals: int
    minimum: float | None
    maximum: float | None
    active: bool = field(default=True, converter=bool)


@frozen(eq=False)
class RegisterContents:
    """All registers as they stand in one snapshot of the database, by code.

    Args:
        versions: Register's name to its version; 0 where it was never filled.
        parents: Area's code to its rows, by ``valid_from``.
        thing_numbers: Thing's code to its number.
        datastream_numbers: Datastream's code to its number.
    """

    versions: Mapping[str, int]
    areas: Mapping[str, AreaRow] = field(factory=dict)
    parents: Mapping[str, tuple[ParentRow, ...]] = field(factory=dict)
    units: Mapping[str, UnitRow] = field(factory=dict)
    things: Mapping[str, ThingRow] = field(factory=dict)
    datastreams: Mapping[str, DatastreamRow] = field(factory=dict)
    thing_numbers: Mapping[str, int] = field(factory=dict)
    datastream_numbers: Mapping[str, int] = field(factory=dict)

    @property
    def version(self) -> int:
        """The sum of the versions; rises with each change."""
        return sum(self.versions.values())


@frozen(eq=False)
class RegisterChanges:
    """Rows to write, each new or changed. Only rows of parents can be withdrawn."""

    areas: Sequence[AreaRow] = ()
    parents: Sequence[ParentRow] = ()
    withdrawn: Sequence[ParentRow] = ()
    units: Sequence[UnitRow] = ()
    things: Sequence[ThingRow] = ()
    datastreams: Sequence[DatastreamRow] = ()

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers that change."""
        touched = {
            "areas": self.areas or self.parents or self.withdrawn,
            "units": self.units,
            "things": self.things,
            "datastreams": self.datastreams,
        }
        return tuple(name for name in NAMES if touched[name])


NUMBERS_A_STATEMENT = 500
VERSION = sa.select(sa.func.coalesce(sa.func.sum(tables.register_versions.c.version), 0))
SCALES = sa.select(
    tables.datastreams.c.number,
    tables.datastreams.c.code,
    tables.datastreams.c.period,
    tables.datastreams.c.decimals,
).where(tables.datastreams.c.number.in_(sa.bindparam("numbers", expanding=True)))


def read_version(snapshot: Snapshot) -> int:
    """The sum of all registers' versions; cheap enough for each request."""
    return int(snapshot.scalar(VERSION))


def read_scales(
    snapshot: Snapshot, numbers: Sequence[int]
) -> Iterator[tuple[int, str, tuple[int, int]]]:
    """Number, code, and period and decimals of some datastreams; those not there are left out."""
    for start in range(0, len(numbers), NUMBERS_A_STATEMENT):
        part = numbers[start : start + NUMBERS_A_STATEMENT]
        for row in snapshot.rows(SCALES, numbers=part):
            yield row.number, row.code, (row.period, row.decimals)


def read_contents(snapshot: Snapshot) -> RegisterContents:
    """All registers."""
    versions = dict.fromkeys(NAMES, 0)
    for name, version in snapshot.rows(sa.select(tables.register_versions)):
        versions[name] = version
    areas, units = tables.areas.c, tables.units.c
    things, thing_numbers = _read_things(snapshot)
    datastreams, datastream_numbers = _read_datastreams(snapshot)
    return RegisterContents(
        versions=versions,
        areas={
            row[0]: AreaRow(*row)
            for row in snapshot.rows(
                sa.select(areas.code, areas.kind, areas.name, areas.name_en).order_by(areas.code)
            )
        },
        parents=_read_parents(snapshot),
        units={
            row[0]: UnitRow(*row)
            for row in snapshot.rows(
                sa.select(units.code, units.name, units.name_en, units.kind, units.area).order_by(
                    units.code
                )
            )
        },
        things=things,
        datastreams=datastreams,
        thing_numbers=thing_numbers,
        datastream_numbers=datastream_numbers,
    )


def _read_parents(snapshot: Snapshot) -> dict[str, tuple[ParentRow, ...]]:
    columns = tables.area_parents.c
    found: dict[str, tuple[ParentRow, ...]] = {}
    for row in snapshot.rows(
        sa.select(columns.code, columns.parent, columns.valid_from, columns.valid_to).order_by(
            columns.code, columns.valid_from
        )
    ):
        found[row[0]] = (*found.get(row[0], ()), ParentRow(*row))
    return found


def _read_things(snapshot: Snapshot) -> tuple[dict[str, ThingRow], dict[str, int]]:
    columns = tables.things.c
    rows = snapshot.rows(
        sa.select(
            columns.number,
            columns.code,
            columns.name,
            columns.name_en,
            columns.longitude,
            columns.latitude,
            columns.area,
            columns.unit,
            columns.active,
        ).order_by(columns.code)
    )
    things = {row[1]: ThingRow(*row[1:]) for row in rows}
    return things, {row[1]: row[0] for row in rows}


def _read_datastreams(snapshot: Snapshot) -> tuple[dict[str, DatastreamRow], dict[str, int]]:
    columns = tables.datastreams.c
    rows = snapshot.rows(
        sa.select(
            columns.number,
            columns.code,
            tables.things.c.code,
            columns.observed_property,
            columns.name,
            columns.name_en,
            columns.unit_symbol,
            columns.period,
            columns.decimals,
            columns.minimum,
            columns.maximum,
            columns.active,
        )
        .join_from(tables.datastreams, tables.things, tables.things.c.number == columns.thing)
        .order_by(columns.code)
    )
    datastreams = {row[1]: DatastreamRow(*row[1:]) for row in rows}
    return datastreams, {row[1]: row[0] for row in rows}


def has_readings(snapshot: Snapshot, number: int) -> bool:
    """Whether a datastream, by number, has readings: settled, or landed a moment ago."""
    latest, blocks = tables.latest.c, tables.blocks.c
    known = sa.select(latest.datastream).where(latest.datastream == number)
    settled = sa.select(blocks.datastream).where(blocks.datastream == number)
    if snapshot.first(known.union_all(settled).limit(1)) is not None:
        return True
    existing = sa.inspect(snapshot.connection)
    for landing in snapshot.rows(sa.select(tables.landings.c.number)):
        name = f"landing_{landing[0]:d}"
        if not existing.has_table(name):
            continue
        landed = sa.table(name, sa.column("datastream"))
        found = sa.select(landed.c.datastream).where(landed.c.datastream == number).limit(1)
        if snapshot.first(found) is not None:
            return True
    return False


def first_outside(snapshot: Snapshot, scope: Scope, numbers: Sequence[int], *, day: int) -> str:
    """Code of the first of some datastreams that a scope does not reach; empty if it reaches all.

    Args:
        snapshot: What is read.
        scope: What the actor may see or write.
        numbers: Datastreams; one that is not registered lies outside of every narrowed scope.
        day: The day whose tree of areas counts, days since 1970-01-01.
    """
    if scope.everywhere:
        return ""
    streams, things = tables.datastreams, tables.things
    reached = visible(scope, area=things.c.area, day=day, units=lambda unit: things.c.unit == unit)
    inside = (
        sa.select(streams.c.number)
        .join_from(streams, things, things.c.number == streams.c.thing)
        .where(reached)
    )
    for start in range(0, len(numbers), ASKED_AT_ONCE):
        asked = numbers[start : start + ASKED_AT_ONCE]
        found = {row.number for row in snapshot.rows(inside.where(streams.c.number.in_(asked)))}
        missing = next((one for one in asked if one not in found), None)
        if missing is not None:
            code = snapshot.scalar(sa.select(streams.c.code).where(streams.c.number == missing))
            return str(code or missing)
    return ""


def write_changes(tx: Transaction, changes: RegisterChanges) -> None:
    """Write new and changed rows, and raise the versions of the registers that change."""
    parents = tables.area_parents.c
    for row in changes.withdrawn:
        tx.execute(
            sa.delete(tables.area_parents).where(
                parents.code == row.code, parents.valid_from == row.valid_from
            )
        )
    _upsert(tx, tables.areas, AreaRow, changes.areas)
    _upsert(tx, tables.area_parents, ParentRow, changes.parents, key=("code", "valid_from"))
    _upsert(tx, tables.units, UnitRow, changes.units)
    _upsert(tx, tables.things, ThingRow, changes.things)
    if changes.datastreams:
        columns = tables.things.c
        found = tx.rows(sa.select(columns.code, columns.number))
        numbers = {row[0]: row[1] for row in found}
        _upsert(tx, tables.datastreams, DatastreamRow, changes.datastreams, thing_numbers=numbers)
    versions = tables.register_versions
    for name in changes.registers:
        tx.execute(
            tx.database.insert(versions)
            .values(name=name, version=1)
            .on_conflict_do_update(
                index_elements=["name"], set_={"version": versions.c.version + 1}
            )
        )


def _upsert(
    tx: Transaction,
    table: sa.Table,
    kind: type[AttrsInstance],
    rows: Sequence[object],
    *,
    key: tuple[str, ...] = ("code",),
    thing_numbers: Mapping[str, int] | None = None,
) -> None:
    """Add rows, or change those with their key; by the driver, for the sake of the writer."""
    if not rows:
        return
    names = [one.name for one in fields(kind)]
    statement = tx.database.insert(table)
    others = {name: statement.excluded[name] for name in names if name not in key}
    compiled = statement.on_conflict_do_update(index_elements=list(key), set_=others).compile(
        dialect=tx.connection.dialect, column_keys=names
    )
    values_of = attrgetter(*names)
    records = []
    for row in rows:
        record = dict(zip(names, values_of(row), strict=True))
        if "active" in record:
            record["active"] = int(record["active"])
        if thing_numbers is not None:
            record["thing"] = thing_numbers[record["thing"]]
        records.append(record)
    order = compiled.positiontup
    if order is None:
        tx.connection.exec_driver_sql(str(compiled), records)
    else:
        tuples = [tuple(record[name] for name in order) for record in records]
        tx.connection.exec_driver_sql(str(compiled), tuples)
