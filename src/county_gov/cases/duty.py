"""Who is on duty: what the cases ask of whoever keeps the rosters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from county_gov.errors import NotFound

if TYPE_CHECKING:
    from county_gov.contract.workflow import Roster
    from county_gov.store import Snapshot

NOBODY_ON_DUTY = "nobody_on_duty"
NOT_HOLDER = "not_holder"
NO_ROSTER = "no_roster"


class Rosters(Protocol):
    """Reads rosters, also in the middle of a transaction: it must take less than 10 ms."""

    def on_duty(
        self, snapshot: Snapshot, roster: Roster, areas: Sequence[str], at: int
    ) -> tuple[int, ...]:
        """The accounts of those on duty, those of the nearest area first.

        Args:
            snapshot: Where to read.
            roster: Which dataset, and which of its fields.
            areas: The case's area and all above it, nearest first.
            at: The instant, microseconds UTC.

        Raises:
            NotFound: if there is no such dataset.
        """
        ...


class NoRosters:
    """For a county that keeps none."""

    def on_duty(
        self, _snapshot: Snapshot, roster: Roster, _areas: Sequence[str], _at: int
    ) -> tuple[int, ...]:
        """Raises NotFound, always."""
        raise NotFound(f"no rosters are kept here, and so no {roster.dataset!r}")


@frozen
class Assignment:
    """Whose a task is: one account's, a unit's, or any holder's of the role.

    ``note`` says why the roster named nobody: "" where it did, or where there is none.
    """

    account: int | None = None
    unit: str | None = None
    note: str = ""
