"""The overview: figures, the county's map, and the charts of what alerts are raised on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from county_gov.contract.page import (
    Column,
    Figure,
    Figures,
    Map,
    Marker,
    Row,
    Shape,
    Status,
    Table,
    View,
)
from county_gov.contract.text import Text
from county_gov.errors import NotFound
from county_gov.server.console import navigation
from county_gov.server.console.charts import WINDOW, chart_of, policies_for
from county_gov.server.console.frame import LIVE, draw
from county_gov.server.console.naming import (
    area_name,
    datastream_name,
    severity_status,
    thing_name,
)
from county_gov.server.console.sources import OBSERVATIONS, read_freshness
from county_gov.server.quarantine import READ as QUARANTINE
from county_gov.server.quarantine import quarantine_of, quarantine_scope
from county_gov.server.routes import SIGNED_IN, Route, permitted

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.cases import CaseSummary
    from county_gov.contract.context import DatastreamView, EpisodeView, Reader
    from county_gov.contract.page import Series
    from county_gov.server.call import Call
    from county_gov.server.render import Freshness

TITLE = navigation.OVERVIEW.title
ALERTS = "core.alerts.read"
TASKS = 4
"""Cases named on the overview; the list of cases has them all."""
CHARTS = 8
"""Charts on the overview; every datastream has a page of its own."""
OPEN_EPISODES = 500
WORST: tuple[Status, ...] = (
    "neutral",
    "good",
    "unknown",
    "stale",
    "notice",
    "warning",
    "alarm",
    "urgent",
)
"""In rising order: an area shows the worst of what is in it."""


async def show_dashboard(call: Call) -> web.StreamResponse:
    """The overview, of what who looks may see."""
    freshness = await read_freshness(call, OBSERVATIONS) if call.actor.may(OBSERVATIONS) else ()
    episodes: tuple[EpisodeView, ...] = ()
    if call.actor.may(ALERTS):
        reader = call.county.reader(call.actor.scope(ALERTS))
        episodes = await reader.episodes(open_only=True, limit=OPEN_EPISODES)
    tasks, mine = await call.county.cases.find(
        call.actor, mine=call.actor, sort="-moved", limit=TASKS
    )
    views: list[View] = [await _figures(call, freshness, episodes, mine)]
    if tasks:
        views.append(_tasks(tasks, mine))
    if freshness:
        views.append(_map(call, freshness, episodes))
        views.extend(await _charts(call, freshness, episodes))
    return await draw(
        call,
        "dashboard.html",
        title=TITLE,
        headline=_headline(
            mine if navigation.handles_cases(call) else None,
            len(episodes) if call.actor.may(ALERTS) else None,
        ),
        refresh_on=LIVE,
        views=tuple(views),
    )


def _headline(mine: int | None, alerts: int | None) -> Text | None:
    """What waits for who looks, then the alerts; None for what may not be seen."""
    zh, en = [], []
    if mine is not None:
        zh.append(f"{mine} 件事项等您办理" if mine else "没有等您办理的事项")
        en.append(f"{mine or 'No'} {'case waits' if mine == 1 else 'cases wait'} for you")
    if alerts is not None:
        zh.append(f"{alerts} 起告警持续中" if alerts else "没有持续中的告警")
        en.append(f"{alerts or 'no'} {'alert lasts' if alerts == 1 else 'alerts last'}")
    if not zh:
        return None
    english = ", ".join(en)
    return Text(zh="，".join(zh), en=english[0].upper() + english[1:])


def _tasks(tasks: Sequence[CaseSummary], mine: int) -> Table:
    """The cases that wait for who looks, so that they are one touch away."""
    title = Text(zh="等我办理", en="Waiting for me")
    if mine > len(tasks):
        title = Text(
            zh=f"等我办理（最近 {len(tasks)} 件，共 {mine} 件）",
            en=f"Waiting for me (the latest {len(tasks)} of {mine})",
        )
    return Table(
        id="tasks",
        title=title,
        columns=(
            Column("title", Text(zh="事项", en="Case"), sortable=False),
            Column("task", Text(zh="当前任务", en="Task"), sortable=False),
            Column("moved", Text(zh="最近办理", en="Last moved"), "instant", sortable=False),
        ),
        rows=tuple(
            Row(
                {
                    "title": one.view.title,
                    "task": one.task.state if one.task else None,
                    "moved": one.moved_at,
                },
                texts={"title": Text(zh=one.view.title, en=one.view.title_en)}
                | ({"task": one.task.title} if one.task else {}),
                href=f"/cases/{one.view.id}",
            )
            for one in tasks
        ),
        total=len(tasks),
        empty=Text(zh="没有等您办理的事项", en="No case waits for you"),
    )


async def _figures(
    call: Call, freshness: Sequence[Freshness], episodes: Sequence[EpisodeView], mine: int
) -> Figures:
    figures: list[Figure] = []
    if navigation.handles_cases(call):
        _rows, lasting = await call.county.cases.find(call.actor, open_only=True, limit=1)
        figures += [
            Figure(
                Text(zh="等我办理", en="Waiting for me"),
                mine,
                status="warning" if mine else "good",
                as_of=call.now,
                href="/cases?show=mine",
            ),
            Figure(Text(zh="未结案事项", en="Open cases"), lasting, as_of=call.now, href="/cases"),
        ]
    if call.county.parameters.approves(call.actor):
        awaiting = await call.county.parameters.awaiting(call.actor)
        figures.append(
            Figure(
                Text(zh="待批准的参数值", en="Settings to approve"),
                awaiting,
                status="notice" if awaiting else "good",
                as_of=call.now,
                href="/parameters",
            )
        )
    if call.actor.may(ALERTS):
        worst = _worst(severity_status(one.severity) for one in episodes)
        words = Text(zh="持续中的告警", en="Alerts that last")
        figures.append(Figure(words, len(episodes), status=worst, as_of=call.now, href="/alerts"))
    if freshness:
        fresh = sum(one.status == "good" for one in freshness)
        figures.append(
            Figure(
                Text(zh="数据正常的监测点", en="Datastreams up to date"),
                fresh,
                status="good" if fresh == len(freshness) else "stale",
                n=len(freshness),
                as_of=max((one.latest_at for one in freshness if one.latest_at), default=None),
                href="/sources" if call.actor.may("core.sources.read") else "",
            )
        )
    if call.actor.may(QUARANTINE):
        counts = await quarantine_of(call).count(quarantine_scope(call, QUARANTINE))
        waiting = sum(counts.values())
        figures.append(
            Figure(
                Text(zh="隔离数据", en="Rows in quarantine"),
                waiting,
                status="notice" if waiting else "good",
                as_of=call.now,
                href="/quarantine",
            )
        )
    return Figures(Text(zh="当前情况", en="At present"), tuple(figures))


def _worst(found: Iterable[Status]) -> Status:
    return max(found, key=WORST.index, default="good")


def _map(call: Call, freshness: Sequence[Freshness], episodes: Sequence[EpisodeView]) -> Map:
    """Grids coloured by the worst that is in them, and the stations."""
    registers = call.county.registers.snapshot
    day = call.county.cases.today()
    seen = _areas_seen(call, day)
    status: dict[str, Status] = {}
    for one in freshness:
        view = registers.datastream(registers.number(one.code))
        status[view.area] = max(status.get(view.area, "neutral"), one.status, key=WORST.index)
    for episode in episodes:
        severity = severity_status(episode.severity)
        status[episode.area] = max(status.get(episode.area, "neutral"), severity, key=WORST.index)
    grids = [
        code
        for code, row in registers.areas.items()
        if row.kind == "grid" and code in seen and registers.exists(code, day)
    ]
    shapes = tuple(
        Shape(code, status.get(code, "neutral"), area_name(registers, code)) for code in grids
    )
    return Map(
        "county", Text(zh="各网格状态", en="State of each grid"), shapes, _markers(call, status)
    )


def _areas_seen(call: Call, day: int) -> frozenset[str]:
    """The areas within the scope of who looks."""
    registers = call.county.registers.snapshot
    scope = call.actor.scope(OBSERVATIONS)
    if scope.everywhere:
        return frozenset(registers.areas)
    roots = {grant.area for grant in scope.grants if grant.area is not None}
    below = (registers.descendants(root, day) for root in roots)
    return frozenset(roots).union(*below)


def _markers(call: Call, status: dict[str, Status]) -> tuple[Marker, ...]:
    registers = call.county.registers.snapshot
    found: dict[str, Marker] = {}
    for view in registers.datastreams():
        place = view.longitude, view.latitude
        if view.area not in status or view.thing in found or None in place:
            continue
        found[view.thing] = Marker(
            longitude=view.longitude or 0.0,
            latitude=view.latitude or 0.0,
            status=status[view.area],
            label=thing_name(view),
            href=f"/datastreams/{view.code}",
            area=view.area,
        )
    return tuple(found.values())


async def _charts(
    call: Call, freshness: Sequence[Freshness], episodes: Sequence[EpisodeView]
) -> list[Series]:
    """The datastreams that alerts are raised on, those with an alert first."""
    registers = call.county.registers.snapshot
    raised = {episode.datastream for episode in episodes}
    views = [registers.datastream(registers.number(one.code)) for one in freshness]
    judged = [view for view in views if policies_for(call.county, view)] or views
    chosen = sorted(judged, key=lambda view: (view.code not in raised, view.code))[:CHARTS]
    latest = {one.code: one.latest_at for one in freshness}
    reader = call.county.reader(call.actor)
    return [
        await _chart(call, reader, view, end + 1)
        for view in chosen
        if (end := latest[view.code]) is not None
    ]


async def _chart(call: Call, reader: Reader, view: DatastreamView, end: int) -> Series:
    found: tuple[EpisodeView, ...] = ()
    if call.actor.may(ALERTS):
        alerts = call.county.reader(call.actor.scope(ALERTS))
        found = await alerts.episodes(datastream=view.code, limit=50)
    return await chart_of(call.county, reader, view, start=end - WINDOW, end=end, episodes=found)


async def show_datastream(call: Call) -> web.StreamResponse:
    """One datastream's last week, its limits and its alerts."""
    code = call.part("code")
    reader = call.county.reader(call.actor.scope(OBSERVATIONS))
    view = next((one for one in await reader.datastreams() if one.code == code), None)
    if view is None:
        raise NotFound(f"there is no datastream {code!r}, or it lies outside your area")
    newest = [one for one in await reader.latest() if one.datastream.code == code]
    end = newest[0].time + 1 if newest else call.now
    chart = await _chart(call, reader, view, end)
    return await draw(
        call,
        "list.html",
        title=datastream_name(view),
        refresh_on=("observations", "alert"),
        views=(chart,),
        filters=(),
    )


ROUTES = (
    Route("GET", "/", show_dashboard, SIGNED_IN, TITLE),
    Route(
        "GET",
        "/datastreams/{code:[A-Za-z0-9][A-Za-z0-9._:-]{0,63}}",
        show_datastream,
        permitted(OBSERVATIONS),
        Text(zh="监测点", en="One datastream's last week"),
        failures=(404,),
    ),
)
