"""Roles and posts: what makes an account an actor with permissions and scopes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol, cast, get_args

from county_gov.contract.access import Actor, Grant, Post, Reach, Scope
from county_gov.errors import AuthenticationFailed, Problem
from county_gov.store.access import account_of, posts_of

if TYPE_CHECKING:
    from county_gov.contract.text import Text
    from county_gov.store import Snapshot

REACHES: tuple[Reach, ...] = get_args(Reach)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1).toordinal()


class Role(Protocol):
    """What county.toml says of a role.

    A permission is an id, or an id and how far it reaches, ``sensors.pollution.read@unit``.
    """

    @property
    def title(self) -> Text:
        """What the role is called."""
        ...

    @property
    def permissions(self) -> tuple[str, ...]:
        """Permissions, each with an optional reach of its own."""
        ...

    @property
    def reach(self) -> Reach:
        """How far the permissions without a reach of their own reach."""
        ...


def local_day(now: int, zone: tzinfo) -> int:
    """The local day of an instant, days since 1970-01-01."""
    return (EPOCH + timedelta(microseconds=now)).astimezone(zone).toordinal() - EPOCH_DAY


def reaches_of(role: Role) -> Iterator[tuple[str, Reach]]:
    """A role's permissions, each with its reach."""
    for permission in role.permissions:
        name, _, reach = permission.partition("@")
        yield name, cast("Reach", reach) if reach else role.reach


def check_permissions(
    roles: Mapping[str, Role], known: Collection[str], *, place: str = "county.toml: "
) -> list[Problem]:
    """All permissions that nobody declares and all reaches that do not exist.

    Args:
        roles: Role's id to the role.
        known: Ids of all declared permissions.
        place: Put before each problem's path.
    """
    problems = []
    for role_id, role in roles.items():
        for number, (name, reach) in enumerate(reaches_of(role)):
            path = f"{place}roles.{role_id}.permissions[{number}]"
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else "no enabled plugin declares it"
                problems.append(Problem(path, f"unknown permission {name!r}; {hint}"))
            if reach not in REACHES:
                message = f"expected a reach of {', '.join(REACHES)} after '@', got {reach!r}"
                problems.append(Problem(path, message))
    return problems


def scopes_of(posts: Iterable[Post], account: int, roles: Mapping[str, Role]) -> dict[str, Scope]:
    """What posts give together: each permission reaches as far as any of them lets it.

    A post whose role is not in the deployment file any more gives nothing.
    """
    grants: defaultdict[str, set[Grant]] = defaultdict(set)
    for post in posts:
        role = roles.get(post.role)
        if role is None:
            continue
        for permission, reach in reaches_of(role):
            grants[permission].add(_grant(post, account, reach))
    return {permission: Scope(frozenset(found)) for permission, found in grants.items()}


def _grant(post: Post, account: int, reach: Reach) -> Grant:
    match reach:
        case "area":
            return Grant(area=post.area)
        case "unit":
            return Grant(area=post.area, unit=post.unit)
        case "person":
            return Grant(area=post.area, person=account)


def actor_of(
    snapshot: Snapshot, account: int, roles: Mapping[str, Role], now: int, *, zone: tzinfo
) -> Actor:
    """The person of an account with the posts held now.

    Args:
        snapshot: Where to read.
        account: The account's number.
        roles: Role's id to the role.
        now: The instant.
        zone: Local time; a post is held by local days.

    Raises:
        AuthenticationFailed: if the account does not exist or is not active.
    """
    row = account_of(snapshot, number=account)
    if row is None or not row.active:
        raise AuthenticationFailed(f"account {account} does not exist or is not active")
    held = posts_of(snapshot, account, local_day(now, zone))
    posts = tuple(Post(post.role, post.unit, post.area) for post in held)
    return Actor(
        kind="person",
        name=row.name,
        account=account,
        posts=posts,
        scopes=scopes_of(posts, account, roles),
        name_en=row.name_en,
    )
