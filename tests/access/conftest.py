"""A county with two townships, three roles and cheap passwords."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from attrs import define, frozen

from county_gov.access import Accounts, PasswordCost, Passwords, Sessions, actor_of
from county_gov.contract.access import Actor, Reach
from county_gov.contract.text import Text
from county_gov.store.access import Person, PlannedPost
from county_gov.store.registers import AreaRow, ParentRow, RegisterChanges, write_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from county_gov.store import Snapshot, Store

ZONE = ZoneInfo("Asia/Shanghai")
CHEAP = PasswordCost(time_cost=1, memory_kib=8, parallelism=1)
AREAS = {"county": None, "east": "county", "west": "county", "grid": "east"}


@frozen
class PlainRole:
    """A role as the deployment file gives it."""

    title: Text
    permissions: tuple[str, ...]
    reach: Reach = "area"


ROLES = {
    "centre": PlainRole(Text("指挥中心"), ("cases.read", "cases.close", "core.audit.read"), "area"),
    "worker": PlainRole(Text("网格员"), ("cases.read", "cases.report"), "person"),
    "officer": PlainRole(Text("经办人"), ("cases.read", "cases.report@area"), "unit"),
}
WORKER = Person("worker", "示范·甲", "Demo Jia", (PlannedPost("worker", "east-office", "east"),))


@define
class Desk:
    """The parts of access, wired to one store."""

    store: Store
    passwords: Passwords
    sessions: Sessions
    accounts: Accounts

    def person(self, login: str) -> Actor:
        """The actor of a login now."""
        return self.store.read_now(partial(self._person, login))

    def _person(self, login: str, snapshot: Snapshot) -> Actor:
        from county_gov.store.access import account_of

        row = account_of(snapshot, login=login)
        assert row is not None
        return actor_of(snapshot, row.number, ROLES, self.store.clock.now(), zone=ZONE)


def desk_on(store: Store) -> Desk:
    """The parts of access over a store with a tree of areas."""
    changes = RegisterChanges(
        areas=[AreaRow(code, "township", code, "") for code in AREAS],
        parents=[ParentRow(code, parent, 0, None) for code, parent in AREAS.items()],
    )
    store.submit(lambda tx: write_changes(tx, changes)).result()
    passwords = Passwords(CHEAP)

    def actor(snapshot: Snapshot, account: int, now: int) -> Actor:
        return actor_of(snapshot, account, ROLES, now, zone=ZONE)

    sessions = Sessions(store, actor)
    return Desk(store, passwords, sessions, Accounts(store, passwords, sessions, zone=ZONE))


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    """Give the parts of access on SQLite."""
    made = desk_on(store)
    yield made
    made.passwords.close()


@pytest.fixture
def any_desk(any_store: Store) -> Iterator[Desk]:
    """Give the parts of access, one test run for each kind of database."""
    made = desk_on(any_store)
    yield made
    made.passwords.close()
