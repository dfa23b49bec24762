"""Which plugin's code runs on which thread just now, and since when."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import structlog
from attrs import define, field

T = TypeVar("T")
log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25
STEP_SECONDS = 1.0
"""So long an async function may keep the event loop from one await to the next."""


@define(eq=False)
class Visit:
    """A plugin's code on a thread.

    Args:
        plugin, what: Whose, and for which purpose.
        seconds: How long it may stay.
        step: Whether it is a step of an async function, on the event loop.
        outer: The visit that it interrupted on the same thread.
    """

    plugin: str
    what: str
    seconds: float
    step: bool = False
    outer: Visit | None = None
    since: float = field(factory=time.monotonic)
    overdue: bool = False


@define(eq=False)
class Visits:
    """The visits of all threads."""

    _now: dict[int, Visit] = field(factory=dict, init=False)

    @contextmanager
    def of(self, plugin: str, what: str, seconds: float, *, step: bool = False) -> Iterator[Visit]:
        """Note that a plugin's code runs on this thread."""
        thread = threading.get_ident()
        visit = Visit(plugin, what, seconds, step, self._now.get(thread))
        self._now[thread] = visit
        try:
            yield visit
        finally:
            if visit.outer is None:
                del self._now[thread]
            else:
                self._now[thread] = visit.outer

    def plugin_here(self) -> str:
        """The plugin whose code runs on this thread, or an empty text."""
        visit = self._now.get(threading.get_ident())
        return visit.plugin if visit else ""

    def snapshot(self) -> Mapping[int, Visit]:
        """Thread and visit, as they are now."""
        return dict(self._now)


@define(eq=False)
class Steps(Generic[T]):
    """An awaitable whose steps are noted, each from one await to the next."""

    visits: Visits
    plugin: str
    what: str
    work: Awaitable[T]
    late: Callable[[Visit], None]
    """Called after a step that took too long."""

    def __await__(self) -> Generator[Any, Any, T]:
        inner = _awaited(self.work).__await__()
        value: Any = None
        error: BaseException | None = None
        while True:
            with self.visits.of(self.plugin, self.what, STEP_SECONDS, step=True) as visit:
                try:
                    yielded = inner.send(value) if error is None else inner.throw(error)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                finally:
                    if visit.overdue:
                        self.late(visit)
            value = error = None
            try:
                value = yield yielded
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as raised:  # noqa: BLE001 (handed on to the plugin's function)
                error = raised


async def _awaited(work: Awaitable[T]) -> T:
    return await work


class Watch:
    """A thread that looks whether a plugin's code stays longer than it may.

    Args:
        visits: What runs.
        overdue: Called once for each visit that is too long, with where it is.
    """

    def __init__(self, visits: Visits, overdue: Callable[[Visit, str], None]) -> None:
        self._visits = visits
        self._overdue = overdue
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plugin-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Look once."""
        now = time.monotonic()
        for thread, visit in self._visits.snapshot().items():
            if not visit.overdue and now - visit.since > visit.seconds:
                visit.overdue = True
                self._overdue(visit, where(thread))


def where(thread: int) -> str:
    """File, line and function at which a thread is."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 (the documented way)
    if frame is None:
        return "an unknown place"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
