"""Parameters: proposing values, and deciding about proposals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec
import structlog
from attrs import asdict, evolve, frozen

from county_gov.contract.schema import Schema, Value
from county_gov.contract.values import clean_key, normalise, to_value
from county_gov.errors import (
    AccessDenied,
    DeploymentError,
    NotFound,
    Problem,
    ProposalConflict,
    ProposalInvalid,
    StoreError,
)
from county_gov.parameters.declared import check_parameters, decision_form, proposal_form
from county_gov.parameters.held import misfit
from county_gov.parameters.reading import ParameterReading
from county_gov.parameters.targets import target_problems
from county_gov.store import parameters as rows
from county_gov.store.parameters import Draft, KeptProposal, Proposal

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.clock import Clock
    from county_gov.contract.parameter import Parameter
    from county_gov.parameters.authority import Areas
    from county_gov.parameters.notices import Notices
    from county_gov.store import Snapshot, Store, Transaction

log = structlog.get_logger(__name__)

Decision = Literal["approved", "rejected", "withdrawn"]
VERBS: Mapping[Decision, str] = {
    "approved": "approve",
    "rejected": "reject",
    "withdrawn": "withdraw",
}
PAST = "is required: the value holds from a day that has passed"
JOURNAL = "parameter"
"""Kind of the journal's entries: the reference is the parameter's id, the payload the first day
(days since 1970-01-01) from which a value holds that was approved, in decimal digits; for a thing's
value an object with that ``day`` and the thing's code in ``keys``."""


@frozen(eq=False)
class _Request:
    """What every change carries: who asks, under which key, and what it is all about."""

    actor: Actor
    key: str
    fingerprint: str
    request: str

    @property
    def scope(self) -> str:
        return f"parameters:account:{self.actor.account}"


@frozen(eq=False)
class _Attempt:
    """A decision as somebody asks for it."""

    actor: Actor
    key: str
    request: str
    proposal: str
    decision: Decision
    reason: str

    def made(self) -> _Request:
        """The request that it is, once its reason is in the stored shape."""
        fingerprint = _hash(self.decision, self.proposal, self.reason)
        return _Request(self.actor, self.key, fingerprint, self.request)


class Parameters(ParameterReading):
    """All parameters of a county: what holds, and how it comes to hold.

    A value holds once somebody else than who proposed it has approved it. Nothing is deleted: a
    value is corrected by another for the same day, which takes its place.

    Args:
        store: Where proposals are kept.
        parameters: What the enabled plugins declare, by id.
        clock: Tells the day.
        timezone: The county's local time, for example "Asia/Shanghai".
        registers: Gives the register of areas as it is now.
        county: The county's code: a value for it is one for the whole county.
        notices: Tells of proposals and decisions; nobody is told without it.

    Raises:
        DeploymentError: with all problems of what plugins declare.
    """

    def __init__(
        self,
        store: Store,
        parameters: Mapping[str, Parameter],
        *,
        clock: Clock,
        timezone: str,
        registers: Callable[[], Areas],
        county: str = "",
        notices: Notices | None = None,
    ) -> None:
        if problems := check_parameters(parameters.values()):
            raise DeploymentError(problems)
        super().__init__(
            store,
            parameters,
            clock=clock,
            timezone=timezone,
            registers=registers,
            county=county,
        )
        self._notices = notices

    async def propose(  # noqa: PLR0913 (what a proposal consists of, each by name)
        self,
        actor: Actor,
        parameter: str,
        *,
        value: Value,
        effective_from: date | str,
        document: str,
        number: str,
        article: str = "",
        reason: str = "",
        area: str = "",
        subject: str = "",
        ends: bool = False,
        key: str,
        request: str = "",
    ) -> Proposal:
        """Propose a value; it does not hold before somebody else approves it.

        Args:
            actor: Who proposes.
            parameter: Id of the parameter.
            value: In the field's unit; None where ``ends``.
            effective_from: First local day on which it shall hold.
            document: Title of what orders it.
            number: The document's number.
            article: The document's article.
            reason: Why; needed for a day that has passed.
            area: Code of the area; empty for the whole county.
            subject: The thing or choice that the value is for, by what the parameter varies.
            ends: From that day on the area, thing or choice has no value of its own any more;
                one of them has to be named.
            key: Idempotency key: the same proposal again is the first one.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such parameter, or not for this actor.
            AccessDenied: if the actor may not propose a value there.
            ProposalInvalid: with each field's problem.
        """
        declared = self._seen(actor, parameter)
        area = self._own(area)
        given: dict[str, object] = {
            "value": value,
            "ends": ends,
            "effective_from": str(effective_from),
            "document": document,
            "number": number,
            "article": article,
            "reason": reason,
        }
        if declared.by_area or area:
            given["area"] = area
        if subject:
            given["subject"] = subject
        draft, problems = _draft(declared, given)
        problems = [*clean_key(key), *problems]
        if draft is None or problems:
            raise ProposalInvalid(problems)
        made = _Request(actor, key, _hash("propose", asdict(draft)), request)

        def write(tx: Transaction) -> Proposal:
            if (before := self._repeated(tx, made)) is not None:
                return before
            place = self._authority().place(declared, area, subject)
            if not self._authority().may_propose(actor, declared, place):
                raise AccessDenied(_lacking(declared.permission, place))
            if doubts := self._doubts(declared, draft):
                raise ProposalInvalid(doubts)
            return self._propose(tx, declared, draft, made)

        try:
            return await self._store.write(write)
        except AccessDenied as error:
            await self._note_refusal(made, "propose", parameter, 0, error)
            raise

    async def approve(
        self, actor: Actor, proposal: str, *, reason: str = "", key: str, request: str = ""
    ) -> Proposal:
        """Let a proposed value hold from its day on.

        Args:
            actor: Who approves: somebody else than who proposed.
            proposal: The proposal's id: the parameter's id, "/" and its number.
            reason: Why; needed where the value holds from a day that has passed.
            key: Idempotency key.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such proposal, or not for this actor.
            AccessDenied: if the actor may not approve it.
            ProposalConflict: if it was decided before.
            ProposalInvalid: if a reason is missing, or the value does not fit the field any more,
                or what it is for is no area, thing or choice any more.
        """
        return await self._decide(_Attempt(actor, key, request, proposal, "approved", reason))

    async def reject(
        self, actor: Actor, proposal: str, *, reason: str = "", key: str, request: str = ""
    ) -> Proposal:
        """Refuse a proposed value, with a reason; it stays visible. Arguments as of `approve`.

        Raises:
            NotFound: if there is no such proposal, or not for this actor.
            AccessDenied: if the actor may not approve it, and so not reject it.
            ProposalConflict: if it was decided before.
            ProposalInvalid: if the reason is missing.
        """
        return await self._decide(_Attempt(actor, key, request, proposal, "rejected", reason))

    async def withdraw(
        self, actor: Actor, proposal: str, *, reason: str = "", key: str, request: str = ""
    ) -> Proposal:
        """Take the own proposal back; it stays visible. Arguments as of `approve`.

        Raises:
            NotFound: if there is no such proposal, or not for this actor.
            AccessDenied: if somebody else proposed it.
            ProposalConflict: if it was decided before.
        """
        return await self._decide(_Attempt(actor, key, request, proposal, "withdrawn", reason))

    async def _decide(self, attempt: _Attempt) -> Proposal:
        parameter, number = _parse(attempt.proposal)
        declared = self._seen(attempt.actor, parameter)
        schema = decision_form(reason_required=attempt.decision == "rejected")
        values, problems = normalise(schema, {"reason": attempt.reason})
        problems = [*clean_key(attempt.key), *problems]
        if problems:
            raise ProposalInvalid(problems)
        attempt = evolve(attempt, reason=str(values["reason"] or ""))
        made = attempt.made()

        def write(tx: Transaction) -> Proposal:
            found = rows.read_proposal(tx, parameter, number)
            if found is None or not self._sees(made.actor, declared, found):
                raise no_proposal(attempt.proposal)
            if (before := self._repeated(tx, made)) is not None:
                return before
            self._require_authority(made.actor, declared, found, attempt.decision)
            if found.state != "open":
                raise ProposalConflict(
                    f"proposal {found.id} was {found.state} by {found.decided_by}; look at it again"
                )
            if attempt.decision == "approved" and (doubts := self._misgivings(found, attempt)):
                raise ProposalInvalid(doubts)
            return self._conclude(tx, declared, found, attempt)

        try:
            return await self._store.write(write)
        except AccessDenied as error:
            await self._note_refusal(made, VERBS[attempt.decision], parameter, number, error)
            raise

    def _propose(
        self, tx: Transaction, parameter: Parameter, draft: Draft, made: _Request
    ) -> Proposal:
        actor = made.actor
        number = rows.insert_proposal(tx, draft, name=actor.name, account=actor.account or 0)
        proposal = self._read(tx, parameter.id, number)
        self._record(tx, proposal, made, "propose")
        if self._notices is not None:
            place = self._authority().place(parameter, proposal.area, proposal.subject)
            self._notices.tell_approvers(tx, parameter, proposal, place, self.today())
        return proposal

    def _conclude(
        self, tx: Transaction, parameter: Parameter, found: Proposal, attempt: _Attempt
    ) -> Proposal:
        decision = attempt.decision
        if not rows.decide(tx, found, decision, actor=attempt.actor, reason=attempt.reason):
            raise ProposalConflict(f"proposal {found.id} was decided meanwhile; look at it again")
        proposal = self._read(tx, found.parameter, found.number)
        self._record(tx, proposal, attempt.made(), VERBS[decision])
        if decision == "approved":
            tx.journal(JOURNAL, parameter.id, _told(parameter, proposal))
        if self._notices is not None and decision != "withdrawn":
            self._notices.tell_proposer(tx, parameter, proposal)
        return proposal

    def _record(self, tx: Transaction, proposal: Proposal, made: _Request, verb: str) -> None:
        details = {"proposal": proposal.number, "effective_from": proposal.effective_from}
        tx.append_audit(
            made.actor,
            f"parameter.{verb}",
            f"parameter:{proposal.parameter}",
            area=proposal.area,
            request=made.request,
            details=msgspec.json.encode(details).decode(),
        )
        kept = KeptProposal(made.fingerprint, proposal.parameter, proposal.number)
        rows.keep_result(tx, made.scope, made.key, kept)

    def _read(self, snapshot: Snapshot, parameter: str, number: int) -> Proposal:
        proposal = rows.read_proposal(snapshot, parameter, number)
        if proposal is None:
            raise StoreError(f"proposal {parameter}/{number} is not there; it cannot have gone")
        return proposal

    def _repeated(self, snapshot: Snapshot, made: _Request) -> Proposal | None:
        """The proposal that was made or decided before under the same key, else None."""
        kept = rows.kept_result(snapshot, made.scope, made.key)
        if kept is None:
            return None
        if kept.fingerprint != made.fingerprint:
            raise ProposalInvalid([Problem("key", "was used for another request; take a new key")])
        return self._read(snapshot, kept.parameter, kept.number)

    def _require_authority(
        self, actor: Actor, parameter: Parameter, proposal: Proposal, decision: Decision
    ) -> None:
        own = actor.account is not None and actor.account == proposal.proposed_account
        if decision == "withdrawn":
            if not own:
                raise AccessDenied("only who proposed a value can withdraw it")
            return
        if own:
            raise AccessDenied("who proposed a value cannot decide about it: that takes another")
        place = self._authority().place(parameter, proposal.area, proposal.subject)
        if not self._authority().may_approve(actor, parameter, place):
            raise AccessDenied(_lacking(parameter.approval_permission, place))

    def _sees(self, actor: Actor, parameter: Parameter, proposal: Proposal) -> bool:
        authority = self._authority()
        place = authority.place(parameter, proposal.area, proposal.subject)
        return authority.sees(actor, parameter, place)

    def _doubts(self, parameter: Parameter, draft: Draft) -> list[Problem]:
        """What is wrong with a draft today: what it refers to, and a missing reason."""
        registers, problems = self._registers(), self._late(draft, draft.reason)
        day = max(draft.effective_from, self.today())
        problems += target_problems(parameter, draft, registers, day)
        refers = self.parameters[draft.parameter].field.refers
        known = {"area": registers.areas, "unit": registers.units}.get(refers, {})
        if refers and draft.value is not None and draft.value not in known:
            text = f"{str(draft.value)[:40]!r} is not in the register of {refers}s"
            problems.append(Problem("value", text))
        return problems

    def _misgivings(self, found: Proposal, attempt: _Attempt) -> list[Problem]:
        """Why a proposal cannot be approved today."""
        parameter, day = self.parameters[found.parameter], max(found.effective_from, self.today())
        problems = self._late(found, attempt.reason)
        problems += target_problems(parameter, found, self._registers(), day)
        if (wrong := misfit(parameter, found)) is not None:
            text = f"does not fit the field any more: {wrong}; reject it and propose anew"
            problems.append(Problem("value", text))
        return problems

    def _late(self, draft: Draft, reason: str) -> list[Problem]:
        late = draft.effective_from < self.today() and not reason
        return [Problem("reason", PAST)] if late else []

    async def _note_refusal(
        self, made: _Request, verb: str, parameter: str, number: int, error: AccessDenied
    ) -> None:
        """Record in a transaction of its own that somebody was refused."""
        details = msgspec.json.encode({"proposal": number, "reason": str(error)}).decode()
        write = partial(
            _audit_refusal, made, f"parameter.{verb}", f"parameter:{parameter}", details
        )
        try:
            await self._store.write(write)
        except StoreError as failure:
            log.warning("refusal not audited", parameter=parameter, problem=str(failure))


def _audit_refusal(made: _Request, action: str, target: str, details: str, tx: Transaction) -> None:
    tx.append_audit(
        made.actor, action, target, outcome="refused", request=made.request, details=details
    )


def _draft(parameter: Parameter, given: Mapping[str, object]) -> tuple[Draft | None, list[Problem]]:
    """What was given in the stored shape, and everything that is wrong with it alone."""
    schema = proposal_form(parameter)
    values, problems = normalise(schema, given)
    ends = values.get("ends") is True
    if "value" in values:
        if values["value"] is None and not ends:
            problems.append(Problem("value", "is required"))
        elif values["value"] is not None and ends:
            problems.append(Problem("value", "leave it empty where the area's own value ends"))
    day = values.get("effective_from")
    if problems or not isinstance(day, int):
        return None, problems
    texts = {name: str(values.get(name) or "") for name in (*_TEXTS, "area", "subject")}
    return Draft(
        parameter=parameter.id,
        area=texts["area"],
        value=_value(schema, values["value"]),
        unit=parameter.field.unit,
        effective_from=day,
        document=texts["document"],
        document_number=texts["number"],
        article=texts["article"],
        reason=texts["reason"],
        subject=texts["subject"],
    ), []


_TEXTS = ("document", "number", "article", "reason")


def _value(schema: Schema, stored: Value) -> Value:
    return to_value(schema["value"], stored)


def _told(parameter: Parameter, proposal: Proposal) -> bytes:
    """What the journal tells of an approved value."""
    if parameter.varies_by == "thing" and proposal.subject:
        told = {"day": proposal.effective_from, "keys": [proposal.subject]}
        return msgspec.json.encode(told)
    return str(proposal.effective_from).encode()


def _parse(proposal: str) -> tuple[str, int]:
    parameter, _, number = proposal.rpartition("/")
    if not (parameter and number.isascii() and number.isdigit() and len(number) <= 15):  # noqa: PLR2004
        raise no_proposal(proposal)
    return parameter, int(number)


def no_proposal(proposal: str) -> NotFound:
    """The same answer for a proposal that does not exist and one that may not be seen."""
    return NotFound(f"there is no proposal {proposal[:80]!r}, or not for you")


def _lacking(permission: str, area: str) -> str:
    where = area or "the whole county"
    return f"this needs the permission {permission!r} for {where}, which you do not hold"


def _hash(*parts: object) -> str:
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
