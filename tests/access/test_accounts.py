"""Signing in, and what ends it: wrong passwords, closing, changing the password."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from county_gov.access import Accounts, PasswordCost, Passwords
from county_gov.contract.access import SYSTEM, Grant, Post, Scope
from county_gov.errors import AuthenticationFailed, NotFound, RegisterError
from county_gov.registers import RegisterFile, Registers, read_people
from county_gov.store import tables
from county_gov.store.access import Person, PlannedPost, account_of, posts_of
from tests.access.conftest import WORKER, ZONE, Desk

if TYPE_CHECKING:
    from county_gov.store import Store
    from county_gov.store.access import AccountRow
    from tests.store_fixtures import StandingClock

DEMO = Path(__file__).parents[2] / "examples" / "demo_county" / "registers"
WRONG = "not the password"


def row_of(desk: Desk, login: str = "worker") -> AccountRow:
    """The account's row."""
    row = desk.store.read_now(lambda snapshot: account_of(snapshot, login=login))
    assert row is not None
    return row


async def refused(desk: Desk, login: str, password: str) -> str:
    """The words with which signing in is refused."""
    with pytest.raises(AuthenticationFailed) as refusal:
        await desk.accounts.sign_in(login, password)
    return str(refusal.value)


def outcomes(desk: Desk, action: str = "account.sign_in") -> list[str]:
    """The outcomes in the audit, first to last."""
    columns = tables.audit.c
    statement = sa.select(columns.outcome).where(columns.action == action).order_by(columns.id)
    return [row[0] for row in desk.store.read_now(lambda snapshot: snapshot.rows(statement))]


async def test_sign_in(any_desk: Desk) -> None:
    """The right password opens a session of the person, with the person's posts."""
    password = await any_desk.accounts.create(WORKER, actor=SYSTEM)

    signed_in = await any_desk.accounts.sign_in(
        "worker", password, address="10.0.0.9", agent="Firefox\n\x1b[0m"
    )
    session = await any_desk.sessions.look_up(signed_in.token)

    assert ("示范·甲", (Post("worker", "east-office", "east"),)) == (
        session.actor.name,
        session.actor.posts,
    )
    assert ("10.0.0.9", "Firefox[0m") == (session.address, session.agent)
    assert ["done"] == outcomes(any_desk)


async def test_refusals_look_alike(desk: Desk) -> None:
    """A wrong password, an unknown login, a closed and a locked account are refused in the same
    words; only the audit knows which it was.
    """
    password = await desk.accounts.create(WORKER, actor=SYSTEM)
    words = {await refused(desk, "worker", WRONG), await refused(desk, "nobody", WRONG)}
    for _ in range(4):
        words.add(await refused(desk, "worker", WRONG))
    words.add(await refused(desk, "worker", password))
    await desk.accounts.close("worker", actor=SYSTEM)
    words.add(await refused(desk, "worker", password))

    assert 1 == len(words)
    assert [
        "wrong password",
        "unknown login",
        *["wrong password"] * 3,
        "wrong password, now locked",
        "locked",
        "closed",
    ] == outcomes(desk)


async def test_unknown_login_is_not_written(desk: Desk) -> None:
    """What was typed as an unknown login may be a password: no table holds it."""
    await refused(desk, "hunter2-typed-as-login", WRONG)

    entries = await desk.store.read(lambda snapshot: snapshot.rows(sa.select(tables.audit)))

    assert 1 == len(entries)
    assert "hunter2" not in str(entries)


async def test_lock_grows_and_ends(desk: Desk, clock: StandingClock) -> None:
    """Five failures lock for a minute, the next one for two; a success forgets them."""
    password = await desk.accounts.create(WORKER, actor=SYSTEM)
    for _ in range(5):
        await refused(desk, "worker", WRONG)
    assert clock.now() + 60_000_000 == row_of(desk).locked_until
    clock.advance(seconds=59.9)
    await refused(desk, "worker", password)
    clock.advance(seconds=0.1)
    await refused(desk, "worker", WRONG)
    assert clock.now() + 120_000_000 == row_of(desk).locked_until
    clock.advance(seconds=120)

    await desk.accounts.sign_in("worker", password)

    assert (0, 0) == (row_of(desk).failures, row_of(desk).locked_until)


async def test_guesses_at_once(desk: Desk) -> None:
    """Of forty guesses sent at once only five count; the right one among the others does not."""
    password = await desk.accounts.create(WORKER, actor=SYSTEM)
    guesses = [desk.accounts.sign_in("worker", WRONG) for _ in range(39)]

    results = await asyncio.gather(
        *guesses, desk.accounts.sign_in("worker", password), return_exceptions=True
    )

    assert all(isinstance(result, AuthenticationFailed) for result in results)
    assert 5 == row_of(desk).failures
    assert 35 == outcomes(desk).count("locked")


async def test_hash_is_renewed(desk: Desk) -> None:
    """Signing in after the cost has risen stores a dearer hash."""
    password = await desk.accounts.create(WORKER, actor=SYSTEM)
    dearer = Passwords(PasswordCost(time_cost=2, memory_kib=16, parallelism=1))
    accounts = Accounts(desk.store, dearer, desk.sessions, zone=ZONE)
    try:
        await accounts.sign_in("worker", password)
        assert "m=16,t=2" in row_of(desk).password
        await accounts.sign_in("worker", password)
    finally:
        dearer.close()


async def test_closing_ends_sessions(any_desk: Desk) -> None:
    """A closed account's sessions end at once, and it can be opened again."""
    password = await any_desk.accounts.create(WORKER, actor=SYSTEM)
    signed_in = await any_desk.accounts.sign_in("worker", password)
    await any_desk.sessions.look_up(signed_in.token)

    await any_desk.accounts.close("worker", actor=SYSTEM)
    with pytest.raises(AuthenticationFailed):
        await any_desk.sessions.look_up(signed_in.token)
    await any_desk.accounts.reopen("worker", actor=SYSTEM)
    with pytest.raises(AuthenticationFailed):
        await any_desk.sessions.look_up(signed_in.token)

    await any_desk.accounts.sign_in("worker", password)


async def test_change_password(desk: Desk) -> None:
    """A changed password ends all other sessions; the old one is refused."""
    old = await desk.accounts.create(WORKER, actor=SYSTEM)
    here = await desk.accounts.sign_in("worker", old)
    elsewhere = await desk.accounts.sign_in("worker", old)
    person = desk.person("worker")
    new = "a quite different one"

    with pytest.raises(AuthenticationFailed):
        await desk.accounts.change_password(person, WRONG, new, keep=here.token)
    with pytest.raises(RegisterError, match="expected 12 to 256"):
        await desk.accounts.change_password(person, old, "short", keep=here.token)
    await desk.accounts.change_password(person, old, new, keep=here.token)

    await desk.sessions.look_up(here.token)
    with pytest.raises(AuthenticationFailed):
        await desk.sessions.look_up(elsewhere.token)
    await refused(desk, "worker", old)
    await desk.accounts.sign_in("worker", new)


async def test_set_password_unlocks(desk: Desk) -> None:
    """A password set by somebody else unlocks the account and ends its sessions."""
    old = await desk.accounts.create(WORKER, actor=SYSTEM)
    token = (await desk.accounts.sign_in("worker", old)).token
    for _ in range(5):
        await refused(desk, "worker", WRONG)

    new = await desk.accounts.set_password("worker", actor=SYSTEM)

    with pytest.raises(AuthenticationFailed):
        await desk.sessions.look_up(token)
    await desk.accounts.sign_in("worker", new)
    assert ["done"] == outcomes(desk, "account.password")


async def test_unknown_accounts(desk: Desk) -> None:
    """Who is not there cannot be closed, and a login is taken only once."""
    await desk.accounts.create(WORKER, actor=SYSTEM)

    with pytest.raises(NotFound, match="no account 'nobody'"):
        await desk.accounts.close("nobody", actor=SYSTEM)
    with pytest.raises(NotFound, match="no account 'nobody'"):
        await desk.accounts.set_password("nobody", actor=SYSTEM)
    with pytest.raises(RegisterError, match="login: 'worker' is taken"):
        await desk.accounts.create(WORKER, actor=SYSTEM)


async def test_language(desk: Desk) -> None:
    """A person's language is kept, and must be one of two."""
    await desk.accounts.create(WORKER, actor=SYSTEM)

    await desk.accounts.set_language(desk.person("worker"), "en")
    with pytest.raises(ValueError, match="expected 'zh' or 'en', got 'fr'"):
        await desk.accounts.set_language(desk.person("worker"), "fr")

    assert "en" == row_of(desk).language


async def test_posts_are_given_and_ended(desk: Desk, clock: StandingClock) -> None:
    """Posts that are mentioned are given, or ended; the same again changes nothing, and a running
    session follows at once.
    """
    two = Person("worker", "甲", "", (*WORKER.posts, PlannedPost("centre", "hall", "county")))
    password = (await desk.accounts.import_people([WORKER]))["worker"]
    token = (await desk.accounts.sign_in("worker", password)).token
    assert not (await desk.sessions.look_up(token)).actor.may("cases.close")

    assert {} == await desk.accounts.import_people([two])
    session = await desk.sessions.look_up(token)
    assert ("甲", Scope(frozenset({Grant("county")}))) == (
        session.actor.name,
        session.actor.scope("cases.close"),
    )

    today = row_day(desk)
    ended = Person("worker", "甲", "", (PlannedPost("centre", "hall", "county", None, today + 1),))
    for _ in range(2):
        await desk.accounts.import_people([ended])
    clock.advance(seconds=86_400)
    assert not desk.person("worker").may("cases.close")
    assert desk.person("worker").may("cases.report")
    assert ["done"] * 2 == outcomes(desk, "post.give")
    assert ["done"] == outcomes(desk, "post.end")


def row_day(desk: Desk) -> int:
    """The first day of the account's first post."""
    number = row_of(desk).number
    return desk.store.read_now(lambda snapshot: posts_of(snapshot, number))[0].valid_from


async def test_demonstration_people(desk: Desk, store: Store) -> None:
    """The demonstration's people get passwords once, and a login with two lines has two posts."""
    registers = Registers(store)
    names = ("areas", "units", "things", "datastreams")
    await registers.import_files(
        [RegisterFile(name, name, (DEMO / f"{name}.csv").read_bytes()) for name in names]
    )
    file = RegisterFile("accounts", "accounts.csv", (DEMO / "accounts.csv").read_bytes())
    roles = ("dispatch_centre", "grid_worker", "department_officer", "administrator")
    people = read_people(file, registers.snapshot, roles)

    first = await desk.accounts.import_people(people)
    again = await desk.accounts.import_people(people)

    assert 11 == len(first) == len({*first.values()})
    assert {} == again
    number = row_of(desk, "grid-shiguang").number
    posts = await store.read(lambda snapshot: posts_of(snapshot, number))
    assert {"990101200", "990101102201"} == {post.area for post in posts}
