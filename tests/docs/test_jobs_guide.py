"""The guide to jobs and recurring tasks does what it says."""

from __future__ import annotations

from typing import Any, cast

from attrs import evolve

from county_gov.cases import check_workflow
from county_gov.contract.clock import HOUR
from county_gov.contract.context import Context
from county_gov.contract.job import Job, JobRun
from tests.cases.patrol import patrol
from tests.docs.markdown import snippet


class Reader:
    """Counts cases."""

    async def count_cases(self, *, workflow: str, open_only: bool) -> int:
        """Give a number that depends on what was asked."""
        assert ("reservoir.patrol", True) == (workflow, open_only)
        return 3


class Letters:
    """A context that keeps what a job would send."""

    def __init__(self) -> None:
        self.read = Reader()
        self.sent: list[str] = []

    async def notify(
        self, recipient: str, *, subject: str, body: str, idempotency_key: str
    ) -> None:
        """Keep the key."""
        assert "office" == recipient
        assert "3" in body
        assert subject
        self.sent.append(idempotency_key)


def names_of(block: str) -> dict[str, Any]:
    """Run a block of the guide and give its names."""
    names: dict[str, Any] = {}
    exec(compile(snippet(block).code, block, "exec"), names)  # noqa: S102
    return names


async def test_the_job_of_the_guide_runs() -> None:
    """It says how many patrols are open, and its notice has the instant in its key."""
    job = names_of("jobs")["REPORT"]
    assert isinstance(job, Job)
    letters = Letters()
    assert "3 patrols are open" == await job.run(cast("Context", letters), JobRun(7))
    assert ["report-7"] == letters.sent


def test_the_recurring_task_of_the_guide_is_sound() -> None:
    """State and event fit into a workflow."""
    names = names_of("recurring-task")
    state, event = names["PATROLLING"], names["PATROLLED"]
    whole = patrol()
    first, _state, last = whole.states
    others = tuple(one for one in whole.events if one.id != "patrolled")
    assert [] == check_workflow(evolve(whole, states=(first, state, last), events=(*others, event)))
    assert 2 * HOUR == state.task.every
