"""The registers of a running county: one current snapshot, swapped when they change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from attrs import asdict, evolve

from county_gov.contract.access import SYSTEM
from county_gov.registers.entries import RegisterEntries, read_entries
from county_gov.registers.importing import Imported, ImportPlan, plan_import
from county_gov.registers.snapshot import RegisterSnapshot
from county_gov.store.registers import (
    ParentRow,
    RegisterChanges,
    RegisterContents,
    has_readings,
    read_contents,
    read_version,
    write_changes,
)

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.registers.entries import (
        AreaEntry,
        DatastreamEntry,
        RegisterFile,
        ThingEntry,
        UnitEntry,
    )
    from county_gov.store import Snapshot, Store, Transaction

SLICE = 500
"""Rows that one change writes, so that the writer is never held for long."""


class _Overtaken(Exception):
    """The registers changed between planning and writing."""


def load_snapshot(snapshot: Snapshot) -> RegisterSnapshot:
    """The registers as they stand in the database."""
    return RegisterSnapshot.of(read_contents(snapshot))


class Registers:
    """Reads the registers, keeps them in memory, and changes them.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot = RegisterSnapshot.of(RegisterContents(versions={}))

    @property
    def snapshot(self) -> RegisterSnapshot:
        """The current snapshot; take it once per piece of work, it is swapped at any moment."""
        return self._snapshot

    async def load(self) -> None:
        """Read the registers; before this the snapshot is empty."""
        self._snapshot = await self._store.read(load_snapshot)

    async def refresh(self) -> bool:
        """Read the registers again if they have changed; cheap when they have not.

        Returns:
            Whether the snapshot was swapped.
        """
        if await self._store.read(read_version) == self._snapshot.version:
            return False
        await self.load()
        return True

    async def import_files(
        self, files: Sequence[RegisterFile], *, actor: Actor = SYSTEM
    ) -> ImportPlan:
        """Import register files, all of them or nothing.

        The same files again change nothing. Rows that are not mentioned stay as they are. Many
        rows are written in slices; a stop between two of them leaves registers that are sound,
        and the same import completes them.

        Args:
            files: At most one for each register.
            actor: Who imports, for the audit.

        Returns:
            What was done, with counts by register and warnings.

        Raises:
            RegisterError: with all problems of all files at once; nothing was written, unless the
                first reading of a datastream that is redefined came while many rows were written.
        """
        entries = read_entries(files)
        while True:
            plan = await self._store.read(partial(plan_on, entries))
            try:
                await self._write(plan, actor)
            except _Overtaken:
                continue
            await self.refresh()
            return plan

    async def _write(self, plan: ImportPlan, actor: Actor) -> None:
        counts = {name: asdict(plan.imported[name]) for name in plan.changes.registers}
        details = msgspec.json.encode(counts).decode()
        version, first = plan.version, True

        for part in _slices(plan.changes, new_areas=plan.new_areas):

            def write(
                tx: Transaction,
                part: RegisterChanges = part,
                version: int = version,
                first: bool = first,  # noqa: FBT001 bound here, never passed
            ) -> int:
                if read_version(tx) != version:
                    raise _Overtaken
                redefined = (plan.redefined.get(row.code) for row in part.datastreams)
                if any(number and has_readings(tx, number) for number in redefined):
                    raise _Overtaken
                if first:
                    tx.append_audit(actor, "registers.import", "registers", details=details)
                write_changes(tx, part)
                return read_version(tx)

            version = await self._store.write(write)
            first = False

    def import_areas(self, tx: Transaction, entries: Sequence[AreaEntry]) -> Imported:
        """Import areas within a change; call `refresh` after its commit.

        Raises:
            RegisterError: with all problems at once.
        """
        return _import_now(tx, RegisterEntries(areas=entries)).imported["areas"]

    def import_units(self, tx: Transaction, entries: Sequence[UnitEntry]) -> Imported:
        """As `import_areas`, for organisation units."""
        return _import_now(tx, RegisterEntries(units=entries)).imported["units"]

    def import_things(self, tx: Transaction, entries: Sequence[ThingEntry]) -> Imported:
        """As `import_areas`, for things."""
        return _import_now(tx, RegisterEntries(things=entries)).imported["things"]

    def import_datastreams(self, tx: Transaction, entries: Sequence[DatastreamEntry]) -> Imported:
        """As `import_areas`, for datastreams."""
        return _import_now(tx, RegisterEntries(datastreams=entries)).imported["datastreams"]


def plan_on(entries: RegisterEntries, snapshot: Snapshot) -> ImportPlan:
    """What importing entries would do to the registers of a snapshot.

    Raises:
        RegisterError: with all problems at once.
    """
    readings = partial(has_readings, snapshot)
    return plan_import(read_contents(snapshot), entries, has_readings=readings)


def _import_now(tx: Transaction, entries: RegisterEntries) -> ImportPlan:
    plan = plan_on(entries, tx)
    write_changes(tx, plan.changes)
    return plan


def _slices(
    changes: RegisterChanges, *, new_areas: Sequence[str] | None
) -> Iterator[RegisterChanges]:
    """The changes in parts, so that nothing refers to a later part.

    New areas come from the top down. Where an area changes that was there before, the tree of
    areas is written at once, so that it is never torn.
    """
    if new_areas is None:
        tree = (changes.areas, changes.parents, changes.withdrawn)
        if any(tree):
            yield RegisterChanges(*tree)
    else:
        areas = {row.code: row for row in changes.areas}
        parents: defaultdict[str, list[ParentRow]] = defaultdict(list)
        for row in changes.parents:
            parents[row.code].append(row)
        for start in range(0, len(new_areas), SLICE):
            codes = new_areas[start : start + SLICE]
            yield RegisterChanges(
                areas=[areas[code] for code in codes],
                parents=[row for code in codes for row in parents[code]],
            )
    for name in ("units", "things", "datastreams"):
        rows = getattr(changes, name)
        for start in range(0, len(rows), SLICE):
            yield evolve(RegisterChanges(), **{name: rows[start : start + SLICE]})
