"""Workflows: the states a case passes through, and who may move it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from county_gov.contract.dataset import SystemOfRecord
from county_gov.contract.schema import Schema, Value

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.text import Text


@frozen(eq=False)
class CaseView:
    """A case as guards, templates and pages see it; ``data`` is read-only."""

    id: str
    number: str
    workflow: str
    state: str
    version: int
    area: str
    title: str
    subject: str
    opened_at: int
    data: Mapping[str, Value]
    units: tuple[str, ...] = ()
    """Units that take part."""
    persons: tuple[int, ...] = ()
    """Accounts that take part."""


Guard = Callable[[CaseView, "Actor", Mapping[str, Value]], "Text | None"]
"""Named function of the case, the actor and the event's data; returns why not, or None for yes."""


@frozen(eq=False)
class TaskSpec:
    """The task that exists while a case is in a state.

    Args:
        title: What has to be done, as a verb.
        role: Role whose holders may do it (within the case's area).
        assignee: Name of the case's data field holding the account's number of the one person
            who has it, or empty for any holder of the role.
        unit: Name of the case's data field holding the code of the unit that has it, or empty.
    """

    title: Text
    role: str
    assignee: str = ""
    unit: str = ""


@frozen(eq=False)
class State:
    """One state of a case."""

    id: str
    title: Text
    task: TaskSpec | None = None
    final: bool = False


@frozen(eq=False)
class Notice:
    """A message that an event sends, with the case's fields in ``{braces}``.

    ``to`` says whom: the role named (within the case's area), or everybody who takes part.
    """

    to: str
    subject: Text
    body: Text


@frozen(eq=False)
class Event:
    """A move that somebody may make.

    Args:
        id: Within the workflow.
        title: The button: a verb.
        sources: States from which it is possible.
        target: State after it.
        permission: Who may make it (within scope); the actor must also hold the state's task
            where the state has one, unless ``any_holder``.
        form: Fields that the person fills in; they become part of the case's data.
        guards: Named functions; the first that objects forbids the event.
        consequence: What cannot be undone, asked once before.
        notices: Messages that go to the outbox in the same transaction.
        assigns_person, assigns_unit: Names of form fields whose value becomes a participant.
    """

    id: str
    title: Text
    sources: tuple[str, ...]
    target: str
    permission: str
    form: Schema = field(factory=lambda: Schema(fields=()))
    guards: tuple[Guard, ...] = ()
    consequence: Text | None = None
    notices: tuple[Notice, ...] = ()
    assigns_person: str = ""
    assigns_unit: str = ""
    any_holder: bool = False


@frozen(eq=False)
class Workflow:
    """How a kind of matter is handled.

    Args:
        id: Prefixed by the plugin.
        title: What a case of it is called.
        version: Raised with each change; a case keeps the version it was opened under.
        number: Format of case numbers with ``{county}``, ``{year}`` and ``{serial}``; serials
            count within county, workflow and year, without gaps.
        initial: State of a new case.
        states, events: The machine. Checked at start: every state can be reached and left.
        data: Fields a new case is opened with.
        opened_notices: Messages sent when a case is opened.
        read_permission: Who may see its cases (within scope).
        system_of_record: Whether the case is decided here or elsewhere.
    """

    id: str
    title: Text
    version: int
    number: str
    initial: str
    states: tuple[State, ...]
    events: tuple[Event, ...]
    read_permission: str
    data: Schema = field(factory=lambda: Schema(fields=()))
    opened_notices: tuple[Notice, ...] = ()
    system_of_record: SystemOfRecord = "ours"
    confidential: bool = False

    def state(self, state_id: str) -> State:
        """The state of this id."""
        return next(one for one in self.states if one.id == state_id)

    def event(self, event_id: str) -> Event | None:
        """The event of this id, or None."""
        return next((one for one in self.events if one.id == event_id), None)
