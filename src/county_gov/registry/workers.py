"""Threads on which plugins' sync functions run, so that one that hangs can be left behind."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field

T = TypeVar("T")
IDLE = 8
"""Threads that wait for work; further ones end after theirs."""


class Hung(Exception):
    """A call took longer than it may, and its thread was left behind."""


@define(eq=False)
class _Task:
    function: Callable[[], Any]
    context: contextvars.Context
    ended: threading.Event = field(factory=threading.Event)
    value: Any = None
    error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self.context.run(self.function)
        except BaseException as error:  # noqa: BLE001 (handed over to who asked)
            self.error = error
        finally:
            self.ended.set()


@define(eq=False)
class Workers:
    """A few threads that are kept; as many as are needed run at once."""

    _idle: list[queue.SimpleQueue[_Task | None]] = field(factory=list, init=False)
    _closed: bool = field(default=False, init=False)

    def run(self, function: Callable[[], T], seconds: float) -> T:
        """Run a function on another thread and wait for it.

        Raises:
            Hung: if it has not ended by then; its thread is left behind.
        """
        task = _Task(function, contextvars.copy_context())
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = queue.SimpleQueue()
            threading.Thread(
                target=self._work, args=(inbox,), name="plugin-call", daemon=True
            ).start()
        inbox.put(task)
        if not task.ended.wait(seconds):
            raise Hung
        if task.error is not None:
            raise task.error
        value: T = task.value
        return value

    def close(self) -> None:
        """End the threads that wait."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)

    def _work(self, inbox: queue.SimpleQueue[_Task | None]) -> None:
        while (task := inbox.get()) is not None:
            task.run()
            del task
            if self._closed or len(self._idle) >= IDLE:
                return
            self._idle.append(inbox)
