"""The check of workflows at start names every problem and its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from county_gov.cases import check_workflow, check_workflows
from county_gov.contract.schema import Field, Schema
from county_gov.contract.workflow import Event, Notice, State, TaskSpec, Workflow
from tests.cases.patrol import ROSTER, patrol
from tests.cases.world import ACT, WORKFLOW, words


def with_event(**changes: Any) -> Workflow:
    """Give the test workflow with its first event changed."""
    first, *others = WORKFLOW.events
    return evolve(WORKFLOW, events=(evolve(first, **changes), *others))


def with_state(state: State) -> Workflow:
    """Give the test workflow with one more state."""
    return evolve(WORKFLOW, states=(*WORKFLOW.states, state))


def form(*fields: Field) -> Schema:
    """Give a form of some fields."""
    return Schema(fields=fields)


async def async_guard(case: object, actor: object, data: object) -> None:
    """Stand for a guard that was written async by mistake."""


def notice(body: str) -> tuple[Notice, ...]:
    """Give a notice with this body."""
    return (Notice(to="clerk", subject=words("题"), body=words("文", body)),)


CLERK = TaskSpec(words("办"), "clerk")
BROKEN: list[tuple[Workflow, str, str]] = [
    (evolve(WORKFLOW, version=0), ".version", "1 or more"),
    (evolve(WORKFLOW, read_permission=""), ".read_permission", "empty"),
    (evolve(WORKFLOW, number="A{year}"), ".number", "serial"),
    (evolve(WORKFLOW, initial="nowhere"), ".initial", "not a state"),
    (evolve(WORKFLOW, initial="closed"), ".initial", "final"),
    (evolve(WORKFLOW, states=()), ".states", "none"),
    (with_state(WORKFLOW.states[0]), ".states", "declared 2 times"),
    (with_state(State("island", words("岛"), CLERK)), ".states[island]", "cannot be reached"),
    (with_state(State("end", words("终"), CLERK, final=True)), ".states[end].task", "no task"),
    (
        with_state(State("s", words("s"), TaskSpec(words("办"), ""))),
        ".states[s].task.role",
        "empty",
    ),
    (
        with_state(State("s", words("s"), TaskSpec(words("办"), "clerk", assignee="station"))),
        ".states[s].task.assignee",
        "expected int64",
    ),
    (
        with_state(State("s", words("s"), TaskSpec(words("办"), "clerk", unit="office"))),
        ".states[s].task.unit",
        "not a field",
    ),
    (patrol(every=1), ".states[patrolling].task.every", "at least a minute"),
    (patrol(done_by=""), ".states[patrolling].task.done_by", "name the event"),
    (patrol(every=0), ".states[patrolling].task.every", "how often"),
    (patrol(done_by="moon"), ".states[patrolling].task.done_by", "not an event"),
    (patrol(done_by="clear"), ".states[patrolling].task.done_by", "to patrolling only"),
    (patrol(done_by="clear"), ".events[patrolled].target", "one of its sources"),
    (patrol(roster=evolve(ROSTER, ends="")), ".states[patrolling].task.roster.ends", "empty"),
    (
        patrol(roster=ROSTER, assignee="worker"),
        ".states[patrolling].task.roster",
        "beside assignee",
    ),
    (
        patrol(notice=Notice("", words("题"), words("文"))),
        ".states[patrolling].task.notice.to",
        "empty",
    ),
    (
        patrol(notice=Notice("grid_worker", words("{moon}"), words("文"))),
        ".states[patrolling].task.notice.subject.zh",
        "no field",
    ),
    (
        evolve(patrol(), data=form(Field("due_at", "instant", words("期")))),
        ".data.due_at",
        "another name",
    ),
    (with_event(id=""), ".events[]", "opening"),
    (with_event(permission=""), ".events[dispatch].permission", "empty"),
    (with_event(sources=()), ".events[dispatch].sources", "never happen"),
    (with_event(sources=("waiting", "moon")), ".events[dispatch].sources", "'moon'"),
    (with_event(sources=("closed",)), ".events[dispatch].sources", "final"),
    (with_event(target="moon"), ".events[dispatch].target", "not a state"),
    (with_event(assigns_person="note"), ".events[dispatch].assigns_person", "expected int64"),
    (with_event(assigns_unit="unit"), ".events[dispatch].assigns_unit", "not a field"),
    (with_event(guards=("no",)), ".events[dispatch].guards", "no function"),
    (with_event(guards=(async_guard,)), ".events[dispatch].guards", "async"),
    (with_event(guards=(lambda case: None,)), ".events[dispatch].guards", "cannot be called"),
    (with_event(id="report"), ".events", "declared 2 times"),
    (
        with_event(form=form(Field("title", "text", words("题")))),
        ".events[dispatch].form.title",
        "every case has",
    ),
    (
        with_event(form=form(Field("station", "int64", words("站")))),
        ".events[dispatch].form.station",
        "another type",
    ),
    (
        with_event(form=form(Field("x_account", "text", words("人")))),
        ".events[dispatch].form.x_account",
        "int64",
    ),
    (
        with_event(form=form(Field("x_unit", "int64", words("单位")))),
        ".events[dispatch].form.x_unit",
        "text",
    ),
    (with_event(notices=notice("{nmuber}")), ".notices[0].body.en", "{nmuber}"),
    (with_event(notices=notice("{number.real}")), ".notices[0].body.en", "plain"),
    (with_event(notices=notice("{number!r}")), ".notices[0].body.en", "plain"),
    (with_event(notices=notice("{number:>9}")), ".notices[0].body.en", "plain"),
    (with_event(notices=notice("{0}")), ".notices[0].body.en", "plain"),
    (with_event(notices=notice("{open")), ".notices[0].body.en", "expected '}'"),
]


def test_the_test_workflow_is_sound() -> None:
    """A workflow that can be used has no problem."""
    assert [] == check_workflow(WORKFLOW)
    assert [] == check_workflow(patrol(roster=ROSTER))


@pytest.mark.parametrize(("workflow", "place", "message"), BROKEN)
def test_each_mistake_is_named_where_it_is(workflow: Workflow, place: str, message: str) -> None:
    """One mistake gives a problem at its place, with what is expected."""
    problems = check_workflow(workflow)
    assert any(place in one.place and message in one.message for one in problems), problems


def test_a_state_that_cannot_end_is_a_problem() -> None:
    """Two states that only lead to each other are each told."""
    loop = (
        Event("out", words("出"), ("waiting",), "a", ACT),
        Event("go", words("去"), ("a",), "b", ACT),
        Event("back", words("回"), ("b",), "a", ACT),
    )
    states = (State("a", words("甲"), CLERK), State("b", words("乙"), CLERK))
    workflow = evolve(
        WORKFLOW, events=(*WORKFLOW.events, *loop), states=(*WORKFLOW.states, *states)
    )
    assert [
        "workflow demo.smoke.states[a]",
        "workflow demo.smoke.states[b]",
    ] == [one.place for one in check_workflow(workflow)]


def test_workflows_may_not_share_numbers_or_ids() -> None:
    """The same id, or the same number whatever its padding, is a problem at the second."""
    twin = evolve(WORKFLOW, id="demo.twin", number="YW-{county}-{year}-{serial:04}")
    places = [one.place for one in check_workflows([WORKFLOW, twin, WORKFLOW])]
    assert ["workflow demo.twin.number", "workflow demo.smoke"] == places


def test_a_callable_object_is_a_guard() -> None:
    """Whatever can be called with three arguments can be a guard."""

    class Guard:
        def __call__(self, case: object, actor: object, data: object) -> None:
            """Object to nothing."""

    guards: tuple[Callable[..., None], ...] = (Guard(),)
    assert [] == check_workflow(with_event(guards=guards))
