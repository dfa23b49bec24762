"""Reads what a plugin's process says, and believes none of it before it was checked."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from attrs import define, field

from county_gov.errors import ContractError, PluginFailed, Problem
from county_gov.registry.isolation import channel as kinds
from county_gov.registry.isolation.life import Call, Life
from county_gov.registry.isolation.output import Output
from county_gov.registry.isolation.sender import MOST_ANSWERS
from county_gov.registry.isolation.service import Service
from county_gov.registry.isolation.wire import Function, Unpacker
from county_gov.registry.registry import DECLARATIONS, EVENTS
from county_gov.registry.shape import Shapes, require

log = structlog.get_logger(__name__)

MOST_WORDS = 200
"""Messages a second that a process may send without having been asked."""
LOG_BYTES = 65_536
"""Longest entry of its log."""

Question = tuple[int, str, tuple[Any, ...], dict[str, Any]]
"""Number of a call, the method that its context asks for, and its arguments."""
LogEntry = tuple[str, str, Mapping[str, str]]
HELLO: Mapping[str, Any] = {
    "problems": tuple[Problem, ...],
    "declared": Mapping[str, tuple[object, ...]],
    "failed": Mapping[str, str],
    "events": tuple[str, ...],
    "requires": Mapping[str, str],
}
"""What a plugin declares, by the names of its parts."""


@define(eq=False)
class Hearing:
    """Hears one process out.

    Args:
        life: The process.
        calls: The calls under way, by number.
        shapes: Knows the contract's types.
        output: Where its log is written.
        function: Makes a function of a reference and the field that it stands in.
        greet: Called with what it declares, and a digest of that.
    """

    life: Life
    calls: Mapping[int, Call]
    shapes: Shapes
    output: Output
    function: Callable[[str, str], Function]
    greet: Callable[[Mapping[str, Any], bytes], None]
    _words: int = field(default=0, init=False)
    _since: float = field(factory=time.monotonic, init=False)

    def read(self) -> None:
        """Read until the process ends.

        Raises:
            Closed: when it has ended.
            ContractError: if it says what may not be said.
            TooLong: if it says too much at once.
        """
        while True:
            if not self._hear(*self.life.channel.receive()):
                self._words += 1
            if self._words > MOST_WORDS:
                # Left unread, its pipe fills up, and it waits.
                time.sleep(max(0.0, self._since + 1.0 - time.monotonic()))
                self._words, self._since = 0, time.monotonic()

    def _hear(self, kind: int, number: int, tree: memoryview, buffers: memoryview) -> bool:
        """Deal with a message; returns whether it was waited for."""
        unpacker = Unpacker(buffers, self.function, self.shapes)
        if kind in (kinds.RESULT, kinds.ERROR, kinds.ITEM, kinds.END):
            return self._answered(kind, self.calls.get(number), unpacker, tree)
        if kind == kinds.ASK:
            self._asked(number, unpacker.value(tree))
        elif kind == kinds.LOG:
            self._logged(unpacker.value(tree), len(tree) + len(buffers))
        elif kind == kinds.CLOSED and self.life.closed is None:
            closed = unpacker.value(tree)
            require(closed, Mapping[str, int | bool], "what was closed to it")
            self.life.closed = closed
        elif kind == kinds.HELLO and not self.life.hello.done():
            digest = hashlib.sha256(tree)
            digest.update(buffers)
            self.greet(_greeting(unpacker.value(tree)), digest.digest())
            return True
        else:
            raise ContractError(f"a message of kind {kind} was not asked for")
        return False

    def _answered(self, kind: int, call: Call | None, unpacker: Unpacker, tree: memoryview) -> bool:
        if call is None or call.answer.done():
            return False  # its caller has given up
        try:
            value = unpacker.value(tree)
        except ContractError as error:
            value, kind = (
                PluginFailed(f"its result does not fit the contract: {error}"),
                kinds.ERROR,
            )
        if kind != kinds.ITEM:
            if kind == kinds.ERROR and not isinstance(value, BaseException):
                value = PluginFailed("it failed, and said nothing of why")
            call.settle(value)
            return True
        if call.items is None or call.loop is None or call.wanted < 1:
            raise ContractError("an item was not asked for")
        call.wanted -= 1
        with contextlib.suppress(RuntimeError):  # its loop was closed: nobody waits any more
            call.loop.call_soon_threadsafe(call.items.put_nowait, value)
        return True

    def _logged(self, entry: object, size: int) -> None:
        require(entry, LogEntry, "an entry of its log")
        if size > LOG_BYTES:
            raise ContractError(f"an entry of its log has {size} bytes; at most {LOG_BYTES}")
        self.output.tell(*entry)  # type: ignore[misc] # it was checked in the line before

    def _asked(self, number: int, told: object) -> None:
        """Answer a question on the loop of the call that it belongs to."""
        require(told, Question, "a question")
        question: Question = told  # type: ignore[assignment] # it was checked in the line before
        call = self.calls.get(question[0])
        if call is None or call.service is None or call.loop is None:
            self._reply(number, PluginFailed("the call is over"))
            return
        answer = self._answer(number, call.service, question)
        try:
            asyncio.run_coroutine_threadsafe(answer, call.loop)
        except RuntimeError:  # its loop was closed
            answer.close()
            self._reply(number, PluginFailed("the call is over"))

    async def _answer(self, number: int, service: Service, question: Question) -> None:
        _call, path, arguments, keywords = question
        value: object = PluginFailed(f"{path}: the county gave up answering")
        try:
            value = await service.answer(path, arguments, keywords)
        except Exception as error:
            if self.output.budget.take():
                log.exception("a plugin's question failed", plugin=self.life.name, asked=path)
            value = PluginFailed(f"{path}: the county failed: {type(error).__name__}")
        finally:
            self._reply(number, value)

    def _reply(self, number: int, value: object) -> None:
        def refused(error: PluginFailed) -> None:
            self._reply(number, error)

        try:
            self.life.sender.put(kinds.ANSWER, number, value, refused=refused, most=MOST_ANSWERS)
        except PluginFailed as error:
            self.life.end(f"it asks, and does not read the answers: {error}")


def _greeting(hello: Any) -> Mapping[str, Any]:
    """What a plugin declares, checked as far as the registry does not.

    Raises:
        ContractError: naming what is missing or wrong.
    """
    require(hello, Mapping[str, object], "what it declares")
    for name, hint in HELLO.items():
        if name not in hello and not hello.get("problems"):
            raise ContractError(f"what it declares lacks {name!r}")
        if name in hello:
            require(hello[name], hint, f"what it declares, {name}")
    unknown = {*hello.get("declared", ()), *hello.get("failed", ())} - set(DECLARATIONS)
    unknown |= set(hello.get("events", ())) - set(EVENTS)
    if unknown:
        raise ContractError(f"it declares {min(unknown)!r:.80}, which is no hook")
    found: Mapping[str, Any] = hello
    return found
