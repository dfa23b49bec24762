"""Checks of workflows: the machine is sound, its guards answer, its permissions are declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from county_gov.cases import check_workflow
from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView, Event, Workflow
from county_gov.testing.conformance.check import Check, Nonconformity, Subject, require
from county_gov.testing.conformance.running import PERSON
from county_gov.testing.conformance.work import sample_values
from county_gov.testing.fakes.context import NOON


def workflow_checks(subject: Subject) -> Iterator[Check]:
    """Checks of each workflow."""
    for workflow in subject.declared("workflows"):
        for name, (question, look) in CHECKS.items():
            yield Check(f"workflow:{workflow.id}:{name}", question, partial(look, workflow))


def _sound(workflow: Workflow) -> None:
    problems = [str(one) for one in check_workflow(workflow)]
    require(not problems, "; ".join(problems))


def _guards(workflow: Workflow) -> None:
    for event in workflow.events:
        for data in ({}, dict.fromkeys(sample_values(event.form)), sample_values(event.form)):
            for state in event.sources:
                _ask(workflow, event, state, data)


def _ask(workflow: Workflow, event: Event, state: str, data: Mapping[str, Value]) -> None:
    """Ask an event's guards about a case that knows nothing yet, twice."""
    view = CaseView("1", "TEST-1", workflow.id, state, 1, "990101001", "标题", "", NOON, {})
    for guard in event.guards:
        name = getattr(guard, "__name__", repr(guard))
        try:
            answers: list[object] = [guard(view, PERSON, data) for _ in range(2)]
        except Exception as error:
            raise Nonconformity(
                f"the guard {name} of {event.id} raised {type(error).__name__}: {error}; a case's"
                " data may lack any field"
            ) from error
        for answer in answers:
            require(
                answer is None or isinstance(answer, Text),
                f"the guard {name} of {event.id} gave {answer!r}; expected a Text, or None for yes",
            )
        require(
            str(answers[0]) == str(answers[1]),
            f"the guard {name} of {event.id} answers the same question in two ways",
        )


CHECKS: dict[str, tuple[str, Callable[[Workflow], None]]] = {
    "sound": ("Can every state be reached and left, and does all that is named exist?", _sound),
    "guards": ("Do its guards answer, whatever data are missing?", _guards),
}
