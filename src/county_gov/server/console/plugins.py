"""Plugins: what is enabled, where it runs, how its calls went, and what it was seen doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.page import Column, Paragraphs, Row, Status, Table
from county_gov.contract.text import Text
from county_gov.server.console import navigation, plugin_events
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import Listing
from county_gov.server.console.plugin_events import (
    deliver_all_actions,
    events_table,
    is_behind,
    missed_events,
)
from county_gov.server.plugins import READ, require_plugins
from county_gov.server.render import Pager
from county_gov.server.routes import Route, permitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from county_gov.deployment.plugins import PluginState
    from county_gov.registry.gateway import Circuit
    from county_gov.server.call import Call

TITLE = navigation.PLUGINS.title
MISSED = Text(zh="插件错过的消息", en="Events that plugins have missed")
SHOWN = 25
"""Purposes on a page."""
LONGEST_ERROR = 200
MILLISECONDS = 1000.0

KINDS: dict[str, Text] = {
    "alert_policies": Text(zh="告警策略", en="alert policies"),
    "cli_commands": Text(zh="命令行", en="verbs"),
    "commands": Text(zh="操作", en="commands"),
    "datasets": Text(zh="数据集", en="datasets"),
    "endpoints": Text(zh="接口", en="endpoints"),
    "jobs": Text(zh="定时任务", en="jobs"),
    "notifiers": Text(zh="通知渠道", en="notifiers"),
    "pages": Text(zh="页面", en="pages"),
    "parameters": Text(zh="参数", en="parameters"),
    "permissions": Text(zh="权限", en="permissions"),
    "rules": Text(zh="规则", en="rules"),
    "sources": Text(zh="来源", en="sources"),
    "workflows": Text(zh="流程", en="workflows"),
}
PLUGINS = (
    Column("name", Text(zh="插件", en="Plugin"), sortable=False),
    Column("version", Text(zh="版本", en="Version"), sortable=False),
    Column("runs", Text(zh="运行方式", en="Runs"), sortable=False),
    Column("state", Text(zh="状态", en="State"), "state", sortable=False),
    Column("contributes", Text(zh="提供", en="Contributes"), sortable=False),
    Column("calls", Text(zh="调用", en="Calls"), "number", sortable=False),
    Column("failures", Text(zh="失败", en="Failed"), "number", sortable=False),
)
CIRCUITS = (
    Column("what", Text(zh="用途", en="Purpose"), sortable=False),
    Column("state", Text(zh="状态", en="State"), "state", sortable=False),
    Column("calls", Text(zh="调用", en="Calls"), "number", sortable=False),
    Column("mean", Text(zh="平均耗时", en="Mean"), "number", "ms", 1, sortable=False),
    Column("failures", Text(zh="失败", en="Failed"), "number", sortable=False),
    Column("cut_off", Text(zh="未调用", en="Not made"), "number", sortable=False),
    Column("again", Text(zh="恢复试调", en="Tried again"), "instant", sortable=False),
    Column("failed_at", Text(zh="最近失败", en="Last failure"), "instant", sortable=False),
    Column("error", Text(zh="原因", en="Reason"), sortable=False),
)
WORKS = Text(zh="正常", en="works")
CUT_OFF = Text(zh="已断开", en="cut off")
TRIED = Text(zh="待试调用", en="to be tried")
ENDED = Text(zh="进程未运行", en="process not running")
UNUSED = Text(zh="未用", en="not called yet")
NOTHING = Text(zh="只接收变动消息", en="listens to events only")
HERE = Text(zh="与系统同一进程", en="within the county's process")


async def show_plugins(call: Call) -> web.StreamResponse:
    """The enabled plugins, what they were told of, and their calls."""
    require_plugins(call, READ)
    plugins = call.county.plugins
    await plugins.look()
    states, events = plugins.states(), await call.county.event_states()
    listing = Listing.read(call.request.query, "circuits", (), "", SHOWN)
    gone = Listing.read(call.request.query, "missed", (), "", SHOWN)
    found, total = await call.county.missed_events.list_open(limit=gone.size, offset=gone.offset)
    circuits = sorted(
        (one for state in states for one in state.circuits),
        key=lambda one: (one.breaker.closed, -one.last_failed_at, one.plugin, one.what),
    )
    return await draw(
        call,
        "plugins.html",
        title=TITLE,
        headline=_headline(states, {key for key in events if is_behind(events[key], call.now)}),
        warnings=_warnings(call, states),
        views=(_plugins(states), events_table(events, call.now)),
        heading=MISSED,
        missed=missed_events(call, found),
        actions=deliver_all_actions(call, events),
        pager=Pager("missed", total, gone.page, gone.size),
        calls=(_circuits(circuits, listing),),
    )


def _headline(states: Sequence[PluginState], behind: set[str]) -> Text:
    if not states:
        return Text(zh="未启用插件", en="No plugin is enabled")
    failing = {one.plugin.name for one in states if _state(one)[0] != "good"}
    bad = len(failing | behind)
    if behind and not failing:
        verb = "plugin was" if bad == 1 else "plugins were"
        return Text(zh=f"{bad} 个插件有消息未送达", en=f"{bad} {verb} not told of everything")
    if not bad and len(states) == 1:
        return Text(zh="插件正常", en="The plugin works")
    if not bad:
        return Text(zh=f"{len(states)} 个插件均正常", en=f"All {len(states)} plugins work")
    verb = "plugin does" if bad == 1 else "plugins do"
    return Text(zh=f"{bad} 个插件不正常", en=f"{bad} {verb} not work as it should")


def _state(state: PluginState) -> tuple[Status, Text]:
    if state.process is not None and not state.process.alive:
        return "alarm", ENDED
    if state.cut_off:
        return "warning", CUT_OFF
    return "good", WORKS


def _warnings(call: Call, states: Sequence[PluginState]) -> list[Paragraphs]:
    found = []
    replaced = call.county.plugins.replaced
    if replaced:
        found.append(
            Paragraphs(
                "replaced",
                Text(
                    zh="系统的程序在运行中被替换",
                    en="Parts of the program were replaced while it runs",
                ),
                tuple(
                    Text(
                        zh=f"{one.name} 已被 {one.by or '未知模块'} 替换。请停用并检查相应插件。",
                        en=f"{one}. Disable the plugin that did it, and look into it.",
                    )
                    for one in replaced
                ),
            )
        )
    open_doors = tuple(
        Text(
            zh=f"{state.plugin.name}：本机内核不能限制其{'、'.join(one.zh for one in doors)}。",
            en=f"{state.plugin.name}: this kernel cannot close "
            f"{', '.join(one.in_language('en') for one in doors)} to it.",
        )
        for state in states
        if (doors := state.unprotected)
    )
    if open_doors:
        title = Text(zh="隔离不完整", en="Isolation is not complete")
        found.append(Paragraphs("unprotected", title, open_doors))
    return found


def _plugins(states: Sequence[PluginState]) -> Table:
    return Table(
        id="plugins",
        title=Text(zh="已启用的插件", en="Enabled plugins"),
        columns=PLUGINS,
        rows=tuple(_plugin(one) for one in states),
        total=len(states),
        empty=Text(
            zh="在 county.toml 中用 [[plugin]] 启用插件。",
            en="Enable plugins in county.toml with [[plugin]].",
        ),
    )


def _plugin(state: PluginState) -> Row:
    status, words = _state(state)
    plugin, process = state.plugin, state.process
    runs = HERE
    if process is not None:
        times = "time" if process.starts == 1 else "times"
        runs = Text(
            zh=f"独立进程，启动 {process.starts} 次",
            en=f"in a process of its own, started {process.starts} {times}",
        )
    found = state.contributions.items()
    counts = [(KINDS.get(kind, Text(zh=kind)), count) for kind, count in found]
    contributes = NOTHING
    if counts:
        contributes = Text(
            zh="，".join(f"{words.zh} {count}" for words, count in counts),
            en=", ".join(_counted(words.in_language("en"), count) for words, count in counts),
        )
    return Row(
        {
            "name": plugin.name,
            "version": f"{plugin.distribution} {plugin.version}",
            "state": status,
            "calls": state.calls,
            "failures": state.failures,
        },
        texts={"runs": runs, "state": words, "contributes": contributes},
        status="neutral" if status == "good" else status,
    )


def _counted(words: str, count: int) -> str:
    """A number of things, which are named in the plural."""
    if count != 1:
        return f"{count} {words}"
    return f"1 {words.removesuffix('ies')}y" if words.endswith("ies") else f"1 {words[:-1]}"


def _circuits(circuits: Sequence[Circuit], listing: Listing) -> Table:
    shown = circuits[listing.offset : listing.offset + listing.size]
    return Table(
        id=listing.id,
        title=Text(zh="各用途的调用", en="Calls by purpose"),
        columns=CIRCUITS,
        rows=tuple(_circuit(one) for one in shown),
        total=len(circuits),
        empty=Text(zh="还没有调用过插件。", en="No plugin was called yet."),
        page=listing.page,
        page_size=listing.size,
    )


def _circuit(circuit: Circuit) -> Row:
    closed = circuit.breaker.closed
    status: Status = "good" if closed else "warning"
    words = WORKS if closed else TRIED if circuit.breaker.allows else CUT_OFF
    if closed and not circuit.calls:
        status, words = "neutral", UNUSED
    mean = circuit.seconds / circuit.calls * MILLISECONDS if circuit.calls else None
    return Row(
        {
            "what": f"{circuit.plugin}: {circuit.what}",
            "state": status,
            "calls": circuit.calls,
            "mean": mean,
            "failures": circuit.failures,
            "cut_off": circuit.cut_off,
            "again": circuit.breaker.until or None,
            "failed_at": circuit.last_failed_at or None,
            "error": circuit.last_error[:LONGEST_ERROR],
        },
        texts={"state": words},
        status="neutral" if closed else "warning",
    )


ROUTES = (Route("GET", "/plugins", show_plugins, permitted(READ), TITLE), *plugin_events.ROUTES)
