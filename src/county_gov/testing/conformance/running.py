"""Running async contributions: with nothing there, twice, and until they are cancelled."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from typing import Any, TypeVar

from attrs import frozen

from county_gov.contract.access import Actor
from county_gov.contract.context import HttpAnswer
from county_gov.errors import CountyGovError
from county_gov.testing.conformance.check import Nonconformity, Subject, require
from county_gov.testing.fakes.context import FakeContext
from county_gov.testing.fakes.http import FakeHttp
from county_gov.testing.fakes.records import FakeRecords

T = TypeVar("T")
SPINS = 100
"""Turns of the loop after which a contribution has come to where it waits."""
PATIENCE = 2.0
"""Seconds that it may take to end once it is cancelled."""
SECONDS = 20.0
PERSON = Actor("person", "检查", 1)


def empty_context(subject: Subject, *, answers: bool = False) -> FakeContext:
    """A context in which nothing is there yet.

    Args:
        subject: What is checked.
        answers: Whether other servers answer (200, an empty object) instead of being refused.
    """
    otherwise = HttpAnswer(200, {"content-type": "application/json"}, b"{}") if answers else None
    return FakeContext(
        config=getattr(subject.plugin.instance, "config", None),
        records=FakeRecords([*subject.declared("datasets"), *subject.datasets]),
        http=FakeHttp(otherwise=otherwise),
        actor=PERSON,
    )


def finish(start: Callable[[], Awaitable[T]]) -> T:
    """The result of an async contribution.

    Raises:
        Nonconformity: if it does not end.
    """

    async def work() -> T:
        async with asyncio.timeout(SECONDS):
            return await start()

    try:
        return asyncio.run(work())
    except TimeoutError as error:
        raise Nonconformity(f"no end within {SECONDS:g} s") from error


def attempt(start: Callable[[], Awaitable[T]]) -> T | None:
    """As `finish`; None where it is refused with one of the errors of the contract.

    Raises:
        Nonconformity: if it raises anything else.
    """
    try:
        return finish(start)
    except (Nonconformity, CountyGovError) as error:
        if isinstance(error, Nonconformity):
            raise
        return None
    except Exception as error:
        raise Nonconformity(
            f"raised {type(error).__name__}: {error}; expected a result, or an error of"
            " county_gov.api"
        ) from error


async def drain(stream: AsyncIterator[T], most: int = 1000) -> list[T]:
    """What an async generator yields, at most so much."""
    found: list[T] = []
    async for one in stream:
        found.append(one)
        if len(found) == most:
            break
    return found


def require_same_keys(context: FakeContext, first: Collection[str]) -> None:
    """Fail unless what was done the second time had keys of the first time.

    Args:
        context: Where both were done.
        first: The keys that had been used after the first time.
    """
    new = [one for one in context.used_keys() if one not in set(first)]
    require(
        not new,
        f"done a second time it uses other idempotency keys ({', '.join(new[:3])}), so it happens"
        " twice: make the key of what it is done for, not of the clock or of chance",
    )


@frozen(eq=False)
class Stalling:
    """Stands in front of a context: whatever is awaited never comes."""

    inner: object

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any attribute)
        found = getattr(self.inner, name)
        if inspect.iscoroutinefunction(found):
            return _never
        plain = isinstance(found, str | int | float | bool | tuple | dict | list | None)
        if plain or callable(found) or name in ("config", "clock", "log", "actor"):
            return found
        return Stalling(found)


async def _never(*_arguments: object, **_named: object) -> None:
    await asyncio.Event().wait()


def end_when_cancelled(
    start: Callable[[Any], Coroutine[Any, Any, object]], context: object
) -> None:
    """Cancel a contribution where it waits, and see that it ends.

    Raises:
        Nonconformity: if it goes on, or takes the cancellation for an ordinary end.
    """
    asyncio.run(_cancel(start, Stalling(context)))


async def _cancel(start: Callable[[Any], Coroutine[Any, Any, object]], context: Stalling) -> None:
    work = start(context)
    task = asyncio.create_task(work)
    for _turn in range(SPINS):
        await asyncio.sleep(0)
        if task.done():
            task.exception()
            return
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE)
    if not task.done():
        work.close()
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE)
        raise Nonconformity(
            f"goes on {PATIENCE:g} s after it was cancelled: let CancelledError pass"
        )
    if task.cancelled():
        return
    error = task.exception()
    require(
        error is not None,
        "takes its cancellation for an ordinary end: let CancelledError pass",
    )
    raise Nonconformity(f"raised {type(error).__name__} when it was cancelled: {error}")
