"""Records in the hands of a plugin: bound to the one who acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from county_gov.contract.access import Actor
from county_gov.contract.records import Filter, Record
from county_gov.contract.schema import Value
from county_gov.errors import AccessDenied, RecordConflict
from county_gov.records.reading import LONGEST_COLUMNS

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

    _records: Records
    _actor: Actor

    async def get(self, dataset: str, key: str, *, on: str = "") -> Record | None:
        """The row of a key, or None."""
        return await self._records.get(self._actor, dataset, key, on=on)

    async def find(
        self,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        on: str = "",
        sort: str = "",
        limit: int = 1000,
        offset: int = 0,
        after: str = "",
    ) -> tuple[Record, ...]:
        """Rows in which all of ``where`` holds, by key."""
        return await self._records.find(
            self._actor,
            dataset,
            where=where,
            on=on,
            sort=sort,
            limit=limit,
            offset=offset,
            after=after,
        )

    async def count(self, dataset: str, *, where: Sequence[Filter] = (), on: str = "all") -> int:
        """How many rows there are within the scope."""
        return await self._records.count(self._actor, dataset, where=where, on=on)

    async def columns(
        self,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        on: str = "",
        limit: int = LONGEST_COLUMNS,
        after: str | None = None,
    ) -> Batch:
        """Rows as columns, by key."""
        return await self._records.columns(
            self._actor, dataset, where=where, on=on, limit=limit, after=after
        )


def _key_of_kind(key: str, kind: str) -> str:
    return f"{kind}:{key}"


@frozen(eq=False)
class RecordAccess(RecordView):
    """Implements `county_gov.contract.records.RecordWriter` for one who acts through a plugin.

    Args:
        plugin: The plugin, which writes its own datasets.
        requires: Plugins that it requires, whose datasets it writes as well.
        request: Id of the HTTP request, for the audit trail.
        used: What a command has used its idempotency keys for, so that one key for two rows is
            told of; None where a key may come again, as in a job that is tried anew.
        key_of: Makes a plugin's key, and the kind of write that it is for, one key of its
            contribution and call, apart from all others.
    """

    _plugin: str = field(kw_only=True)
    _requires: frozenset[str] = frozenset()
    _request: str = ""
    _used: dict[tuple[str, str, str], object] | None = None
    _key_of: Callable[[str, str], str] = _key_of_kind

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
        self._require_one_use("put", dataset, idempotency_key, dict(values))
        return await self._records.put(
            self._actor,
            dataset,
            values,
            idempotency_key=self._key_of(idempotency_key, "put"),
            expected_version=expected_version,
            request=self._request,
            plugin=self._plugin,
        )

    async def remove(
        self, dataset: str, key: str, *, idempotency_key: str, expected_version: int | None = None
    ) -> None:
        """Remove a row; its history stays."""
        self._require_own(dataset)
        self._require_one_use("remove", dataset, idempotency_key, key)
        await self._records.remove(
            self._actor,
            dataset,
            key,
            idempotency_key=self._key_of(idempotency_key, "remove"),
            expected_version=expected_version,
            request=self._request,
            plugin=self._plugin,
        )

    def _require_own(self, dataset: str) -> None:
        owner = dataset.partition(".")[0]
        if owner != self._plugin and owner not in self._requires:
            raise AccessDenied(
                f"the plugin {self._plugin} writes its own datasets only, not {dataset[:80]!r}; "
                f"to write those of {owner[:40]!r} it has to name that plugin in `requires`"
            )

    def _require_one_use(self, kind: str, dataset: str, key: str, what: object) -> None:
        if self._used is not None and self._used.setdefault((kind, dataset, key), what) != what:
            raise RecordConflict(
                f"this command has written {dataset} under the idempotency key {key[:60]!r} before:"
                ' give each row a key of its own, such as f"{ctx.key}:{code}"',
                code="idempotency",
            )
