"""Jobs on a store, with a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import define, field

from county_gov.contract.access import Actor
from county_gov.contract.job import Every, Job, JobRun
from county_gov.contract.text import Text
from county_gov.jobs import Jobs
from county_gov.registry.gateway import Gateway
from county_gov.store import Store

if TYPE_CHECKING:
    from county_gov.contract.context import Context

PERIOD = 100 * 1_000_000
"""Microseconds between the runs of the tests' job; `START` is one of its instants."""
ASKER = Actor(kind="person", name="陈甲", account=1)


@define(eq=False)
class Bench:
    """A store, and jobs that note each of their runs."""

    store: Store
    made: list[tuple[str, int, int]] = field(factory=list)
    """Job, instant and attempt of each call."""
    behaviour: Callable[[JobRun], Any] = field(default=lambda _run: "ok")
    release: asyncio.Event = field(factory=asyncio.Event)

    def job(self, name: str = "demo.report", **changes: Any) -> Job:
        """Give a job that runs every hundred seconds."""

        async def run(_ctx: Context, run: JobRun) -> str:
            self.made.append((name, run.at, run.attempt))
            answer = self.behaviour(run)
            if answer is None:
                await self.release.wait()
                answer = "released"
            return cast("str", answer)

        values: dict[str, Any] = {"schedule": Every(PERIOD), "run": run, **changes}
        return Job(id=name, title=Text(zh="报告", en="Report"), **values)

    def jobs(self, *jobs: Job) -> Jobs:
        """Give the service, as a county has it after a start."""
        return Jobs(
            self.store,
            {one.id: one for one in jobs or (self.job(),)},
            gateway=Gateway(self.store.clock, limit=1000),
            owner=lambda job: job.split(".", maxsplit=1)[0],
            contexts=lambda _job: cast("Context", None),
            timezone="Asia/Shanghai",
        )

    @property
    def instants(self) -> list[int]:
        """The instants that were run for, in their order."""
        return [at for _job, at, _attempt in self.made]


@pytest.fixture
def bench(any_store: Store) -> Bench:
    """Give the bench on each supported database."""
    return Bench(any_store)
