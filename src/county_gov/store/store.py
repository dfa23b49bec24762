"""The store: readers on one side, the one writer on the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, cast

import sqlalchemy as sa

from county_gov.errors import StoreError
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
        StoreError: if no module knows the URL's scheme.
    """
    backend = sa.make_url(url).get_backend_name()
    if backend == "sqlite":
        return SqliteDatabase(url)
    if backend == "postgresql":
        from county_gov.store.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(url)
    msg = f"store.url {url!r}: expected sqlite:///… or postgresql+psycopg://…"
    raise StoreError(msg)


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

    def start(self) -> None:
        """Open the writer's connection."""
        self.writer.start()

    def close(self) -> None:
        """Write what is waiting, then close everything."""
        self.writer.close()
        self._readers.shutdown()
        self.database.close()

    def submit(
        self, function: Callable[[Transaction], T], priority: Priority = Priority.PERSON
    ) -> Future[T]:
        """Queue a change; its future holds the result once it is durable."""
        return self.writer.submit(function, priority)

    async def write(
        self, function: Callable[[Transaction], T], priority: Priority = Priority.PERSON
    ) -> T:
        """Make a change; returns once it is durable."""
        return await self.writer.write(function, priority)

    def read_now(self, function: Callable[[Snapshot], T]) -> T:
        """Read on this thread."""
        return cast("T", self.database.read(function))

    async def read(self, function: Callable[[Snapshot], T]) -> T:
        """Read on a reader's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self.read_now, function)
