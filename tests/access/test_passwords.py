"""Passwords are hashed with Argon2id, renewed when its cost rises, and never told."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.access import Lockout, PasswordCost, Passwords
from county_gov.access.passwords import LETTERS, MOST_WAITING, check_password, generate_password
from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import RegisterError, StoreBusy

if TYPE_CHECKING:
    from collections.abc import Iterator

CHEAP = PasswordCost(time_cost=1, memory_kib=8, parallelism=1)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    """Give a cheap hasher."""
    made = Passwords(CHEAP)
    yield made
    made.close()


@pytest.mark.parametrize("password", ["correct horse", "密码是什么呢", "\ud800 alone", ""])
async def test_right_and_wrong(passwords: Passwords, password: str) -> None:
    """A password fits its own hash and no other one does."""
    stored = await passwords.hash(password)

    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, password)
    assert not await passwords.verify(stored, password + "x")


async def test_composed_and_decomposed(passwords: Passwords) -> None:
    """A letter is the same however the keyboard composed it."""
    stored = await passwords.hash("caf\u00e9 at the corner")

    assert await passwords.verify(stored, "cafe\u0301 at the corner")


async def test_nobody(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no hash, one is computed all the same, and no password fits."""
    checked: list[str] = []
    verify = argon2.PasswordHasher.verify

    def watched(self: argon2.PasswordHasher, stored: str, password: bytes) -> bool:
        checked.append(stored)
        return bool(verify(self, stored, password))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", watched)

    assert not await passwords.verify(None, "anything at all")
    assert 1 == len(checked)
    assert checked[0].startswith("$argon2id$v=19$m=8,t=1,p=1$")


async def test_outdated(passwords: Passwords) -> None:
    """A hash of a lower cost is still right and is to be made again."""
    stored = await passwords.hash("correct horse")
    dearer = Passwords(PasswordCost(time_cost=2, memory_kib=16, parallelism=1))
    try:
        assert not passwords.is_outdated(stored)
        assert dearer.is_outdated(stored)
        assert await dearer.verify(stored, "correct horse")
    finally:
        dearer.close()


async def test_too_many_at_once(passwords: Passwords) -> None:
    """Too many at once are told to come again, so that memory and time are bounded."""
    stored = await passwords.hash("correct horse")
    results = await asyncio.gather(
        *(passwords.verify(stored, "correct horse") for _ in range(MOST_WAITING + 5)),
        return_exceptions=True,
    )

    assert 5 == sum(isinstance(result, StoreBusy) for result in results)
    assert MOST_WAITING == results.count(True)


def test_default_cost() -> None:
    """The default is the second recommended option of RFC 9106, section 4."""
    profile = argon2.profiles.RFC_9106_LOW_MEMORY
    cost = PasswordCost()

    assert (profile.time_cost, profile.memory_cost, profile.parallelism) == (
        cost.time_cost,
        cost.memory_kib,
        cost.parallelism,
    )


def test_generated() -> None:
    """Generated passwords can be read out, differ, and pass the check."""
    made = {generate_password() for _ in range(200)}

    assert 200 == len(made)
    assert all(re.fullmatch(rf"([{LETTERS}]{{4}}-){{3}}[{LETTERS}]{{4}}", one) for one in made)
    assert not set("ilo") & set(LETTERS)
    for one in made:
        check_password(one, "worker")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("short", "expected 12 to 256 characters, got 5"),
        ("x" * 300, "expected 12 to 256 characters, got 300"),
        ("my Worker is good", "contains the login"),
        ("abababababab", "repeats very few characters"),
    ],
)
def test_too_easy(password: str, expected: str) -> None:
    """A password that is too easily guessed is refused, and not repeated in the refusal."""
    with pytest.raises(RegisterError, match=expected) as refusal:
        check_password(password, "worker")

    assert password not in str(refusal.value)


@given(st.integers(0, 200))
def test_lock_grows(failures: int) -> None:
    """Nothing is locked before the fifth failure; then the lock grows up to half an hour."""
    lockout = Lockout()
    seconds = lockout.duration(failures) / MICROSECONDS

    assert (failures >= 5) == (seconds > 0)
    assert seconds <= lockout.duration(failures + 1) / MICROSECONDS <= 1800
    if 5 <= failures < 9:
        assert 60 * 2 ** (failures - 5) == seconds
