"""A plugin with a job, a recurring task and a roster, for the tests of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from attrs import define, field, frozen

from county_gov.api import (
    HOUR,
    Context,
    Daily,
    Dataset,
    Event,
    Field,
    Hooks,
    Job,
    JobRun,
    Notice,
    Permission,
    Roster,
    Schema,
    State,
    TaskSpec,
    Text,
    Workflow,
    implements,
)
from county_gov.registry.discovery import LoadedPlugin

PERMISSIONS = ("watch.read", "watch.act")
ROSTER = Dataset(
    id="watch.roster",
    title=Text(zh="值班表", en="Roster"),
    kind="records",
    schema=Schema(
        fields=(
            Field("area", "text", Text(zh="区域", en="Area"), refers="area"),
            Field("begins", "instant", Text(zh="开始", en="From")),
            Field("ends", "instant", Text(zh="结束", en="To")),
            Field("person", "int64", Text(zh="值班人", en="Who"), refers="person"),
        ),
        key=("area", "begins"),
    ),
    read_permission="watch.read",
    write_permission="watch.act",
    area="area",
)
PATROL = Workflow(
    id="watch.patrol",
    title=Text(zh="巡查", en="Patrol"),
    version=1,
    number="XC-{county}-{year}-{serial:06}",
    initial="patrolling",
    read_permission="watch.read",
    states=(
        State(
            "patrolling",
            Text(zh="巡查中", en="Patrolling"),
            TaskSpec(
                Text(zh="巡查大坝", en="Walk the dam"),
                "grid_worker",
                every=2 * HOUR,
                done_by="patrolled",
                roster=Roster("watch.roster", "person", "begins", "ends", area="area"),
                notice=Notice(
                    "grid_worker",
                    Text(zh="请巡查", en="Go"),
                    Text(zh="第 {occurrence} 次", en="No. {occurrence}"),
                ),
            ),
        ),
        State("closed", Text(zh="结束", en="Closed"), final=True),
    ),
    events=(
        Event(
            "patrolled",
            Text(zh="完成巡查", en="Report the patrol"),
            ("patrolling",),
            "patrolling",
            "watch.act",
        ),
        Event(
            "clear",
            Text(zh="解除", en="Clear"),
            ("patrolling",),
            "closed",
            "watch.act",
            any_holder=True,
        ),
    ),
)


@define
class Log:
    """What the plugin's job was asked, and what it shall answer."""

    runs: list[JobRun] = field(factory=list)
    fails: bool = False
    called: asyncio.Event = field(factory=asyncio.Event)


@frozen
class NoConfig:
    """A plugin without settings."""


@frozen(eq=False)
class WatchPlugin:
    """Somebody who watches."""

    config: NoConfig
    log: Log = field(factory=Log, kw_only=True)
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """The plugin's permissions."""
        return tuple(Permission(one, Text(zh="值守", en="Watch")) for one in PERMISSIONS)

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """The roster."""
        return (ROSTER,)

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """The patrol."""
        return (PATROL,)

    @implements(Hooks.jobs)
    def jobs(self) -> Iterable[Job]:
        """A daily report."""
        title = Text(zh="值守日报<b>", en="Daily report<b>")
        return (Job("watch.report", title, Daily("08:00"), self._draw, attempts=2),)

    async def _draw(self, _ctx: Context, run: JobRun) -> str:
        self.log.runs.append(run)
        self.log.called.set()
        if self.log.fails:
            raise ValueError("no paper <i>")
        return "3 dams <u>"


def loaded(plugin: WatchPlugin) -> LoadedPlugin:
    """The plugin as discovery gives it."""
    return LoadedPlugin("watch", plugin, "county-gov-watch", "1.0", "county.toml: plugin[1]")
