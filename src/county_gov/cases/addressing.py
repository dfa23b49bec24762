"""Whom a case's notices go to: written into the outbox in the same transaction as its step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import structlog

from county_gov.cases.duty import Assignment
from county_gov.cases.notices import (
    PARTICIPANTS,
    Occasion,
    TaskWords,
    compose,
    placeholders,
)
from county_gov.cases.step import Place, Step, json_text
from county_gov.contract.access import SYSTEM
from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView, Notice
from county_gov.store import cases as rows

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.store.transaction import Transaction

log = structlog.get_logger(__name__)
OPENING = Text(zh="立案", en="opened")


def send_notices(
    tx: Transaction,
    view: CaseView,
    step: Step,
    assignment: Assignment,
    *,
    channels: tuple[str, ...],
    timezone: ZoneInfo,
) -> None:
    """Queue a step's notices: one row of the outbox for each recipient and channel."""
    notices = step.event.notices if step.event else step.workflow.opened_notices
    if not notices:
        return
    occasion = Occasion(
        workflow=step.workflow,
        view=view,
        event=step.event.title if step.event else OPENING,
        actor=step.request.actor.name,
        area=rows.area_names(tx, view.area) or Text(zh=view.area or "—"),
        names=_names(tx, view.data, _named_in(notices)),
        timezone=timezone,
    )
    place = Place(step.workflow, step.state, view, step.able, step.drill)
    for index, notice in enumerate(notices):
        numbers = _recipients(tx, notice, place, assignment) - (
            {step.request.actor.account} if notice.to == PARTICIPANTS else set()
        )
        key = f"case:{view.id}:{view.version}:{index}"
        _post(tx, notice, occasion, numbers, key=key, channels=channels, drill=step.drill)


def send_task_notice(
    tx: Transaction,
    place: Place,
    notice: Notice,
    assignment: Assignment,
    *,
    words: TaskWords,
    key: str,
    channels: tuple[str, ...],
    timezone: ZoneInfo,
) -> None:
    """Queue the notice of a task that opens; ``key`` is the task's own."""
    view, task = place.view, place.state.task
    occasion = Occasion(
        workflow=place.workflow,
        view=view,
        event=task.title if task else OPENING,
        actor=SYSTEM.name,
        area=rows.area_names(tx, view.area) or Text(zh=view.area or "—"),
        names=_names(tx, view.data, _named_in([notice])),
        timezone=timezone,
        task=words,
    )
    numbers = _recipients(tx, notice, place, assignment)
    _post(tx, notice, occasion, numbers, key=key, channels=channels, drill=place.drill)


def _post(
    tx: Transaction,
    notice: Notice,
    occasion: Occasion,
    numbers: set[int],
    *,
    key: str,
    channels: tuple[str, ...],
    drill: bool,
) -> None:
    view = occasion.view
    accounts = rows.accounts_by_number(tx, numbers)
    if not accounts and notice.to != PARTICIPANTS:
        _note_nobody(tx, view, notice)
    for number, facts in sorted(accounts.items()):
        subject, body = compose(notice, occasion, language=facts.language, drill=drill)
        for channel in channels:
            tx.append_outbox(
                key=f"{key}:{channel}:{number}",
                notifier=channel,
                recipient=facts.login,
                subject=subject,
                body=body,
                case=int(view.id),
                drill=drill,
            )


def _recipients(tx: Transaction, notice: Notice, place: Place, assignment: Assignment) -> set[int]:
    """Who gets a notice; one to the task's role goes only to who may do the task."""
    if notice.to == PARTICIPANTS:
        found = set(place.view.persons)
        for taking_part in place.view.units:
            found.update(rows.members(tx, taking_part, place.able.day))
        return found
    task = place.state.task
    narrowed = task is not None and task.role == notice.to
    whose = assignment if narrowed else Assignment()
    return {
        holder.account
        for holder in place.able.of(notice.to)
        if whose.account in (None, holder.account) and whose.unit in (None, holder.unit)
    }


def _named_in(notices: Iterable[Notice]) -> frozenset[str]:
    """The placeholders that some notices use."""
    texts = [text for notice in notices for text in (notice.subject, notice.body)]
    templates = [template for text in texts for template in (text.zh, text.en)]
    return frozenset().union(*(placeholders(template) for template in templates))


def _names(tx: Transaction, data: Mapping[str, Value], wanted: frozenset[str]) -> dict[str, Text]:
    """Names of the accounts and units that the wanted fields of the data hold, by field."""
    data = {name: value for name, value in data.items() if name in wanted}
    accounts = {
        name: value
        for name, value in data.items()
        if name.endswith("_account") and isinstance(value, int)
    }
    known = rows.accounts_by_number(tx, accounts.values(), active_only=False)
    names = {
        field: Text(zh=known[number].name or known[number].login, en=known[number].name_en)
        for field, number in accounts.items()
        if number in known
    }
    units = {
        name: value
        for name, value in data.items()
        if name.endswith("_unit") and isinstance(value, str)
    }
    titles = rows.unit_names(tx, units.values())
    return names | {field: titles[code] for field, code in units.items() if code in titles}


def _note_nobody(tx: Transaction, view: CaseView, notice: Notice) -> None:
    log.warning("notice without recipient", case=view.number, to=notice.to, area=view.area)
    tx.append_audit(
        SYSTEM,
        "notice.unaddressed",
        f"case:{view.id}",
        outcome="failed",
        area=view.area,
        details=json_text({"to": notice.to, "version": view.version}),
    )
