"""Notices: filling a template with a case's fields, in the recipient's language.

A template knows ``{names}`` and nothing else: no attributes, indexes, conversions or format
specifications. ``{{`` and ``}}`` stand for the braces themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from string import Formatter
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.text import Text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.schema import Field, Value
    from county_gov.contract.workflow import CaseView, Notice, Workflow

PARTICIPANTS = "participants"
"""As a notice's ``to``: everybody who takes part, the members of participating units included."""

BUILT_IN = frozenset(
    ("number", "title", "subject", "area", "state", "event", "actor", "task", "opened_at")
)
"""Placeholders that every case has, beside its fields."""

TASK_WORDS = frozenset(("occurrence", "due_at"))
"""Placeholders that the notice of a task has beside those."""

DRILL = Text(zh="【演练】", en="[DRILL] ")
NOTHING = "—"
LONGEST_SUBJECT = 200
LONGEST_BODY = 4000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1).toordinal()
TRUTH = {True: Text(zh="是", en="yes"), False: Text(zh="否", en="no")}


@frozen
class TaskWords:
    """What the notice of a task says of it; ``due_at`` None means that it opens only once."""

    occurrence: int
    due_at: int | None


@frozen(eq=False)
class Occasion:
    """What a notice speaks of.

    Args:
        workflow: Of the case.
        view: The case after the event.
        event: Title of what happened.
        actor: Name of who did it.
        area: The area's name.
        names: Names of the accounts and units that the data speaks of, by field.
        timezone: The county's.
        task: For the notice of a task.
    """

    workflow: Workflow
    view: CaseView
    event: Text
    actor: str
    area: Text
    names: Mapping[str, Text]
    timezone: ZoneInfo
    task: TaskWords | None = None


def placeholders(template: str) -> frozenset[str]:
    """The names in a template.

    Raises:
        ValueError: if it holds anything but text and plain ``{names}``.
    """
    found = set()
    for _, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(f"expected a plain {{name}}, found {name!r} with more around it")
        found.add(name)
    return frozenset(found)


def fill(template: str, words: Mapping[str, str]) -> str:
    """A template with its placeholders replaced; the words themselves are never parsed."""
    parts = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(literal)
        if name is not None:
            parts.append(words[name])
    return "".join(parts)


def compose(
    notice: Notice, occasion: Occasion, *, language: str, drill: bool = False
) -> tuple[str, str]:
    """Subject (one line) and body of a notice; a drill's say so."""
    words = words_of(occasion, language)
    mark = DRILL.in_language(language) if drill else ""
    subject = " ".join(fill(notice.subject.in_language(language), words).split())
    body = fill(notice.body.in_language(language), words)
    return mark + _cut(subject, LONGEST_SUBJECT), mark + _cut(body, LONGEST_BODY)


def words_of(occasion: Occasion, language: str) -> dict[str, str]:
    """The words for every placeholder that the workflow's notices may use."""
    workflow, view = occasion.workflow, occasion.view
    words = {
        name: _show(field, view.data.get(name), occasion, language)
        for name, field in fields_of(workflow).items()
    }
    state = workflow.state(view.state)
    words |= {
        "number": view.number,
        "title": view.title_in(language),
        "subject": view.subject,
        "area": occasion.area.in_language(language),
        "state": state.title.in_language(language),
        "event": occasion.event.in_language(language),
        "actor": occasion.actor,
        "task": state.task.title.in_language(language) if state.task else NOTHING,
        "opened_at": _local(view.opened_at, occasion.timezone),
    }
    if (task := occasion.task) is not None:
        words["occurrence"] = str(task.occurrence)
        words["due_at"] = NOTHING if task.due_at is None else _local(task.due_at, occasion.timezone)
    return words


def fields_of(workflow: Workflow) -> dict[str, Field]:
    """All fields that a case's data may have, by name: its opening's and its events'."""
    found = {one.name: one for one in workflow.data.fields}
    for event in workflow.events:
        for one in event.form.fields:
            found.setdefault(one.name, one)
    return found


def _show(field: Field, value: Value, occasion: Occasion, language: str) -> str:
    if value is None:
        return NOTHING
    chosen = dict(field.choices).get(str(value)) or occasion.names.get(field.name)
    if chosen is None and isinstance(value, bool):
        chosen = TRUTH[value]
    if chosen is not None:
        return chosen.in_language(language)
    if isinstance(value, int):
        return _show_whole(field, value, occasion.timezone)
    return str(value)


def _show_whole(field: Field, value: int, timezone: ZoneInfo) -> str:
    if field.dtype == "instant":
        return _local(value, timezone)
    if field.dtype == "date":
        return date.fromordinal(value + EPOCH_DAY).isoformat()
    if field.decimals:
        return format(Decimal(value).scaleb(-field.decimals), "f")
    return str(value)


def _local(instant: int, timezone: ZoneInfo) -> str:
    moment = EPOCH + timedelta(microseconds=instant)
    return moment.astimezone(timezone).strftime("%Y-%m-%d %H:%M")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
