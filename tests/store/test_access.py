"""Who holds a role for an area."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from county_gov.store.access import (
    Holder,
    PostRow,
    end_post,
    holders,
    insert_account,
    insert_post,
    update_account,
)
from county_gov.store.registers import AreaRow, ParentRow, RegisterChanges, write_changes

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction

PARENTS = [
    ParentRow("county", None, 0, None),
    ParentRow("east", "county", 0, None),
    ParentRow("west", "county", 0, None),
    ParentRow("grid", "east", 0, 10),
    ParentRow("grid", "west", 10, None),
]
POSTS = {
    "anna": PostRow("worker", "east-office", "east", 0),
    "bao": PostRow("worker", "west-office", "west", 0),
    "chen": PostRow("worker", "hall", "county", 5, 8),
    "deng": PostRow("centre", "hall", "county", 0),
    "fang": PostRow("worker", "grid-office", "grid", 0),
}


def fill(tx: Transaction) -> None:
    """A county of four areas and five people."""
    areas = [AreaRow(code, "township", code, "") for code in ("county", "east", "west", "grid")]
    write_changes(tx, RegisterChanges(areas=areas, parents=PARENTS))
    for login, post in POSTS.items():
        number = insert_account(tx, login=login, name=login.title(), name_en="", password="-")
        insert_post(tx, number, post)


@pytest.mark.parametrize(
    ("role", "area", "day", "expected"),
    [
        ("worker", "grid", 0, ["anna", "fang"]),
        ("worker", "grid", 5, ["anna", "chen", "fang"]),
        ("worker", "grid", 8, ["anna", "fang"]),
        ("worker", "grid", 10, ["bao", "fang"]),
        ("worker", "east", 7, ["anna", "chen"]),
        ("worker", "county", 7, ["chen"]),
        ("worker", "nowhere", 7, []),
        ("centre", "grid", 0, ["deng"]),
        ("nothing", "grid", 0, []),
    ],
)
def test_holders(any_store: Store, role: str, area: str, day: int, expected: list[str]) -> None:
    """A post counts for its area and all below it, on its days and on those of the tree."""
    any_store.submit(fill).result()

    found = any_store.read_now(partial(holders, role=role, area=area, day=day))

    assert expected == [holder.login for holder in found]


def test_holder(store: Store) -> None:
    """A holder is named with account, login, name and unit, once for each unit."""
    store.submit(fill).result()

    def change(tx: Transaction) -> None:
        insert_post(tx, 1, PostRow("worker", "east-office", "county", 0))
        insert_post(tx, 1, PostRow("worker", "second", "grid", 0))

    store.submit(change).result()
    found = store.read_now(partial(holders, role="worker", area="grid", day=0))

    assert (
        Holder(1, "anna", "Anna", "east-office"),
        Holder(1, "anna", "Anna", "second"),
        Holder(5, "fang", "Fang", "grid-office"),
    ) == found


def test_closed_accounts_and_ended_posts(store: Store) -> None:
    """Who is closed, or whose post has ended, holds nothing."""
    store.submit(fill).result()

    def change(tx: Transaction) -> None:
        update_account(tx, 1, active=0)
        end_post(tx, 5, POSTS["fang"], 3)

    store.submit(change).result()

    def logins(day: int) -> list[str]:
        found = store.read_now(partial(holders, role="worker", area="grid", day=day))
        return [holder.login for holder in found]

    assert ["fang"] == logins(2)
    assert [] == logins(3)
