"""Scenario with the other contributions: records, parameters, jobs, commands, endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from county_gov.api import (
    FAIL,
    HOUR,
    PASS,
    UNKNOWN,
    AccessDenied,
    Batch,
    Context,
    Daily,
    Event,
    Field,
    HttpAnswer,
    Job,
    JobRun,
    Judgement,
    Latest,
    NotFound,
    RecordInvalid,
    Schema,
    Setting,
    Text,
    Value,
)
from county_gov.testing import FakeHttp, Scenario
from tests.testing.conformance.gauges import NAME, PARTS, USE, GaugesPlugin, plugin_with

ROLES = {"guard": [USE], "onlooker": ["core.alerts.read"]}


def patrolling(hours: int = 2) -> type[Any]:
    """The plugin with a visit that recurs until it is finished."""
    workflow = PARTS["workflows"]
    first, last = workflow.states
    (finish,) = workflow.events
    done = Event(
        "seen",
        Text(zh="已看", en="Seen"),
        ("open",),
        "open",
        USE,
        form=Schema((Field("seen_at", "instant", NAME, required=False),)),
    )
    task = evolve(first.task, every=hours * HOUR, done_by="seen")
    return plugin_with(
        workflows=evolve(workflow, states=(evolve(first, task=task), last), events=(done, finish))
    )


async def test_records_are_put_found_and_removed() -> None:
    """They go through the county's own records, and are checked there."""
    async with Scenario(GaugesPlugin, roles=ROLES) as s:
        made = await s.put("gauges.gauges", code="g1", height=12.5)
        assert (1, 12.5) == (made.version, made.values["height"])
        assert ["g1"] == [one.key for one in await s.records("gauges.gauges", code="g1")]
        with pytest.raises(RecordInvalid):
            await s.put("gauges.gauges", code="g2", height="high")
        await s.remove("gauges.gauges", "g1")
        assert () == await s.records("gauges.gauges")


async def test_parameters_are_set_by_two_people() -> None:
    """What one proposes and another approves holds from its day on."""
    async with Scenario(GaugesPlugin, roles=ROLES) as s:
        assert await s.parameter("gauges.limit") is None
        await s.set("gauges.limit", 4.5)
        await s.set("gauges.limit", 6.0, on="2026-07-01")
        now = await s.parameter("gauges.limit")
        await s.advance(days=30)
        later = await s.parameter("gauges.limit")
        assert now is not None
        assert later is not None
        assert (4.5, 6.0) == (now.value, later.value)
        assert now.proposed_by != now.approved_by


async def test_jobs_run_as_they_fall_due() -> None:
    """A daily job runs once a day while time passes, and when it is asked for."""
    async with Scenario(GaugesPlugin, roles=ROLES, start="2026-06-01 09:00") as s:
        await s.advance(days=2)
        assert [s.at("2026-06-02 08:00"), s.at("2026-06-03 08:00")] == [
            int(one.body) for one in s.notices("chief")
        ]
        assert "1 notice" == await s.run("gauges.report")
        assert 3 == len(s.notices("chief"))


async def test_recurring_tasks_open_while_time_passes() -> None:
    """Every two hours one opens, until the case is finished; missed ones stay visible."""
    async with Scenario(patrolling(), roles=ROLES) as s:
        case = await s.open("gauges.visit")
        await s.advance(hours=2)
        await s.act("guard", case, "seen", seen_at="10:00")
        await s.advance(hours=2.5)
        every = await s.tasks(case, open_only=False)
        assert [1, 2, 3] == [one.occurrence for one in every]
        assert s.at("10:00") == (await s.case(case)).data["seen_at"]
        await s.act("guard", case, "finish")
        await s.advance(hours=5)
        assert 3 == len(await s.tasks(case, open_only=False))


async def test_commands_are_given_as_somebody() -> None:
    """A command runs within the person's permissions, and says what it did."""
    async with Scenario(GaugesPlugin, roles=ROLES) as s:
        said = await s.command("guard", "gauges.note", code="g7")
        assert "已登记" == said.zh
        assert ["g7"] == [one.key for one in await s.records("gauges.gauges")]
        with pytest.raises(AccessDenied):
            await s.command("onlooker", "gauges.note", code="g8")


async def test_endpoints_answer_as_somebody() -> None:
    """The address is matched, and the permission is asked for."""
    async with Scenario(GaugesPlugin, roles=ROLES) as s:
        await s.put("gauges.gauges", code="g1", height=1)
        response = await s.request("guard", "POST", "/gauges/g1/count?x=1", b"{}")
        assert b'{"count":1}' == response.body
        with pytest.raises(AccessDenied):
            await s.request("onlooker", "POST", "/gauges/g1/count")
        with pytest.raises(NotFound):
            await s.request("guard", "GET", "/gauges/g1/count")


async def test_sources_are_delivered_to_and_pulled() -> None:
    """A delivery goes through the plugin's decoder; a fetch gets what other servers answer."""
    body = b'{"code": "dam.level", "time": 1780272000000000, "value": 3.5}'
    http = FakeHttp({"https://notices.example/": HttpAnswer(200, {}, body)})
    async with Scenario(GaugesPlugin, datastreams=["dam.level"], roles=ROLES, http=http) as s:
        (pulled,) = await s.pull("gauges.feed")
        again = await s.deliver("gauges.feed", body)
        assert (1, 1) == (pulled.accepted, again.duplicate)
        assert ["GET"] == [one.method for one in http.requests]


async def test_a_plugins_own_channel_is_tried_again_until_it_takes_the_notice() -> None:
    """While the other server is away nothing is lost; later it gets the notice, once."""
    answers: dict[str, HttpAnswer] = {}
    http = FakeHttp(answers)
    async with Scenario(
        GaugesPlugin, roles=ROLES, http=http, channels=["gauges.post"], failures=True
    ) as s:
        await s.run("gauges.report")
        await s.advance(minutes=1)
        tried = len(http.requests)
        assert tried > 1
        answers["https://notices.example/"] = HttpAnswer(200, {}, b"")
        await s.advance(minutes=10)
        assert tried + 1 == len(http.requests)


async def fails(_ctx: Context, _run: JobRun) -> str:
    """Fail."""
    raise LookupError("no gauge")


async def test_a_failing_contribution_fails_the_story() -> None:
    """Nothing of a plugin fails silently, unless the story says that it may."""
    job = Job("gauges.report", NAME, Daily("08:30"), fails, attempts=1)
    plugin = plugin_with(jobs=job)
    async with Scenario(plugin, roles=ROLES) as s:
        with pytest.raises(AssertionError, match="no gauge"):
            await s.advance(hours=1)
    async with Scenario(plugin, roles=ROLES, failures=True) as s:
        await s.advance(hours=1)


def test_a_scenario_that_cannot_begin_says_why() -> None:
    """A wrong configuration is told as the deployment tells it."""
    wrong: Mapping[str, Value] = {"limt": 3}
    with pytest.raises(ValueError, match="did you mean 'limit'"):
        Scenario(GaugesPlugin, wrong, name="gauges")


async def test_a_limit_set_for_the_past_is_judged_again() -> None:
    """What a parameter changes afterwards is there when the line returns."""
    rule = evolve(
        PARTS["rules"],
        inputs={"level": Latest("level"), "limit": Setting("gauges.limit")},
        judge=above_its_setting,
    )
    plugin = plugin_with(rules=rule)
    async with Scenario(plugin, datastreams=["dam.level"], roles=ROLES) as s:
        await s.feed("dam.level", [("09:00", 3.0), ("10:00", 8.0)])
        assert [] == await s.episodes()
        await s.set("gauges.limit", 5.0)
        (episode,) = await s.episodes()
        assert s.at("10:00") == episode.started_at
        await s.set("gauges.limit", 2.0)
        assert [s.at("09:00")] == [one.started_at for one in await s.episodes()]


def above_its_setting(batch: Batch) -> Mapping[str, Judgement]:
    """Above what the county has set."""
    level, limit = batch["level"], batch["limit"]
    known = np.isfinite(level) & np.isfinite(limit)
    outcomes = np.where(known, np.where(level > limit, PASS, FAIL), UNKNOWN).astype(np.int8)
    return {"above": Judgement(outcomes, level, limit)}
