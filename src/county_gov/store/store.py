"""The store: readers on one side, the one writer on the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from county_gov.errors import StoreClosed, StoreError
from county_gov.store.address import SQLITE, read_address
from county_gov.store.sqlite import SqliteDatabase
from county_gov.store.writer import Priority, Writer, WriterLimits

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock
    from county_gov.store.database import Database
    from county_gov.store.transaction import Snapshot, Transaction

T = TypeVar("T")


def open_database(url: str) -> Database:
    """The module for a URL.

    Raises:
        StoreError: if the address cannot be read, or what opens it is not installed.
    """
    if read_address(url).drivername == SQLITE:
        return SqliteDatabase(url)
    try:
        from county_gov.store.postgresql import PostgresqlDatabase
    except ImportError as error:
        msg = (
            f"store.url names a PostgreSQL database, and its driver cannot be loaded ({error}): "
            "pip install 'county-gov[postgresql]'"
        )
        raise StoreError(msg) from error
    return PostgresqlDatabase(url)


READING = "this command only reads; what writes has to say so, and needs the server stopped"


class Store:
    """All reading and writing of a county.

    Args:
        database: The module of its database.
        clock: Gives each commit its instant.
        limits: How much the writer gathers and lets wait.
        readers: Threads that read.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        limits: WriterLimits | None = None,
        readers: int = 4,
    ) -> None:
        self.database = database
        self.clock = clock
        self.writer = Writer(database, clock, limits)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="store-reader")
        self._closed = False

    def start(self) -> None:
        """Open the writer's connection.

        Raises:
            StoreError: if the database cannot be reached, or another process is writing it.
        """
        self.writer.start()

    def start_reading(self) -> None:
        """Take no changes: this process only reads, also while another one writes.

        What would be written fails with `StoreClosed` at once.
        """
        self.writer.refuse(READING)

    def close(self) -> None:
        """Write what is waiting, then close everything."""
        self.writer.close()
        self._closed = True
        self._readers.shutdown()
        self.database.close()

    def on_reconnect(self, callback: Callable[[Snapshot], object]) -> None:
        """Call back on the writer's thread after a lost connection was opened anew.

        Whether the commit that broke was kept is unknown then: read again what is kept in memory.
        """
        self.writer.on_reconnect(callback)

    def submit(
        self,
        function: Callable[[Transaction], T],
        priority: Priority = Priority.PERSON,
        *,
        rows: int = 1,
    ) -> Future[T]:
        """Queue a change; its future holds the result once it is durable.

        Args:
            function: What to do, on the writer's thread; quick, and it lets database errors pass.
            priority: Whose change it is.
            rows: About how many rows it brings, to bound the memory of what waits.

        Raises:
            StoreBusy: if too many changes or rows wait.
            StoreClosed: if the store is stopping.
        """
        return self.writer.submit(function, priority, rows=rows)

    async def write(
        self,
        function: Callable[[Transaction], T],
        priority: Priority = Priority.PERSON,
        *,
        rows: int = 1,
    ) -> T:
        """Make a change; returns once it is durable. Arguments and errors as of `submit`."""
        return await self.writer.write(function, priority, rows=rows)

    def read_now(self, function: Callable[[Snapshot], T]) -> T:
        """Read on this thread; what the function returns must not need the snapshot any more.

        Raises:
            StoreClosed: if the store is closed.
            StoreError: if the database cannot be reached.
        """
        self._require_open()
        return self.database.read(function)

    async def read(self, function: Callable[[Snapshot], T]) -> T:
        """As `read_now`, on a reader's thread."""
        self._require_open()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self.read_now, function)

    def _require_open(self) -> None:
        if self._closed:
            msg = "the store is closed"
            raise StoreClosed(msg)
