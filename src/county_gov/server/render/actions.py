"""Actions: what the person may do now, each as a form that works without JavaScript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from county_gov.contract.text import Text

FieldKind = Literal[
    "text",
    "textarea",
    "code",
    "select",
    "radio",
    "number",
    "date",
    "instant",
    "checkbox",
    "old_password",
    "new_password",
]


@frozen
class Option:
    """One choice of a select or radio field."""

    value: str
    label: Text


@frozen
class ActionField:
    """Something the person fills in.

    Args:
        name: Under which it is sent.
        label: Above the field.
        help: Below the label: why it is asked and how to answer.
        kind: How it is asked.
        options: Choices of a select or radio field.
        required: Whether an answer must be given.
        value: What was typed before, so that nothing is lost when an error comes back.
        error: What is wrong with that value.
        unit: Unit symbol after a number.
    """

    name: str
    label: Text
    help: Text | None = None
    kind: FieldKind = "text"
    options: tuple[Option, ...] = ()
    required: bool = False
    value: str = ""
    error: Text | None = None
    unit: str = ""


@frozen
class Action:
    """A verb and the form behind it.

    Sent by POST: the fields under their names, ``idempotency_key``, ``expected_version`` where
    there is one, and ``confirmed=yes`` where a consequence was accepted.

    Args:
        id: Unique on the page.
        label: The button: a verb.
        href: Where it is posted.
        fields: What has to be filled in.
        consequence: What cannot be undone; asked once before.
        idempotency_key: The same key does it once.
        expected_version: Version of the matter as shown.
        primary: Whether it is the usual next step.
        error: What went wrong with the action as a whole.
    """

    id: str
    label: Text
    href: str
    fields: tuple[ActionField, ...] = ()
    consequence: Text | None = None
    idempotency_key: str = ""
    expected_version: int | None = None
    primary: bool = False
    error: Text | None = None

    @property
    def failed(self) -> bool:
        """Whether the action came back with something to put right."""
        return self.error is not None or any(one.error for one in self.fields)

    def anchor(self, name: str = "") -> str:
        """Id of the action's form, or of one field's control."""
        return f"action-{self.id}-{name}" if name else f"action-{self.id}"


@frozen
class FieldError:
    """One line of an error summary: what is wrong, and the anchor of the field to put right."""

    anchor: str
    text: Text


def field_errors(actions: Iterable[Action]) -> tuple[FieldError, ...]:
    """All errors of the actions, in the order in which they stand on the page."""
    found: list[FieldError] = []
    for action in actions:
        if action.error:
            found.append(FieldError(anchor=action.anchor(), text=action.error))
        found.extend(
            FieldError(anchor=action.anchor(one.name), text=_named(one.label, one.error))
            for one in action.fields
            if one.error
        )
    return tuple(found)


def _named(label: Text, error: Text) -> Text:
    """An error beside the name of its field, as the summary tells it."""
    return Text(
        zh=f"{label.zh}：{error.zh}", en=f"{label.in_language('en')}: {error.in_language('en')}"
    )
