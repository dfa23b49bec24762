"""Passwords: Argon2id, checked off the event loop, never shown and never logged."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from attrs import field, frozen, validators

from county_gov.errors import Problem, RegisterError, StoreBusy

T = TypeVar("T")
LETTERS = "abcdefghjkmnpqrstuvwxyz"
"""Letters that are not taken for others or for digits (no i, l, o)."""

GROUPS = 4
LETTERS_IN_GROUP = 4
SHORTEST = 12
LONGEST = 256
MOST_WAITING = 64


@frozen
class PasswordCost:
    """Cost of Argon2id; the defaults are the second recommended option of RFC 9106, section 4.

    Args:
        time_cost: Passes.
        memory_kib: Memory, KiB.
        parallelism: Lanes.
    """

    time_cost: int = field(default=3, validator=validators.ge(1))
    memory_kib: int = field(default=65_536, validator=validators.ge(8))
    parallelism: int = field(default=4, validator=validators.ge(1))


def generate_password() -> str:
    """A password that can be read out: four groups of four letters, 72 bits."""
    groups = (
        "".join(secrets.choice(LETTERS) for _ in range(LETTERS_IN_GROUP)) for _ in range(GROUPS)
    )
    return "-".join(groups)


def check_password(password: str, login: str) -> None:
    """Refuse a password that is too easily guessed; ASVS 5.0, 6.2: length, no composition rules.

    Raises:
        RegisterError: saying what to change, without the password.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"expected {SHORTEST} to {LONGEST} characters, got {len(password)}"
    elif len(login) >= LETTERS_IN_GROUP and login.lower() in password.lower():
        message = "contains the login; choose one that does not"
    elif len(set(password)) < LETTERS_IN_GROUP:
        message = "repeats very few characters; choose one with more"
    else:
        return
    raise RegisterError([Problem("password", message)])


class Passwords:
    """Hashes and checks passwords on threads of its own, so that memory and processor are bounded.

    Args:
        cost: Cost of a hash.
        threads: How many passwords are checked at once.
    """

    def __init__(self, cost: PasswordCost | None = None, *, threads: int = 2) -> None:
        cost = cost or PasswordCost()
        self._hasher = argon2.PasswordHasher(
            time_cost=cost.time_cost,
            memory_cost=cost.memory_kib,
            parallelism=cost.parallelism,
            type=argon2.Type.ID,
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._waiting = 0
        self._nobody: str | None = None

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown()

    async def hash(self, password: str) -> str:
        """The hash of a password.

        Raises:
            StoreBusy: if too many passwords wait already.
        """
        return await self._on_thread(self._hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether a password belongs to a stored hash; takes as long where there is none.

        Raises:
            StoreBusy: if too many passwords wait already.
        """
        return await self._on_thread(self._verify, stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with another cost and should be made again."""
        return self._hasher.check_needs_rehash(stored)

    async def _on_thread(self, function: Callable[..., T], *arguments: str | None) -> T:
        if self._waiting >= MOST_WAITING:
            raise StoreBusy("too many people are signing in; try again in a second")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, function, *arguments)
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_bytes(password))

    def _verify(self, stored: str | None, password: str) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_bytes(16))
        try:
            self._hasher.verify(self._nobody if stored is None else stored, _bytes(password))
        except argon2.exceptions.VerifyMismatchError:
            return False
        return stored is not None


def _bytes(password: str) -> bytes:
    """A password's bytes, however the keyboard composed its letters."""
    return unicodedata.normalize("NFC", password[: LONGEST + 1]).encode("utf-8", "surrogatepass")
