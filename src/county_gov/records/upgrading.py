"""Upgrading a dataset's rows to another version of its schema, a slice at a time.

The rows go into a table of their own, beside the one in use, together with how far they have come:
a start that was interrupted goes on there. Only when all are through do the tables change places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from attrs import evolve, frozen

from county_gov.contract.access import SYSTEM
from county_gov.contract.batch import Batch
from county_gov.contract.dataset import VALID_FROM, Dataset
from county_gov.contract.schema import Field, Value
from county_gov.errors import ContractError, DeploymentError, Problem
from county_gov.records.declaration import encode_declaration
from county_gov.records.keys import full_key, key_of
from county_gov.records.stored import check_batch, from_batch, lasting, to_batch
from county_gov.records.writing import fingerprint
from county_gov.store import records as tables
from county_gov.store import records_declared as declared
from county_gov.store import records_history as past
from county_gov.store.records import RecordTable, RowKey, StoredRow, Written
from county_gov.store.records_declared import DeclaredRow
from county_gov.store.records_history import PastChange

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction

log = structlog.get_logger(__name__)

SLICE = 150
"""Rows that one change writes, so that the writer is never held for long."""
NEXT, OLD = "_next", "_old"
"""Ends of the names of the tables that are being filled, and thinned out."""


@frozen(eq=False)
class Upgrading:
    """One dataset's way to another version.

    Args:
        store: Where its rows are.
        row: What the store knows of it.
        stored: As it was declared at the last start.
        dataset: As it is declared now.
        retired: Fields that it has no longer, whose values are carried along.
    """

    store: Store
    row: DeclaredRow
    stored: Dataset
    dataset: Dataset
    retired: tuple[Field, ...]

    async def run(self) -> None:
        """Upgrade all rows, or go on where it was interrupted.

        Raises:
            DeploymentError: if the upgrade fails on a row; the rows in use are as they were.
        """
        after = await self.store.write(self._begin)
        while rows := await self.store.read(
            lambda snapshot, after=after: tables.slice_rows(snapshot, self._source, after, SLICE)  # type: ignore[misc]
        ):
            upgraded = await asyncio.to_thread(self._upgraded, rows)
            after = rows[-1].key
            await self.store.write(partial(self._write, rows, upgraded, after))
        await self.store.write(self._swap)
        log.info("dataset upgraded", dataset=self.dataset.id, version=self.dataset.schema.version)

    @property
    def _source(self) -> RecordTable:
        """The rows in use, with the values that are carried along."""
        carried = [one for one in self.retired if one.name not in self.stored.schema.names]
        return tables.table_of(self.stored, name=self.row.table, retired=carried)

    @property
    def _target(self) -> RecordTable:
        return tables.table_of(self.dataset, name=self._successor, retired=self.retired)

    @property
    def _successor(self) -> str:
        """Name of the table to be filled: its indexes keep it, so each version has its own."""
        return f"{self.row.table}{NEXT}{self.dataset.schema.version}"

    @property
    def _goal(self) -> str:
        """Tells whether an upgrade that was interrupted had the same goal."""
        return fingerprint(encode_declaration(self.dataset, self.retired))

    def _begin(self, tx: Transaction) -> RowKey | None:
        """Make the table to be filled; gives the key of the last row that is through already."""
        state = {} if self.row.upgrade is None else msgspec.json.decode(self.row.upgrade)
        if state.get("goal") == self._goal:
            after = state["after"]
            return None if after is None else RowKey(*after)
        declared.drop_table(tx, self._target.name)
        declared.make_table(tx, self._target)
        self._note(tx, None)
        return None

    def _note(self, tx: Transaction, after: RowKey | None) -> None:
        key = None if after is None else [after.record, after.valid_from]
        state = msgspec.json.encode({"goal": self._goal, "after": key}).decode()
        declared.write_declared(tx, evolve(self.row, upgrade=state))

    def _upgraded(self, rows: Sequence[StoredRow]) -> list[Written]:
        """The rows in the new version, checked; runs beside the writer."""
        schema = self.stored.record_schema
        values = [_with_day(row) for row in rows]
        batch = self._call(to_batch(schema.fields, values))
        kept, problems = from_batch(self.dataset.record_schema, batch)
        written: list[Written] = []
        for number, (row, new) in enumerate(zip(rows, kept, strict=True)):
            if any(number == wrong for wrong, _ in problems):
                continue
            record, wrong = key_of(self.dataset, new)
            problems += [(number, one) for one in wrong]
            day = new.pop(VALID_FROM) if self.dataset.dated else None
            carried = {one.name: row.values[one.name] for one in self.retired}
            key = RowKey(record, None if day is None else int(day))
            written.append(Written(key, new | carried, row.version + 1, None))
        if problems:
            raise DeploymentError(
                [self._problem(f"{full_key(rows[n].key)}: {one}") for n, one in problems[:20]]
            )
        return written

    def _call(self, batch: Batch) -> Batch:
        function, version = self.dataset.upgrade, self.stored.schema.version
        if function is None:
            raise ContractError(f"dataset {self.dataset.id}: has no upgrade")
        try:
            found: object = function(batch, version)
            checked = check_batch(self.dataset.record_schema, found, rows=batch.rows)
        except Exception as error:
            words = f"raised {type(error).__name__}: {error}"
            raise DeploymentError([self._problem(words)]) from error
        return checked

    def _problem(self, words: str) -> Problem:
        old, new = self.stored.schema.version, self.dataset.schema.version
        place = f"dataset {self.dataset.id}.upgrade"
        return Problem(place, f"from version {old} to {new}: {words}")

    def _write(
        self, rows: Sequence[StoredRow], upgraded: Sequence[Written], after: RowKey, tx: Transaction
    ) -> None:
        there = tables.read_rows(tx, self._target, [one.key.record for one in upgraded])
        keys = [*there, *(one.key for one in upgraded)]
        if len(set(keys)) < len(there) + len(upgraded):
            double = next(key for key in keys if keys.count(key) > 1)
            raise DeploymentError([self._problem(f"two rows get the key {full_key(double)!r}")])
        tables.insert_rows(tx, self._target, upgraded, SYSTEM)
        past.append(
            tx,
            self.dataset.id,
            [
                PastChange(
                    new.key,
                    new.version,
                    "upgraded",
                    lasting(self.stored.schema.fields, old.values),
                    self.stored.schema.version,
                )
                for old, new in zip(rows, upgraded, strict=True)
            ],
            SYSTEM,
        )
        self._note(tx, after)

    def _swap(self, tx: Transaction) -> None:
        """Put the upgraded rows in place of the others."""
        name = self.row.table
        declared.drop_table(tx, name + OLD)
        declared.swap_tables(tx, name, self._successor, name + OLD)
        kept = DeclaredRow(
            self.dataset.id,
            name,
            self.dataset.schema.version,
            encode_declaration(self.dataset, self.retired),
            None,
        )
        declared.write_declared(tx, kept)
        version = self.dataset.schema.version
        tx.append_audit(SYSTEM, "dataset.upgrade", self.dataset.id, details=f'{{"to": {version}}}')
        tx.journal("record", self.dataset.id)


async def remove_old(store: Store, table: str) -> None:
    """Remove what an upgrade has left behind, a slice at a time."""
    name = table + OLD
    if not await store.read(lambda snapshot: declared.exists(snapshot, name)):
        return
    while await store.write(lambda tx: declared.thin_out(tx, name, SLICE)):
        pass
    await store.write(lambda tx: declared.drop_table(tx, name))


def _with_day(row: StoredRow) -> dict[str, Value]:
    values: dict[str, Any] = dict(row.values)
    return values if row.key.valid_from is None else {**values, VALID_FROM: row.key.valid_from}
