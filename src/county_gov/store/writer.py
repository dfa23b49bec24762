"""The one writer: a thread that owns the writing connection and commits many changes at once.

A change is a function of a `Transaction`. Changes wait in three queues: those of persons go first,
then intake, then upkeep. Each runs in a savepoint of its own, so that one that fails costs no other;
all that ran share one durable commit, and only then does anybody hear of a success.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from attrs import define, field, frozen

from county_gov.errors import StoreBusy, StoreClosed, StoreError
from county_gov.store.transaction import Transaction

if TYPE_CHECKING:
    import sqlalchemy as sa

    from county_gov.contract.clock import Clock
    from county_gov.store.database import Database

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Priority(IntEnum):
    """Whose change goes first."""

    PERSON = 0
    INTAKE = 1
    UPKEEP = 2


@frozen
class WriterLimits:
    """How long a commit is gathered, and how much may wait.

    Args:
        gather: Seconds of work after which a commit is made.
        waiting: Changes that may wait per queue before `StoreBusy` is raised.
        upkeep_every: Upkeep runs when nothing else waits, and after this many commits anyway.
    """

    gather: float = 0.012
    waiting: int = 4096
    upkeep_every: int = 8


@define(eq=False)
class _Change:
    function: Callable[[Transaction], Any]
    resolve: Callable[[Any, BaseException | None], None]
    result: Any = None


@define(eq=False)
class _Arrivals:
    """Results on their way to event loops, handed over with one wake-up per loop."""

    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, Any]]] = field(
        factory=dict
    )

    def add(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self.by_loop.setdefault(future.get_loop(), []).append((future, result, error))

    def deliver(self) -> None:
        arrivals, self.by_loop = self.by_loop, {}
        for loop, results in arrivals.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, results)


def _settle(results: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in results:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class Writer:
    """Runs changes, one after another, on a thread of its own.

    Args:
        database: Where to write.
        clock: Gives each commit its instant.
        limits: How much is gathered and may wait.
    """

    def __init__(
        self, database: Database, clock: Clock, limits: WriterLimits | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits or WriterLimits()
        self._queues: tuple[deque[_Change], ...] = (deque(), deque(), deque())
        self._wake = threading.Condition()
        self._closing = False
        self._arrivals = _Arrivals()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._started: Future[None] = Future()
        self.commits = 0
        """Commits so far."""
        self.longest = 0.0
        """Seconds of the longest commit so far, all its changes included."""
        self.listeners: list[Callable[[int], None]] = []
        """Called on the writer's thread with the journal's new head after each commit that has
        journal entries; must be quick."""

    def start(self) -> None:
        """Start the thread and open its connection.

        Raises:
            StoreError: if the connection cannot be opened.
        """
        self._thread.start()
        self._started.result()

    def close(self) -> None:
        """Run what is waiting, then stop; changes submitted later get `StoreClosed`."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def waiting(self, priority: Priority) -> int:
        """How many changes wait in a queue."""
        return len(self._queues[priority])

    def submit(
        self, function: Callable[[Transaction], T], priority: Priority = Priority.PERSON
    ) -> Future[T]:
        """Queue a change; the future holds its result once it is durable.

        Raises:
            StoreBusy: if too many changes wait.
            StoreClosed: if the writer is stopping.
        """
        future: Future[T] = Future()

        def resolve(result: Any, error: BaseException | None) -> None:
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self._put(_Change(function, resolve), priority)
        return future

    async def write(
        self, function: Callable[[Transaction], T], priority: Priority = Priority.PERSON
    ) -> T:
        """As `submit`, awaited."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def resolve(result: Any, error: BaseException | None) -> None:
            self._arrivals.add(future, result, error)

        self._put(_Change(function, resolve), priority)
        return await future

    def _put(self, change: _Change, priority: Priority) -> None:
        with self._wake:
            if self._closing:
                msg = "the store is stopping and takes no more changes"
                raise StoreClosed(msg)
            queue = self._queues[priority]
            if len(queue) >= self._limits.waiting:
                msg = f"{len(queue)} changes are waiting to be written; try again in a second"
                raise StoreBusy(msg)
            queue.append(change)
            self._wake.notify()

    def _run(self) -> None:
        try:
            connection = self._database.connect_writer()
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        try:
            while self._wait(connection):
                self._commit_group(connection)
                self._arrivals.deliver()
        finally:
            connection.close()

    def _wait(self, connection: sa.Connection) -> bool:
        """Wait until there is a change; False when there will be none any more."""
        while True:
            with self._wake:
                if any(self._queues):
                    return True
                if self._closing:
                    return False
                if self._wake.wait(0.5):
                    continue
            self._database.idle(connection)

    def _next(self) -> _Change | None:
        people, intake, upkeep = self._queues
        if people:
            return people.popleft()
        if intake:
            return intake.popleft()
        due = self.commits % self._limits.upkeep_every == 0
        return upkeep.popleft() if upkeep and not due else None

    def _commit_group(self, connection: sa.Connection) -> None:
        """Run waiting changes for a moment and commit them together."""
        started = time.perf_counter()
        done: list[_Change] = []
        tx = Transaction(connection, self._database, at=self._clock.now())
        upkeep = self._queues[Priority.UPKEEP]
        first = upkeep.popleft() if upkeep and self._upkeep_is_due() else None
        try:
            self._database.begin(connection)
            change = first or self._next()
            while change is not None:
                self._run_change(tx, change, done)
                over = time.perf_counter() - started > self._limits.gather
                change = None if over else self._next()
            self._database.number_journal(tx, tx.entries)
            self._database.commit(connection)
        except BaseException as error:
            self._fail_group(connection, tx, done, error)
            return
        self.commits += 1
        self.longest = max(self.longest, time.perf_counter() - started)
        for callback in tx.callbacks:
            callback()
        if tx.entries:
            for listener in self.listeners:
                listener(tx.entries[-1].position)
        for change in done:
            change.resolve(change.result, None)

    def _upkeep_is_due(self) -> bool:
        others = self._queues[Priority.PERSON] or self._queues[Priority.INTAKE]
        return not others or self.commits % self._limits.upkeep_every == 0

    def _run_change(self, tx: Transaction, change: _Change, done: list[_Change]) -> None:
        marks = len(tx.entries), len(tx.callbacks), len(tx.undo)
        self._database.savepoint(tx.connection)
        try:
            change.result = change.function(tx)
            self._database.release(tx.connection)
        except BaseException as error:
            if not self._database.in_transaction(tx.connection):
                done.append(change)
                raise
            self._database.rollback_to(tx.connection)
            for undo in reversed(tx.undo[marks[2] :]):
                undo()
            del tx.entries[marks[0] :], tx.callbacks[marks[1] :], tx.undo[marks[2] :]
            change.resolve(None, self._database.explain_error(error) or error)
        else:
            done.append(change)

    def _fail_group(
        self, connection: sa.Connection, tx: Transaction, done: list[_Change], error: BaseException
    ) -> None:
        explained = self._database.explain_error(error) or StoreError(f"commit failed: {error}")
        explained.__cause__ = error
        log.error("commit failed", changes=len(done), error=str(error))
        if self._database.in_transaction(connection):
            self._database.rollback(connection)
        for undo in reversed(tx.undo):
            undo()
        for change in done:
            change.resolve(None, explained)
