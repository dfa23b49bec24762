"""The tasks of states: given when a case enters, opened again while it stays, ended when it leaves.

All of it happens inside a transaction, on the writer: nothing here waits or calls a plugin. Which
occurrence belongs to an instant follows from the first opening alone, so that neither a late timer
nor a restart makes them drift, and none opens twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog
from attrs import evolve, frozen

from county_gov.cases.addressing import send_task_notice
from county_gov.cases.duty import NO_ROSTER, NOBODY_ON_DUTY, NOT_HOLDER, Assignment
from county_gov.cases.notices import TaskWords
from county_gov.contract.access import SYSTEM
from county_gov.errors import NotFound
from county_gov.store import cases as rows
from county_gov.store import tasks
from county_gov.store.tasks import NewTask, Timer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from county_gov.cases.duty import Rosters
    from county_gov.cases.step import Place
    from county_gov.contract.schema import Value
    from county_gov.contract.workflow import TaskSpec
    from county_gov.store.transaction import Transaction

log = structlog.get_logger(__name__)

Then = Literal["open", "complete", "leave"]
"""What comes after the occurrences that passed: the present one is opened, or opened only to be
completed at once (nobody is told), or not opened because the case leaves the state."""


def assigned(task: TaskSpec | None, data: Mapping[str, Value]) -> Assignment:
    """Whose a task is by the case's data."""
    if task is None:
        return Assignment()
    account = data.get(task.assignee) if task.assignee else None
    unit = data.get(task.unit) if task.unit else None
    return Assignment(
        account if isinstance(account, int) else None,
        unit if isinstance(unit, str) else None,
    )


@frozen(eq=False)
class Tasking:
    """Gives, misses and ends tasks.

    Args:
        channels: Ids of the notifiers that every notice goes to.
        timezone: The county's.
        rosters: Tells who is on duty.
    """

    channels: tuple[str, ...]
    timezone: ZoneInfo
    rosters: Rosters

    def assign(self, tx: Transaction, place: Place) -> Assignment:
        """Whose the state's task is now: by the case's data, or by the roster."""
        task = place.state.task
        by_data = assigned(task, place.view.data)
        if task is None or task.roster is None:
            return by_data
        line = tasks.line_of(tx, place.view.area, place.able.day)
        try:
            on_duty = self.rosters.on_duty(tx, task.roster, line, tx.at)
        except NotFound as error:
            log.warning("roster cannot be read", case=place.view.number, problem=str(error))
            return evolve(by_data, note=NO_ROSTER)
        holding = {
            one.account for one in place.able.of(task.role) if by_data.unit in (None, one.unit)
        }
        account = next((one for one in on_duty if one in holding), None)
        if account is not None:
            return evolve(by_data, account=account)
        return evolve(by_data, note=NOT_HOLDER if on_duty else NOBODY_ON_DUTY)

    def enter(self, tx: Transaction, place: Place, assignment: Assignment) -> None:
        """Give a case the task of the state that it has come into; the timer starts."""
        task = place.state.task
        if task is None:
            return
        if not task.every:
            self._give(tx, place, assignment, occurrence=0, due_at=None)
            return
        timer = Timer(
            case=int(place.view.id),
            workflow=place.workflow.id,
            state=place.state.id,
            first_at=tx.at,
            every=task.every,
            occurrence=1,
            due_at=tx.at + task.every,
        )
        tasks.start_timer(tx, timer)
        self._give(tx, place, assignment, occurrence=1, due_at=timer.due_at)

    def catch_up(self, tx: Transaction, place: Place, *, then: Then) -> bool:
        """Open the occurrence that belongs to now, if it has not opened; what passed was missed.

        Returns:
            Whether anything was due.
        """
        timer = tasks.read_timer(tx, int(place.view.id))
        return timer is not None and self._catch_up(tx, place, timer, then)

    def leave(self, tx: Transaction, place: Place) -> None:
        """The case leaves the state: what passed until now was missed, and nothing opens more."""
        timer = tasks.read_timer(tx, int(place.view.id))
        if timer is not None:
            self._catch_up(tx, place, timer, "leave")
            tasks.stop_timer(tx, timer.case)

    def _catch_up(self, tx: Transaction, place: Place, timer: Timer, then: Then) -> bool:
        case, task = timer.case, place.state.task
        if tx.at < timer.due_at:
            return False
        if task is None or not task.every or timer.state != place.state.id:
            tasks.stop_timer(tx, case)
            return False
        number = timer.current(tx.at)
        self._miss(tx, place, task, timer, until=number)
        if then != "leave":
            due_at = timer.opens_at(number + 1)
            tasks.move_timer(tx, case, occurrence=number, due_at=due_at)
            assignment = self.assign(tx, place)
            self._join(tx, place, assignment)
            told = then == "open"
            self._give(tx, place, assignment, occurrence=number, due_at=due_at, told=told)
        tx.journal("case", str(case))
        return True

    def _miss(
        self, tx: Transaction, place: Place, task: TaskSpec, timer: Timer, *, until: int
    ) -> None:
        """Record in one row what nobody did before the occurrence ``until``."""
        open_tasks = tasks.read_tasks(tx, [timer.case], open_only=True)
        if open_tasks:
            missed = until - timer.occurrence
            tasks.miss_task(tx, open_tasks[0], missed=missed, ended_by=SYSTEM.name)
        elif missed := until - timer.occurrence - 1:
            first = timer.occurrence + 1
            tasks.insert_missed(
                tx,
                place.view,
                NewTask(task.title, task.role, occurrence=first),
                opened_at=timer.opens_at(first),
                missed=missed,
                ended_by=SYSTEM.name,
            )
        if open_tasks or missed:
            log.info("recurring task missed", case=place.view.number, occurrences=missed)

    def _join(self, tx: Transaction, place: Place, assignment: Assignment) -> None:
        """Who is on duty takes part from now on."""
        if assignment.account is not None:
            rows.add_participants(
                tx,
                int(place.view.id),
                units=(),
                persons=(assignment.account,),
                since=place.view.version,
            )

    def _give(
        self,
        tx: Transaction,
        place: Place,
        assignment: Assignment,
        *,
        occurrence: int,
        due_at: int | None,
        told: bool = True,
    ) -> None:
        task = place.state.task
        if task is None:
            return
        given = NewTask(
            task.title,
            task.role,
            assignment.account,
            assignment.unit,
            occurrence=occurrence,
            note=assignment.note,
        )
        number = tasks.insert_task(tx, place.view, given)
        if task.notice is not None and told:
            send_task_notice(
                tx,
                place,
                task.notice,
                assignment,
                words=TaskWords(max(occurrence, 1), due_at),
                key=f"task:{number}",
                channels=self.channels,
                timezone=self.timezone,
            )
