"""Checking workflows at start: all that is wrong with all of them is told at once."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from county_gov.cases.guards import guard_name
from county_gov.cases.notices import BUILT_IN, TASK_WORDS, fields_of, placeholders
from county_gov.cases.number import number_problem, skeleton
from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import Problem

if TYPE_CHECKING:
    from county_gov.contract.schema import Field
    from county_gov.contract.text import Text
    from county_gov.contract.workflow import Event, Notice, State, TaskSpec, Workflow

SHORTEST_PERIOD = 60 * MICROSECONDS
"""A task recurs no more often."""


def check_workflows(workflows: Iterable[Workflow]) -> list[Problem]:
    """All problems of all workflows; an empty list where they can be used."""
    problems: list[Problem] = []
    skeletons: dict[str, str] = {}
    ids: Counter[str] = Counter()
    for workflow in workflows:
        place = f"workflow {workflow.id}"
        ids[workflow.id] += 1
        if ids[workflow.id] == 2:  # noqa: PLR2004 (told once, at the second)
            problems.append(Problem(place, "is declared twice: give each workflow its own id"))
        problems += check_workflow(workflow)
        problems += [problem for one in workflow.earlier for problem in check_workflow(one)]
        other = skeletons.setdefault(skeleton(workflow.number), workflow.id)
        if other != workflow.id:
            problems.append(
                Problem(f"{place}.number", f"would give the same numbers as {other}: change one")
            )
    return problems


def check_workflow(workflow: Workflow) -> list[Problem]:
    """All problems of one workflow; each names the place within it."""
    place = f"workflow {workflow.id}"
    found = [
        *_general_problems(workflow),
        *_state_problems(workflow),
        *_event_problems(workflow),
        *_field_problems(workflow),
        *_notice_problems(workflow),
    ]
    if not found:
        found = list(_reach_problems(workflow))
    return [Problem(f"{place}{where}", message) for where, message in found]


def _general_problems(workflow: Workflow) -> Iterator[tuple[str, str]]:
    if not workflow.id:
        yield ".id", "is empty; expected <plugin>.<name>"
    if workflow.version < 1:
        yield ".version", f"expected 1 or more, got {workflow.version}"
    numbers = [one.version for one in (workflow, *workflow.earlier)]
    if len(set(numbers)) < len(numbers) or max(numbers) > workflow.version:
        text = f"expected versions below {workflow.version}, each once, got {numbers[1:]}"
        yield ".earlier", text
    if strange := [one.id for one in workflow.earlier if one.id != workflow.id]:
        yield ".earlier", f"expected the id {workflow.id!r}, got {strange[0]!r}"
    if any(one.earlier for one in workflow.earlier):
        yield ".earlier", "an earlier version names earlier ones: list all of them in the newest"
    if not workflow.read_permission:
        yield ".read_permission", "is empty; name the permission that lets people see its cases"
    if problem := number_problem(workflow.number):
        yield ".number", problem


def _state_problems(workflow: Workflow) -> Iterator[tuple[str, str]]:
    if not workflow.states:
        yield ".states", "there are none"
    yield from _twice(".states", [state.id for state in workflow.states])
    by_id = {state.id: state for state in workflow.states}
    initial = by_id.get(workflow.initial)
    if initial is None:
        yield ".initial", f"{workflow.initial!r} is not a state; {_known(by_id)}"
    elif initial.final:
        yield ".initial", f"{workflow.initial!r} is final: a case would be closed when it is opened"
    if by_id and not any(state.final for state in workflow.states):
        yield ".states", "none is final: no case could ever be closed"
    fields = fields_of(workflow)
    events = {event.id: event for event in workflow.events}
    for state in workflow.states:
        yield from _task_problems(state, fields)
        if state.task is not None:
            yield from _recurrence_problems(state, state.task, events)
            yield from _roster_problems(state, state.task)


def _recurrence_problems(
    state: State, task: TaskSpec, events: dict[str, Event]
) -> Iterator[tuple[str, str]]:
    where = f".states[{state.id}].task"
    if task.every and task.every < SHORTEST_PERIOD:
        expected = f"expected 0, or at least a minute ({SHORTEST_PERIOD} µs)"
        yield f"{where}.every", f"{expected}, got {task.every}"
    if task.every and not task.done_by:
        yield f"{where}.done_by", "is empty; name the event that completes an occurrence"
    if task.done_by and not task.every:
        yield f"{where}.every", "is 0; say how often the task recurs, or take done_by away"
    if not task.done_by:
        return
    event = events.get(task.done_by)
    if event is None:
        yield f"{where}.done_by", f"{task.done_by!r} is not an event; {_known(events)}"
    elif event.sources != (state.id,) or event.target != state.id:
        moves = f"{', '.join(event.sources)} to {event.target}"
        yield (
            f"{where}.done_by",
            f"{event.id!r} leads from {moves}; expected from {state.id} to {state.id} only",
        )


def _roster_problems(state: State, task: TaskSpec) -> Iterator[tuple[str, str]]:
    if (roster := task.roster) is None:
        return
    where = f".states[{state.id}].task.roster"
    if task.assignee:
        yield where, "stands beside assignee; choose one of them"
    for attribute in ("dataset", "person", "begins", "ends"):
        if not getattr(roster, attribute):
            yield f"{where}.{attribute}", "is empty; name it"


def _task_problems(state: State, fields: dict[str, Field]) -> Iterator[tuple[str, str]]:
    where, task = f".states[{state.id}].task", state.task
    if task is None:
        return
    if state.final:
        yield where, "a final state has no task: nobody could do it"
    if not task.role:
        yield f"{where}.role", "is empty; name the role whose holders may do the task"
    for attribute, name, dtype in (
        ("assignee", task.assignee, "int64"),
        ("unit", task.unit, "text"),
    ):
        if name:
            yield from _pointer_problems(f"{where}.{attribute}", name, dtype, fields)


def _event_problems(workflow: Workflow) -> Iterator[tuple[str, str]]:
    yield from _twice(".events", [event.id for event in workflow.events])
    for event in workflow.events:
        where = f".events[{event.id}]"
        if not event.id:
            yield where, "its id is empty; an empty id means the opening of a case"
        if not event.permission:
            yield f"{where}.permission", "is empty; name the permission that the event needs"
        yield from _way_problems(where, event, workflow)
        yield from _form_problems(event)
        for guard in event.guards:
            yield from _guard_problems(where, guard)


def _way_problems(where: str, event: Event, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """What is wrong with where an event leads from and to."""
    by_id = {state.id: state for state in workflow.states}
    if not event.sources:
        yield f"{where}.sources", "is empty: the event could never happen"
    for source in event.sources:
        if source not in by_id:
            yield f"{where}.sources", f"{source!r} is not a state; {_known(by_id)}"
        elif by_id[source].final:
            yield f"{where}.sources", f"{source!r} is final: nothing happens after it"
    if event.target not in by_id:
        yield f"{where}.target", f"{event.target!r} is not a state; {_known(by_id)}"
    elif event.target in event.sources:
        task = by_id[event.target].task
        if task is not None and task.every and task.done_by != event.id:
            stays = f"{event.target!r}, one of its sources, has a recurring task: a case is left"
            yield f"{where}.target", f"{stays} there only by the event named as done_by"


def _form_problems(event: Event) -> Iterator[tuple[str, str]]:
    fields = {one.name: one for one in event.form.fields}
    for attribute, name, dtype in (
        ("assigns_person", event.assigns_person, "int64"),
        ("assigns_unit", event.assigns_unit, "text"),
    ):
        if name:
            where = f".events[{event.id}].{attribute}"
            yield from _pointer_problems(where, name, dtype, fields)


def _guard_problems(where: str, guard: object) -> Iterator[tuple[str, str]]:
    if not callable(guard):
        yield f"{where}.guards", f"{guard!r} is no function; expected guard(case, actor, data)"
        return
    name = guard_name(guard)
    if inspect.iscoroutinefunction(guard):
        yield f"{where}.guards", f"{name} is async; a guard is an ordinary function"
    try:
        inspect.signature(guard).bind(None, None, None)
    except (TypeError, ValueError) as error:
        yield f"{where}.guards", f"{name} cannot be called as guard(case, actor, data): {error}"


def _field_problems(workflow: Workflow) -> Iterator[tuple[str, str]]:
    seen: dict[str, tuple[str, Field]] = {}
    forms = [(".data", workflow.data)]
    forms += [(f".events[{event.id}].form", event.form) for event in workflow.events]
    for where, form in forms:
        for one in form.fields:
            place = f"{where}.{one.name}"
            if one.name in BUILT_IN:
                yield place, "is the name of something that every case has: choose another"
            if one.name.endswith("_account") and one.dtype != "int64":
                yield place, f"ends in _account, so it holds an account: int64, not {one.dtype}"
            if one.name.endswith("_unit") and one.dtype != "text":
                yield place, f"ends in _unit, so it holds a unit's code: text, not {one.dtype}"
            first, other = seen.setdefault(one.name, (where, one))
            if (other.dtype, other.decimals) != (one.dtype, one.decimals):
                yield place, f"has another type than in {first}: a case has one {one.name!r}"


def _notice_problems(workflow: Workflow) -> Iterator[tuple[str, str]]:
    known = BUILT_IN | fields_of(workflow).keys()
    places = [(".opened_notices", workflow.opened_notices)]
    places += [(f".events[{event.id}].notices", event.notices) for event in workflow.events]
    for where, notices in places:
        for index, notice in enumerate(notices):
            yield from _one_notice_problems(f"{where}[{index}]", notice, known)
    for state in workflow.states:
        if state.task is None or state.task.notice is None:
            continue
        for name in sorted(TASK_WORDS & fields_of(workflow).keys()):
            yield f".data.{name}", "is what a task's notice calls its own: choose another name"
        where = f".states[{state.id}].task.notice"
        yield from _one_notice_problems(where, state.task.notice, known | TASK_WORDS)


def _one_notice_problems(
    where: str, notice: Notice, known: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if not notice.to:
        yield f"{where}.to", "is empty; name a role, or 'participants'"
    yield from _template_problems(where, notice, known)


def _template_problems(
    where: str, notice: Notice, known: frozenset[str]
) -> Iterator[tuple[str, str]]:
    texts: tuple[tuple[str, Text], ...] = (("subject", notice.subject), ("body", notice.body))
    for attribute, text in texts:
        for language in ("zh", "en"):
            place = f"{where}.{attribute}.{language}"
            try:
                unknown = placeholders(getattr(text, language)) - known
            except ValueError as error:
                yield place, str(error)
                continue
            for name in sorted(unknown):
                yield place, f"{{{name}}} is no field of the case; {_known(known)}"


def _reach_problems(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """States that no case comes to, and states from which none comes to an end."""
    moves = {(source, event.target) for event in workflow.events for source in event.sources}
    reached = _closure({workflow.initial}, moves)
    final = {state.id for state in workflow.states if state.final}
    ending = _closure(final, {(target, source) for source, target in moves})
    for state in workflow.states:
        if state.id not in reached:
            yield f".states[{state.id}]", "cannot be reached from the initial state"
        elif state.id not in ending:
            yield f".states[{state.id}]", "cannot be left towards a final state"


def _closure(start: set[str], moves: set[tuple[str, str]]) -> set[str]:
    reached, waiting = set(start), list(start)
    while waiting:
        here = waiting.pop()
        new = {target for source, target in moves if source == here} - reached
        reached |= new
        waiting += new
    return reached


def _pointer_problems(
    where: str, name: str, dtype: str, fields: dict[str, Field]
) -> Iterator[tuple[str, str]]:
    if name not in fields:
        yield where, f"{name!r} is not a field; {_known(fields)}"
    elif fields[name].dtype != dtype:
        yield where, f"{name!r} is {fields[name].dtype}; expected {dtype}"


def _twice(where: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    for one, count in Counter(ids).items():
        if count > 1:
            yield where, f"{one!r} is declared {count} times: give each its own id"


def _known(names: Iterable[str]) -> str:
    return f"known: {', '.join(sorted(names)) or 'none'}"
