"""Who may come in: accounts, sessions, devices, made from the settings."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import frozen

from county_gov.access.accounts import Accounts
from county_gov.access.devices import Devices
from county_gov.access.passwords import PasswordCost, Passwords
from county_gov.access.roles import actor_of
from county_gov.access.sessions import SessionLimits, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.contract.access import Actor
    from county_gov.deployment.settings import Settings
    from county_gov.store import Snapshot, Store


@frozen(eq=False)
class Access:
    """The doors of a county.

    Args:
        accounts: Signing in, and looking after accounts.
        sessions: Who is signed in.
        devices: What signs its readings. Without a master secret in the settings no device can
            have a key, and none is let in.
        passwords: Hashes and checks them on threads of its own.
    """

    accounts: Accounts
    sessions: Sessions
    devices: Devices
    passwords: Passwords
    actor: Callable[[Snapshot, int, int], Actor]
    """The actor of an account at an instant."""

    @classmethod
    def of(cls, settings: Settings, store: Store) -> Access:
        """Made from the settings.

        Raises:
            DeploymentError: if the master secret is too short.
        """
        zone = ZoneInfo(settings.county.timezone)

        def actor(snapshot: Snapshot, account: int, now: int) -> Actor:
            return actor_of(snapshot, account, settings.roles, now, zone=zone)

        limits = SessionLimits(
            idle_minutes=settings.access.session_idle_minutes,
            hours=settings.access.session_hours,
        )
        master = settings.secrets.device_master
        key = master.reveal().encode() if master else secrets.token_bytes(32)
        cost = PasswordCost(
            time_cost=settings.access.password_passes,
            memory_kib=settings.access.password_memory_kib,
        )
        passwords = Passwords(cost)
        sessions = Sessions(store, actor, limits)
        accounts = Accounts(store, passwords, sessions, zone=zone)
        return cls(accounts, sessions, Devices(store, key), passwords, actor)

    def close(self) -> None:
        """Stop the threads."""
        self.passwords.close()
