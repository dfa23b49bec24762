"""Posts make an actor: permissions, reaches and local days."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.access import actor_of, check_permissions, local_day
from county_gov.access.roles import scopes_of
from county_gov.contract.access import SYSTEM, Grant, Post, Scope
from county_gov.contract.text import Text
from county_gov.errors import AuthenticationFailed
from county_gov.store.access import Person, PlannedPost
from tests.access.conftest import ROLES, ZONE, Desk, PlainRole

if TYPE_CHECKING:
    from tests.store_fixtures import StandingClock

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("instant", "expected"),
    [(0, 0), (16 * HOUR - 1, 0), (16 * HOUR, 1), (-8 * HOUR, 0), (-8 * HOUR - 1, -1)],
)
def test_local_day(instant: int, expected: int) -> None:
    """In China a day begins at 16:00 UTC of the day before."""
    assert expected == local_day(instant, ZONE)


def test_several_posts_union() -> None:
    """Each permission reaches as far as any post lets it, each post by its role's reach."""
    posts = (
        Post("worker", "east-office", "east"),
        Post("officer", "bureau", "county"),
        Post("centre", "hall", "west"),
        Post("forgotten", "hall", "county"),
    )

    scopes = scopes_of(posts, 7, ROLES)

    assert {
        "cases.read": Scope(
            frozenset(
                {
                    Grant("east", person=7),
                    Grant("county", unit="bureau"),
                    Grant("west"),
                }
            )
        ),
        "cases.report": Scope(frozenset({Grant("east", person=7), Grant("county")})),
        "cases.close": Scope(frozenset({Grant("west")})),
        "core.audit.read": Scope(frozenset({Grant("west")})),
    } == scopes


@given(
    st.lists(
        st.builds(
            Post,
            role=st.sampled_from([*ROLES, "forgotten"]),
            unit=st.sampled_from(["u", "v"]),
            area=st.sampled_from(["county", "east"]),
        ),
        max_size=6,
    )
)
def test_posts_only_add(posts: list[Post]) -> None:
    """Scopes do not depend on the order of posts, and one post more never takes anything away."""
    whole = scopes_of(posts, 1, ROLES)

    assert whole == scopes_of(list(reversed(posts)), 1, ROLES)
    for permission, scope in scopes_of(posts[:-1], 1, ROLES).items():
        assert scope.grants <= whole[permission].grants


async def test_posts_are_held_by_local_days(desk: Desk, clock: StandingClock) -> None:
    """A post begins and ends at the local midnight."""
    clock.instant = 100 * DAY
    post = PlannedPost("centre", "hall", "county", 101, 103)
    await desk.accounts.create(Person("a", "甲", "", (post,)), actor=SYSTEM)

    def may_at(instant: int) -> bool:
        clock.instant = instant
        return desk.person("a").may("cases.close")

    begin, end = 101 * DAY - 8 * HOUR, 103 * DAY - 8 * HOUR
    assert [False, True, True, False] == [
        may_at(instant) for instant in (begin - 1, begin, end - 1, end)
    ]


async def test_no_account(desk: Desk) -> None:
    """An account that does not exist, or is closed, is no actor."""
    await desk.accounts.create(Person("a", "甲"), actor=SYSTEM)
    number = desk.person("a").account
    await desk.accounts.close("a", actor=SYSTEM)

    for account in (number or 0, 999):
        with pytest.raises(AuthenticationFailed, match="does not exist or is not active"):
            desk.store.read_now(partial(actor_of, account=account, roles=ROLES, now=0, zone=ZONE))


def test_check_permissions() -> None:
    """Unknown permissions and reaches are reported together, with what was probably meant."""
    roles = {
        "centre": PlainRole(Text("指挥中心"), ("cases.case.raed", "cases.case.read")),
        "worker": PlainRole(Text("网格员"), ("cases.case.read@unti", "zzz")),
    }

    problems = check_permissions(roles, ["cases.case.read", "cases.case.close"])

    assert [
        "county.toml: roles.centre.permissions[0]: unknown permission 'cases.case.raed'; "
        "did you mean 'cases.case.read'?",
        "county.toml: roles.worker.permissions[0]: expected a reach of area, unit, person "
        "after '@', got 'unti'",
        "county.toml: roles.worker.permissions[1]: unknown permission 'zzz'; "
        "no enabled plugin declares it",
    ] == [str(problem) for problem in problems]
    known = {name.partition("@")[0] for role in ROLES.values() for name in role.permissions}
    assert [] == check_permissions(ROLES, known)
