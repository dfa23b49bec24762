"""One step of a case, on its way through the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from attrs import field, frozen

from county_gov.contract.schema import Value
from county_gov.contract.workflow import Event, State, Workflow
from county_gov.store.access import Holder, holders

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store.transaction import Transaction


@frozen(eq=False)
class Request:
    """What every change of a case carries.

    Args:
        actor: Who asks.
        key: Idempotency key, unique among this actor's requests.
        data: The form's values, already normalised.
        request: Id of the HTTP request, for the audit trail.
    """

    actor: Actor
    key: str
    data: Mapping[str, Value]
    request: str = ""

    @property
    def scope(self) -> str:
        """Whose idempotency keys these are."""
        if self.actor.account is not None:
            return f"account:{self.actor.account}"
        return f"{self.actor.kind}:{self.actor.name}"


@frozen(eq=False)
class RoleHolders:
    """Who holds which role for the area of a case today; each role is looked up once.

    Args:
        tx: The transaction of the step.
        area: The case's.
        day: The county's local day.
    """

    tx: Transaction
    area: str
    day: int
    _known: dict[str, tuple[Holder, ...]] = field(factory=dict, init=False)

    def of(self, role: str) -> tuple[Holder, ...]:
        """The active accounts that hold a role, with the unit in which they hold it."""
        if role not in self._known:
            self._known[role] = holders(self.tx, role, self.area, self.day)
        return self._known[role]


@frozen(eq=False)
class Step:
    """One step of a case on its way through the transaction; no event is the opening."""

    workflow: Workflow
    event: Event | None
    state: State
    from_state: str
    request: Request
    drill: bool
    fingerprint: str
    able: RoleHolders

    @property
    def event_id(self) -> str:
        """Id of the event; empty for the opening."""
        return self.event.id if self.event else ""


def assigned(state: State, data: Mapping[str, Value]) -> tuple[int | None, str | None]:
    """The account and the unit that a state's task names, each None where it names none."""
    if state.task is None:
        return None, None
    account = data.get(state.task.assignee) if state.task.assignee else None
    unit = data.get(state.task.unit) if state.task.unit else None
    return (
        account if isinstance(account, int) else None,
        unit if isinstance(unit, str) else None,
    )


def json_text(value: Mapping[str, Value]) -> str:
    """A small object as JSON text, for the audit trail and the journal."""
    return msgspec.json.encode(value).decode()
