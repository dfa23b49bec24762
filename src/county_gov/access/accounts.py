"""Accounts: making, closing, signing in, passwords, posts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from attrs import field, frozen

from county_gov.access.lockout import Lockout
from county_gov.access.passwords import check_password, generate_password
from county_gov.access.roles import local_day
from county_gov.contract.access import SYSTEM, Actor
from county_gov.errors import AuthenticationFailed, NotFound, Problem, RegisterError
from county_gov.store.access import (
    AccountRow,
    Person,
    PlannedPost,
    PostRow,
    account_of,
    end_post,
    insert_account,
    insert_post,
    posts_of,
    update_account,
)

if TYPE_CHECKING:
    from county_gov.access.passwords import Passwords
    from county_gov.access.sessions import Sessions
    from county_gov.store import Snapshot, Store, Transaction

REFUSED = "login or password is wrong, or the account is locked for a while; try again later"


@frozen
class SignedIn:
    """A success of signing in: the account's number, and the session's token for the browser."""

    account: int
    token: str = field(repr=False)


class Accounts:
    """The accounts of a county.

    Args:
        store: Where they are kept.
        passwords: Hashes and checks passwords.
        sessions: Opened by signing in, and ended with an account.
        zone: Local time, for the days of posts.
        lockout: When an account is locked.
    """

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        sessions: Sessions,
        *,
        zone: tzinfo,
        lockout: Lockout | None = None,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._zone = zone
        self._lockout = lockout or Lockout()

    async def sign_in(
        self, login: str, password: str, *, address: str = "", agent: str = "", replaces: str = ""
    ) -> SignedIn:
        """Check a password and open a session.

        What is found is judged inside the transaction: of many guesses sent at once none counts
        after the one that locked the account.

        Args:
            login: Who signs in.
            password: The password.
            address: Where from.
            agent: With which browser.
            replaces: The token that the browser held before; its session ends.

        Raises:
            AuthenticationFailed: not saying which part was wrong.
            StoreBusy: if too many people are signing in.
        """
        found = await self._store.read(lambda snapshot: account_of(snapshot, login=login))
        stored = found.password if found else None
        is_right = await self._passwords.verify(stored, password)
        renewed = None
        if is_right and stored is not None and self._passwords.is_outdated(stored):
            renewed = await self._passwords.hash(password)

        def change(tx: Transaction) -> SignedIn | None:
            row = self._judge(tx, found, is_right=is_right, address=address)
            if row is None:
                return None
            update_account(tx, row.number, failures=0, locked_until=0)
            if renewed is not None:
                update_account(tx, row.number, password=renewed)
            token = self._sessions.open_in(
                tx, row.number, address=address, agent=agent, replaces=replaces
            )
            _audit(tx, row, "account.sign_in", "done", address)
            return SignedIn(row.number, token)

        signed_in = await self._store.write(change)
        if signed_in is None:
            raise AuthenticationFailed(REFUSED)
        return signed_in

    def _judge(
        self, tx: Transaction, found: AccountRow | None, *, is_right: bool, address: str
    ) -> AccountRow | None:
        """The account if the password counts, else None; counts and records what failed."""
        row = account_of(tx, number=found.number) if found else None
        if found is None or row is None:
            _audit(tx, None, "account.sign_in", "unknown login", address)
            return None
        if not row.active:
            _audit(tx, row, "account.sign_in", "closed", address)
            return None
        if tx.at < row.locked_until:
            _audit(tx, row, "account.sign_in", "locked", address)
            return None
        if is_right and row.password == found.password:
            return row
        failures = row.failures + 1
        locked = self._lockout.duration(failures)
        update_account(tx, row.number, failures=failures, locked_until=tx.at + locked)
        outcome = "wrong password, now locked" if locked else "wrong password"
        _audit(tx, row, "account.sign_in", outcome, address)
        return None

    async def change_password(self, actor: Actor, old: str, new: str, *, keep: str = "") -> None:
        """Change one's own password; all sessions end but the one whose token is kept.

        Raises:
            AuthenticationFailed: if the old password is wrong, or the account is locked.
            RegisterError: if the new one is too easily guessed.
        """
        number = actor.account
        found = await self._store.read(lambda snapshot: account_of(snapshot, number=number))
        if number is None or found is None:
            raise AuthenticationFailed(REFUSED)
        check_password(new, found.login)
        is_right = await self._passwords.verify(found.password, old)
        hashed = await self._passwords.hash(new)

        def change(tx: Transaction) -> bool:
            if self._judge(tx, found, is_right=is_right, address="") is None:
                return False
            self._put_password(tx, number, hashed, actor, keep=keep)
            return True

        if not await self._store.write(change):
            raise AuthenticationFailed(REFUSED)

    async def set_password(self, login: str, password: str = "", *, actor: Actor) -> str:
        """Give an account a new password, unlock it, and end its sessions.

        Args:
            login: Whose.
            password: The password; "" generates one.
            actor: Who does it.

        Returns:
            The password; it cannot be shown again.

        Raises:
            NotFound: if there is no such account.
            RegisterError: if the password is too easily guessed.
        """
        row = await self._store.read(partial(_existing, login))
        password = _chosen(password, login)
        hashed = await self._passwords.hash(password)
        await self._store.write(lambda tx: self._put_password(tx, row.number, hashed, actor))
        return password

    def _put_password(
        self, tx: Transaction, number: int, hashed: str, actor: Actor, *, keep: str = ""
    ) -> None:
        update_account(tx, number, password=hashed, failures=0, locked_until=0)
        self._sessions.revoke_all(tx, number, but=keep)
        tx.append_audit(actor, "account.password", f"account:{number}")

    async def close(self, login: str, *, actor: Actor) -> None:
        """Close an account and end its sessions; it can be opened again.

        Raises:
            NotFound: if there is no such account.
        """
        await self._set_active(login, active=False, actor=actor)

    async def reopen(self, login: str, *, actor: Actor) -> None:
        """Open a closed account again.

        Raises:
            NotFound: if there is no such account.
        """
        await self._set_active(login, active=True, actor=actor)

    async def _set_active(self, login: str, *, active: bool, actor: Actor) -> None:
        def change(tx: Transaction) -> None:
            row = _existing(login, tx)
            update_account(tx, row.number, active=int(active))
            self._sessions.revoke_all(tx, row.number)
            action = "account.reopen" if active else "account.close"
            tx.append_audit(actor, action, f"account:{row.number}")

        await self._store.write(change)

    async def set_language(self, actor: Actor, language: str) -> None:
        """Keep in which language somebody reads, "zh" or "en".

        Raises:
            ValueError: if it is another.
        """
        if language not in {"zh", "en"}:
            msg = f"language: expected 'zh' or 'en', got {language!r}"
            raise ValueError(msg)
        if actor.account is not None:
            number = actor.account
            await self._store.write(lambda tx: update_account(tx, number, language=language))

    async def create(
        self, person: Person, password: str = "", *, actor: Actor, language: str = "zh"
    ) -> str:
        """Make an account with its posts.

        Args:
            person: Login, names and posts.
            password: The password; "" generates one.
            actor: Who does it.
            language: In which the person reads.

        Returns:
            The password; it cannot be shown again.

        Raises:
            RegisterError: if the login is taken, or the password too easily guessed.
        """
        password = _chosen(password, person.login)
        hashed = await self._passwords.hash(password)

        def change(tx: Transaction) -> None:
            if account_of(tx, login=person.login) is not None:
                message = f"{person.login!r} is taken; choose another login"
                raise RegisterError([Problem("login", message)])
            self._put(tx, person, hashed, actor, language)

        await self._store.write(change)
        return password

    async def import_people(
        self, people: Sequence[Person], *, actor: Actor = SYSTEM
    ) -> Mapping[str, str]:
        """Make the accounts that are missing, and give everybody the posts that are missing.

        The same people again change nothing. A post that is not mentioned stays; one that is
        mentioned with an end gets it.

        Returns:
            Login to generated password, of the new accounts only; they cannot be shown again.
        """
        new: dict[str, str] = {}
        for person in people:
            row = await self._store.read(partial(_by_login, person.login))
            password = "" if row else generate_password()
            hashed = await self._passwords.hash(password) if password else ""

            def change(tx: Transaction, person: Person = person, hashed: str = hashed) -> bool:
                return self._import(tx, person, hashed, actor)

            is_new = await self._store.write(change)
            if is_new:
                new[person.login] = password
        return new

    def _import(self, tx: Transaction, person: Person, hashed: str, actor: Actor) -> bool:
        row = account_of(tx, login=person.login)
        if row is None:
            self._put(tx, person, hashed, actor, "zh")
            return True
        if (row.name, row.name_en) != (person.name, person.name_en):
            update_account(tx, row.number, name=person.name, name_en=person.name_en)
        self._put_posts(tx, row.number, person, actor)
        return False

    def _put(
        self, tx: Transaction, person: Person, hashed: str, actor: Actor, language: str
    ) -> None:
        number = insert_account(
            tx,
            login=person.login,
            name=person.name,
            name_en=person.name_en,
            password=hashed,
            language=language,
        )
        tx.append_audit(actor, "account.create", f"account:{number}")
        self._put_posts(tx, number, person, actor)

    def _put_posts(self, tx: Transaction, number: int, person: Person, actor: Actor) -> None:
        today = local_day(tx.at, self._zone)
        for planned in person.posts:
            action = self._put_post(tx, number, planned, today)
            if action:
                details = {"role": planned.role, "unit": planned.unit}
                tx.append_audit(
                    actor,
                    action,
                    f"account:{number}",
                    area=planned.area,
                    details=msgspec.json.encode(details).decode(),
                )
                tx.after_commit(self._sessions.forget)

    def _put_post(self, tx: Transaction, number: int, planned: PlannedPost, today: int) -> str:
        """Give or end a post; the audit's action, or "" where nothing was to be done."""
        begin = today if planned.valid_from is None else planned.valid_from
        wanted = PostRow(planned.role, planned.unit, planned.area, begin, planned.valid_to)
        for held in posts_of(tx, number):
            same = (held.role, held.unit, held.area) == (wanted.role, wanted.unit, wanted.area)
            if not same or planned.valid_from not in {None, held.valid_from}:
                continue
            if held.valid_to == wanted.valid_to:
                return ""
            if held.valid_to is None and wanted.valid_to is not None:
                end_post(tx, number, held, wanted.valid_to)
                return "post.end"
        if wanted.valid_to is not None and wanted.valid_to <= wanted.valid_from:
            return ""
        insert_post(tx, number, wanted)
        return "post.give"


def _chosen(password: str, login: str) -> str:
    """The password that was chosen, if it is good enough, or else a generated one."""
    if not password:
        return generate_password()
    check_password(password, login)
    return password


def _by_login(login: str, snapshot: Snapshot) -> AccountRow | None:
    return account_of(snapshot, login=login)


def _existing(login: str, snapshot: Snapshot) -> AccountRow:
    row = account_of(snapshot, login=login)
    if row is None:
        raise NotFound(f"no account {login!r}; see the list of accounts")
    return row


def _audit(
    tx: Transaction, row: AccountRow | None, action: str, outcome: str, address: str
) -> None:
    """Record a sign-in. A login that is unknown is not written: it may be a password."""
    name, number = (row.name, row.number) if row else ("", None)
    actor = Actor(kind="person", name=name, account=number)
    details = msgspec.json.encode({"address": address}).decode() if address else "{}"
    target = f"account:{number}" if row else "account"
    tx.append_audit(actor, action, target, outcome=outcome, details=details)
