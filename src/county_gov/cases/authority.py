"""Who may do what with a case.

The same rules stand in SQL for lists (`county_gov.store.scope`); a test holds the two against each
other. Here a case is already in the hands, with the areas that it lies in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from county_gov.contract.access import Actor, Scope
    from county_gov.contract.workflow import CaseView, Event, Workflow
    from county_gov.store.tasks import TaskView


@frozen(eq=False)
class Standing:
    """Where a case stands: what deciding about an actor needs.

    Args:
        view: The case.
        lineage: Codes of its area and of all areas above that today.
        task: Its open task, or None.
        role: The role of the state's task, which counts while no occurrence of it is open.
        rests: Whether the present occurrence is done, and the next has not opened.
    """

    view: CaseView
    lineage: frozenset[str]
    task: TaskView | None
    role: str = ""
    rests: bool = False


def reaches(scope: Scope, standing: Standing) -> bool:
    """Whether a scope reaches a case: one grant of which every part holds is enough."""
    if scope.everywhere:
        return True
    for grant in scope.grants:
        parts = []
        if grant.area is not None:
            parts.append(grant.area in standing.lineage)
        if grant.unit is not None:
            parts.append(grant.unit in standing.view.units)
        if grant.person is not None:
            parts.append(grant.person in standing.view.persons)
        if parts and all(parts):
            return True
    return False


def holds_task(actor: Actor, standing: Standing) -> bool:
    """Whether the case's open task, if there is one, is this actor's to do.

    The task's role must be held for an area that contains the case's; a task that names a unit
    wants that post to be in the unit, one that names a person wants that person.
    """
    task = standing.task
    if actor.kind == "system":
        return True
    if task is None:
        return not standing.role or any(
            post.role == standing.role and post.area in standing.lineage for post in actor.posts
        )
    if task.account is not None and task.account != actor.account:
        return False
    return any(
        post.role == task.role
        and post.area in standing.lineage
        and (task.unit is None or post.unit == task.unit)
        for post in actor.posts
    )


def takes_part(actor: Actor, standing: Standing) -> bool:
    """Whether an actor takes part in a case, by unit or in person, or may do its open task."""
    view = standing.view
    if actor.kind == "system" or actor.account in view.persons:
        return True
    if any(post.unit in view.units for post in actor.posts):
        return True
    return standing.task is not None and holds_task(actor, standing)


def refusal(actor: Actor, event: Event, standing: Standing) -> tuple[str, str] | None:
    """Why an actor may not make an event now, as code and sentence; None where it is allowed.

    Guards are not asked: they judge the data as well.
    """
    view = standing.view
    if not (actor.may(event.permission) and reaches(actor.scope(event.permission), standing)):
        return "permission", f"{event.id!r} needs the permission {event.permission!r} for this case"
    if view.state not in event.sources:
        allowed = ", ".join(event.sources)
        return "state", f"{event.id!r} is possible in {allowed}; the case is in {view.state!r}"
    if standing.rests and event.target == view.state:
        return "task", f"{event.id!r} was made for now; the next occurrence has not opened yet"
    if not (event.any_holder or holds_task(actor, standing)):
        return "task", f"{event.id!r} is for who has the case's task, and that is somebody else"
    return None


def may_know(actor: Actor, workflow: Workflow, standing: Standing, event: Event | None) -> bool:
    """Whether the actor may learn that the case exists: it can be read, or the event reaches it.

    Of a confidential one only who takes part in it may.
    """
    if workflow.confidential and not takes_part(actor, standing):
        return False
    permissions = [workflow.read_permission, *([event.permission] if event else ())]
    return any(
        actor.may(permission) and reaches(actor.scope(permission), standing)
        for permission in permissions
    )
