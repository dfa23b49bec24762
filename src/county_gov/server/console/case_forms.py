"""The forms of a case's events, and its data in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import frozen

from county_gov.contract.access import SYSTEM
from county_gov.contract.text import Text
from county_gov.errors import CaseConflict, EventDataInvalid, EventNotAllowed
from county_gov.server.console.forms import NO, YES, field_of, with_problems
from county_gov.server.console.naming import unit_name
from county_gov.server.problems import failure_of
from county_gov.server.render import Action, ActionField, Option
from county_gov.store import cases as rows
from county_gov.store.access import holders

if TYPE_CHECKING:
    from county_gov.cases import CaseDetail
    from county_gov.contract.schema import Field, Value
    from county_gov.contract.workflow import Event
    from county_gov.registers.snapshot import RegisterSnapshot
    from county_gov.server.call import Call
    from county_gov.store import Snapshot
    from county_gov.store.cases import AccountFacts

ACCOUNT = "_account"
UNIT = "_unit"
"""Endings of the fields that name a person and an organisation unit."""

CONFLICT = Text(
    zh="您打开之后，别人已先办理。请核对最新情况后重新提交，已填写的内容仍保留。",
    en="Somebody acted since you opened it. Check what is new, then send it again; "
    "what you typed is kept.",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(eq=False)
class Names:
    """What the numbers and codes in a case's data are called, and who can be chosen."""

    accounts: Mapping[int, AccountFacts]
    registers: RegisterSnapshot
    choices: Mapping[tuple[str, str], tuple[Option, ...]]
    language: str
    timezone: ZoneInfo

    def account(self, number: int) -> Text:
        """A person's name."""
        facts = self.accounts.get(number)
        return Text(zh=facts.name or facts.login, en=facts.name_en) if facts else Text(zh="—")

    def actor(self, name: str, account: int | None) -> str:
        """Who did something, in the language of the page: the name of then, in Chinese."""
        facts = self.accounts.get(account) if account is not None else None
        english = facts.name_en if facts else SYSTEM.name_en if name == SYSTEM.name else ""
        return self.spoken(Text(zh=name, en=english)) if name else ""

    def spoken(self, text: Text) -> str:
        """A text in the language of the page."""
        return text.in_language(self.language)


async def read_names(call: Call, detail: CaseDetail, events: Sequence[Event]) -> Names:
    """Read what a case's page must know of persons and units."""
    day = call.county.cases.today()
    workflow = call.county.cases.workflow_of(detail.view)
    roles = {
        event.id: (task.role if workflow and (task := workflow.state(event.target).task) else "")
        for event in events
    }

    def read(snapshot: Snapshot) -> Names:
        choices: dict[tuple[str, str], tuple[Option, ...]] = {}
        for event in events:
            found = holders(snapshot, roles[event.id], detail.view.area, day)
            for one in event.form.fields:
                if one.name.endswith(ACCOUNT):
                    choices[event.id, one.name] = tuple(
                        dict.fromkeys(
                            Option(str(each.account), Text(zh=each.name or each.login))
                            for each in found
                        )
                    )
                elif one.name.endswith(UNIT):
                    units = dict.fromkeys(each.unit for each in found) or registers.units
                    choices[event.id, one.name] = tuple(
                        Option(code, unit_name(registers, code)) for code in units
                    )
        return Names(
            rows.accounts_by_number(snapshot, _numbers(detail), active_only=False),
            registers,
            choices,
            call.language,
            ZoneInfo(call.county.settings.county.timezone),
        )

    registers = call.county.registers.snapshot
    return await call.county.store.read(read)


def _numbers(detail: CaseDetail) -> set[int]:
    found = {task.account for task in detail.tasks if task.account is not None}
    found |= {entry.account for entry in detail.history if entry.account is not None}
    for data in (detail.view.data, *(entry.data for entry in detail.history)):
        found.update(
            value
            for name, value in data.items()
            if name.endswith(ACCOUNT) and isinstance(value, int)
        )
    return found


def actions_of(
    detail: CaseDetail,
    events: Sequence[Event],
    names: Names,
    keys: Callable[[], str],
    *,
    at: str = "",
) -> tuple[Action, ...]:
    """The events as forms; each form carries a key, so that sending it twice does it once.

    They are sent below ``at``, the case's own address where that is left out.
    """
    address = at or f"/cases/{detail.view.id}"
    return tuple(
        Action(
            id=event.id,
            label=event.title,
            href=f"{address}/events/{event.id}",
            fields=tuple(_field(event, one, names) for one in event.form.fields),
            consequence=event.consequence,
            idempotency_key=keys(),
            expected_version=detail.view.version,
            primary=place == 0,
        )
        for place, event in enumerate(events)
    )


def _field(event: Event, one: Field, names: Names) -> ActionField:
    options = names.choices.get((event.id, one.name))
    if options is None and one.name.endswith((ACCOUNT, UNIT)):
        options = ()
    return field_of(one, options)


def with_errors(
    actions: Sequence[Action],
    event: str,
    typed: Mapping[str, str],
    error: EventDataInvalid | EventNotAllowed | CaseConflict,
) -> tuple[Action, ...]:
    """The actions with what was typed into one of them, and what is wrong with it."""
    return tuple(
        _with_error(action, typed, error) if action.id == event else action for action in actions
    )


def _with_error(
    action: Action,
    typed: Mapping[str, str],
    error: EventDataInvalid | EventNotAllowed | CaseConflict,
) -> Action:
    if isinstance(error, EventDataInvalid):
        return with_problems(action, typed, error.problems)
    if isinstance(error, CaseConflict):
        return with_problems(action, typed, (), CONFLICT)
    failure = failure_of(error)
    return with_problems(action, typed, (), failure.why or Text(zh=str(error)))


def fact(  # noqa: PLR0911 one answer per kind of value
    one: Field | None, value: Value, names: Names
) -> Text:
    """A value of a case's data in words."""
    if value is None or value == "":
        return Text(zh="—")
    if one is None:
        return Text(zh=str(value))
    if one.name.endswith(ACCOUNT) and isinstance(value, int):
        return names.account(value)
    if one.name.endswith(UNIT):
        return unit_name(names.registers, str(value))
    if isinstance(value, bool):
        return YES if value else NO
    if one.choices:
        return next((words for key, words in one.choices if key == value), Text(zh=str(value)))
    return _measured(one, value, names)


def _measured(one: Field, value: Value, names: Names) -> Text:
    """A number, instant or date in words."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if one.dtype == "instant":
            local = (_EPOCH + timedelta(microseconds=int(value))).astimezone(names.timezone)
            return Text(zh=f"{local:%Y-%m-%d %H:%M}")
        if one.dtype == "date":
            return Text(zh=date.fromordinal(date(1970, 1, 1).toordinal() + int(value)).isoformat())
        if one.decimals is not None:
            value = f"{value / 10**one.decimals:.{one.decimals}f}"
    return Text(zh=f"{value} {one.unit}".strip())
