"""Changes that wait for the writer, and the way of their results back to who waits for them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import IntEnum
from typing import Any

from attrs import define, field, frozen

from county_gov.errors import StoreBusy, StoreClosed
from county_gov.store.transaction import Transaction

ROWS_TOGETHER = 2_000
"""Rows that are made one change at most."""

Together = Callable[[Transaction, Sequence[Any]], Sequence[Any]]
"""Makes one change of several items, and gives a result for each, in their order."""

MOST_OWED = 0.1
"""Seconds that a queue may be owed, or may owe, at most; once owed them it goes before persons."""


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
        waiting_rows: Rows that the changes of a queue may bring together; one change alone may
            always wait, however many it brings.
        intake_share: Share of the writer's time that intake gets while persons never stop.
        upkeep_share: Share of the writer's time that upkeep gets while others never stop.
    """

    gather: float = 0.012
    waiting: int = 4096
    waiting_rows: int = 2_000_000
    intake_share: float = 0.25
    upkeep_share: float = 0.25


@define(eq=False)
class Change:
    """One change, who waits for it, and how it ended.

    Args:
        function: What to do.
        future: Of a thread or of an event loop.
        rows: About how many rows it brings.
        priority: Whose change it is.
        together: How it is made one change with others that wait behind one another.
        item: What it brings to that.
        joined: The others, in the order in which they came.
        weight: Rows that it and the others bring.
    """

    function: Callable[[Transaction], Any]
    future: Future[Any] | asyncio.Future[Any]
    rows: int = 1
    priority: Priority = Priority.PERSON
    result: Any = None
    error: BaseException | None = None
    together: Together | None = None
    item: Any = None
    joined: list[Change] = field(factory=list)
    weight: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.weight = self.rows

    def join(self, change: Change) -> bool:
        """Take a change that came right behind this one along, if they can be made together."""
        if self.together is None or self.together != change.together:
            return False
        if self.weight + change.rows > ROWS_TOGETHER:
            return False
        self.joined.append(change)
        self.weight += change.rows
        return True

    @property
    def all(self) -> list[Change]:
        """Itself and those that it takes along."""
        return [self, *self.joined]

    def wanted(self) -> bool:
        """Whether somebody still waits for it; from now on it can no longer be cancelled."""
        if isinstance(self.future, Future):
            return self.future.set_running_or_notify_cancel()
        return not self.future.cancelled()


@define(eq=False)
class Answers:
    """Results on their way back, handed over with one wake-up per event loop."""

    by_loop: dict[asyncio.AbstractEventLoop, list[Change]] = field(factory=dict)

    def add(self, change: Change) -> None:
        """Answer a thread at once, an event loop with the next `deliver`."""
        if isinstance(change.future, Future):
            _settle(change)
        else:
            self.by_loop.setdefault(change.future.get_loop(), []).append(change)

    def deliver(self) -> None:
        """Wake the event loops."""
        by_loop, self.by_loop = self.by_loop, {}
        for loop, changes in by_loop.items():
            try:
                loop.call_soon_threadsafe(_settle_all, changes)
            except RuntimeError:
                # The loop was closed: nobody is there to hear of it.
                continue


def _settle_all(changes: list[Change]) -> None:
    for change in changes:
        if not change.future.done():
            _settle(change)


def _settle(change: Change) -> None:
    if change.error is None:
        change.future.set_result(change.result)
    else:
        change.future.set_exception(change.error)


@define(eq=False)
class Share:
    """What a queue is owed of the writer's time while more urgent ones never stop.

    Args:
        share: Of each commit's time.
    """

    share: float
    owed: float = 0.0
    used: float = 0.0
    since: float | None = None

    @property
    def due(self) -> bool:
        """Whether it is owed something, and has had nothing in this commit."""
        return self.owed > 0 and not self.used

    @property
    def overdue(self) -> bool:
        """Whether it is owed as much as can be, and has had nothing in this commit."""
        return self.owed >= MOST_OWED and not self.used

    def start(self) -> None:
        """One of its changes begins."""
        self.since = time.perf_counter()

    def stop(self) -> None:
        """Its change has ended, if one had begun."""
        if self.since is not None:
            self.used += time.perf_counter() - self.since
            self.since = None

    def account(self, seconds: float, *, waiting: bool) -> None:
        """A commit took so long: it is owed its share of it, less what it has had."""
        self.stop()
        if waiting or self.used:
            self.owed += self.share * seconds - self.used
            self.owed = min(max(self.owed, -MOST_OWED), MOST_OWED)
        self.used = 0.0


class Queues:
    """What waits, by priority; put from any thread, taken by the writer's.

    Args:
        limits: How much may wait, and the shares of intake and upkeep.
    """

    def __init__(self, limits: WriterLimits) -> None:
        self._limits = limits
        self._queues: tuple[deque[Change], ...] = tuple(deque() for _ in Priority)
        self._rows = [0 for _ in Priority]
        self._waiting = [0 for _ in Priority]
        self._wake = threading.Condition()
        self._closed = ""
        self._shares = {
            Priority.INTAKE: Share(limits.intake_share),
            Priority.UPKEEP: Share(limits.upkeep_share),
        }

    @property
    def closed(self) -> bool:
        """Whether no more changes are taken."""
        return bool(self._closed)

    def close(self, reason: str) -> None:
        """Take no more changes; what waits can still be taken."""
        with self._wake:
            self._closed = self._closed or reason
            self._wake.notify_all()

    def waiting(self, priority: Priority) -> int:
        """How many changes wait in a queue."""
        return self._waiting[priority]

    def rows(self, priority: Priority) -> int:
        """How many rows the changes of a queue bring."""
        return self._rows[priority]

    def put(self, change: Change) -> None:
        """Let a change wait.

        Raises:
            StoreBusy: if too many changes or rows wait.
            StoreClosed: if no more are taken.
        """
        with self._wake:
            if self._closed:
                raise StoreClosed(self._closed)
            priority = change.priority
            queue, rows = self._queues[priority], self._rows[priority] + change.rows
            waiting = self._waiting[priority]
            if waiting >= self._limits.waiting or (queue and rows > self._limits.waiting_rows):
                msg = (
                    f"{waiting} changes with {self._rows[priority]} rows are waiting to be "
                    "written; try again in a second"
                )
                raise StoreBusy(msg)
            self._rows[priority] = rows
            self._waiting[priority] = waiting + 1
            if not (queue and queue[-1].join(change)):
                queue.append(change)
                self._wake.notify()

    def wait(self, seconds: float) -> bool:
        """Wait for a change; False when none came, or none will."""
        with self._wake:
            if not any(self._queues) and not self._closed:
                self._wake.wait(seconds)
            return any(self._queues)

    def take(self, *, people_only: bool = False) -> Change | None:
        """The next change whose result somebody still wants, or None."""
        while True:
            change = self._pop(people_only=people_only)
            if change is None:
                return None
            wanted = [one for one in change.all if one.wanted()]
            if wanted:
                wanted[0].joined = wanted[1:]
                return wanted[0]

    def _pop(self, *, people_only: bool) -> Change | None:
        with self._wake:
            for share in self._shares.values():
                share.stop()
            if people_only and not self._queues[Priority.PERSON]:
                return None
            priority = Priority.PERSON if people_only else self._choose()
            if priority is None:
                return None
            if priority in self._shares:
                self._shares[priority].start()
            change = self._queues[priority].popleft()
            self._rows[priority] -= change.weight
            self._waiting[priority] -= 1 + len(change.joined)
            return change

    def _choose(self) -> Priority | None:
        """The queue whose turn it is: the most urgent, unless another was passed over for long."""
        people, intake, upkeep = self._queues
        if people:
            for priority, share in self._shares.items():
                if self._queues[priority] and share.overdue:
                    return priority
            return Priority.PERSON
        if upkeep and (not intake or self._shares[Priority.UPKEEP].due):
            return Priority.UPKEEP
        return Priority.INTAKE if intake else None

    def note_group(self, seconds: float) -> None:
        """A commit took so long."""
        for priority, share in self._shares.items():
            share.account(seconds, waiting=bool(self._queues[priority]))

    def drain(self) -> list[Change]:
        """Take all that wait, to refuse them."""
        with self._wake:
            changes = [one for queue in self._queues for change in queue for one in change.all]
            for queue in self._queues:
                queue.clear()
            self._rows = [0 for _ in Priority]
            self._waiting = [0 for _ in Priority]
        return [change for change in changes if change.wanted()]
