"""The tables of access: accounts, posts, sessions, devices, and the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from attrs import field, frozen

from county_gov.store import tables
from county_gov.store.scope import ANCESTORS, DAY, in_force, visible

if TYPE_CHECKING:
    from county_gov.contract.access import Scope
    from county_gov.store.transaction import Snapshot, Transaction


@frozen
class AccountRow:
    """A person's account. ``password`` is an Argon2id hash."""

    number: int
    login: str
    name: str
    name_en: str
    password: str = field(repr=False)
    active: bool = field(converter=bool)
    failures: int = 0
    locked_until: int = 0
    language: str = "zh"


@frozen
class PostRow:
    """A post, held on the local days ``valid_from`` <= day < ``valid_to`` (None: still)."""

    role: str
    unit: str
    area: str
    valid_from: int
    valid_to: int | None = None


@frozen
class PlannedPost:
    """A post that somebody shall hold; without ``valid_from``, from the day of the import on."""

    role: str
    unit: str
    area: str
    valid_from: int | None = None
    valid_to: int | None = None


@frozen
class Person:
    """Somebody who shall have an account with posts."""

    login: str
    name: str
    name_en: str = ""
    posts: tuple[PlannedPost, ...] = ()


@frozen
class SessionRow:
    """A session; ``token`` is the SHA-256 of what the browser holds."""

    token: bytes = field(repr=False)
    account: int
    created_at: int
    seen_at: int
    expires_at: int
    address: str
    agent: str


@frozen
class DeviceRow:
    """A device; its keys are derived from the master secret, its code and an epoch.

    ``previous_until`` is the instant until which the epoch before is valid as well.
    ``area`` is the area whose datastreams it may write; empty for all of them.
    """

    code: str
    name: str
    epoch: int
    previous_until: int
    active: bool = field(converter=bool)
    area: str = ""


@frozen
class AuditRow:
    """An entry of the audit trail."""

    id: int
    at: int
    actor: str
    account: int | None
    action: str
    object: str
    area: str
    outcome: str
    request: str
    details: str


class Holder(NamedTuple):
    """Somebody who holds a role for an area."""

    account: int
    login: str
    name: str
    unit: str


def holders(snapshot: Snapshot, role: str, area: str, day: int) -> tuple[Holder, ...]:
    """Who holds a role for an area: the post's area is that area or one above it.

    Args:
        snapshot: Where to read.
        role: Id of the role.
        area: Code of the area.
        day: Local day on which the post must be held, days since 1970-01-01.

    Returns:
        Active accounts by login, once for each unit in which they hold the role.
    """
    return tuple(Holder(*row) for row in snapshot.rows(HOLDERS, role=role, area=area, day=day))


def held_on(day: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """The condition that a post is held on a local day; ``valid_to`` is the first day without."""
    columns = tables.posts.c
    return sa.and_(
        columns.valid_from <= day, sa.or_(columns.valid_to.is_(None), columns.valid_to > day)
    )


def _holders() -> sa.Select[tuple[int, str, str, str]]:
    accounts, posts = tables.accounts.c, tables.posts.c
    return (
        sa.select(accounts.number, accounts.login, accounts.name, posts.unit)
        .join_from(tables.posts, tables.accounts, accounts.number == posts.account)
        .where(
            accounts.active == 1,
            posts.role == sa.bindparam("role"),
            posts.area.in_(ANCESTORS),
            held_on(DAY),
        )
        .distinct()
        .order_by(accounts.login, posts.unit)
    )


HOLDERS = _holders()

_ACCOUNT = (
    tables.accounts.c.number,
    tables.accounts.c.login,
    tables.accounts.c.name,
    tables.accounts.c.name_en,
    tables.accounts.c.password,
    tables.accounts.c.active,
    tables.accounts.c.failures,
    tables.accounts.c.locked_until,
    tables.accounts.c.language,
)
_SESSION = (
    tables.sessions.c.token,
    tables.sessions.c.account,
    tables.sessions.c.created_at,
    tables.sessions.c.seen_at,
    tables.sessions.c.expires_at,
    tables.sessions.c.address,
    tables.sessions.c.agent,
)


def account_of(
    snapshot: Snapshot, *, login: str | None = None, number: int | None = None
) -> AccountRow | None:
    """The account with a login or a number, or None."""
    columns = tables.accounts.c
    which = columns.login == login if login is not None else columns.number == number
    row = snapshot.first(sa.select(*_ACCOUNT).where(which))
    return AccountRow(*row) if row else None


def list_accounts(snapshot: Snapshot) -> tuple[AccountRow, ...]:
    """All accounts by login."""
    rows = snapshot.rows(sa.select(*_ACCOUNT).order_by(tables.accounts.c.login))
    return tuple(AccountRow(*row) for row in rows)


def insert_account(
    tx: Transaction, *, login: str, name: str, name_en: str, password: str, language: str = "zh"
) -> int:
    """Add an account and return its number; ``password`` is a hash."""
    return tx.insert(
        tables.accounts,
        login=login,
        name=name,
        name_en=name_en,
        password=password,
        language=language,
        created_at=tx.at,
    )


def update_account(tx: Transaction, number: int, **values: str | int) -> None:
    """Change columns of an account."""
    columns = tables.accounts.c
    tx.execute(sa.update(tables.accounts).where(columns.number == number).values(**values))


def posts_of(snapshot: Snapshot, account: int, day: int | None = None) -> tuple[PostRow, ...]:
    """The posts of an account, all of them or those held on a local day."""
    columns = tables.posts.c
    statement = (
        sa.select(columns.role, columns.unit, columns.area, columns.valid_from, columns.valid_to)
        .where(columns.account == account)
        .order_by(columns.valid_from, columns.id)
    )
    if day is not None:
        statement = statement.where(held_on(day))
    return tuple(PostRow(*row) for row in snapshot.rows(statement))


def insert_post(tx: Transaction, account: int, post: PostRow) -> None:
    """Give an account a post."""
    tx.insert(
        tables.posts,
        account=account,
        role=post.role,
        unit=post.unit,
        area=post.area,
        valid_from=post.valid_from,
        valid_to=post.valid_to,
    )


def end_post(tx: Transaction, account: int, post: PostRow, day: int) -> None:
    """End a post; ``day`` is the first local day on which it is not held any more."""
    columns = tables.posts.c
    tx.execute(
        sa.update(tables.posts)
        .where(
            columns.account == account,
            columns.role == post.role,
            columns.unit == post.unit,
            columns.area == post.area,
            columns.valid_from == post.valid_from,
        )
        .values(valid_to=day)
    )


def insert_session(tx: Transaction, session: SessionRow) -> None:
    """Add a session."""
    tx.insert(
        tables.sessions,
        token=session.token,
        account=session.account,
        created_at=session.created_at,
        seen_at=session.seen_at,
        expires_at=session.expires_at,
        address=session.address,
        agent=session.agent,
    )


def session_of(snapshot: Snapshot, token: bytes) -> SessionRow | None:
    """The session of an active account with a token's SHA-256, or None."""
    accounts, sessions = tables.accounts.c, tables.sessions.c
    row = snapshot.first(
        sa.select(*_SESSION)
        .join_from(tables.sessions, tables.accounts, accounts.number == sessions.account)
        .where(sessions.token == token, accounts.active == 1)
    )
    return SessionRow(*row) if row else None


def sessions_of(snapshot: Snapshot, account: int) -> tuple[SessionRow, ...]:
    """The sessions of an account, latest first."""
    columns = tables.sessions.c
    rows = snapshot.rows(
        sa.select(*_SESSION)
        .where(columns.account == account)
        .order_by(columns.created_at.desc(), columns.token)
    )
    return tuple(SessionRow(*row) for row in rows)


def touch_session(tx: Transaction, token: bytes, seen_at: int) -> None:
    """Note that a session was used."""
    columns = tables.sessions.c
    tx.execute(
        sa.update(tables.sessions)
        .where(columns.token == token, columns.seen_at < seen_at)
        .values(seen_at=seen_at)
    )


def delete_session(tx: Transaction, token: bytes) -> None:
    """End a session."""
    tx.execute(sa.delete(tables.sessions).where(tables.sessions.c.token == token))


def delete_sessions_of(tx: Transaction, account: int, *, but: bytes = b"") -> None:
    """End all sessions of an account, but for one."""
    columns = tables.sessions.c
    tx.execute(sa.delete(tables.sessions).where(columns.account == account, columns.token != but))


def delete_ended_sessions(tx: Transaction, *, idle_before: int, now: int) -> int:
    """Remove sessions that have ended by themselves; returns how many."""
    columns = tables.sessions.c
    ended = sa.or_(columns.seen_at < idle_before, columns.expires_at <= now)
    return int(tx.execute(sa.delete(tables.sessions).where(ended)).rowcount)


def list_devices(snapshot: Snapshot) -> tuple[DeviceRow, ...]:
    """All devices by code."""
    columns = tables.devices.c
    rows = snapshot.rows(
        sa.select(
            columns.code,
            columns.name,
            columns.epoch,
            columns.previous_until,
            columns.active,
            columns.area,
        ).order_by(columns.code)
    )
    return tuple(DeviceRow(*row) for row in rows)


def put_device(tx: Transaction, device: DeviceRow) -> None:
    """Add a device, or change the one with its code."""
    values = {
        "name": device.name,
        "epoch": device.epoch,
        "previous_until": device.previous_until,
        "active": int(device.active),
        "area": device.area,
    }
    tx.execute(
        tx.database.insert(tables.devices)
        .values(code=device.code, created_at=tx.at, **values)
        .on_conflict_do_update(index_elements=["code"], set_=values)
    )


@frozen
class AuditFilter:
    """Which entries of the audit trail are wanted; what is not given does not matter.

    Args:
        target: About this object.
        account: By this account.
        action: Of this action.
        start: At or after this instant.
        end: Before this instant.
        before: With a smaller id: the last one of the page before.
        limit: At most so many.
    """

    target: str = ""
    account: int | None = None
    action: str = ""
    start: int | None = None
    end: int | None = None
    before: int | None = None
    limit: int = 100


def read_audit(
    snapshot: Snapshot, scope: Scope, wanted: AuditFilter, *, day: int
) -> tuple[AuditRow, ...]:
    """Entries of the audit trail within a scope, latest first.

    An entry without an area (a login, an import) is seen by a scope that reaches the whole county.

    Args:
        snapshot: Where to read.
        scope: What may be seen.
        wanted: Which entries.
        day: The day whose tree of areas counts.
    """
    columns = tables.audit.c
    conditions = [_audit_within(scope, day)]
    if wanted.target:
        conditions.append(columns.object == wanted.target)
    if wanted.account is not None:
        conditions.append(columns.account == wanted.account)
    if wanted.action:
        conditions.append(columns.action == wanted.action)
    if wanted.start is not None:
        conditions.append(columns.at >= wanted.start)
    if wanted.end is not None:
        conditions.append(columns.at < wanted.end)
    if wanted.before is not None:
        conditions.append(columns.id < wanted.before)
    statement = sa.select(
        columns.id,
        columns.at,
        columns.actor,
        columns.account,
        columns.action,
        columns.object,
        columns.area,
        columns.outcome,
        columns.request,
        columns.details,
    )
    within = statement.where(*conditions).order_by(columns.id.desc()).limit(wanted.limit)
    rows = snapshot.rows(within)
    return tuple(AuditRow(*row) for row in rows)


def _audit_within(scope: Scope, day: int) -> sa.ColumnElement[bool]:
    area = tables.audit.c.area
    whole = {grant.area for grant in scope.grants if grant.unit is None and grant.person is None}
    top = tables.area_parents.alias()
    tops = sa.select(sa.literal(1)).where(
        top.c.parent.is_(None), top.c.code.in_(sorted(filter(None, whole))), in_force(top, day)
    )
    return sa.or_(visible(scope, area=area, day=day), sa.and_(area == "", tops.exists()))
