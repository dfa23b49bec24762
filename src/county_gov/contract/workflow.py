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
    workflow_version: int = 0
    """Version of the workflow that it was opened under; 0 where that is not known."""
    title_en: str = ""
    """The title in English, where it was given in both languages."""

    def title_in(self, language: str) -> str:
        """The title in ``language`` ("zh" or "en"); as it was written where there is but one."""
        return self.title_en if language.startswith("en") and self.title_en else self.title


Guard = Callable[[CaseView, "Actor", Mapping[str, Value]], "Text | None"]
"""Named function of the case, the actor and the event's data; returns why not, or None for yes."""


@frozen(eq=False)
class Notice:
    """A message that an event or a task sends, with the case's fields in ``{braces}``.

    ``to`` says whom: the role named (within the case's area), or everybody who takes part. One to
    the role of the state's task goes only to who may do that task.
    """

    to: str
    subject: Text
    body: Text


@frozen
class Roster:
    """Where it stands who is on duty: a dataset of records, and the names of its fields.

    Args:
        dataset: Id of the dataset.
        person: Field holding the account's number (int64, ``refers="person"``).
        begins, ends: Fields holding the first instant of the duty and the first one after it.
        area: Field holding the code of the area that the duty is for; it counts in all areas below
            as well, and the nearest one that holds the case goes first. Empty: the whole county.
    """

    dataset: str
    person: str
    begins: str
    ends: str
    area: str = ""


@frozen(eq=False)
class TaskSpec:
    """The task that exists while a case is in a state, once or again and again.

    A recurring task has occurrences: the first opens when the case comes into the state, the
    others every so long after that, whether the one before was done or not. One that is not done
    when the next opens is missed; that stays visible and is counted. They end when the case leaves
    the state:

        State(
            "patrolling",
            Text(zh="巡查中", en="Being patrolled"),
            TaskSpec(
                Text(zh="巡查大坝", en="Walk the dam"),
                "patrol",
                every=2 * HOUR,
                done_by="patrolled",
                roster=Roster("reservoir.roster", "person", "begins", "ends", area="area"),
                notice=Notice(
                    "patrol",
                    Text(zh="请巡查 {title}", en="Patrol {title}"),
                    Text(zh="第 {occurrence} 次，{due_at} 前", en="No. {occurrence}, by {due_at}"),
                ),
            ),
        )
        Event(
            "patrolled",
            Text(zh="完成巡查", en="Report the patrol"),
            ("patrolling",),
            "patrolling",
            "reservoir.patrol",
            form=Schema((Field("finding", "text", Text(zh="情况", en="Finding")),)),
        )

    Args:
        title: What has to be done, as a verb.
        role: Role whose holders may do it (within the case's area).
        assignee: Name of the case's data field holding the account's number of the one person
            who has it, or empty for any holder of the role.
        unit: Name of the case's data field holding the code of the unit that has it, or empty.
        every: Microseconds from one occurrence to the next, at least a minute; 0 for a task that
            opens once.
        done_by: Id of the event that completes an occurrence and leaves the case where it is: its
            source and its target are both this state, and only this state.
        roster: Who gets the task: the person on duty at the instant at which it opens. While
            nobody is on duty, or who is does not hold the role there, any holder has it, and the
            case says so.
        notice: Sent each time the task opens, in the same transaction. Beside what every notice
            knows it may use ``{occurrence}`` (its number) and ``{due_at}`` (when the next opens).
    """

    title: Text
    role: str
    assignee: str = ""
    unit: str = ""
    every: int = 0
    done_by: str = ""
    roster: Roster | None = None
    notice: Notice | None = None


@frozen(eq=False)
class State:
    """One state of a case."""

    id: str
    title: Text
    task: TaskSpec | None = None
    final: bool = False


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
        confidential: Whether its cases are seen, within the reach of ``read_permission``, only by
            who takes part in them in person or with a unit, or may do their open task; other
            plugins do not see them at all.
        earlier: Earlier versions, each as it was, for the cases that are still open under them;
            number, read permission and the opening of new cases are this version's. The start is
            refused while there are open cases of a version that is not here.
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
    earlier: tuple[Workflow, ...] = ()

    def of_version(self, version: int) -> Workflow | None:
        """The workflow as a case of this version has it (0 means this one), or None."""
        if version in (0, self.version):
            return self
        return next((one for one in self.earlier if one.version == version), None)

    def state(self, state_id: str) -> State:
        """The state of this id."""
        return next(one for one in self.states if one.id == state_id)

    def event(self, event_id: str) -> Event | None:
        """The event of this id, or None."""
        return next((one for one in self.events if one.id == event_id), None)
