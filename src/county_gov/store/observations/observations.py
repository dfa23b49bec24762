"""The observations of a county: the door to landing, settling and reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from county_gov.store.observations.dialect import landing_dialect
from county_gov.store.observations.landing import MOST_ROWS, Landing
from county_gov.store.observations.latest import Newest, coalesce, latest_rows, write_latest
from county_gov.store.observations.payload import Changes
from county_gov.store.observations.reading import hours_of, oldest, read_series
from county_gov.store.observations.rows import (
    Hours,
    Landed,
    Latest,
    Readings,
    Small,
    Stored,
    Tally,
)
from county_gov.store.observations.settling import Settling

if TYPE_CHECKING:
    from county_gov.store.store import Store
    from county_gov.store.transaction import Snapshot, Transaction


class Observations:
    """All observations of a store.

    Args:
        store: The store, started or not.
        most_rows: Rows of a landing table, after which the next one is made.
    """

    def __init__(self, store: Store, *, most_rows: int = MOST_ROWS) -> None:
        self._store = store
        self._dialect = landing_dialect(store.database)
        self._landing = Landing(self._dialect, most_rows=most_rows)
        self._settling = Settling(store, self._dialect, self._landing)

    def start(self) -> None:
        """Load what is kept in memory; call once, after the store's start and before `land`.

        Raises:
            StoreError: if the store is not started, or its database cannot be read.
        """
        self._store.submit(self._landing.refresh).result()

    def land(self, tx: Transaction, rows: Readings, *, batch: int) -> Landed:
        """Take a batch's rows in; on the writer.

        Rows that are new are inserted; a value that is known already is a duplicate; another value
        is a revision, of which the current one stays and the other goes to ``revisions``. What
        changed is told to the followers by one journal entry of kind "observations", whose ref is
        the batch and whose payload `decode_changes` reads.

        Args:
            tx: The change that this is part of; the row of ``batches`` belongs to it.
            rows: Validated rows, in any order, keys repeated or not.
            batch: Number of the batch in ``batches``.
        """
        return self._landing.land(tx, rows, batch=batch)

    def land_together(
        self, tx: Transaction, deliveries: Sequence[Small], batches: Sequence[int]
    ) -> list[Tally]:
        """Take several small batches in, in the order of their arrival; on the writer.

        Each ends as if `land` had taken one after another. Those whose rows are all new and theirs
        alone are inserted together and share one entry of the journal, whose ref is the first of
        them and whose instant of arrival is that of the last.

        Args:
            tx: The change that this is part of; the rows of ``batches`` belong to it.
            deliveries: Their rows.
            batches: Number of each in ``batches``.
        """
        return self._landing.land_together(tx, deliveries, batches)

    def cuts(self, rows: Readings) -> list[int]:
        """Where to cut a delivery into changes, so that each holds the writer only shortly.

        New rows cost the writer half a microsecond each; rows that must be looked for cost far
        more, most of all when each is in a block of its own. On any thread; a hint, no more.

        Args:
            rows: All rows of a delivery, in the order of their arrival.

        Returns:
            Ascending positions from 0 to the number of rows; ``land`` each part by itself.
        """
        return self._landing.cuts(rows)

    async def settle(self, *, budget_seconds: float, close: bool = False) -> int:
        """Turn landed rows whose table is closed into blocks; to be called again and again.

        Args:
            budget_seconds: When to stop beginning slices; one slice is always written.
            close: Whether to close the landing table in use first, though it is not due.

        Returns:
            Rows that settled.

        Raises:
            StoreError: if a stored block is damaged.
        """
        return await self._settling.settle(budget_seconds=budget_seconds, close=close)

    def read(self, snapshot: Snapshot, datastream: int, start: int, end: int) -> Stored:
        """One datastream's current values with start <= time < end, by time.

        Args:
            snapshot: What is read.
            datastream: Its number.
            start: Microseconds UTC.
            end: Microseconds UTC, not included.

        Raises:
            StoreError: if a stored block is damaged.
        """
        return read_series(snapshot, self._dialect, [datastream], start, end)

    def read_many(
        self, snapshot: Snapshot, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        """As `read` for several datastreams, ordered by datastream, then time."""
        return read_series(snapshot, self._dialect, datastreams, start, end)

    def oldest(self, snapshot: Snapshot, datastream: int) -> int | None:
        """An instant before which a datastream has no value; None where it can have none."""
        return oldest(snapshot, self._dialect, datastream)

    def hourly(self, snapshot: Snapshot, datastream: int, start: int, end: int) -> Hours:
        """One datastream's figures per hour, of the values with start <= time < end.

        Values of a faulty, calibrating, maintained or stopped instrument are left out.
        """
        return hours_of(self.read(snapshot, datastream, start, end))

    def newest(self, changes: Sequence[Changes]) -> list[Newest]:
        """The newest row per datastream of some entries of the journal, in its order."""
        return coalesce(changes)

    def update_latest(self, tx: Transaction, rows: Sequence[Newest]) -> None:
        """Let newer values take the place of the newest known; for the follower that keeps them.

        Args:
            tx: The follower's change.
            rows: As `newest` gave them, off the writer.
        """
        write_latest(tx, rows)

    def read_latest(self, snapshot: Snapshot, numbers: Sequence[int] | None = None) -> Latest:
        """The newest values of some datastreams, or of all; those without any are not listed."""
        return latest_rows(snapshot, numbers)
