"""Reading records: within a scope, masked, on a day, with their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from county_gov.contract.access import SYSTEM, Actor
from county_gov.contract.batch import Batch
from county_gov.contract.dataset import VALID_FROM, Dataset
from county_gov.contract.records import Equal, Filter, Record
from county_gov.contract.schema import Value
from county_gov.contract.values import (
    EPOCH_DAY,
    ValueRefused,
    clean_text,
    unknown_fields,
)
from county_gov.errors import NotFound, Problem, RecordInvalid
from county_gov.records.asking import Window, check_filters
from county_gov.records.authority import (
    Known,
    Reader,
    may_read,
    may_write,
    no_dataset,
    reading,
    unmasking,
)
from county_gov.records.history import Revision, revisions
from county_gov.records.keys import parse_key
from county_gov.records.stored import joined, read_day, to_batch
from county_gov.records.viewing import View, masked_values
from county_gov.store import records as tables
from county_gov.store import records_history as past
from county_gov.store import records_queries as queries
from county_gov.store.records import RecordTable
from county_gov.store.records_queries import Query

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock
    from county_gov.store import Snapshot, Store

ALL_DAYS = "all"
LONGEST_LIST = 10_000
LONGEST_COLUMNS = 100_000
"""Rows that are read as columns at once."""
SLICE = 2_000
"""Rows of these that are objects at the same time."""
LONGEST_SEARCH = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(eq=False)
class CatalogueEntry:
    """A dataset as somebody sees it in the catalogue.

    Args:
        dataset: Its declaration.
        enabled: Whether its plugin is enabled; else its records can only be read.
        rows: How many rows there are within the scope, of all days.
        may_write: Whether who looks may add and change rows.
    """

    dataset: Dataset
    enabled: bool
    rows: int
    may_write: bool


class RecordReading:
    """All that is read of records.

    Args:
        store: Where they are kept.
        clock: Tells today.
        timezone: The county's: its days.
    """

    def __init__(self, store: Store, *, clock: Clock, timezone: str) -> None:
        self._store = store
        self._clock = clock
        self._timezone = ZoneInfo(timezone)
        self._known: dict[str, Known] = {}
        self._tables: dict[str, RecordTable] = {}

    @property
    def datasets(self) -> Mapping[str, Dataset]:
        """Every dataset of records by id, those of disabled plugins included."""
        return {key: known.dataset for key, known in self._known.items()}

    def enabled(self, dataset: str) -> bool:
        """Whether a dataset's plugin is enabled, so that its records can be written."""
        return dataset in self._known and self._known[dataset].enabled

    def today(self) -> int:
        """The county's local day, days since 1970-01-01."""
        moment = EPOCH + timedelta(microseconds=self._clock.now())
        return moment.astimezone(self._timezone).toordinal() - EPOCH_DAY

    async def catalogue(self, reader: Reader) -> tuple[CatalogueEntry, ...]:
        """The datasets that somebody may read, by id, with how many rows they have there."""
        views = [
            self._view(reader, key)
            for key, known in sorted(self._known.items())
            if may_read(reader, known)
        ]
        counts = await self._store.read(
            lambda snapshot: [
                queries.count_rows(snapshot, view.table, view.query()) for view in views
            ]
        )
        return tuple(
            CatalogueEntry(
                dataset=view.known.dataset,
                enabled=view.known.enabled,
                rows=rows,
                may_write=isinstance(reader, Actor) and may_write(reader, view.known),
            )
            for view, rows in zip(views, counts, strict=True)
        )

    def dataset(self, reader: Reader, dataset: str) -> Dataset:
        """The declaration of a dataset that somebody may read.

        Raises:
            NotFound: if there is none, or it is not theirs to read.
        """
        return self._view(reader, dataset).known.dataset

    async def get(
        self, reader: Reader, dataset: str, key: str, *, on: str = "", request: str = ""
    ) -> Record | None:
        """The row of a key within the scope, or None.

        Args:
            reader: Who reads.
            dataset: Its id.
            key: The key; of a dated dataset ``key/2026-06-01`` asks for just that row.
            on: For a dated dataset, the local day of which it is asked; empty means today.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such dataset for who reads.
            RecordInvalid: if ``on`` is not a day.
        """
        view = self._view(reader, dataset)
        try:
            asked = parse_key(view.known.dataset, key)
        except NotFound:
            return None
        if asked.valid_from is None:
            query = view.query(record=asked.record, day=self._day(view, on))
        else:
            query = view.query(record=asked.record, where=(Equal(VALID_FROM, asked.valid_from),))
        records = await self._read(reader, view, query, target=f"{dataset}:{key}", request=request)
        return records[0] if records else None

    async def find(  # noqa: PLR0913 (what can be asked, each by name)
        self,
        reader: Reader,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        search: str = "",
        within: str = "",
        on: str = "",
        sort: str = "",
        limit: int = 1000,
        offset: int = 0,
        after: str = "",
        request: str = "",
    ) -> tuple[Record, ...]:
        """Rows within the scope in which all of ``where`` holds, by key or as sorted.

        Args:
            reader: Who reads.
            dataset: Its id.
            where: What must hold of a row.
            search: Text that the key or one of the texts must hold.
            within: Code of the area in or below which the rows lie.
            on: For a dated dataset, the local day; empty means today, "all" the rows of all days.
            sort: A field's name, with "-" in front for descending.
            limit: Rows at most, up to 10,000.
            offset: Rows passed over.
            after: Only rows behind this key, without ``sort``.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such dataset for who reads.
            RecordInvalid: naming what of the question is wrong.
        """
        view = self._view(reader, dataset)
        window = Window(limit, offset, after, most=LONGEST_LIST)
        query = self._query(view, where=where, search=search, on=on, sort=sort, window=window)
        query = evolve(query, within=within)
        return await self._read(reader, view, query, target=dataset, request=request)

    async def count(
        self,
        reader: Reader,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        search: str = "",
        within: str = "",
        on: str = ALL_DAYS,
    ) -> int:
        """How many rows `find` would give without a limit; of all days unless ``on`` says."""
        view = self._view(reader, dataset)
        query = self._query(view, where=where, search=search, on=on, sort="")
        query = evolve(query, within=within)
        return await self._store.read(
            lambda snapshot: queries.count_rows(snapshot, view.table, query)
        )

    async def columns(
        self,
        reader: Reader,
        dataset: str,
        *,
        where: Sequence[Filter] = (),
        on: str = "",
        limit: int = LONGEST_COLUMNS,
        after: str | None = None,
    ) -> Batch:
        """Rows within the scope as columns, by key; see `RecordReader.columns`."""
        view = self._view(reader, dataset)
        window = Window(limit, 0, after or "", most=LONGEST_COLUMNS)
        query = self._query(view, where=where, search="", on=on, sort="", window=window)
        query = evolve(query, limit=limit + 1 if after is None else limit)

        def read(snapshot: Snapshot) -> tuple[Batch, bool]:
            batches: list[Batch] = []
            seen, left, behind = False, query.limit or 0, query.after
            while left > 0 or not batches:
                # Few rows at once: many small objects together would stop everything else.
                few = evolve(query, limit=min(left, SLICE), after=behind)
                rows = queries.select_rows(snapshot, view.table, few)
                kept = [masked_values(view.known, row) for row in rows]
                batches.append(to_batch(view.known.dataset.record_schema.fields, kept))
                seen = seen or any(row.unmasked for row in rows)
                left -= SLICE
                if len(rows) < SLICE:
                    break
                behind = rows[-1].key
            batch = joined(batches)
            if batch.rows > limit:
                words = (
                    f"there are more than {limit} rows: ask for less, or page by page with after"
                )
                raise RecordInvalid([Problem("limit", words)])
            return batch, seen

        batch, seen = await self._store.read(read)
        if seen:
            await self._audit_reading(reader, view, dataset)
        return batch

    async def history(
        self, reader: Reader, dataset: str, key: str, *, request: str = ""
    ) -> tuple[Revision, ...]:
        """The changes of a key's rows within the scope, latest first.

        Args:
            reader: Who reads.
            dataset: Its id.
            key: The key; of a dated dataset it tells of all days, ``key/2026-06-01`` of that row.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there was never such a row within the scope.
        """
        view = self._view(reader, dataset)
        asked = parse_key(view.known.dataset, key)

        def read(snapshot: Snapshot) -> tuple[Revision, ...]:
            rows = tables.read_rows(snapshot, view.table, [asked.record])
            current = {one: view.record(row).values for one, row in rows.items()}
            found = past.of_record(snapshot, dataset, asked.record)
            if asked.valid_from is not None:
                found = tuple(one for one in found if one.change.key == asked)
            return revisions(
                view.known,
                found,
                current,
                sees=lambda area: tables.sees(snapshot, view.scope, area, view.today),
                unmasks=lambda area: tables.sees(snapshot, view.unmasked, area, view.today),
            )

        found = await self._store.read(read)
        if not found:
            raise NotFound(f"{dataset} has no record {key[:200]!r}")
        if any(not one.masked for one in found):
            await self._audit_reading(reader, view, f"{dataset}:{key}", request=request)
        return found

    def snapshot_columns(self, snapshot: Snapshot, dataset: str, on: int | None = None) -> Batch:
        """All rows as the system sees them, as columns, by key.

        Args:
            snapshot: What is read.
            dataset: Its id.
            on: For a dated dataset, the local day on which the rows hold; None gives those of all
                days.

        Raises:
            NotFound: if there is no such dataset.
        """
        view = self._view(SYSTEM, dataset)
        rows = queries.select_rows(snapshot, view.table, view.query(day=on))
        kept = [masked_values(view.known, row) for row in rows]
        return to_batch(view.known.dataset.record_schema.fields, kept)

    def in_force(
        self, snapshot: Snapshot, dataset: str, key: str, day: int
    ) -> Mapping[str, Value] | None:
        """The values of a key's row that holds on a day, as the system sees them, or None."""
        view = self._view(SYSTEM, dataset)
        rows = queries.select_rows(snapshot, view.table, view.query(record=key, day=day))
        return view.record(rows[0]).values if rows else None

    def _view(self, reader: Reader, dataset: str) -> View:
        known = self._known.get(dataset)
        if known is None:
            raise no_dataset(dataset)
        return View(
            known=known,
            table=self._tables[dataset],
            scope=reading(reader, known),
            unmasked=unmasking(reader, known),
            today=self.today(),
        )

    def _day(self, view: View, on: str) -> int | None:
        if not view.known.dataset.dated or on == ALL_DAYS:
            return None
        if not on:
            return view.today
        try:
            return read_day(on)
        except ValueRefused as refused:
            raise RecordInvalid([Problem("on", str(refused))]) from None

    def _query(
        self,
        view: View,
        *,
        where: Sequence[Filter],
        search: str,
        on: str,
        sort: str,
        window: Window | None = None,
    ) -> Query:
        schema = view.known.dataset.record_schema
        name = sort.removeprefix("-")
        kept, problems = check_filters(schema, where)
        problems += unknown_fields(schema, [name] if name else [])
        if window is not None:
            problems += window.problems(sort)
        try:
            search = clean_text(search)
        except ValueError as error:
            problems.append(Problem("search", str(error)))
        if len(search) > LONGEST_SEARCH:
            problems.append(Problem("search", f"expected at most {LONGEST_SEARCH} characters"))
        if problems:
            raise RecordInvalid(problems)
        texts = tuple(one.name for one in view.known.dataset.schema.fields if one.dtype == "text")
        return view.query(
            day=self._day(view, on),
            where=kept,
            search=search,
            search_fields=texts,
            sort=name,
            descending=sort.startswith("-"),
            limit=None if window is None else window.limit,
            offset=0 if window is None else window.offset,
            after=None if window is None else window.behind(view.known.dataset),
        )

    async def _read(
        self, reader: Reader, view: View, query: Query, *, target: str, request: str
    ) -> tuple[Record, ...]:
        def read(snapshot: Snapshot) -> tuple[tuple[Record, ...], bool]:
            rows = queries.select_rows(snapshot, view.table, query)
            return tuple(map(view.record, rows)), any(row.unmasked for row in rows)

        records, seen = await self._store.read(read)
        if seen:
            await self._audit_reading(reader, view, target, request=request)
        return records

    async def _audit_reading(
        self, reader: Reader, view: View, target: str, *, request: str = ""
    ) -> None:
        """Put it into the audit trail that a person saw personal fields as they are."""
        if not view.known.personal:
            return
        if isinstance(reader, Actor) and reader.kind != "system":
            await self._store.write(
                lambda tx: tx.append_audit(reader, "record.read", target, request=request)
            )
