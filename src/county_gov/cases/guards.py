"""Guards are a plugin's code: each is called on a thread of its own, with a time limit.

A thread cannot be ended from outside. A guard that hangs leaves its thread behind; after
`STUCK_LIMIT` of them the guard is not called again until one comes back, and its event is refused.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from attrs import define, field

from county_gov.contract.text import Text
from county_gov.errors import EventNotAllowed

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.schema import Value
    from county_gov.contract.workflow import CaseView, Event, Guard

log = structlog.get_logger(__name__)
STUCK_LIMIT = 3


@define(eq=False)
class _Call:
    """One call on its way; ``answer`` is (value, error), settled on the loop that asked."""

    loop: asyncio.AbstractEventLoop
    function: Callable[[], object]
    answer: asyncio.Future[tuple[object, BaseException | None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.answer = self.loop.create_future()

    def run(self) -> None:
        value: object = None
        error: BaseException | None = None
        try:
            value = self.function()
        except BaseException as raised:  # noqa: BLE001 (handed over to who asked, and recorded)
            error = raised
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            self.loop.call_soon_threadsafe(self.answer.set_result, (value, error))


@define(eq=False)
class GuardKeeper:
    """Calls guards so that none can harm more than its own event.

    Args:
        seconds: How long one guard may take.
    """

    seconds: float = 2.0
    _stuck: Counter[str] = field(factory=Counter, init=False)

    async def ask(
        self, event: Event, case: CaseView, actor: Actor, data: Mapping[str, Value]
    ) -> None:
        """Ask an event's guards in their order; the first that objects forbids the event.

        Raises:
            EventNotAllowed: with code "guard" and the guard's words, or with code "guard_failed"
                where a guard raised, hung, or gave something else than a `Text` or None.
        """
        for guard in event.guards:
            words = await self._answer(guard, event, case, actor, data)
            if words is not None:
                raise EventNotAllowed(
                    f"{event.id!r} is not possible: {words}",
                    code="guard",
                    zh=words.zh,
                    en=words.en,
                )

    async def _answer(
        self, guard: Guard, event: Event, case: CaseView, actor: Actor, data: Mapping[str, Value]
    ) -> Text | None:
        name = guard_name(guard)
        if self._stuck[name] >= STUCK_LIMIT:
            raise self._failed(event, name, "still hangs from earlier calls", case)
        call = _Call(asyncio.get_running_loop(), lambda: guard(case, actor, data))
        threading.Thread(target=call.run, name=f"guard-{name}", daemon=True).start()
        done, _ = await asyncio.wait({call.answer}, timeout=self.seconds)
        if not done:
            self._note_late(name, call)
            raise self._failed(event, name, f"did not answer within {self.seconds:g} s", case)
        value, error = call.answer.result()
        if error is not None:
            raise self._failed(event, name, f"raised {type(error).__name__}: {error}", case)
        if value is not None and not isinstance(value, Text):
            raise self._failed(event, name, f"gave {value!r}; expected a Text or None", case)
        return value

    def _note_late(self, name: str, call: _Call) -> None:
        self._stuck[name] += 1

        def came_back(_answer: asyncio.Future[tuple[object, BaseException | None]]) -> None:
            self._stuck[name] -= 1

        call.answer.add_done_callback(came_back)

    def _failed(self, event: Event, name: str, what: str, case: CaseView) -> EventNotAllowed:
        log.error("guard failed", guard=name, event_id=event.id, case=case.id, problem=what)
        return EventNotAllowed(
            f"{event.id!r} is refused: its guard {name} {what}; tell the plugin's keeper",
            code="guard_failed",
        )


def guard_name(guard: object) -> str:
    """The name under which a guard is spoken of."""
    return str(getattr(guard, "__qualname__", None) or type(guard).__qualname__)
