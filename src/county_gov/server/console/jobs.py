"""The pages of jobs: when each ran and runs next, how it ended, and letting one run now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.clock import DAY, HOUR, MICROSECONDS
from county_gov.contract.job import Daily, Every, Monthly, Schedule, Weekly
from county_gov.contract.page import Column, Paragraphs, Row, Status, Table
from county_gov.contract.text import Text
from county_gov.errors import NotFound
from county_gov.server.console import navigation
from county_gov.server.console.case_tasks import local_time
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import Listing
from county_gov.server.identifiers import ulid
from county_gov.server.jobs import JOB, READ, RUN, require_jobs, run_now, sees_jobs
from county_gov.server.render import Action
from county_gov.server.render.records import Link
from county_gov.server.routes import Route, permitted

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.job import Job
    from county_gov.jobs import JobOverview
    from county_gov.server.call import Call
    from county_gov.store.jobs import Run

TITLE = navigation.JOBS.title
FORM = "application/x-www-form-urlencoded"
STATES: dict[str, tuple[Text, Status]] = {
    "waiting": (Text(zh="等待执行", en="Waiting"), "notice"),
    "running": (Text(zh="执行中", en="Running"), "notice"),
    "done": (Text(zh="完成", en="Done"), "good"),
    "failed": (Text(zh="失败", en="Failed"), "warning"),
    "missed": (Text(zh="已错过", en="Missed"), "stale"),
}
NEVER = Text(zh="尚未执行", en="Not yet")
WEEKDAYS = (
    Text(zh="周一", en="Mondays"),
    Text(zh="周二", en="Tuesdays"),
    Text(zh="周三", en="Wednesdays"),
    Text(zh="周四", en="Thursdays"),
    Text(zh="周五", en="Fridays"),
    Text(zh="周六", en="Saturdays"),
    Text(zh="周日", en="Sundays"),
)
MISSED = {
    "skip": Text(zh="错过的不补", en="What is missed is left out"),
    "once": Text(zh="错过的只补最近一次", en="Of what is missed the latest is made up for"),
    "all": Text(
        zh="错过的逐次补（最多 100 次）", en="What is missed is made up for, up to 100 times"
    ),
}
LIST = (
    Column("title", Text(zh="任务", en="Job"), sortable=False),
    Column("schedule", Text(zh="时间安排", en="Schedule"), sortable=False),
    Column("state", Text(zh="最近结果", en="Latest outcome"), "state", sortable=False),
    Column("last", Text(zh="最近一次", en="Latest run for"), "instant", sortable=False),
    Column("words", Text(zh="说明", en="What it said"), sortable=False),
    Column("next", Text(zh="下一次", en="Next"), "instant", sortable=False),
)
RUNS = (
    Column("at", Text(zh="应执行时间", en="For"), "instant", sortable=False),
    Column("state", Text(zh="结果", en="Outcome"), "state", sortable=False),
    Column("attempt", Text(zh="尝试次数", en="Attempts"), "number", sortable=False),
    Column("words", Text(zh="说明", en="What it said"), sortable=False),
    Column("asked", Text(zh="由谁发起", en="Asked by"), sortable=False),
    Column("ended", Text(zh="结束", en="Ended"), "instant", sortable=False),
)
SCHEDULE = Text(zh="按计划", en="The schedule")


async def show_jobs(call: Call) -> web.StreamResponse:
    """Every job with its latest and its next run."""
    require_jobs(call, READ)
    overview = await call.county.jobs.overview()
    failed = sum(one.last is not None and one.last.state == "failed" for one in overview)
    table = Table(
        id="jobs",
        title=Text(zh="全部定时任务", en="All jobs"),
        columns=LIST,
        rows=tuple(_job_row(one) for one in overview),
        total=len(overview),
        empty=Text(zh="没有启用带定时任务的插件。", en="No enabled plugin has a job."),
    )
    return await draw(
        call,
        "list.html",
        title=TITLE,
        headline=_headline(failed),
        refresh_on=("job",),
        views=(table,),
        filters=(),
    )


async def show_job(call: Call) -> web.StreamResponse:
    """One job: when it is due, what became of each run, and the button."""
    require_jobs(call, READ)
    key = call.part("id")
    job = call.county.jobs.jobs.get(key)
    if job is None:
        raise NotFound(f"there is no job {key!r}")
    listing = Listing.read(call.request.query, "runs", (), "")
    found, total = await call.county.jobs.history(key, limit=listing.size, offset=listing.offset)
    last = await call.county.jobs.latest([key])
    table = Table(
        id="runs",
        title=Text(zh="执行记录", en="Runs"),
        columns=RUNS,
        rows=tuple(_run_row(one) for one in found),
        total=total,
        empty=Text(
            zh="尚未执行过；到下一次时间会自动执行。",
            en="It has not run yet; it will by itself at the next instant.",
        ),
        page=listing.page,
        page_size=listing.size,
    )
    actions = (_button(call, key),) if sees_jobs(call, RUN) else ()
    return await draw(
        call,
        "job.html",
        title=job.title,
        crumbs=(Link(TITLE, "/jobs"), Link(job.title, "")),
        links=(),
        headline=_how_it_goes(call, job, last.get(key)),
        refresh_on=("job",),
        views=(_about(job), table),
        actions=actions,
        forms=actions,
        charts=False,
    )


async def post_run(call: Call) -> web.StreamResponse:
    """Let a job run now, as a run of its own."""
    form = await call.form()
    job = call.part("id")
    await run_now(call, job, form.get("idempotency_key", ""), place="idempotency_key")
    return call.redirect(f"/jobs/{job}", flash="job_asked")


def _button(call: Call, job: str) -> Action:
    return Action(
        id="run-now",
        label=Text(zh="立即执行一次", en="Run now"),
        href=f"/jobs/{job}/runs",
        idempotency_key=ulid(call.now),
    )


def _headline(failed: int) -> Text:
    if not failed:
        return Text(zh="定时任务均正常", en="No job failed in its latest run")
    subject = "job" if failed == 1 else "jobs"
    return Text(
        zh=f"{failed} 个定时任务最近一次失败", en=f"The latest run of {failed} {subject} failed"
    )


def _job_row(one: JobOverview) -> Row:
    texts = {"title": one.job.title, "schedule": schedule_words(one.job.schedule)}
    last = one.last
    words, status = STATES[last.state] if last else (NEVER, "neutral")
    return Row(
        {
            "title": one.job.id,
            "schedule": "",
            "state": status,
            "last": last.at if last else None,
            "words": last.words if last else "",
            "next": one.next_at,
        },
        texts={**texts, "state": words},
        href=f"/jobs/{one.job.id}",
    )


def _run_row(run: Run) -> Row:
    words, status = STATES[run.state]
    texts = {"state": words}
    if not run.asked_by:
        texts["asked"] = SCHEDULE
    if run.passed:
        times = "instant" if run.passed == 1 else "instants"
        said = f"（{run.words}）" if run.words else ""
        texts["words"] = Text(
            zh=f"此前有 {run.passed} 次未执行{said}",
            en=f"{run.passed} earlier {times} passed without a run"
            + (f" ({run.words})" if run.words else ""),
        )
    return Row(
        {
            "at": run.at,
            "state": status,
            "attempt": run.attempt,
            "words": run.words,
            "asked": run.asked_by,
            "ended": run.ended_at if run.state != "waiting" else None,
        },
        texts=texts,
    )


def _how_it_goes(call: Call, job: Job, last: Run | None) -> Text:
    """A job's latest outcome and its next instant, as the page's headline."""
    words, _status = STATES[last.state] if last else (NEVER, "neutral")
    at = local_time(call, call.county.jobs.next_at(job.id, call.now))
    return Text(
        zh=f"{job.title.zh}：{words.zh}，下一次 {at}",
        en=f"{job.title.in_language('en')}: {words.in_language('en').lower()}, next at {at}",
    )


def _about(job: Job) -> Paragraphs:
    tries = Text(
        zh=f"每次最多尝试 {job.attempts} 次，单次限时 {job.seconds:g} 秒",
        en=f"Tried up to {job.attempts} times, {job.seconds:g} seconds each",
    )
    return Paragraphs(
        "about",
        Text(zh="时间安排", en="Schedule"),
        (schedule_words(job.schedule), MISSED[job.missed], tries),
    )


def schedule_words(schedule: Schedule) -> Text:
    """A schedule in words."""
    if isinstance(schedule, Daily):
        return Text(zh=f"每天 {schedule.at}", en=f"Every day at {schedule.at}")
    if isinstance(schedule, Weekly):
        day = WEEKDAYS[schedule.weekday]
        return Text(zh=f"每{day.zh} {schedule.at}", en=f"{day.en} at {schedule.at}")
    if isinstance(schedule, Monthly):
        return Text(
            zh=f"每月 {schedule.day} 日 {schedule.at}",
            en=f"Day {schedule.day} of each month at {schedule.at}",
        )
    return _period_words(schedule)


def _period_words(schedule: Every) -> Text:
    units = (
        (DAY, "天", "days"),
        (HOUR, "小时", "hours"),
        (60 * MICROSECONDS, "分钟", "minutes"),
        (MICROSECONDS, "秒", "seconds"),
    )
    for length, zh, en in units:
        if schedule.length % length == 0:
            number = schedule.length // length
            return Text(zh=f"每 {number} {zh}", en=f"Every {number} {en}")
    seconds = schedule.length / MICROSECONDS
    return Text(zh=f"每 {seconds:g} 秒", en=f"Every {seconds:g} seconds")


ROUTES = (
    Route("GET", "/jobs", show_jobs, permitted(READ), TITLE),
    Route(
        "GET",
        f"/jobs/{JOB}",
        show_job,
        permitted(READ),
        Text(zh="定时任务详情", en="One job and its runs"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/jobs/{JOB}/runs",
        post_run,
        permitted(RUN),
        Text(zh="立即执行定时任务", en="Let a job run now"),
        media=(FORM,),
        failures=(404,),
    ),
)
