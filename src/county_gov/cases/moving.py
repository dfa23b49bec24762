"""Opening and moving a case: what changes together, in one transaction.

Nothing here waits or calls a plugin: it runs on the writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
import structlog
from attrs import evolve, frozen

from county_gov.cases.addressing import send_notices
from county_gov.cases.duty import Assignment, Rosters
from county_gov.cases.number import format_number
from county_gov.cases.step import Place, Request, RoleHolders, Step, json_text
from county_gov.cases.tasking import Tasking
from county_gov.contract.schema import Value
from county_gov.contract.workflow import CaseView, Event, State, Workflow
from county_gov.errors import (
    CaseConflict,
    CaseNotFound,
    EventDataInvalid,
    EventNotAllowed,
    Problem,
    StoreError,
)
from county_gov.store import cases as rows
from county_gov.store import tasks

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.schema import Schema
    from county_gov.store.transaction import Snapshot, Transaction

log = structlog.get_logger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(eq=False)
class Opening(Request):
    """A case to be opened."""

    title: str = ""
    title_en: str = ""
    area: str = ""
    subject: str = ""
    drill: bool = False

    def fingerprint(self, workflow: Workflow) -> str:
        """Hash of all that makes this request the same as another."""
        return _hash(
            "open", workflow.id, self.title, self.area, self.subject, self.drill, dict(self.data)
        )


@frozen(eq=False)
class Move(Request):
    """An event to be made."""

    case: int = 0
    expected_version: int = 0

    def fingerprint(self, event: Event) -> str:
        """Hash of all that makes this request the same as another."""
        return _hash("move", self.case, self.expected_version, event.id, dict(self.data))


@frozen(eq=False)
class Mover:
    """Changes cases inside a transaction.

    Args:
        county: Its code, for the numbers.
        timezone: The county's: its days and years.
        channels: Ids of the notifiers that every notice goes to.
        rosters: Tells who is on duty.
    """

    county: str
    timezone: ZoneInfo
    channels: tuple[str, ...]
    rosters: Rosters

    @property
    def tasking(self) -> Tasking:
        """What gives and ends tasks."""
        return Tasking(self.channels, self.timezone, self.rosters)

    def local(self, instant: int) -> datetime:
        """An instant in the county's time."""
        return (EPOCH + timedelta(microseconds=instant)).astimezone(self.timezone)

    def day(self, instant: int) -> int:
        """The local day of an instant, days since 1970-01-01."""
        return self.local(instant).toordinal() - EPOCH.toordinal()

    def open(self, tx: Transaction, workflow: Workflow, opening: Opening) -> CaseView:
        """Open a case, or give back the one opened before under the same key.

        Raises:
            EventNotAllowed: with code "idempotency", if the key stands for another request.
            EventDataInvalid: if a person names an area, account or unit that does not fit.
        """
        fingerprint = opening.fingerprint(workflow)
        if (before := self.repeated(tx, opening, fingerprint)) is not None:
            return before
        state = workflow.state(workflow.initial)
        able = RoleHolders(tx, opening.area, self.day(tx.at))
        if opening.actor.kind != "system":
            _check_references(tx, workflow.data, state, opening, able)
        year = self.local(tx.at).year
        serial = rows.next_serial(tx, workflow.id, year)
        view = CaseView(
            id="",
            number=format_number(workflow.number, county=self.county, year=year, serial=serial),
            workflow=workflow.id,
            state=state.id,
            version=1,
            area=opening.area,
            title=opening.title,
            title_en=opening.title_en,
            subject=opening.subject,
            opened_at=tx.at,
            data=MappingProxyType(dict(opening.data)),
            workflow_version=workflow.version,
        )
        case = rows.insert_case(tx, view, workflow_version=workflow.version, drill=opening.drill)
        view = evolve(view, id=str(case))
        step = Step(workflow, None, state, "", opening, opening.drill, fingerprint, able)
        return self._finish(tx, view, step)

    def move(self, tx: Transaction, workflow: Workflow, event: Event, move: Move) -> CaseView:
        """Make an event that was allowed on the version expected.

        Raises:
            CaseNotFound: if there is no such case.
            CaseConflict: if the case has moved since.
            EventNotAllowed: with code "idempotency", if the key stands for another request.
            EventDataInvalid: if an account or unit does not fit.
        """
        fingerprint = move.fingerprint(event)
        if (before := self.repeated(tx, move, fingerprint)) is not None:
            return before
        record = rows.read_case(tx, move.case)
        if record is None:
            raise CaseNotFound(f"case {move.case} does not exist")
        check_version(record.view, move.expected_version)
        state = workflow.state(event.target)
        able = RoleHolders(tx, record.view.area, self.day(tx.at))
        _check_references(tx, event.form, state, move, able)
        view = evolve(
            record.view,
            state=state.id,
            version=record.view.version + 1,
            data=MappingProxyType({**record.view.data, **move.data}),
        )
        if not rows.move_case(tx, view, final=state.final):
            raise CaseConflict(
                f"case {view.number} was moved by somebody else meanwhile; look at it again",
                current=view.version,
            )
        step = Step(
            workflow, event, state, record.view.state, move, record.drill, fingerprint, able
        )
        left = Place(workflow, workflow.state(record.view.state), record.view, able, record.drill)
        if step.completes:
            self.tasking.catch_up(tx, left, then="complete")
        else:
            self.tasking.leave(tx, left)
        tasks.end_tasks(tx, move.case, actor=move.actor, outcome=event.id)
        return self._finish(tx, view, step)

    def open_due(self, tx: Transaction, workflow: Workflow, case: int) -> bool:
        """Open what is due of a case's recurring task; returns whether anything was."""
        record = rows.read_case(tx, case)
        if record is None:
            tasks.stop_timer(tx, case)
            return False
        own = workflow.of_version(record.workflow_version)
        states = own.states if own else ()
        state = next((one for one in states if one.id == record.view.state), None)
        if own is None or state is None:
            tasks.stop_timer(tx, case)
            return False
        able = RoleHolders(tx, record.view.area, self.day(tx.at))
        place = Place(own, state, record.view, able, record.drill)
        return self.tasking.catch_up(tx, place, then="open")

    def repeated(self, snapshot: Snapshot, request: Request, fingerprint: str) -> CaseView | None:
        """The first result of a request that was made before under the same key, else None.

        Raises:
            EventNotAllowed: with code "idempotency", if the key stands for another request.
        """
        kept = rows.kept_result(snapshot, request.scope, request.key)
        if kept is None:
            return None
        if kept.fingerprint != fingerprint and not request.key_alone:
            raise EventNotAllowed(
                f"idempotency key {request.key!r} was used for another request; take a new key",
                code="idempotency",
            )
        view = rows.view_at(snapshot, kept.case, kept.version)
        if view is None:
            raise StoreError(f"case {kept.case} has no event {kept.version} in its history")
        return view

    def _finish(self, tx: Transaction, view: CaseView, step: Step) -> CaseView:
        """All that goes with a case's new state, whether it was opened or moved into it."""
        case, request = int(view.id), step.request
        place = Place(step.workflow, step.state, view, step.able, step.drill)
        assignment = Assignment() if step.completes else self.tasking.assign(tx, place)
        units, persons = _joining(step, view.data, assignment)
        rows.add_participants(tx, case, units=units, persons=persons, since=view.version)
        view = evolve(
            view,
            units=tuple(sorted({*view.units, *units})),
            persons=tuple(sorted({*view.persons, *persons})),
        )
        rows.append_history(
            tx,
            view,
            event=step.event_id,
            from_state=step.from_state,
            actor=request.actor,
            data=request.data,
        )
        if not step.completes:
            self.tasking.enter(tx, evolve(place, view=view), assignment)
        send_notices(tx, view, step, assignment, channels=self.channels, timezone=self.timezone)
        tx.append_audit(
            request.actor,
            "case.move" if step.event else "case.open",
            f"case:{case}",
            area=view.area,
            request=request.request,
            details=json_text({"event": step.event_id, "version": view.version}),
        )
        tx.journal("case", str(case), json_text(_journalled(tx, view, step)).encode())
        result = rows.KeptResult(fingerprint=step.fingerprint, case=case, version=view.version)
        rows.keep_result(tx, request.scope, request.key, result)
        return view


def _check_references(
    tx: Transaction, form: Schema, state: State, request: Request, able: RoleHolders
) -> None:
    """Refuse accounts that do not exist or cannot do the state's task, and unknown units."""
    problems: list[Problem] = []
    for one in form.fields:
        value = request.data.get(one.name)
        if one.name.endswith("_account") and isinstance(value, int):
            problems += _account_problems(tx, one.name, value, state, able)
        elif (
            one.name.endswith("_unit")
            and isinstance(value, str)
            and not rows.unit_exists(tx, value)
        ):
            problems.append(Problem(one.name, f"{value!r} is not a unit of the register"))
    if problems:
        raise EventDataInvalid(problems)


def _account_problems(
    tx: Transaction, name: str, account: int, state: State, able: RoleHolders
) -> list[Problem]:
    role = state.task.role if state.task else ""
    if role and any(holder.account == account for holder in able.of(role)):
        return []
    if account not in rows.accounts_by_number(tx, [account]):
        return [Problem(name, f"{account} is not an active account")]
    if not role:
        return []
    area = able.area
    return [Problem(name, f"account {account} does not hold the role {role} for area {area}")]


def check_version(view: CaseView, expected: int) -> None:
    """Refuse a version that is not the case's.

    Raises:
        CaseConflict: with the version that it has.
    """
    if view.version != expected:
        raise CaseConflict(
            f"case {view.number} is at version {view.version}, not {expected}: somebody else"
            " acted first; look at it again and decide anew",
            current=view.version,
        )


def _joining(
    step: Step, data: Mapping[str, Value], assignment: Assignment
) -> tuple[set[str], set[int]]:
    """The units and persons that take part from now on."""
    units = {assignment.unit} if assignment.unit is not None else set()
    persons = {assignment.account} if assignment.account is not None else set()
    if step.event is not None:
        chosen_unit = data.get(step.event.assigns_unit)
        chosen_person = data.get(step.event.assigns_person)
        units |= {chosen_unit} if isinstance(chosen_unit, str) else set()
        persons |= {chosen_person} if isinstance(chosen_person, int) else set()
    return units, persons


def _journalled(tx: Transaction, view: CaseView, step: Step) -> dict[str, Value]:
    return {
        "case": view.id,
        "number": view.number,
        "workflow": view.workflow,
        "event": step.event_id,
        "from_state": step.from_state,
        "state": view.state,
        "version": view.version,
        "area": view.area,
        "at": tx.at,
    }


def _hash(*parts: object) -> str:
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
