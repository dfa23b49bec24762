"""Checks of notifiers: a receipt for each message, and the same message twice counts once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from county_gov.contract.notifier import Message, Notifier, Receipt
from county_gov.testing.conformance.check import Check, Subject, require
from county_gov.testing.conformance.running import (
    attempt,
    empty_context,
    end_when_cancelled,
)
from county_gov.testing.fakes.context import NOON, FakeContext

RESULTS = ("sent", "later", "refused")
MESSAGES = tuple(
    Message(f"check-key-{number}", f"user-{number}", "标题 Subject", "正文\nBody", "1", NOON)
    for number in range(3)
)


def notifier_checks(subject: Subject) -> Iterator[Check]:
    """Checks of each notifier."""
    for notifier in subject.declared("notifiers"):
        for name, (question, look) in CHECKS.items():
            yield Check(
                f"notifier:{notifier.id}:{name}", question, partial(look, subject, notifier)
            )


def _sent(
    notifier: Notifier, context: FakeContext, messages: tuple[Message, ...]
) -> tuple[Receipt, ...]:
    found: object = attempt(lambda: notifier.send(context, messages))
    return tuple(found) if isinstance(found, tuple | list) else ()


def _receipts(subject: Subject, notifier: Notifier) -> None:
    for answers in (True, False):
        context = empty_context(subject, answers=answers)
        found: object = attempt(partial(notifier.send, context, MESSAGES))
        if found is None:
            continue
        require(isinstance(found, tuple), f"send gave {type(found).__name__}; expected a tuple")
        known = {one.key for one in MESSAGES}
        seen: list[str] = []
        for one in found if isinstance(found, tuple) else ():
            require(
                isinstance(one, Receipt) and one.result in RESULTS,
                f"gave {one!r}; expected a Receipt: {', '.join(RESULTS)}",
            )
            require(one.key in known, f"a receipt for {one.key!r}, which was not handed over")
            require(one.key not in seen, f"two receipts for {one.key!r}")
            seen.append(one.key)


def _empty(subject: Subject, notifier: Notifier) -> None:
    found = _sent(notifier, empty_context(subject, answers=True), ())
    require(not found, f"no message gave {len(found)} receipts")


def _idempotent(subject: Subject, notifier: Notifier) -> None:
    context = empty_context(subject, answers=True)
    message = MESSAGES[:1]
    first = _sent(notifier, context, message)
    requests = len(context.http.requests)
    again = _sent(notifier, context, message)
    results = [[one.result for one in receipts] for receipts in (first, again)]
    require(
        results[0] == results[1] or "refused" not in results[1],
        f"the same message again is {results[1]}, after {results[0]}: it was sent, so say so",
    )
    for one in context.http.requests[requests:]:
        carried = f"{one.url}{dict(one.headers)}{one.body.decode(errors='replace')}"
        require(
            message[0].key in carried,
            f"{one.method} {one.url} is sent a second time without the message's key, so the"
            " receiver cannot drop it: send the key along, or remember it in ctx.notes",
        )


def _cancellation(subject: Subject, notifier: Notifier) -> None:
    async def start(context: Any) -> object:  # noqa: ANN401 (a stalling context)
        return await notifier.send(context, MESSAGES)

    end_when_cancelled(start, empty_context(subject, answers=True))


CHECKS: dict[str, tuple[str, Callable[[Subject, Notifier], None]]] = {
    "receipts": ("Does it give a receipt for each message, and for no other?", _receipts),
    "empty": ("Does it take no messages at all?", _empty),
    "idempotent": ("Does the same message, handed over twice, count once?", _idempotent),
    "cancellation": ("Does it end when it is cancelled?", _cancellation),
}
