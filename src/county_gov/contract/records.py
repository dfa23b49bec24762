"""Records: the rows of a dataset, as plugins read and write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from county_gov.contract.batch import Batch
    from county_gov.contract.schema import Value


@frozen(eq=False)
class Record:
    """One row.

    Args:
        dataset: Id of its dataset.
        key: Its key as one text: the key fields' values joined by "/".
        values: Every field's value, `VALID_FROM` included where the dataset is dated.
        version: Raised with each change of the row, beginning with 1.
        changed_at: Instant of the last change, microseconds UTC.
        changed_by: Who made it.
        masked: Names of the personal fields whose values are masked for who reads: of a text the
            first character is shown, anything else is None.
    """

    dataset: str
    key: str
    values: Mapping[str, Value]
    version: int
    changed_at: int
    changed_by: str
    masked: frozenset[str] = frozenset()


class RecordReader(Protocol):
    """Reads of records within the scope of who reads; personal fields are masked for most."""

    async def get(self, dataset: str, key: str, *, on: str = "") -> Record | None:
        """The row of a key, or None.

        Args:
            dataset: Id of the dataset.
            key: The key fields' values joined by "/". Of a dated dataset "…/2026-06-01" asks for
                the row that begins on just that day.
            on: For a dated dataset, the local day of which it is asked ("2026-06-01"); empty
                means today.
        """
        ...

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
        """Rows in which all of ``where`` holds, by key.

        Args:
            dataset: Id of the dataset.
            where: Fields and the values that they must have.
            on: As in `get`; "all" gives the rows of all days.
            sort: A field's name, with "-" in front for descending.
            limit: Rows at most, up to 10,000.
            offset: Rows passed over.
        """
        ...

    async def count(self, dataset: str, *, where: Mapping[str, Value] | None = None) -> int:
        """How many rows there are within the scope (of all days, in a dated dataset)."""
        ...

    async def columns(self, dataset: str, *, on: str = "") -> Batch:
        """All rows as columns, by key.

        Text comes as objects, exact numbers as scaled int64, truth as int8. Where nothing is given
        stand "", NaN, `NO_TIME` in any column of int64, and -1 for truth.
        """
        ...


class RecordWriter(RecordReader, Protocol):
    """Reads, and writes with idempotency keys."""

    async def put(
        self,
        dataset: str,
        values: Mapping[str, Value],
        *,
        idempotency_key: str,
        expected_version: int | None = None,
    ) -> Record:
        """Add a row, or change the one of the same key.

        Args:
            dataset: Id of the dataset.
            values: Its fields; those that are not named keep their value, or are empty.
            idempotency_key: Names this write among the plugin's writes of the dataset. The same key
                again is the same command tried once more: whatever its values, it changes nothing
                and gives the row of the first time, as it is now. So each row needs a key of its
                own: ``f"{ctx.key}:{code}"``.
            expected_version: The row's version as it was read, 0 for one that must be new; None
                overwrites whatever is there.

        Raises:
            RecordInvalid: naming each field that is wrong.
            RecordConflict: if the row has another version; with the code "idempotency" if the key
                stands for a removal, or the same command gives it to two rows.
            AccessDenied: if the dataset is neither the plugin's own nor of a plugin that it
                requires, or who acts may not write there.
            NotFound: if the row that the key stands for was removed since.
        """
        ...

    async def remove(
        self, dataset: str, key: str, *, idempotency_key: str, expected_version: int | None = None
    ) -> None:
        """Remove a row (of a dated dataset: ``key/2026-06-01``); its history stays.

        Args:
            dataset: Id of the dataset.
            key: The row's key.
            idempotency_key: The same key again changes nothing, as in `put`.
            expected_version: The row's version as it was read; None removes whatever is there.

        Raises:
            NotFound: if there is none.
            RecordConflict: if it has another version.
        """
        ...
