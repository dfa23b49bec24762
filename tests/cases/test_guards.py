"""Guards are called apart from everything else, and cannot harm more than their own event."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from county_gov.cases.guards import STUCK_LIMIT, GuardKeeper
from county_gov.contract.access import SYSTEM
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView
from county_gov.errors import EventNotAllowed
from tests.cases.world import WORKFLOW

if TYPE_CHECKING:
    from county_gov.contract.workflow import Guard

CASE = CaseView("1", "N", "demo.smoke", "waiting", 1, "990101", "t", "s", 0, {})


async def ask(keeper: GuardKeeper, *guards: Guard) -> None:
    """Ask some guards about an event."""
    await keeper.ask(evolve(WORKFLOW.events[0], guards=guards), CASE, SYSTEM, {})


async def test_the_first_guard_that_objects_speaks() -> None:
    """Guards are asked in their order, and after an objection no more."""
    asked: list[str] = []

    def guard(name: str, words: Text | None) -> Any:
        def call(*_: object) -> Text | None:
            asked.append(name)
            return words

        return call

    with pytest.raises(EventNotAllowed) as caught:
        await ask(GuardKeeper(), guard("a", None), guard("b", Text("否")), guard("c", None))
    assert (["a", "b"], "guard", "否") == (asked, caught.value.code, caught.value.zh)


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(1), StopIteration(), KeyboardInterrupt()]
)
async def test_whatever_a_guard_raises_refuses_its_event(error: BaseException) -> None:
    """Even an exit of the interpreter is only a refusal."""

    def guard(*_: object) -> Text | None:
        raise error

    with pytest.raises(EventNotAllowed, match=type(error).__name__) as caught:
        await ask(GuardKeeper(), guard)
    assert "guard_failed" == caught.value.code


@pytest.mark.parametrize("answer", [True, False, "", "no", 0])
async def test_an_answer_that_is_no_text_refuses(answer: object) -> None:
    """A guard that answers something else has failed: it is not taken for yes."""

    def guard(*_: object) -> Any:
        return answer

    with pytest.raises(EventNotAllowed, match="expected a Text or None"):
        await ask(GuardKeeper(), guard)


async def test_a_guard_that_hangs_is_left_behind_and_then_not_called() -> None:
    """After a few hanging calls the guard is not called until one of them comes back."""
    release, calls = threading.Event(), []

    def guard(*_: object) -> Text | None:
        calls.append(1)
        release.wait(60)
        return None

    keeper = GuardKeeper(seconds=0.02)
    for _ in range(STUCK_LIMIT + 2):
        with pytest.raises(EventNotAllowed) as caught:
            await ask(keeper, guard)
        assert "guard_failed" == caught.value.code
    assert STUCK_LIMIT == len(calls)
    keeper.seconds = 30
    await ask(keeper, lambda *_: None)
    release.set()
    async with asyncio.timeout(60):
        while True:
            try:
                await ask(keeper, guard)
            except EventNotAllowed:
                await asyncio.sleep(0)
            else:
                break
