"""Jobs over HTTP: which there are, how they ran, and letting one run now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from county_gov.contract.text import Text
from county_gov.errors import Problem
from county_gov.server.api.documents import Instant, clean, rfc3339
from county_gov.server.jobs import JOB, READ, RUN, require_jobs, run_now
from county_gov.server.parameters import read_parameters
from county_gov.server.refusal import RequestInvalid
from county_gov.server.routes import Parameter, Route, permitted

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.jobs import JobOverview
    from county_gov.server.call import Call
    from county_gov.store.jobs import Run

RUNS = (
    Parameter("limit", "whole", "Runs in one answer", minimum=1, maximum=500),
    Parameter("offset", "whole", "Runs to pass over", minimum=0, maximum=1_000_000),
)


class RunDocument(Struct):
    """A run of a job.

    ``state`` is waiting (also between two attempts), running, done, failed or missed;
    ``asked_by`` is empty for a run of the schedule; ``passed`` counts the instants before this one
    that passed without a run.
    """

    id: int
    at: Instant
    state: str
    attempt: int
    passed: int
    asked_by: str
    started_at: Instant | None
    ended_at: Instant | None
    words: str


class JobDocument(Struct):
    """A job: where it comes from, its latest run, and the next instant of its schedule."""

    id: str
    plugin: str
    title: str
    next_at: Instant
    last: RunDocument | None


class JobList(Struct):
    """All jobs."""

    jobs: list[JobDocument]


class RunPage(Struct):
    """Runs of a job, latest instant first."""

    rows: list[RunDocument]
    total: int


async def list_jobs(call: Call) -> web.StreamResponse:
    """All jobs."""
    require_jobs(call, READ)
    read_parameters(call.request.query, ())
    overview = await call.county.jobs.overview()
    return call.answer(JobList([_job(call, one) for one in overview]))


async def list_runs(call: Call) -> web.StreamResponse:
    """A job's runs."""
    require_jobs(call, READ)
    values = read_parameters(call.request.query, RUNS)
    found, total = await call.county.jobs.history(
        call.part("id"), limit=values.number("limit", 50), offset=values.number("offset", 0)
    )
    return call.answer(RunPage([_run(one) for one in found], total))


async def ask_for_run(call: Call) -> web.StreamResponse:
    """Let a job run now; the same idempotency key asks once."""
    read_parameters(call.request.query, ())
    if await call.read() not in (b"", b"{}"):
        raise RequestInvalid([Problem("body", "nothing is read here: leave it empty")])
    key = call.request.headers.get("Idempotency-Key", "")
    run = await run_now(call, call.part("id"), key, place="header: Idempotency-Key")
    return call.answer(_run(run), status=202)


def _job(call: Call, one: JobOverview) -> JobDocument:
    return JobDocument(
        id=one.job.id,
        plugin=one.plugin,
        title=call.words(one.job.title),
        next_at=rfc3339(one.next_at),
        last=None if one.last is None else _run(one.last),
    )


def _run(run: Run) -> RunDocument:
    return RunDocument(
        id=run.id,
        at=rfc3339(run.at),
        state=run.state,
        attempt=run.attempt,
        passed=run.passed,
        asked_by=clean(run.asked_by),
        started_at=None if run.started_at is None else rfc3339(run.started_at),
        ended_at=None if run.ended_at is None else rfc3339(run.ended_at),
        words=clean(run.words),
    )


ROUTES = (
    Route(
        "GET",
        "/api/v1/jobs",
        list_jobs,
        permitted(READ),
        Text(zh="定时任务列表", en="List jobs"),
        "api",
        answers=JobList,
    ),
    Route(
        "GET",
        f"/api/v1/jobs/{JOB}/runs",
        list_runs,
        permitted(READ),
        Text(zh="定时任务的执行记录", en="List the runs of a job"),
        "api",
        parameters=RUNS,
        answers=RunPage,
        failures=(404,),
    ),
    Route(
        "POST",
        f"/api/v1/jobs/{JOB}/runs",
        ask_for_run,
        permitted(RUN),
        Text(zh="立即执行定时任务", en="Let a job run now"),
        "api",
        headers=(("Idempotency-Key", "The same key asks once"),),
        answers=RunDocument,
        failures=(404,),
    ),
)
