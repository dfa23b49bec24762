"""The tables of parameters: proposals, and which of them hold.

A value holds once its proposal is approved; nothing is ever deleted. Of several approved for the
same parameter, area and day, the one approved last counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import sqlalchemy as sa
from attrs import frozen

from county_gov.store import idempotency, tables

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.schema import Value
    from county_gov.store.transaction import Snapshot, Transaction

State = Literal["open", "approved", "rejected", "withdrawn"]

proposals, serials = tables.parameter_proposals, tables.parameter_serials


@frozen(eq=False)
class Draft:
    """What somebody proposes.

    Args:
        parameter: Id of the parameter.
        area: Code of the area that the value is for; empty for the whole county.
        subject: The thing or choice that the value is for; empty for all.
        value: In the shape of `county_gov.contract.schema.Value`; None ends the area's own value.
        unit: Unit of the value.
        effective_from: First local day on which it shall hold, days since 1970-01-01.
        document, document_number, article: What orders it.
        reason: Why, in words.
    """

    parameter: str
    area: str
    value: Value
    unit: str
    effective_from: int
    document: str
    document_number: str
    article: str = ""
    reason: str = ""
    subject: str = ""


@frozen(eq=False)
class Proposal(Draft):
    """A value that was proposed, and what became of it.

    Args:
        number: Within the parameter, from 1.
        state: Where it stands.
        proposed_by, proposed_account, proposed_at: Who proposed it, and when.
        decided_by, decided_account, decided_at, decided_reason: Who decided, when, and why.
        approval: Place among the parameter's approvals, from 1; None where it was not approved.
    """

    number: int = 0
    state: State = "open"
    proposed_by: str = ""
    proposed_account: int = 0
    proposed_at: int = 0
    decided_by: str = ""
    decided_account: int | None = None
    decided_at: int | None = None
    decided_reason: str = ""
    approval: int | None = None

    @property
    def id(self) -> str:
        """What it is named by: the parameter's id, "/" and the number."""
        return f"{self.parameter}/{self.number}"


@frozen
class KeptProposal:
    """What an idempotency key stands for."""

    fingerprint: str
    parameter: str
    number: int


def read_version(snapshot: Snapshot) -> int:
    """How many approvals there were; rises with each, and is read with one small statement."""
    return int(snapshot.scalar(sa.select(sa.func.coalesce(sa.func.sum(serials.c.approved), 0))))


def read_proposals(
    snapshot: Snapshot, parameter: str = "", *, state: State | None = None
) -> tuple[Proposal, ...]:
    """Proposals in the order in which they were made, of one parameter or of all.

    Args:
        snapshot: Where to read.
        parameter: Id of the parameter; empty for all.
        state: Only in this state.
    """
    statement = sa.select(proposals).order_by(proposals.c.id)
    if parameter:
        statement = statement.where(proposals.c.parameter == parameter)
    if state is not None:
        statement = statement.where(proposals.c.state == state)
    return tuple(_proposal(row) for row in snapshot.rows(statement))


def read_proposal(snapshot: Snapshot, parameter: str, number: int) -> Proposal | None:
    """One proposal, or None."""
    statement = sa.select(proposals).where(
        proposals.c.parameter == parameter, proposals.c.number == number
    )
    row = snapshot.first(statement)
    return None if row is None else _proposal(row)


def _proposal(row: sa.Row[*tuple[Any, ...]]) -> Proposal:
    return Proposal(
        parameter=row.parameter,
        area=row.area,
        value=msgspec.json.decode(row.value),
        unit=row.unit,
        effective_from=row.effective_from,
        document=row.document,
        document_number=row.document_number,
        article=row.article,
        reason=row.reason,
        subject=row.subject,
        number=row.number,
        state=row.state,
        proposed_by=row.proposed_by,
        proposed_account=row.proposed_account,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_account=row.decided_account,
        decided_at=row.decided_at,
        decided_reason=row.decided_reason,
        approval=row.approval,
    )


def insert_proposal(tx: Transaction, draft: Draft, *, name: str, account: int) -> int:
    """Add a proposal and return its number within the parameter."""
    number = _next(tx, draft.parameter, proposed=1)
    tx.insert(
        proposals,
        parameter=draft.parameter,
        number=number,
        area=draft.area,
        value=msgspec.json.encode(draft.value).decode(),
        unit=draft.unit,
        effective_from=draft.effective_from,
        document=draft.document,
        document_number=draft.document_number,
        article=draft.article,
        reason=draft.reason,
        subject=draft.subject,
        proposed_by=name,
        proposed_account=account,
        proposed_at=tx.at,
    )
    return number


def decide(tx: Transaction, proposal: Proposal, state: State, *, actor: Actor, reason: str) -> bool:
    """Put an open proposal into its last state.

    Returns:
        False where it was decided before: nothing changed.
    """
    approval = _next(tx, proposal.parameter, approved=1) if state == "approved" else None
    statement = (
        sa.update(proposals)
        .where(
            proposals.c.parameter == proposal.parameter,
            proposals.c.number == proposal.number,
            proposals.c.state == "open",
        )
        .values(
            state=state,
            decided_by=actor.name,
            decided_account=actor.account,
            decided_at=tx.at,
            decided_reason=reason,
            approval=approval,
        )
    )
    return tx.execute(statement).rowcount == 1


def _next(tx: Transaction, parameter: str, *, proposed: int = 0, approved: int = 0) -> int:
    """Raise one of a parameter's counters and return it; the row keeps others waiting."""
    column = serials.c.proposed if proposed else serials.c.approved
    statement = (
        tx.database.insert(serials)
        .values(parameter=parameter, proposed=proposed, approved=approved)
        .on_conflict_do_update(
            index_elements=[serials.c.parameter],
            set_={
                "proposed": serials.c.proposed + proposed,
                "approved": serials.c.approved + approved,
            },
        )
        .returning(column)
    )
    return int(tx.execute(statement).scalar_one())


def kept_result(snapshot: Snapshot, scope: str, key: str) -> KeptProposal | None:
    """What an idempotency key stands for, or None where it is new."""
    found = idempotency.kept(snapshot, scope, key)
    if found is None:
        return None
    result = msgspec.json.decode(found.result)
    return KeptProposal(found.fingerprint, result["parameter"], result["number"])


def keep_result(tx: Transaction, scope: str, key: str, result: KeptProposal) -> None:
    """Remember what an idempotency key stands for."""
    body = msgspec.json.encode({"parameter": result.parameter, "number": result.number}).decode()
    idempotency.keep(tx, scope, key, idempotency.Kept(result.fingerprint, body))
