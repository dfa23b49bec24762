"""The audit trail is read by those who may, within their scope, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from county_gov.access import list_audit
from county_gov.contract.access import SYSTEM, Actor, Grant, Scope
from county_gov.errors import AccessDenied
from county_gov.store.access import AuditFilter, AuditRow
from tests.access.conftest import ZONE, Desk

if TYPE_CHECKING:
    from county_gov.store import Transaction
    from tests.store_fixtures import StandingClock

READ = "core.audit.read"


def auditor(*grants: Grant) -> Actor:
    """Somebody who may read the audit trail within some grants."""
    scopes = {READ: Scope(frozenset(grants))}
    return Actor(kind="person", name="审计", account=9, scopes=scopes)


async def filled(desk: Desk, clock: StandingClock) -> None:
    """Write twelve entries, one a second, of two accounts, in three areas and none."""
    for number in range(12):
        actor = Actor(kind="person", name="甲", account=number % 2)
        area = ("", "east", "grid", "west")[number % 4]

        def change(
            tx: Transaction, actor: Actor = actor, area: str = area, number: int = number
        ) -> None:
            tx.append_audit(actor, "case.move", f"case:{number % 3}", area=area)

        await desk.store.write(change)
        clock.advance(seconds=1)


async def read(desk: Desk, actor: Actor, wanted: AuditFilter) -> tuple[AuditRow, ...]:
    """The entries that somebody sees."""
    return await list_audit(desk.store, actor, wanted, zone=ZONE)


async def test_permission(desk: Desk) -> None:
    """Without the permission nothing is read."""
    with pytest.raises(AccessDenied, match=r"lacks the permission core\.audit\.read"):
        await read(desk, Actor(kind="person", name="甲", account=1), AuditFilter())


async def test_scope(any_desk: Desk, clock: StandingClock) -> None:
    """Each sees the entries of the auditor's areas; those of none are seen from the top."""
    await filled(any_desk, clock)

    async def areas(actor: Actor) -> list[str]:
        return sorted({row.area for row in await read(any_desk, actor, AuditFilter())})

    assert ["", "east", "grid", "west"] == await areas(SYSTEM)
    assert ["", "east", "grid", "west"] == await areas(auditor(Grant("county")))
    assert ["east", "grid"] == await areas(auditor(Grant("east")))
    assert [] == await areas(auditor(Grant("county", unit="hall")))
    assert [] == await areas(auditor())


async def test_filters(desk: Desk, clock: StandingClock) -> None:
    """Object, account, action and time each narrow the list."""
    start = clock.now()
    await filled(desk, clock)

    async def ids(wanted: AuditFilter) -> list[int]:
        return [row.id for row in await read(desk, SYSTEM, wanted)]

    assert list(range(12, 0, -1)) == await ids(AuditFilter())
    assert [10, 7, 4, 1] == await ids(AuditFilter(target="case:0"))
    assert [11, 9, 7, 5, 3, 1] == await ids(AuditFilter(account=0))
    assert [] == await ids(AuditFilter(action="case.open"))
    assert [4, 3] == await ids(
        AuditFilter(start=start + 2_000_000, end=start + 4_000_000, action="case.move")
    )


async def test_pages(desk: Desk, clock: StandingClock) -> None:
    """Pages follow each other without a gap or a repetition."""
    await filled(desk, clock)
    found: list[int] = []
    before = None
    while page := await read(desk, SYSTEM, AuditFilter(before=before, limit=5)):
        found.extend(row.id for row in page)
        before = page[-1].id

    assert list(range(12, 0, -1)) == found


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_limit(desk: Desk, limit: int) -> None:
    """A page has between one and a thousand entries."""
    with pytest.raises(ValueError, match=f"limit: expected 1 to 1000, got {limit}"):
        await read(desk, SYSTEM, AuditFilter(limit=limit))
