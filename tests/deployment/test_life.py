"""The life of a plugin: versions of workflows, disabling, enabling again, and the plan."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve, field, frozen

from county_gov.api import (
    SYSTEM,
    Actor,
    CaseMoved,
    CaseView,
    Context,
    Event,
    Field,
    Hooks,
    Parameter,
    Permission,
    Schema,
    Scope,
    State,
    Text,
    Workflow,
    implements,
)
from county_gov.deployment import County
from county_gov.deployment.life import Life
from county_gov.deployment.settings import settings_from
from county_gov.errors import DeploymentError, EventNotAllowed
from county_gov.registry.discovery import LoadedPlugin
from tests.store_fixtures import StandingClock

AREA = "990101"
READ = "dike.case.read"
READER = Actor("person", "甲", 1, scopes={READ: Scope(everywhere=True)})


def workflow(version: int, *, third: bool = False, earlier: tuple[Workflow, ...] = ()) -> Workflow:
    """A way of two steps; from the second version on there may be a third."""
    states = [State("open", Text(zh="待查", en="Open")), State("seen", Text(zh="已查", en="Seen"))]
    note = Schema(fields=(Field("note", "text", Text(zh="说明", en="Note"), required=False),))
    events = [Event("look", Text(zh="查看"), ("open",), "seen", "dike.case.move", form=note)]
    if third:
        states.insert(1, State("called", Text(zh="已通知")))
        events = [
            Event("call", Text(zh="通知"), ("open",), "called", "dike.case.move"),
            Event("look", Text(zh="查看"), ("called",), "seen", "dike.case.move", form=note),
        ]
    states.append(State("closed", Text(zh="已结"), final=True))
    events.append(Event("close", Text(zh="结案"), ("seen",), "closed", "dike.case.move"))
    return Workflow(
        id="dike.leak",
        title=Text(zh="堤防渗漏", en="Leak"),
        version=version,
        number="漏{county}{year}{serial}",
        initial="open",
        states=tuple(states),
        events=tuple(events),
        read_permission=READ,
        earlier=earlier,
    )


@frozen
class NoConfig:
    """A plugin without settings."""


@frozen(eq=False)
class DikePlugin:
    """Brings one workflow, and listens."""

    config: NoConfig
    flow: Workflow
    heard: list[str] = field(factory=list)
    settings: tuple[Parameter, ...] = ()
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """The workflow."""
        return (self.flow,)

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """None, unless a test gives some."""
        return self.settings

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Reading and moving."""
        return (Permission(READ, Text(zh="看")), Permission("dike.case.move", Text(zh="办")))

    @implements(Hooks.case_moved)
    async def case_moved(self, event: CaseMoved, ctx: Context) -> None:
        """Remember what was told."""
        self.heard.append(f"{event.case.title}:{event.event or 'opened'}")


def county(folder: Path, *plugins: DikePlugin, version: str = "1.0", **changes: Any) -> County:
    """A county with these plugins; ``disabled`` names the ones that are listed and not loaded."""
    (folder / "areas.csv").write_text(
        "code,kind,name,parent,valid_from\n990101,county,示范县,,2000-01-01\n", encoding="utf-8"
    )
    disabled = changes.pop("disabled", ())
    data: dict[str, object] = {
        "county": {"name": "示范县", "code": AREA, "api": 0},
        "store": {"url": "sqlite:///county.db", "migrate": True},
        "registers": {"areas": "areas.csv"},
        "roles": {"r": {"title": "r", "permissions": [READ]}} if plugins or disabled else {},
        "plugin": [{"use": name, "enabled": False} for name in disabled],
    }
    loaded = [
        LoadedPlugin("dike", one, "county-gov-dike", version, "county.toml: plugin[0]")
        for one in plugins
    ]
    settings = settings_from(data, folder=folder)
    return County(settings, plugins=loaded, clock=StandingClock(1_700_000_000_000_000))


def plugin(flow: Workflow) -> DikePlugin:
    """The plugin with a workflow."""
    return DikePlugin(NoConfig(), flow)


async def opened(running: County, title: str) -> CaseView:
    """A new case."""
    return await running.cases.open(
        "dike.leak", title=title, area=AREA, subject="", data={}, actor=SYSTEM, key=ascii(title)
    )


async def move(running: County, case: CaseView, event: str) -> CaseView:
    """Move a case."""
    return await running.cases.send_event(
        case.id, event, data={}, actor=SYSTEM, expected_version=case.version, key=event + case.id
    )


def plan(running: County) -> list[str]:
    """What a start would change, without what the program itself says."""
    try:
        return list(running.store.read_now(Life(running).plan))
    finally:
        running.store.close()


async def test_running_cases_keep_their_version(tmp_path: Path) -> None:
    """A case of version 1 goes the old way to its end, beside a new one that goes the new way."""
    async with county(tmp_path, plugin(workflow(1))) as running:
        old = await opened(running, "旧")
    second = workflow(2, third=True, earlier=(workflow(1),))
    async with county(tmp_path, plugin(second)) as running:
        new = await opened(running, "新")
        assert (1, 2) == (
            (await running.cases.get(SYSTEM, old.id)).workflow_version,
            new.workflow_version,
        )
        detail = await running.cases.get(SYSTEM, old.id)
        assert ["look"] == [one.id for one in running.cases.actions(detail, SYSTEM)]
        old = await move(running, old, "look")
        assert "seen" == old.state
        assert "closed" == (await move(running, old, "close")).state
        with pytest.raises(EventNotAllowed):
            await move(running, new, "look")
        assert "called" == (await move(running, new, "call")).state


async def test_open_cases_of_a_version_that_is_gone_refuse_the_start(tmp_path: Path) -> None:
    """The problem counts them and says the way out; closed ones hold up nobody."""
    async with county(tmp_path, plugin(workflow(1))) as running:
        cases = [await opened(running, title) for title in ("一", "二")]
    words = r"2 open cases of version 1, and the plugin declares version 2; .*Workflow\.earlier"
    refused = county(tmp_path, plugin(workflow(2, third=True)))
    with pytest.raises(DeploymentError, match=words):
        await refused.start()
    async with county(tmp_path, plugin(workflow(1))) as running:
        for case in cases:
            await move(running, await move(running, case, "look"), "close")
    async with county(tmp_path, plugin(workflow(2, third=True))) as running:
        detail = await running.cases.get(SYSTEM, cases[0].id)
        assert ("closed", 1) == (detail.view.state, detail.workflow_version)


@pytest.mark.parametrize(
    ("earlier", "words"),
    [
        ((workflow(2),), "expected versions below 2"),
        ((workflow(3),), "expected versions below 2"),
        ((workflow(1), workflow(1)), "each once"),
        ((evolve(workflow(1), id="dike.other"),), "expected the id 'dike.leak'"),
        ((evolve(workflow(1), earlier=(workflow(1),)),), "list all of them in the newest"),
        ((evolve(workflow(1), initial="nowhere"),), "is not a state"),
    ],
)
def test_unsound_earlier_versions_refuse_the_start(
    tmp_path: Path, earlier: tuple[Workflow, ...], words: str
) -> None:
    """Each is checked as the newest is."""
    with pytest.raises(DeploymentError, match=words):
        county(tmp_path, plugin(workflow(2, earlier=earlier)))


async def test_a_disabled_plugins_cases_are_read_and_do_not_move(tmp_path: Path) -> None:
    """With the permission they are found with their words; events are refused with the reason."""
    async with county(tmp_path, plugin(workflow(1))) as running:
        case = await move(running, await opened(running, "渗水"), "look")
    async with county(tmp_path, disabled=("dike",)) as running:
        found, total = await running.cases.find(READER)
        assert (1, "渗水") == (total, found[0].view.title)
        detail = await running.cases.get(READER, case.id)
        shown = running.cases.workflow_of(detail.view)
        assert shown is not None
        assert ("堤防渗漏", "已查") == (shown.title.zh, shown.state(detail.view.state).title.zh)
        assert "说明" == shown.data["note"].title.zh
        assert () == running.cases.actions(detail, READER)
        with pytest.raises(EventNotAllowed) as refused:
            await running.cases.send_event(
                case.id, "close", data={}, actor=SYSTEM, expected_version=2, key="x"
            )
        assert "workflow" == refused.value.code
        assert "已停用" in refused.value.zh
        with pytest.raises(EventNotAllowed):
            await opened(running, "新的")
    async with county(tmp_path, plugin(workflow(1))) as running:
        assert "closed" == (await move(running, case, "close")).state


async def test_a_removed_plugin_strands_nobody(tmp_path: Path) -> None:
    """Without any entry the county starts; the system still reads the cases."""
    async with county(tmp_path, plugin(workflow(1))) as running:
        case = await opened(running, "渗水")
    async with county(tmp_path) as running:
        assert "渗水" == (await running.cases.get(SYSTEM, case.id)).view.title


def test_permissions_of_a_disabled_plugin_stay_in_roles(tmp_path: Path) -> None:
    """Disabled they are known by its name; removed they are refused."""
    county(tmp_path, disabled=("dike",))
    data = {
        "county": {"name": "示范县", "code": AREA, "api": 0},
        "store": {"url": "sqlite:///county.db"},
        "roles": {"r": {"title": "r", "permissions": [READ]}},
    }
    with pytest.raises(DeploymentError, match="unknown permission"):
        County(settings_from(data, folder=tmp_path))


async def test_events_begin_at_the_head_and_go_on_where_they_were(tmp_path: Path) -> None:
    """A plugin hears nothing of the time before it came, and all of the time it was disabled."""
    silent = plugin(workflow(1))
    async with county(tmp_path, silent) as running:
        await opened(running, "先")
        await running.caught_up()
    assert ["先:opened"] == silent.heard

    async with county(tmp_path) as running:
        assert 0 < len(running.followers)
    late = plugin(workflow(1))
    async with county(tmp_path, late) as running:
        await running.caught_up()
        assert [] == late.heard
        second = await opened(running, "后")
        await running.caught_up()
    assert ["后:opened"] == late.heard

    again = plugin(workflow(1))
    running = county(tmp_path, again)
    await running.start(background=False)
    await move(running, second, "look")
    await running.stop()
    async with county(tmp_path, disabled=("dike",)) as running:
        await running.caught_up()
    async with county(tmp_path, again) as running:
        await running.caught_up()
    assert ["后:look"] == again.heard


async def test_the_plan_tells_what_changed(tmp_path: Path) -> None:
    """Plugins, versions and running cases; after the start it is told no more."""
    fresh = county(tmp_path, plugin(workflow(1)))
    async with fresh as running:
        await opened(running, "一")
    assert [] == plan(county(tmp_path, plugin(workflow(1))))
    second = plugin(workflow(2, third=True, earlier=(workflow(1),)))
    assert [
        "plugin dike: county-gov-dike 1.0 -> 2.0",
        "workflow dike.leak: version 1 -> 2; 1 open under version 1",
    ] == plan(county(tmp_path, second, version="2.0"))
    with pytest.raises(DeploymentError, match="1 open case of version 1"):
        plan(county(tmp_path, plugin(workflow(2))))
    assert [
        "plugin dike: not enabled any more (was county-gov-dike 1.0)",
        "workflow dike.leak: not enabled; 1 open under version 1: readable, and they cannot move",
    ] == plan(county(tmp_path, disabled=("dike",)))
    async with county(tmp_path, second, version="2.0") as running:
        await opened(running, "二")
    assert [
        "workflow dike.leak: version 2; 1 open under version 1, 1 open under version 2"
    ] == plan(county(tmp_path, second, version="2.0"))


def limit(maximum: float, *choices: str) -> Parameter:
    """A limit that varies by a choice."""
    return Parameter(
        id="dike.limit",
        title=Text(zh="水位上限", en="Limit"),
        field=Field("limit", "float64", Text(zh="水位"), unit="m", maximum=maximum),
        permission=READ,
        approval_permission="dike.case.move",
        varies_by=tuple((one, Text(zh=one)) for one in choices),
    )


async def test_the_plan_tells_what_values_a_parameter_may_have_now(tmp_path: Path) -> None:
    """Its bounds and what it varies by, before and after; approved values stay."""
    made = evolve(plugin(workflow(1)), settings=(limit(9.0, "1", "2"),))
    async with county(tmp_path, made):
        pass
    assert [] == plan(county(tmp_path, made))
    changed = evolve(made, settings=(limit(8.0, "1"),))
    assert [
        "parameter dike.limit: maximum: 9.0 -> 8.0, varies by: choice of 1, 2 -> choice of 1;"
        " approved values stay as they are: see on its page whether they still fit"
    ] == plan(county(tmp_path, changed))
