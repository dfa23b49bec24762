"""Records in the hands of a plugin: bound to the one who acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.access import Actor
from county_gov.contract.records import Record
from county_gov.contract.schema import Value
from county_gov.errors import AccessDenied

if TYPE_CHECKING:
    from county_gov.contract.batch import Batch
    from county_gov.records.records import Records


@frozen(eq=False)
class RecordView:
    """Implements `county_gov.contract.records.RecordReader` for one who reads.

    Args:
        records: The county's records.
        actor: Who reads.
    """

    records: Records
    actor: Actor

    async def get(self, dataset: str, key: str, *, on: str = "") -> Record | None:
        """The row of a key, or None."""
        return await self.records.get(self.actor, dataset, key, on=on)

    async def find(
        self,
        dataset: str,
        *,
        where: Mapping[str, Value] | None = None,
        on: str = "",
        sort: str = "",
        limit: int = 1000,
        offset: int = 0,
    ) -> tuple[Record, ...]:
        """Rows in which all of ``where`` holds, by key."""
        return await self.records.find(
            self.actor, dataset, where=where, on=on, sort=sort, limit=limit, offset=offset
        )

    async def count(self, dataset: str, *, where: Mapping[str, Value] | None = None) -> int:
        """How many rows there are within the scope."""
        return await self.records.count(self.actor, dataset, where=where)

    async def columns(self, dataset: str, *, on: str = "") -> Batch:
        """All rows as columns, by key."""
        return await self.records.columns(self.actor, dataset, on=on)


@frozen(eq=False)
class RecordAccess(RecordView):
    """Implements `county_gov.contract.records.RecordWriter` for one who acts.

    Args:
        prefix: Stands before each idempotency key, so that plugins' keys do not meet.
        owner: Prefix of the datasets that may be written, empty for all: ``reservoir.``.
        request: Id of the HTTP request, for the audit trail.
    """

    prefix: str = ""
    owner: str = ""
    request: str = ""

    async def put(
        self,
        dataset: str,
        values: Mapping[str, Value],
        *,
        idempotency_key: str,
        expected_version: int | None = None,
    ) -> Record:
        """Add a row, or change the one of the same key."""
        self._require_own(dataset)
        return await self.records.put(
            self.actor,
            dataset,
            values,
            idempotency_key=self.prefix + idempotency_key,
            expected_version=expected_version,
            request=self.request,
        )

    async def remove(
        self, dataset: str, key: str, *, idempotency_key: str, expected_version: int | None = None
    ) -> None:
        """Remove a row; its history stays."""
        self._require_own(dataset)
        await self.records.remove(
            self.actor,
            dataset,
            key,
            idempotency_key=self.prefix + idempotency_key,
            expected_version=expected_version,
            request=self.request,
        )

    def _require_own(self, dataset: str) -> None:
        if not dataset.startswith(self.owner):
            name = self.owner.removesuffix(".")
            raise AccessDenied(f"the plugin {name} writes its own datasets only, not {dataset!r}")
