"""The one writer: a thread that owns the writing connection and commits many changes at once.

A change is a function of a `Transaction`. Changes wait in three queues: those of persons go first,
then intake, then upkeep; while a more urgent queue never empties, the others get a share of the
time all the same. A commit is made once nobody waits, after 12 ms, or as soon as all persons'
changes are in it. Each change runs in a savepoint of its own, so that one that fails costs no
other; all that ran share one durable commit, and only then does anybody hear of a success or a
failure (a failure may rest on what a change before it in the same commit did). Small changes of
one kind that wait behind one another may be made as one; if that fails, each is made by itself.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from county_gov.errors import StoreClosed, StoreError, StoreFull
from county_gov.store.changes import (
    Answers,
    Change,
    Priority,
    Queues,
    Together,
    WriterLimits,
)
from county_gov.store.figures import WriterFigures
from county_gov.store.transaction import Snapshot, Transaction

if TYPE_CHECKING:
    import sqlalchemy as sa

    from county_gov.contract.clock import Clock
    from county_gov.store.database import Database

__all__ = ["Priority", "Writer", "WriterFigures", "WriterLimits"]

T = TypeVar("T")
log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
"""After this long without a change the database may tidy up."""

UNTIDY_SECONDS = 1.0
"""For at most so long persons that wait keep the database from tidying up."""

SLOW_SECONDS = 0.05
"""No change may hold the writer for longer; the slowest of those that do are recorded."""

TROUBLE_COMMITS = 3
"""After so many commits that failed one after another the writer is in trouble."""


class Writer:
    """Runs changes, one after another, on a thread of its own.

    A connection that breaks (a server restarts) is opened anew for the next change; the changes
    that were waiting while it could not be opened fail with `StoreError`.

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
        self._queues = Queues(self._limits)
        self._answers = Answers()
        self._connection: sa.Connection | None = None
        self._tidied = 0.0
        self._reconnected: list[Callable[[Snapshot], object]] = []
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._started: Future[None] = Future()
        self._for_people = False
        self.trouble = ""
        """Why nothing can be written now: the disk is full, or the last commits have all failed;
        empty where all is well."""
        self._failed_commits = 0
        self.commits = 0
        """Commits so far."""
        self.changes = 0
        """Changes that were committed."""
        self.failures = 0
        """Changes that failed."""
        self.seconds = 0.0
        """Seconds spent in commits so far, all their changes included."""
        self.longest = 0.0
        """Seconds of the longest commit so far, all its changes included."""
        self.longest_change = 0.0
        """Seconds of the longest single change so far."""
        self.listeners: list[Callable[[int], object]] = []
        """Called on the writer's thread with the journal's new head after each commit that has
        journal entries; must be quick."""

    @property
    def alive(self) -> bool:
        """Whether changes are being written."""
        return self._thread.is_alive() and not self._queues.closed

    def start(self) -> None:
        """Start the thread and open its connection.

        Raises:
            StoreError: if the connection cannot be opened, or another process is writing.
        """
        self._thread.start()
        try:
            self._started.result()
        except BaseException:
            self._thread.join()
            raise

    def refuse(self, reason: str) -> None:
        """Take no changes from now on; each gets `StoreClosed` with the reason."""
        self._queues.close(reason)

    def close(self) -> None:
        """Run what is waiting, then stop; changes submitted later get `StoreClosed`."""
        self._queues.close("the store is stopping and takes no more changes")
        if self._thread.is_alive():
            self._thread.join()
        self._refuse_waiting(StoreClosed("the store was closed before this change was written"))

    def on_reconnect(self, callback: Callable[[Snapshot], object]) -> None:
        """Call back on the writer's thread after the connection was opened anew.

        When a connection breaks during a commit, what happened is unknown: state kept in memory
        has to be read again, here, before the next change.
        """
        self._reconnected.append(callback)

    def waiting(self, priority: Priority) -> int:
        """How many changes wait in a queue."""
        return self._queues.waiting(priority)

    @property
    def people_wait(self) -> bool:
        """Whether a person waits for a change that is queued, or being made."""
        return self._for_people or self.waiting(Priority.PERSON) > 0

    def figures(self) -> WriterFigures:
        """What the writer has done so far, for metrics."""
        return WriterFigures(
            commits=self.commits,
            changes=self.changes,
            failures=self.failures,
            seconds=self.seconds,
            longest_seconds=self.longest,
            longest_change_seconds=self.longest_change,
            waiting={priority: self.waiting(priority) for priority in Priority},
            waiting_rows={priority: self._queues.rows(priority) for priority in Priority},
        )

    def submit(
        self,
        function: Callable[[Transaction], T],
        priority: Priority = Priority.PERSON,
        *,
        rows: int = 1,
    ) -> Future[T]:
        """Queue a change; the future holds its result once it is durable.

        Args:
            function: What to do, on the writer's thread; quick, and it lets database errors pass.
            priority: Whose change it is.
            rows: About how many rows it brings, to bound the memory of what waits.

        Raises:
            StoreBusy: if too many changes or rows wait.
            StoreClosed: if the writer is stopping.
        """
        future: Future[T] = Future()
        self._queues.put(Change(function, future, rows, priority))
        return future

    async def write(
        self,
        function: Callable[[Transaction], T],
        priority: Priority = Priority.PERSON,
        *,
        rows: int = 1,
    ) -> T:
        """As `submit`, awaited; a change whose awaiter is cancelled may run or not."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queues.put(Change(function, future, rows, priority))
        return await future

    async def write_together(
        self, together: Together, item: object, priority: Priority, *, rows: int = 1
    ) -> Any:
        """Make a small change, as one with others of its kind that wait behind one another.

        Args:
            together: What to do with the items that wait, as `submit` has it; gives a result for
                each. Equal for all that may be made one.
            item: This change's item.
            priority: Whose change it is.
            rows: About how many rows it brings.

        Returns:
            The result for the item.
        """

        def alone(tx: Transaction) -> Any:
            return together(tx, [item])[0]

        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        change = Change(alone, future, rows, priority, together=together, item=item)
        self._queues.put(change)
        return await future

    def _run(self) -> None:
        try:
            self._connection = self._database.connect_writer()
        except BaseException as error:  # noqa: BLE001 - handed to `start`, which raises it
            self._started.set_exception(error)
            self._queues.close("the store could not be opened")
            return
        self._started.set_result(None)
        try:
            while self._wait():
                self._commit_group()
                self._answers.deliver()
                self._tidy()
        except BaseException as error:
            log.critical("the writer has stopped", error=repr(error))
            self._queues.close(f"the writer has stopped: {error!r}")
            self._refuse_waiting(StoreClosed(f"the writer has stopped: {error!r}"))
            raise
        finally:
            self._answers.deliver()
            self._disconnect()

    def _wait(self) -> bool:
        """Wait until there is a change; False when there will be none any more."""
        while not self._queues.wait(IDLE_SECONDS):
            if self._queues.closed:
                return False
            if self._connection is not None:
                self._database.idle(self._connection)
        return True

    def _tidy(self) -> None:
        """Let the database tidy up, but not while persons wait, unless it has waited for long."""
        now = time.monotonic()
        if self.waiting(Priority.PERSON) and now - self._tidied < UNTIDY_SECONDS:
            return
        self._tidied = now
        if self._connection is not None and self._database.usable(self._connection):
            self._database.tidy(self._connection)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._database.disconnect_writer(connection)

    def _connected(self) -> sa.Connection:
        """The writing connection, opened anew if it broke."""
        if self._connection is not None and self._database.usable(self._connection):
            return self._connection
        self._disconnect()
        connection = self._connection = self._database.connect_writer()
        log.warning("the writing connection was opened anew", database=self._database.url)
        self._database.begin(connection)
        for callback in self._reconnected:
            callback(Snapshot(connection, self._database))
        self._database.rollback(connection)
        return connection

    def _begin(self) -> sa.Connection:
        """Begin; if the connection broke since it was last used, nothing is lost: open another."""
        connection = self._connected()
        try:
            self._database.begin(connection)
        except Exception as error:
            if self._database.usable(connection):
                raise
            log.warning("the writing connection was lost", error=str(error))
            connection = self._connected()
            self._database.begin(connection)
        return connection

    def _commit_group(self) -> None:
        """Run waiting changes for a moment, commit them together, and answer them all."""
        started = time.perf_counter()
        taken: list[Change] = []
        tx: Transaction | None = None
        try:
            connection = self._begin()
            tx = Transaction(connection, self._database, at=self._clock.now())
            for change in self._gather(started):
                taken += change.all
                self._run_changes(tx, change)
            self._database.number_journal(tx, tx.entries)
            self._database.commit(connection)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the changes
            self._note_trouble(self._abandon(tx, taken, error), 1)
        else:
            self._call(tx.callbacks)
            self._tell_listeners(tx)
            full = [one.error for one in taken if isinstance(one.error, StoreFull)]
            self._note_trouble(full[0] if full else None, 0)
        self._for_people = False
        self._note(taken, time.perf_counter() - started)
        for change in taken:
            self._answers.add(change)

    def _gather(self, started: float) -> Iterator[Change]:
        """The next changes, until `WriterLimits.gather` seconds have passed.

        Once a person's change is among them, only those of other persons join it: who waits at a
        screen does not wait for a batch that happens to be next.
        """
        people_only = False
        while change := self._queues.take(people_only=people_only):
            people_only = people_only or change.priority is Priority.PERSON
            self._for_people = people_only
            yield change
            if time.perf_counter() - started > self._limits.gather:
                return

    def _note_trouble(self, error: StoreError | None, failed: int) -> None:
        """Remember whether writing works, for whoever asks whether the county can serve."""
        self._failed_commits = self._failed_commits + failed if failed else 0
        lasting = isinstance(error, StoreFull) or self._failed_commits >= TROUBLE_COMMITS
        self.trouble = str(error) if error is not None and lasting else ""

    def _note(self, taken: list[Change], seconds: float) -> None:
        failed = sum(change.error is not None for change in taken)
        self.commits += 1
        self.changes += len(taken) - failed
        self.failures += failed
        self.seconds += seconds
        self.longest = max(self.longest, seconds)
        self._queues.note_group(seconds)

    def _run_changes(self, tx: Transaction, change: Change) -> None:
        """Run a change and those that it takes along: as one, or each by itself where that fails.

        An error that ended the transaction is raised.
        """
        if change.together is not None and change.joined:
            items = [one.item for one in change.all]
            together = change.together
            results, error = self._attempt(tx, lambda tx: together(tx, items))
            if error is None:
                for one, result in zip(change.all, results, strict=True):
                    one.result = result
                return
        for one in change.all:
            one.result, one.error = self._attempt(tx, one.function)

    def _attempt(
        self, tx: Transaction, function: Callable[[Transaction], Any]
    ) -> tuple[Any, Exception | None]:
        """Run a function in a savepoint of its own; an error that ended the transaction is raised.

        Returns:
            Its result, and the error that undid it.
        """
        marks = len(tx.entries), len(tx.callbacks), len(tx.undo)
        started = time.perf_counter()
        result: Any = None
        failure: Exception | None = None
        self._database.savepoint(tx.connection)
        try:
            result = function(tx)
            self._database.release(tx.connection)
        except BaseException as error:
            if not self._database.in_transaction(tx.connection):
                raise
            self._database.rollback_to(tx.connection)
            self._call(reversed(tx.undo[marks[2] :]))
            del tx.entries[marks[0] :], tx.callbacks[marks[1] :], tx.undo[marks[2] :]
            result, failure = None, self._explain(error) or _as_answer(error)
        self._note_change(function, time.perf_counter() - started)
        return result, failure

    def _note_change(self, function: Callable[..., object], seconds: float) -> None:
        """Record the slowest change so far by name: a busy machine shall not fill the log."""
        if seconds > max(self.longest_change, SLOW_SECONDS):
            log.warning(
                "a change held the writer for longer than any before",
                seconds=round(seconds, 3),
                change=_name(function),
            )
        self.longest_change = max(self.longest_change, seconds)

    def _abandon(
        self, tx: Transaction | None, taken: list[Change], error: BaseException
    ) -> StoreError:
        """Undo a whole group: nothing was kept, or nobody knows whether it was; gives why."""
        explained = self._explain(error)
        if explained is None:
            explained = StoreError(f"the commit failed: {error}")
            explained.__cause__ = error
        log.error("commit failed", changes=len(taken), error=str(error))
        if tx is None:
            # No transaction could begin: whoever waits now would only wait for the same error.
            self._refuse_waiting(explained)
            self._hang_up()
            return explained
        self._undo_all(tx)
        for change in taken:
            change.result, change.error = None, explained
        return explained

    def _undo_all(self, tx: Transaction) -> None:
        try:
            if self._database.in_transaction(tx.connection):
                self._database.rollback(tx.connection)
        except Exception:
            log.exception("rollback failed; the writing connection is given up")
            self._hang_up()
        self._call(reversed(tx.undo))

    def _hang_up(self) -> None:
        """Give the connection up; the next change opens another."""
        try:
            self._disconnect()
        except Exception as error:  # noqa: BLE001 - recorded; a broken connection may fail to close
            log.warning("closing the writing connection failed", error=str(error))

    def _explain(self, error: BaseException) -> StoreError | None:
        explained = error if isinstance(error, StoreError) else self._database.explain_error(error)
        if explained is not None and explained is not error:
            explained.__cause__ = error
        return explained

    def _call(self, callbacks: Iterable[Callable[[], object]]) -> None:
        """Call back; one that fails is recorded and costs no other."""
        for callback in callbacks:
            try:
                callback()
            except Exception:
                log.exception("a callback of a change failed", callback=_name(callback))

    def _tell_listeners(self, tx: Transaction) -> None:
        if tx.entries:
            head = tx.entries[-1].position
            self._call([partial(listener, head) for listener in self.listeners])

    def _refuse_waiting(self, error: StoreError) -> None:
        for change in self._queues.drain():
            change.error = error
            self._answers.add(change)
        self._answers.deliver()


def _name(function: Callable[..., object]) -> str:
    """What a function is called, without the values that are bound to it: they may be personal."""
    named = getattr(function, "func", function)
    return str(getattr(named, "__qualname__", type(named).__name__))


def _as_answer(error: BaseException) -> Exception:
    """The error as one that a waiting task can take: not one that would end its event loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    answer = StoreError(f"the change ended with {error!r}")
    answer.__cause__ = error
    return answer
