"""Delivery: at least once, with back-off, and no channel harms another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
import sqlalchemy as sa
import structlog
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.access import Actor
from county_gov.contract.notifier import Message, Notifier, Receipt
from county_gov.contract.text import Text
from county_gov.notify import DeliverySettings, Outbox, log_notifier
from county_gov.store import Store, tables
from county_gov.store import outbox as letters
from tests.store_fixtures import StandingClock

if TYPE_CHECKING:
    from county_gov.contract.context import Context
    from county_gov.store.outbox import Letter

Send = Callable[[Any, tuple[Message, ...]], Awaitable[tuple[Receipt, ...]]]
SETTINGS = DeliverySettings(seconds=0.2, attempts=3, first_delay=10, patience=10)


@frozen
class FakeContext:
    """As much of a context as the core's channels use."""

    clock: StandingClock
    log: Any = structlog.get_logger("tests")


def channel(name: str, send: Send, *, outside: bool = True) -> Notifier:
    """Give a channel."""
    return Notifier(id=name, title=Text("道"), send=send, outside=outside)


def outbox(store: Store, *channels: Notifier, settings: DeliverySettings = SETTINGS) -> Outbox:
    """Give an outbox with these channels."""
    context = cast("Context", FakeContext(cast("StandingClock", store.clock)))
    return Outbox(
        store,
        {one.id: one for one in channels},
        lambda _: context,
        chance=random.Random(1),
        settings=settings,
    )


def state_of(store: Store) -> dict[str, tuple[str, int]]:
    """Read state and attempts of each letter by key."""
    found = all_letters(store)
    return {one.key: (one.state, one.attempts) for one in found}


def all_letters(store: Store) -> list[Letter]:
    """Read all letters."""
    return store.read_now(lambda s: letters.list_letters(s, limit=500))[0]


def answering(result: Any, sent: list[Message] | None = None) -> Send:
    """Give a channel's ``send`` that answers every message alike."""

    async def send(_ctx: object, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
        if sent is not None:
            sent.extend(messages)
        return tuple(Receipt(one.key, result, "said so") for one in messages)

    return send


async def test_what_is_due_is_sent_once(store: Store) -> None:
    """A sent letter is not sent again, and the channel got what was queued."""
    sent: list[Message] = []
    box = outbox(store, channel("a", answering("sent", sent)))
    await box.post("chen", subject="题", body="文", key="k", drill=False)
    await box.post("chen", subject="题", body="文", key="k")
    assert (1, 0) == (await box.deliver_due(), await box.deliver_due())
    now = store.clock.now()
    assert [Message("k:a", "chen", "题", "文", created_at=now)] == sent
    assert {"k:a": ("sent", 1)} == state_of(store)


async def test_later_backs_off_until_the_letter_is_dead(store: Store, clock: StandingClock) -> None:
    """Delays double with jitter; after the last attempt the letter is dead and listed."""
    box = outbox(store, channel("a", answering("later")))
    await box.post("chen", subject="s", body="b", key="k")
    for attempt, (shortest, longest) in enumerate([(5, 10), (10, 20)], 1):
        assert 1 == await box.deliver_due()
        (letter,) = all_letters(store)
        assert ("pending", attempt) == (letter.state, letter.attempts)
        assert shortest <= (letter.next_attempt_at - clock.now()) / 1e6 <= longest
        assert 0 == await box.deliver_due()
        clock.instant = letter.next_attempt_at
    assert 1 == await box.deliver_due()
    dead, total = await box.dead()
    assert ([("k:a", "said so")], 1) == ([(one.key, one.detail) for one in dead], total)


async def test_refused_is_dead_at_once_and_a_person_may_send_it_again(store: Store) -> None:
    """A requeued letter starts anew under its key, and the audit trail says who did it."""
    results = iter(["refused", "sent"])
    keys: list[str] = []

    async def send(_ctx: object, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
        keys.extend(one.key for one in messages)
        return (Receipt(messages[0].key, cast("Any", next(results))),)

    box = outbox(store, channel("a", send))
    await box.post("chen", subject="s", body="b", key="k")
    await box.deliver_due()
    (letter,), _ = await box.dead()
    clerk = Actor(kind="person", name="冷庚", account=7)
    assert (letter.id,) == await box.requeue([letter.id, 99], actor=clerk)
    await box.deliver_due()
    assert {"k:a": ("sent", 1)} == state_of(store)
    assert ["k:a", "k:a"] == keys
    columns = tables.audit.c
    row = store.read_now(lambda s: s.first(sa.select(columns.actor, columns.action)))
    assert ("冷庚", "notice.requeue") == row


async def raising(_ctx: object, _messages: object) -> tuple[Receipt, ...]:
    """Stand for a channel that fails."""
    raise ZeroDivisionError("1/0")


async def hanging(_ctx: object, _messages: object) -> tuple[Receipt, ...]:
    """Stand for a channel that never answers."""
    await asyncio.Event().wait()
    return ()


def giving(value: object) -> Send:
    """Stand for a channel that gives something else than it should."""

    async def send(_ctx: object, _messages: object) -> tuple[Receipt, ...]:
        return cast("tuple[Receipt, ...]", value)

    return send


@pytest.mark.parametrize(
    ("send", "detail"),
    [
        (raising, "ZeroDivisionError: 1/0"),
        (hanging, "no answer within 0.2 s"),
        (giving(None), "expected a tuple"),
        (giving(("sent",)), "expected a receipt"),
        (giving((Receipt("k:a", cast("Any", "perhaps")),)), "expected a receipt"),
        (giving(()), "no receipt"),
        (giving((Receipt("other", "sent"),)), "no receipt"),
        (answering("later\n"), "expected a receipt"),
    ],
    ids=[
        "raises",
        "hangs",
        "none",
        "texts",
        "unknown result",
        "no receipts",
        "of another",
        "unclean result",
    ],
)
async def test_a_channel_that_fails_harms_no_other(store: Store, send: Send, detail: str) -> None:
    """Whatever a channel does counts as "later" for its own letters only."""
    box = outbox(store, channel("a", send), channel("b", answering("sent")))
    await box.post("chen", subject="s", body="b", key="k")
    assert 2 == await box.deliver_due()
    assert {"k:a": ("pending", 1), "k:b": ("sent", 1)} == state_of(store)
    assert any(detail in one.detail for one in all_letters(store) if one.key == "k:a")
    await box.close()


async def test_a_slow_channel_holds_up_nobody(store: Store) -> None:
    """While one channel is at work the others go on, and the slow one gets no second batch."""
    release, calls = asyncio.Event(), []

    async def slow(_ctx: object, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
        calls.append(len(messages))
        await release.wait()
        return tuple(Receipt(one.key, "sent") for one in messages)

    settings = DeliverySettings(seconds=60, patience=0.05)
    box = outbox(store, channel("a", slow), channel("b", answering("sent")), settings=settings)
    async with asyncio.timeout(60):
        for key in ("k", "l"):
            await box.post("chen", subject="s", body="b", key=key)
            while state_of(store)[f"{key}:b"][0] != "sent":
                await box.deliver_due()
        assert [1] == calls
        assert {("pending", 1), ("pending", 0)} == {
            state for key, state in state_of(store).items() if key.endswith(":a")
        }
        release.set()
        while {"sent"} != {state for state, _ in state_of(store).values()}:
            await box.deliver_due()
    assert [1, 1] == calls


async def test_a_channel_that_will_not_be_cancelled_is_left_alone(store: Store) -> None:
    """A call that outlives its time limit is not joined by a second one."""
    release, calls = asyncio.Event(), []

    async def stubborn(_ctx: object, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
        calls.append(len(messages))
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return ()

    settings = DeliverySettings(seconds=0.05, first_delay=0.0, patience=10)
    box = outbox(store, channel("a", stubborn), settings=settings)
    await box.post("chen", subject="s", body="b", key="k")
    for _ in range(3):
        await box.deliver_due()
    assert [1] == calls
    release.set()
    await box.close()


async def test_a_drill_stays_inside(store: Store) -> None:
    """A channel that leaves the house gets nothing of a drill; one inside gets it marked."""
    out: list[Message] = []
    inside: list[Message] = []
    box = outbox(
        store,
        channel("out", answering("sent", out)),
        channel("in", answering("sent", inside), outside=False),
    )
    await box.post("chen", subject="s", body="b", key="k", drill=True)
    assert 2 == await box.deliver_due()
    assert ([], [True]) == (out, [one.drill for one in inside])
    assert {"k:out": ("withheld", 1), "k:in": ("sent", 1)} == state_of(store)


async def test_letters_of_a_channel_that_is_gone_become_dead_letters(
    store: Store, clock: StandingClock
) -> None:
    """Nothing disappears when a channel is taken out of the settings."""
    await outbox(store, channel("a", raising)).post("chen", subject="s", body="b", key="k")
    box = outbox(store)
    for _ in range(3):
        await box.deliver_due()
        clock.advance(seconds=10_000)
    (letter,), _ = await box.dead()
    assert "not enabled" in letter.detail


async def test_after_a_crash_between_sending_and_recording_it_is_sent_again(
    store: Store, clock: StandingClock
) -> None:
    """At least once: the lease of a worker that died ends, and the same key goes out again."""
    sent: list[Message] = []
    box = outbox(store, channel("a", answering("sent", sent)))
    await box.post("chen", subject="s", body="b", key="k")
    lease = clock.now() + 60_000_000
    await store.write(
        lambda tx: letters.claim(tx, "a", now=clock.now(), lease_until=lease, limit=9)
    )
    assert 0 == await box.deliver_due()
    clock.instant = lease
    assert 1 == await box.deliver_due()
    assert [2] == [one.attempt for one in sent]


async def test_two_workers_share_the_letters(store: Store) -> None:
    """Each letter is sent by one of them."""
    sent: list[Message] = []
    boxes = [outbox(store, channel("a", answering("sent", sent))) for _ in range(2)]
    for number in range(50):
        await boxes[0].post("chen", subject="s", body="b", key=str(number))
    while sum(await asyncio.gather(*(box.deliver_due() for box in boxes))):
        pass
    assert sorted(f"{number}:a" for number in range(50)) == sorted(one.key for one in sent)


async def test_what_a_channel_says_is_stored_as_one_short_line(store: Store) -> None:
    """Control characters of a channel's answer do not reach the log or the page."""

    async def send(_ctx: object, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
        return (Receipt(messages[0].key, "refused", "a\x1b[31m\n\ud800" + "b" * 500),)

    box = outbox(store, channel("a", send))
    await box.post("chen", subject="s", body="b", key="k")
    await box.deliver_due()
    (letter,), _ = await box.dead()
    assert letter.detail.isprintable()
    assert 200 == len(letter.detail)


async def test_the_log_channel_writes_a_line_without_the_body(store: Store) -> None:
    """Key, recipient and subject are logged; the body may hold personal data and is not."""
    box = outbox(store, log_notifier())
    with structlog.testing.capture_logs() as lines:
        await box.post("chen", subject="题", body="秘密", key="k", drill=True)
        await box.deliver_due()
    (line,) = [one for one in lines if one["event"] == "notice"]
    assert ("k:core.log", "chen", "题", True) == (
        line["key"],
        line["recipient"],
        line["subject"],
        line["drill"],
    )
    assert "秘密" not in str(lines)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_delays_stay_within_their_bounds(attempts: int, drawn: float) -> None:
    """However many attempts there were, the delay is between half the first and the longest."""

    class Drawn:
        def random(self) -> float:
            """Give the number drawn."""
            return drawn

    settings = DeliverySettings()
    delay = settings.delay(attempts, Drawn())
    assert settings.first_delay / 2 <= delay <= settings.longest_delay
