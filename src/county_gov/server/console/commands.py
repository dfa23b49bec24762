"""Commands on pages: their forms, and what happens when one is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from county_gov.contract.page import Form, View
from county_gov.contract.text import Text
from county_gov.contract.values import from_words
from county_gov.errors import (
    AccessDenied,
    CommandFailed,
    CommandInvalid,
    CommandRefused,
    ContractError,
    CountyGovError,
    EventDataInvalid,
    NotFound,
    RecordInvalid,
    StoreError,
)
from county_gov.server.console.forms import field_of, shown_value, with_problems
from county_gov.server.console.records_names import options_of
from county_gov.server.identifiers import ulid
from county_gov.server.problems import failure_of
from county_gov.server.render import Action, FormSheet

if TYPE_CHECKING:
    from county_gov.contract.command import Command
    from county_gov.contract.page import Page
    from county_gov.contract.schema import Value
    from county_gov.server.call import Call

SAID = "command:"
"""How the cookie names the click whose answer is said on the next page."""
KEY = re.compile(r"[0-9A-Za-z]{1,40}")
UNSURE = Text(
    zh="提交的内容是否已办理无法确定：请先核对结果，需要时再次提交；同一次提交不会办理两遍。",
    en="Whether it was done is not known: look first, then send it again where needed; "
    "the same click is not done twice.",
)
CONFIRM = Text(zh="请先勾选确认。", en="Tick that you want this first.")


@frozen(eq=False)
class Tried:
    """A command that was not done.

    Args:
        form: Id of the form that it was sent from.
        typed: What was typed.
        error: Why it was not done.
        key: Its idempotency key, where the same click should be sent again.
    """

    form: str
    typed: Mapping[str, str]
    error: CountyGovError
    key: str = ""


async def offered(
    call: Call, page: Page, views: Sequence[View], tried: Tried | None
) -> tuple[tuple[object, ...], tuple[Action, ...]]:
    """A page's views with their forms drawn, and its buttons.

    Returns:
        The views, in which each `Form` has become the form of its command (those that who looks
        may not use are left out), and the actions below.
    """
    drawn: list[object] = []
    open_forms: set[str] = set()
    for view in views:
        if not isinstance(view, Form):
            drawn.append(view)
            continue
        command = _permitted(call, view.command)
        open_forms.add(view.command)
        if command is not None:
            action = await _action(call, page, command, view.id, view.values)
            action = evolve(_tried(action, tried), primary=len(open_forms) == 1)
            drawn.append(FormSheet(view.id, view.title, action))
    actions: list[Action] = []
    for name in page.actions:
        if ":" in name:
            continue  # an event of a case, offered where the case is
        command = _permitted(call, name)
        if command is not None and name not in open_forms:
            action = await _action(call, page, command, name, {})
            usual = not actions and not open_forms and command.consequence is None
            actions.append(evolve(_tried(action, tried), primary=usual))
    return tuple(drawn), tuple(actions)


def check_forms(call: Call, views: Sequence[View]) -> None:
    """Refuse a page with a form of a command that there is not.

    Raises:
        ContractError: naming the form.
    """
    for view in views:
        if isinstance(view, Form) and view.command not in call.county.commands.commands:
            raise ContractError(f"form {view.id!r}: there is no command {view.command!r}")


async def send(call: Call, sent: Mapping[str, str]) -> Tried | None:
    """What a person does on a page; None where it was done.

    Args:
        call: The request.
        sent: The form as it came.

    Raises:
        NotFound: if there is no such command.
        AccessDenied: if who asks may not give it.
        StoreError: if it cannot be written just now.
    """
    form = dict(sent)
    key = form.pop("idempotency_key", "")
    confirmed = form.pop("confirmed", "")
    name = call.part("command")
    form_id = call.request.query.get("form", name)
    command = call.county.commands.find(call.actor, name)
    timezone = ZoneInfo(call.county.settings.county.timezone)
    if command.consequence is not None and confirmed != "yes":
        return Tried(form_id, form, CommandRefused(CONFIRM))
    query = {name: value for name, value in call.request.query.items() if name != "form"}
    try:
        await call.county.commands.run(
            call.actor,
            name,
            from_words(command.form, form, timezone),
            key=key,
            query=query,
            request=call.id,
        )
    except (AccessDenied, StoreError):
        raise
    except CountyGovError as error:
        again = key if isinstance(error, CommandFailed) else ""
        return Tried(form_id, form, error, again)
    return None


async def said_before(call: Call, flash: str) -> Text | None:
    """What was said after the command that the cookie names."""
    key = flash.removeprefix(SAID)
    if key == flash or not KEY.fullmatch(key):
        return None
    return await call.county.commands.said(call.actor, key)


def _permitted(call: Call, name: str) -> Command | None:
    try:
        return call.county.commands.find(call.actor, name)
    except (AccessDenied, NotFound):
        return None


async def _action(
    call: Call, page: Page, command: Command, form_id: str, values: Mapping[str, Value]
) -> Action:
    options = await options_of(call, command.form.fields, call.actor.scope(command.permission))
    timezone = ZoneInfo(call.county.settings.county.timezone)
    return Action(
        id=form_id,
        label=command.title,
        href=f"/{page.path}/commands/{command.id}?form={quote(form_id, safe='')}",
        fields=tuple(
            field_of(
                one,
                options.get(one.name),
                value=shown_value(one, values.get(one.name), timezone),
            )
            for one in command.form.fields
        ),
        consequence=command.consequence,
        idempotency_key=ulid(call.now),
    )


def _tried(action: Action, tried: Tried | None) -> Action:
    """The form with what was typed and what is wrong, where it is the one that was sent."""
    if tried is None or tried.form != action.id:
        return action
    error = tried.error
    if isinstance(error, CommandInvalid | RecordInvalid | EventDataInvalid):
        return with_problems(action, tried.typed, error.problems)
    failure = failure_of(error)
    whole = failure.why or failure.words.what
    if isinstance(error, CommandFailed):
        whole, action = UNSURE, evolve(action, idempotency_key=tried.key)
    return with_problems(action, tried.typed, (), whole)
