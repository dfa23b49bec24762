"""Records: the rows of a dataset, as plugins read and write them.

What is looked for is said in filters, of which all must hold:

    shifts = await ctx.records.find(
        "reservoir.roster",
        where=(Equal("area", "990101001"), From("ends", ctx.clock.now())),
        sort="ends",
    )
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from county_gov.contract.batch import Batch
    from county_gov.contract.schema import Value


@frozen
class Equal:
    """A field has this value. Days are ISO texts, instants int microseconds or RFC 3339 texts."""

    field: str
    value: str | float | bool


@frozen
class OneOf:
    """A field has one of these values, of which there are 1 to 1,000."""

    field: str
    values: tuple[str | float | bool, ...]


@frozen
class From:
    """A number, day or instant is this or later; a row where it is missing is passed over."""

    field: str
    value: str | float | bool


@frozen
class Until:
    """A number, day or instant is this or earlier; a row where it is missing is passed over."""

    field: str
    value: str | float | bool


@frozen
class Missing:
    """A field has no value."""

    field: str


Filter: TypeAlias = Equal | OneOf | From | Until | Missing
"""What must hold of a row. Rows whose field is masked for who asks are passed over."""


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
        where: Sequence[Filter] = (),
        on: str = "",
        sort: str = "",
        limit: int = 1000,
        offset: int = 0,
        after: str = "",
    ) -> tuple[Record, ...]:
        """Rows in which all of ``where`` holds, by key.

        Args:
            dataset: Id of the dataset.
            where: What must hold of a row; quick for fields that are ``indexed`` and for the area.
            on: As in `get`; "all" gives the rows of all days.
            sort: A field's name, with "-" in front for descending; rows without it come last.
            limit: Rows at most, 1 to 10,000.
            offset: Rows passed over.
            after: Only rows behind this key (of all days: ``key/2026-06-01``): the last one of the
                answer before, so that rows come in pages however many there are. Not with ``sort``.

        Raises:
            NotFound: if there is no such dataset for who reads.
            RecordInvalid: naming what of the question is wrong.
        """
        ...

    async def count(self, dataset: str, *, where: Sequence[Filter] = (), on: str = "all") -> int:
        """How many rows `find` would give without a limit; of all days unless ``on`` says."""
        ...

    async def columns(
        self,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        on: str = "",
        limit: int = 100_000,
        after: str | None = None,
    ) -> Batch:
        """Rows as columns, by key: all of them, or a page at a time.

        Text comes as objects, exact numbers as scaled int64, truth as int8. Where nothing is given
        stand "", NaN, `NO_TIME` in any column of int64, and -1 for truth.

        Args:
            dataset: Id of the dataset.
            where: As in `find`.
            on: As in `get`; "all" gives the rows of all days.
            limit: Rows at most, 1 to 100,000.
            after: None asks for all rows, and more of them than ``limit`` are refused, never left
                out. A key asks for the page behind it, "" for the first.

        Raises:
            NotFound: if there is no such dataset for who reads.
            RecordInvalid: naming what of the question is wrong, or that there are too many rows.
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
            idempotency_key: Names this write among the plugin's puts into the dataset. The same key
                again is the same command tried once more: whatever its values, it changes nothing
                and gives the row of the first time, as it is now. So each row needs a key of its
                own: ``f"{ctx.key}:{code}"``. A removal under it is another write.
            expected_version: The row's version as it was read, 0 for one that must be new; None
                overwrites whatever is there.

        Raises:
            RecordInvalid: naming each field that is wrong.
            RecordConflict: if the row has another version; with the code "idempotency" if the same
                command gives the key to two rows.
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
            idempotency_key: Names this write among the plugin's removals from the dataset. The same
                key again changes nothing, as in `put`.
            expected_version: The row's version as it was read; None removes whatever is there.

        Raises:
            NotFound: if there is none.
            RecordConflict: if it has another version; with the code "idempotency" if the same
                command gives the key to two rows.
        """
        ...
