"""Sessions: found cheaply, ended at once, by themselves and by their person."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.access import Sessions
from county_gov.contract.access import SYSTEM, Actor
from county_gov.errors import AuthenticationFailed
from county_gov.store import Priority, tables
from county_gov.store.access import Person
from tests.access.conftest import WORKER, Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.store import Store
    from tests.store_fixtures import StandingClock

MINUTE = 60


async def signed_in(desk: Desk, login: str = "worker") -> str:
    """A new account's token."""
    person = Person(login, f"示范·{login}", "", WORKER.posts)
    password = await desk.accounts.create(person, actor=SYSTEM)
    return (await desk.accounts.sign_in(login, password)).token


async def has_ended(desk: Desk, token: str) -> bool:
    """Whether a token is refused."""
    try:
        await desk.sessions.look_up(token)
    except AuthenticationFailed:
        return True
    return False


def count_reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A list that grows with every read of the store."""
    reads: list[object] = []
    read = store.read

    async def counted(function: Callable[..., Any]) -> Any:
        reads.append(function)
        return await read(function)

    monkeypatch.setattr(store, "read", counted)
    return reads


def seen_at(store: Store) -> int:
    """When the only session was last seen, as stored."""
    statement = sa.select(tables.sessions.c.seen_at)
    return int(store.read_now(lambda snapshot: snapshot.scalar(statement)))


async def test_only_the_hash_is_stored(any_desk: Desk) -> None:
    """A token holds 256 bits, and the store only its SHA-256."""
    token = await signed_in(any_desk)

    stored = await any_desk.store.read(
        lambda snapshot: snapshot.scalar(sa.select(tables.sessions.c.token))
    )

    assert 32 == len(base64.urlsafe_b64decode(token + "="))
    assert hashlib.sha256(token.encode()).digest() == bytes(stored)


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "\ud800", "密"])
async def test_nonsense(desk: Desk, token: str) -> None:
    """What is no token is refused like any other."""
    await signed_in(desk)

    assert await has_ended(desk, token)


async def test_idle(desk: Desk, clock: StandingClock) -> None:
    """A session that is used goes on; one that is not ends after half an hour."""
    token = await signed_in(desk)
    for _ in range(4):
        clock.advance(seconds=29 * MINUTE)
        assert not await has_ended(desk, token)

    clock.advance(seconds=30 * MINUTE)

    assert await has_ended(desk, token)


async def test_absolute(desk: Desk, clock: StandingClock) -> None:
    """After twelve hours a session ends, however much it was used."""
    token = await signed_in(desk)
    for _ in range(12 * 4 - 1):
        clock.advance(seconds=15 * MINUTE)
        assert not await has_ended(desk, token)

    clock.advance(seconds=15 * MINUTE)

    assert await has_ended(desk, token)


async def test_look_up_is_cheap(
    desk: Desk, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within five seconds a session is read once, however many requests it makes."""
    token = await signed_in(desk)
    reads = count_reads(desk.store, monkeypatch)

    for _ in range(50):
        await desk.sessions.look_up(token)
        clock.advance(seconds=0.09)
    assert 1 == len(reads)
    clock.advance(seconds=1)
    await desk.sessions.look_up(token)

    assert 2 == len(reads)


async def test_use_is_written_once_a_minute(desk: Desk, clock: StandingClock) -> None:
    """That a session is in use is written at most once a minute."""
    token = await signed_in(desk)
    start = clock.now()
    written = []
    for _ in range(13):
        clock.advance(seconds=10)
        await desk.sessions.look_up(token)
        await desk.store.write(lambda _: None, Priority.UPKEEP)
        written.append((seen_at(desk.store) - start) // 1_000_000)

    assert [0] * 5 + [60] * 6 + [120] * 2 == written


async def test_renewal_is_no_use(desk: Desk, clock: StandingClock) -> None:
    """A page that renews itself keeps no session alive."""
    token = await signed_in(desk)
    for _ in range(29):
        clock.advance(seconds=MINUTE)
        await desk.sessions.look_up(token, in_use=False)

    clock.advance(seconds=MINUTE)

    assert await has_ended(desk, token)


async def test_sign_out(any_desk: Desk) -> None:
    """Signing out ends the session at once, though it was just read."""
    token = await signed_in(any_desk)
    await any_desk.sessions.look_up(token)

    await any_desk.sessions.close(token)

    assert await has_ended(any_desk, token)


async def test_rotation(desk: Desk) -> None:
    """Signing in again from the same browser ends the session that it held."""
    password = await desk.accounts.create(WORKER, actor=SYSTEM)
    first = (await desk.accounts.sign_in("worker", password)).token
    await desk.sessions.look_up(first)

    second = (await desk.accounts.sign_in("worker", password, replaces=first)).token

    assert await has_ended(desk, first)
    assert not await has_ended(desk, second)


async def test_own_sessions(any_desk: Desk) -> None:
    """A person lists and ends the person's own sessions, and nobody else's."""
    mine, other = await signed_in(any_desk), await signed_in(any_desk, "other")
    me = (await any_desk.sessions.look_up(mine)).actor
    theirs = await any_desk.sessions.look_up(other)
    listed = await any_desk.sessions.list_of(me)

    assert [(await any_desk.sessions.look_up(mine)).id] == [one.id for one in listed]
    assert not await any_desk.sessions.revoke(me, theirs.id)
    assert not await has_ended(any_desk, other)
    assert await any_desk.sessions.revoke(me, listed[0].id)
    assert await has_ended(any_desk, mine)
    assert () == await any_desk.sessions.list_of(me)


async def test_devices_have_no_sessions(desk: Desk) -> None:
    """Only persons have sessions."""
    with pytest.raises(AuthenticationFailed, match="is no person"):
        await desk.sessions.list_of(Actor(kind="device", name="station"))


async def test_ended_sessions_are_removed(desk: Desk, clock: StandingClock) -> None:
    """The upkeep removes what has ended by itself, and nothing else."""
    await signed_in(desk)
    clock.advance(seconds=29 * MINUTE)
    token = await signed_in(desk, "other")
    clock.advance(seconds=2 * MINUTE + 1)

    assert 1 == await desk.sessions.remove_ended()
    assert 0 == await desk.sessions.remove_ended()
    assert not await has_ended(desk, token)


async def test_revocation_wins_a_race(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is revoked while it is being read is not kept in memory."""
    token = await signed_in(desk)
    read = desk.store.read

    async def slow(function: Callable[..., Any]) -> Any:
        result = await read(function)
        await desk.store.write(lambda tx: tx.after_commit(desk.sessions.forget))
        await desk.store.write(lambda tx: tx.execute(sa.delete(tables.sessions)))
        return result

    monkeypatch.setattr(desk.store, "read", slow)
    await desk.sessions.look_up(token)
    monkeypatch.setattr(desk.store, "read", read)

    assert await has_ended(desk, token)


async def test_memory_is_bounded(desk: Desk) -> None:
    """So many sessions are kept in memory, and the others are read again."""
    from county_gov.access import SessionLimits

    sessions = Sessions(desk.store, desk.sessions._actor_of, SessionLimits(cached=3))
    tokens = [await signed_in(desk, f"worker{number}") for number in range(6)]

    for _ in range(2):
        await asyncio.gather(*(sessions.look_up(token) for token in tokens))

    assert 3 == len(sessions._cache)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.integers(1, 2400), min_size=1, max_size=12))
def test_idle_time_is_kept_to_the_minute(desk: Desk, clock: StandingClock, gaps: list[int]) -> None:
    """However it is used, a session ends by idleness after 29 to 30 minutes, never later."""

    async def use() -> None:
        await desk.store.write(lambda tx: tx.execute(sa.delete(tables.accounts)))
        token = await signed_in(desk)
        for gap in gaps:
            clock.advance(seconds=gap)
            ended = await has_ended(desk, token)
            assert ended or gap < 30 * MINUTE
            assert not ended or gap > 29 * MINUTE
            if ended:
                return

    asyncio.run(use())
