"""Jobs and recurring tasks as people and programs meet them."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from county_gov.contract.access import SYSTEM
from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.workflow import CaseView
from county_gov.deployment import County, read_settings
from county_gov.store import tables
from tests.intake.bad_inputs import BAD_INPUTS
from tests.server.conftest import NOW, Serve, Site
from tests.server.desk import permit
from tests.server.patrolling import Log, NoConfig, WatchPlugin, loaded
from tests.store_fixtures import StandingClock

JOB = "watch.report"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def log() -> Log:
    """What the job was asked."""
    return Log()


@pytest.fixture
async def watch(
    folder: Path, log: Log, clock: StandingClock, serve_county: Serve
) -> AsyncIterator[Site]:
    """A county with the plugin, served; nothing runs by itself."""
    permit(
        folder,
        dispatch_centre=("watch.read", "watch.act"),
        grid_worker=("watch.read", "watch.act"),
    )
    county = County(
        read_settings(folder / "county.toml"),
        clock=clock,
        plugins=[loaded(WatchPlugin(NoConfig(), log=log))],
    )
    await county.start(background=False)
    yield await serve_county(county)
    await county.stop()


async def answer_of(site: Site, login: str, path: str, **options: Any) -> tuple[int, str]:
    """What a person is answered."""
    visitor = await site.person(login)
    async with visitor.get(path, **options) as answer:
        return answer.status, await answer.text()


async def test_the_page_tells_of_each_job(watch: Site, log: Log, clock: StandingClock) -> None:
    """Schedule, outcome and words, also of one that failed; whatever it says is escaped."""
    await watch.county.jobs.run_due()
    status, page = await answer_of(watch, "dispatch1", "/jobs?lang=en")
    assert 200 == status
    for words in ("Daily report&lt;b&gt;", "Every day at 08:00", "Not yet", "No job failed"):
        assert words in page
    log.fails = True
    for later in (DAY, HOUR // 60):
        clock.instant += later
        await watch.county.jobs.run_due()
    _, page = await answer_of(watch, "dispatch1", "/jobs?lang=zh")
    assert "1 个定时任务最近一次失败" in page
    status, page = await answer_of(watch, "dispatch1", f"/jobs/{JOB}?lang=en")
    assert 200 == status
    for words in ("no paper &lt;i&gt;", "Failed", "Run now", "Tried up to 2 times, 300 seconds"):
        assert words in page
    assert 404 == (await answer_of(watch, "dispatch1", "/jobs/no.such"))[0]


async def test_a_running_county_runs_what_is_due(
    folder: Path, log: Log, clock: StandingClock
) -> None:
    """By itself, within a second after the clock has come; after a start it goes on."""
    permit(folder, dispatch_centre=("watch.read", "watch.act"))
    settings = read_settings(folder / "county.toml")
    for day in (1, 2):
        plugin = loaded(WatchPlugin(NoConfig(), log=log))
        log.called.clear()
        async with County(settings, clock=clock, plugins=[plugin]) as county, asyncio.timeout(30):
            await county.jobs.tick()
            clock.instant += DAY
            await log.called.wait()
            await county.jobs.settled()
            (run, *_), total = await county.jobs.history(JOB)
            assert ("done", day) == (run.state, total)
    assert [NOW // DAY * DAY + DAY, NOW // DAY * DAY + 2 * DAY] == [run.at for run in log.runs]


async def test_a_person_lets_it_run(watch: Site, log: Log) -> None:
    """The button asks once however often it is sent; the run is the person's, and audited."""
    await watch.county.jobs.run_due()
    visitor = await watch.person("dispatch1")
    async with visitor.get(f"/jobs/{JOB}") as answer:
        key = re.search(r'name="idempotency_key" value="(\w+)"', await answer.text())
    assert key is not None
    for _ in range(2):
        async with visitor.post(f"/jobs/{JOB}/runs", data={"idempotency_key": key[1]}) as answer:
            assert 200 == answer.status
    await watch.county.jobs.run_due()
    assert 1 == len(log.runs)
    _, page = await answer_of(watch, "dispatch1", f"/jobs/{JOB}?lang=en")
    assert "3 dams &lt;u&gt;" in page
    audited = watch.county.store.read_now(
        lambda snapshot: snapshot.rows(
            sa.select(tables.audit.c.object).where(tables.audit.c.action == "job.run")
        )
    )
    assert [f"job:{JOB}"] == [row.object for row in audited]


async def test_the_interface_lists_and_asks(watch: Site, log: Log, clock: StandingClock) -> None:
    """Jobs with their next instant, runs in pages, and a run that is asked for once per key."""
    await watch.county.jobs.run_due()
    visitor = await watch.person("dispatch1")
    async with visitor.get("/api/v1/jobs") as answer:
        (job,) = (await answer.json())["jobs"]
    assert (JOB, "watch", "2023-11-15T00:00:00Z", None) == (
        job["id"],
        job["plugin"],
        job["next_at"],
        job["last"],
    )
    path = f"/api/v1/jobs/{JOB}/runs"
    ids = set()
    for _ in range(2):
        async with visitor.post(path, headers={"Idempotency-Key": "k"}) as answer:
            assert 202 == answer.status
            ids.add((await answer.json())["id"])
    await watch.county.jobs.run_due()
    async with visitor.get(path, params={"limit": 1}) as answer:
        page = await answer.json()
    assert (1, 1) == (len(ids), page["total"])
    (run,) = page["rows"]
    assert ("done", "3 dams <u>", 1, 0) == (
        run["state"],
        run["words"],
        run["attempt"],
        run["passed"],
    )
    for wrong, headers in ((path, {}), ("/api/v1/jobs/no.such/runs", {"Idempotency-Key": "k"})):
        async with visitor.post(wrong, headers=headers) as answer:
            assert answer.status == (404 if headers else 422)
    assert 1 == len(log.runs)


async def test_bad_bodies_ask_for_nothing(watch: Site) -> None:
    """Each class of bad input on the routes of a job that there is: a 4xx, and no run."""
    visitor = await watch.person("dispatch1")
    wrong = []
    for path, media in (
        (f"/api/v1/jobs/{JOB}/runs", "application/json"),
        (f"/jobs/{JOB}/runs", FORM),
    ):
        for one in BAD_INPUTS:
            if not one.body():
                continue
            own = one.content_type.startswith(("application/json", "text"))
            headers = {
                "Content-Type": media if own else one.content_type,
                "Idempotency-Key": "bad",
            }
            async with visitor.post(
                path, data=io.BytesIO(one.body()), headers=headers, allow_redirects=False
            ) as answer:
                if not 400 <= answer.status < 500:
                    wrong.append(f"{path} {one.name}: {answer.status}")
    assert [] == wrong
    assert 0 == (await watch.county.jobs.history(JOB))[1]


async def test_who_may_not_sees_nothing_of_it(watch: Site) -> None:
    """Without the permission, or with one that does not reach the whole county: nothing."""
    visitor = await watch.person("grid-zhiqiu")
    for path in ("/jobs", f"/jobs/{JOB}", "/api/v1/jobs", f"/api/v1/jobs/{JOB}/runs"):
        async with visitor.get(path) as answer:
            assert 403 == answer.status
    for path in (f"/jobs/{JOB}/runs", f"/api/v1/jobs/{JOB}/runs"):
        async with visitor.post(path, headers={"Idempotency-Key": "k"}) as answer:
            assert 403 == answer.status
    assert 'href="/jobs"' not in (await answer_of(watch, "grid-zhiqiu", "/"))[1]
    assert 'href="/jobs"' in (await answer_of(watch, "dispatch1", "/"))[1]


async def open_patrol(site: Site) -> CaseView:
    """A case whose task recurs."""
    return await site.county.cases.open(
        "watch.patrol",
        title="水位超限",
        area="990101001001001",
        subject="dam",
        data={},
        actor=SYSTEM,
        key="patrol",
    )


async def account_of(site: Site, login: str) -> int:
    """An account's number."""
    columns = tables.accounts.c
    return int(
        site.county.store.read_now(
            lambda snapshot: snapshot.scalar(
                sa.select(columns.number).where(columns.login == login)
            )
        )
    )


async def test_the_case_shows_its_occurrences(watch: Site, clock: StandingClock) -> None:
    """Who is on duty has it, until when; what was done and missed; and when the next opens."""
    county, worker = watch.county, await account_of(watch, "grid-zhiqiu")
    await county.records.put(
        SYSTEM,
        "watch.roster",
        {"area": "990101001", "begins": NOW - HOUR, "ends": NOW + HOUR, "person": worker},
        idempotency_key="duty",
    )
    case = await open_patrol(watch)
    status, page = await answer_of(watch, "grid-zhiqiu", f"/cases/{case.id}?lang=en")
    assert 200 == status
    for words in ("Walk the dam (no. 1)", "yours", "Every 2 hours. 0 done, 0 missed"):
        assert words in page
    await county.cases.send_event(
        case.id,
        "patrolled",
        data={},
        actor=SYSTEM,
        expected_version=1,
        key="p",
    )
    _, page = await answer_of(watch, "grid-zhiqiu", f"/cases/{case.id}?lang=en")
    assert "The next opens at 2023-11-15 08:13. 1 done, 0 missed" in page
    clock.instant += 6 * HOUR
    await county.cases.recurring.open_due()
    _, page = await answer_of(watch, "grid-zhiqiu", f"/cases/{case.id}?lang=en")
    for words in ("no. 4", "1 done, 2 missed", "2–3", "nobody is on duty", "Report the patrol"):
        assert words in page

    visitor = await watch.person("grid-zhiqiu")
    async with visitor.get(f"/api/v1/cases/{case.id}") as answer:
        tasks = (await answer.json())["tasks"]
    assert [(1, 0, ""), (2, 2, ""), (4, 0, "nobody_on_duty")] == [
        (one["occurrence"], one["missed"], one["note"]) for one in tasks
    ]
    assert "2023-11-15T06:13:20Z" == tasks[-1]["due_at"]
