"""One step of a case, on its way through the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from attrs import field, frozen

from county_gov.contract.schema import Value
from county_gov.contract.workflow import CaseView, Event, State, Workflow
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
        key_alone: Whether the key alone tells that a request was made before, whatever else it
            says: so plugins repeat theirs, as the clock has gone on meanwhile.
    """

    actor: Actor
    key: str
    data: Mapping[str, Value]
    request: str = ""
    key_alone: bool = False

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
    def completes(self) -> bool:
        """Whether it completes an occurrence of a recurring task, and the case stays."""
        task = self.state.task
        return self.event is not None and task is not None and task.done_by == self.event.id

    @property
    def event_id(self) -> str:
        """Id of the event; empty for the opening."""
        return self.event.id if self.event else ""


@frozen(eq=False)
class Place:
    """Where a task is given: a case in a state, and who holds which role there.

    Args:
        workflow: Of the case.
        state: In which it stands.
        view: The case.
        able: Who holds which role for its area today.
        drill: Whether it is an exercise.
    """

    workflow: Workflow
    state: State
    view: CaseView
    able: RoleHolders
    drill: bool


def json_text(value: Mapping[str, Value]) -> str:
    """A small object as JSON text, for the audit trail and the journal."""
    return msgspec.json.encode(value).decode()
