"""A workflow with a recurring task, and rosters that stand in a test's hands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from county_gov.contract.clock import HOUR
from county_gov.contract.schema import Field, Schema
from county_gov.contract.workflow import Event, Notice, Roster, State, TaskSpec, Workflow
from county_gov.errors import NotFound
from county_gov.store import tasks
from tests.cases.world import ACT, READ, World, words

if TYPE_CHECKING:
    from county_gov.contract.workflow import CaseView
    from county_gov.store import Snapshot
    from county_gov.store.tasks import TaskView, Timer

EVERY = 2 * HOUR
ROSTER = Roster("demo.roster", "person", "begins", "ends", area="area")
NOTICE = Notice(
    "grid_worker",
    words("请巡查 {title}", "Patrol {title}"),
    words("第 {occurrence} 次，{due_at} 前", "No. {occurrence}, by {due_at}"),
)


def patrol(**task: object) -> Workflow:
    """Give a workflow whose task recurs every two hours, with the task changed."""
    spec = {"every": EVERY, "done_by": "patrolled", "notice": NOTICE, **task}
    return Workflow(
        id="demo.patrol",
        title=words("巡查", "Patrol"),
        version=1,
        number="XC-{county}-{year}-{serial:06}",
        initial="waiting",
        read_permission=READ,
        data=Schema((Field("station", "text", words("站点"), required=False),)),
        states=(
            State("waiting", words("待启动", "waiting")),
            State(
                "patrolling",
                words("巡查中", "patrolling"),
                TaskSpec(words("巡查", "patrol"), "grid_worker", **spec),  # type: ignore[arg-type]
            ),
            State("closed", words("结束", "closed"), final=True),
        ),
        events=(
            Event("start", words("启动", "start"), ("waiting",), "patrolling", ACT),
            Event(
                "patrolled",
                words("完成巡查", "report"),
                ("patrolling",),
                "patrolling",
                ACT,
                form=Schema((Field("finding", "text", words("情况"), required=False),)),
            ),
            Event(
                "pause", words("暂停", "pause"), ("patrolling",), "waiting", ACT, any_holder=True
            ),
            Event("clear", words("解除", "clear"), ("patrolling",), "closed", ACT),
        ),
    )


@define(eq=False)
class HandRosters:
    """Rosters that a test writes by hand; None means that there is no such dataset."""

    duty: tuple[int, ...] | None = ()
    asked: list[tuple[tuple[str, ...], int]] = field(factory=list)

    def on_duty(
        self, _snapshot: Snapshot, roster: Roster, areas: Sequence[str], at: int
    ) -> tuple[int, ...]:
        """Give who is on duty, and remember what was asked."""
        self.asked.append((tuple(areas), at))
        if self.duty is None:
            raise NotFound(f"there is no dataset {roster.dataset!r}")
        return self.duty


def tasks_of(world: World, case: CaseView) -> tuple[TaskView, ...]:
    """Give a case's tasks, oldest first."""
    return world.store.read_now(lambda snapshot: tasks.read_tasks(snapshot, [int(case.id)]))


def timer_of(world: World, case: CaseView) -> Timer | None:
    """Give a case's timer."""
    return world.store.read_now(lambda snapshot: tasks.read_timer(snapshot, int(case.id)))
