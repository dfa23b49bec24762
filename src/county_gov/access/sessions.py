"""Sessions: an opaque token in the browser, only its SHA-256 in the store.

A session ends when it was not used for a while, at a fixed time in any case, when it is revoked,
when its account is closed, and when its person changes the password.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog
from attrs import field, frozen, validators

from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.errors import AuthenticationFailed, StoreError
from county_gov.store import Priority
from county_gov.store.access import (
    SessionRow,
    delete_ended_sessions,
    delete_session,
    delete_sessions_of,
    insert_session,
    session_of,
    sessions_of,
    touch_session,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

    from county_gov.contract.access import Actor
    from county_gov.store import Snapshot, Store, Transaction

log = structlog.get_logger(__name__)

TOKEN_BYTES = 32
LONGEST_TOKEN = 100
LONGEST_AGENT = 200
IDENTIFIER_DIGITS = 16


@frozen
class SessionLimits:
    """How long sessions last.

    Args:
        idle_minutes: A session ends after so long without a request.
        hours: A session ends after so long in any case.
        cached_seconds: How long what was read of a session counts; a revocation in this process
            counts at once, one in another process after so long.
        seen_every_seconds: How often it is written that a session is in use.
        cached: How many sessions are kept in memory.
    """

    idle_minutes: int = field(default=30, validator=validators.ge(1))
    hours: int = field(default=12, validator=validators.ge(1))
    cached_seconds: float = field(default=5.0, validator=[validators.ge(0), validators.le(5)])
    seen_every_seconds: int = 60
    cached: int = 10_000


@frozen
class Session:
    """A session as its person sees it.

    Args:
        id: Names the session in lists; of no use to sign in with.
        actor: Who is signed in.
        created_at: When the person signed in.
        seen_at: When it was last used, to the minute.
        expires_at: When it ends in any case.
        address: Where the person signed in from.
        agent: With which browser.
    """

    id: str
    actor: Actor
    created_at: int
    seen_at: int
    expires_at: int
    address: str
    agent: str


@frozen(eq=False)
class _Cached:
    session: Session
    seen_at: int
    read_at: int


class Sessions:
    """Makes, finds and ends sessions.

    Args:
        store: Where they are kept.
        actor_of: Gives the actor of an account at an instant, or raises `AuthenticationFailed`.
        limits: How long they last.
    """

    def __init__(
        self,
        store: Store,
        actor_of: Callable[[Snapshot, int, int], Actor],
        limits: SessionLimits | None = None,
    ) -> None:
        self._store = store
        self._actor_of = actor_of
        self._limits = limits or SessionLimits()
        self._idle = self._limits.idle_minutes * 60 * MICROSECONDS
        self._cache: OrderedDict[bytes, _Cached] = OrderedDict()
        self._generation = 0

    def open_in(
        self,
        tx: Transaction,
        account: int,
        *,
        address: str = "",
        agent: str = "",
        replaces: str = "",
    ) -> str:
        """Open a session within a change, and end the one that the browser held before.

        Returns:
            The token for the browser; it cannot be shown again.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        if replaces:
            delete_session(tx, _digest(replaces))
            tx.after_commit(self.forget)
        insert_session(
            tx,
            SessionRow(
                token=_digest(token),
                account=account,
                created_at=tx.at,
                seen_at=tx.at,
                expires_at=tx.at + self._limits.hours * HOUR,
                address=address,
                agent="".join(filter(str.isprintable, agent))[:LONGEST_AGENT],
            ),
        )
        return token

    def knows(self, token: str) -> bool:
        """Whether a token was a session's not long ago, so that looking it up is no guess."""
        return _digest(token) in self._cache

    async def look_up(self, token: str, *, in_use: bool = True) -> Session:
        """The session of a token, at the cost of a read every few seconds.

        Args:
            token: The browser's token.
            in_use: Whether somebody is at work; a page that renews itself keeps no session alive.

        Raises:
            AuthenticationFailed: if there is no such session, or it has ended.
        """
        digest = _digest(token)
        now = self._store.clock.now()
        cached = self._cache.get(digest)
        if cached is None or not 0 <= now - cached.read_at < self._valid_for:
            generation = self._generation
            noted = cached.seen_at if cached else 0
            session = await self._store.read(partial(self._read, digest, now, noted))
            cached = _Cached(session, max(session.seen_at, noted), now)
            self._keep(digest, cached, generation)
        if not self._lasts(cached.session.expires_at, cached.seen_at, now):
            self._cache.pop(digest, None)
            raise AuthenticationFailed("the session has ended; sign in again")
        if in_use:
            self._note_use(digest, cached, now)
        return cached.session

    @property
    def _valid_for(self) -> float:
        return self._limits.cached_seconds * MICROSECONDS

    def _lasts(self, expires_at: int, seen_at: int, now: int) -> bool:
        return now < expires_at and now - seen_at < self._idle

    def _read(self, digest: bytes, now: int, noted: int, snapshot: Snapshot) -> Session:
        """The session as stored; its use since ``noted`` may not be written yet."""
        row = session_of(snapshot, digest)
        if row is None or not self._lasts(row.expires_at, max(row.seen_at, noted), now):
            raise AuthenticationFailed("the session has ended; sign in again")
        return _session(row, self._actor_of(snapshot, row.account, now))

    def _keep(self, digest: bytes, cached: _Cached, generation: int) -> None:
        """Keep what was read, unless a session was ended since the reading began."""
        cache = self._cache
        if generation != self._generation:
            return
        cache[digest] = cached
        cache.move_to_end(digest)
        while len(cache) > self._limits.cached:
            cache.popitem(last=False)

    def _note_use(self, digest: bytes, cached: _Cached, now: int) -> None:
        """Write that the session is in use, at most once a minute and without waiting for it."""
        if now - cached.seen_at < self._limits.seen_every_seconds * MICROSECONDS:
            return
        try:
            written = self._store.submit(lambda tx: touch_session(tx, digest, now), Priority.UPKEEP)
        except StoreError as error:
            log.warning("a session's use was not noted", error=str(error))
            return
        written.add_done_callback(_report)
        cache = self._cache
        if digest in cache:
            cache[digest] = _Cached(cached.session, now, cached.read_at)

    def forget(self) -> None:
        """Read every session again before it counts; safe from any thread."""
        self._generation += 1
        self._cache = OrderedDict()

    async def close(self, token: str) -> None:
        """End a session: sign out."""

        def change(tx: Transaction) -> None:
            delete_session(tx, _digest(token))
            tx.after_commit(self.forget)

        await self._store.write(change)

    async def list_of(self, actor: Actor) -> tuple[Session, ...]:
        """The sessions of a person that have not ended, latest first."""
        now = self._store.clock.now()
        account = _account(actor)
        rows = await self._store.read(lambda snapshot: sessions_of(snapshot, account))
        return tuple(
            _session(row, actor) for row in rows if self._lasts(row.expires_at, row.seen_at, now)
        )

    async def revoke(self, actor: Actor, session: str) -> bool:
        """End one of the person's own sessions, named by its id.

        Returns:
            Whether there was such a session.
        """
        account = _account(actor)

        def change(tx: Transaction) -> bool:
            found = [row for row in sessions_of(tx, account) if _identifier(row.token) == session]
            for row in found:
                delete_session(tx, row.token)
                tx.append_audit(actor, "session.revoke", f"account:{account}")
            tx.after_commit(self.forget)
            return bool(found)

        return await self._store.write(change)

    def revoke_all(self, tx: Transaction, account: int, *, but: str = "") -> None:
        """End all sessions of an account within a change, but for one given by its token."""
        delete_sessions_of(tx, account, but=_digest(but) if but else b"")
        tx.after_commit(self.forget)

    async def remove_ended(self) -> int:
        """Remove sessions that have ended by themselves, but for a minute; for the upkeep."""
        now = self._store.clock.now()
        idle_before = now - self._idle - self._limits.seen_every_seconds * MICROSECONDS

        def change(tx: Transaction) -> int:
            return delete_ended_sessions(tx, idle_before=idle_before, now=now)

        return await self._store.write(change, Priority.UPKEEP)


def _digest(token: str) -> bytes:
    """What is stored of a token. A token has 256 random bits, so that no salt is needed."""
    return hashlib.sha256(token[:LONGEST_TOKEN].encode("utf-8", "surrogatepass")).digest()


def _identifier(digest: bytes) -> str:
    """A session's public name: a hash of the hash, so that it tells nothing about either."""
    return hashlib.sha256(b"session id\n" + digest).hexdigest()[:IDENTIFIER_DIGITS]


def _session(row: SessionRow, actor: Actor) -> Session:
    return Session(
        id=_identifier(row.token),
        actor=actor,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        address=row.address,
        agent=row.agent,
    )


def _account(actor: Actor) -> int:
    if actor.account is None:
        raise AuthenticationFailed(f"{actor.name} is no person and has no sessions")
    return actor.account


def _report(written: Future[None]) -> None:
    error = written.exception()
    if error is not None:
        log.warning("a session's use was not noted", error=str(error))
