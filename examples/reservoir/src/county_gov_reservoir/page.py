"""The page: where the reservoirs are, how high the water stands, and who is on duty."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from county_gov.api import (
    HOUR,
    SEVERITIES,
    Column,
    Command,
    CommandContext,
    DatastreamView,
    EpisodeView,
    Field,
    Figure,
    Figures,
    From,
    Limit,
    Line,
    Map,
    Marker,
    Page,
    PageContext,
    Reading,
    Row,
    Schema,
    Series,
    Shade,
    Shape,
    Status,
    Table,
    Text,
    Value,
    View,
)
from county_gov_reservoir.config import ReservoirConfig
from county_gov_reservoir.flood import LEVEL, RULE
from county_gov_reservoir.patrol import STATE_TITLES, WORKFLOW
from county_gov_reservoir.permissions import READ, ROSTER
from county_gov_reservoir.water import FLOOD_LIMIT, REPORTS, ROSTER_DATASET

STALE = HOUR
SHIFTS = 20
PATROLS = 50
PATROL_EVENTS = (f"{WORKFLOW}:report", f"{WORKFLOW}:close")
"""What the page offers of a patrol: to report, and to end it."""
ON_DUTY = Text(zh="值班中", en="On duty")
COMING = Text(zh="待接班", en="Coming")


async def take_over(ctx: CommandContext, values: Mapping[str, Value]) -> Text:
    """Enter oneself into the roster, from now on."""
    now = ctx.clock.now()
    await ctx.records.put(
        ROSTER_DATASET.id,
        {
            "area": values["area"],
            "begins": now,
            "ends": now + int(values["hours"] or 0) * HOUR,
            "person": ctx.actor.account,
            "phone": values.get("phone"),
        },
        idempotency_key=ctx.key,
    )
    return Text(zh="已接班", en="You are on duty")


TAKE_OVER = Command(
    id="reservoir.take_over",
    title=Text(zh="接班", en="Take over"),
    permission=ROSTER,
    form=Schema(
        (
            Field("area", "text", Text(zh="值守区域", en="Area"), refers="area"),
            Field("hours", "int64", Text(zh="时长", en="For"), unit="h", minimum=1, maximum=24),
            Field("phone", "text", Text(zh="联系电话", en="Telephone"), maximum=40, required=False),
        )
    ),
    run=take_over,
)


@frozen(eq=False)
class Level:
    """A reservoir's water now; ``reading`` None where nothing is known, ``limit`` where none is."""

    view: DatastreamView
    reading: Reading | None
    episode: EpisodeView | None
    limit: float | None
    status: Status

    @property
    def name(self) -> Text:
        """The reservoir's name."""
        return Text(zh=self.view.thing_name or self.view.name, en=self.view.thing_name_en)

    @property
    def words(self) -> str:
        """The level with its unit."""
        return "—" if self.reading is None else f"{self.reading.value:.2f} {self.view.unit}"


@frozen(eq=False)
class ReservoirPage:
    """The page's views.

    Args:
        config: How many hours are drawn.
    """

    config: ReservoirConfig

    def page(self) -> Page:
        """The page as it is registered."""
        return Page(
            path="reservoir/levels",
            title=Text(zh="水库汛情", en="Reservoirs"),
            permission=READ,
            views=self.views,
            headline=self.headline,
            order=30,
            refresh_on=("observations", "alert"),
            actions=(TAKE_OVER.id, *PATROL_EVENTS),
        )

    async def headline(self, ctx: PageContext) -> Text:
        """How many reservoirs are in alert."""
        levels = await self._levels(ctx)
        alerts = sum(one.episode is not None for one in levels)
        if not levels:
            return Text(zh="您的辖区内没有水库", en="There is no reservoir in your area")
        return Text(
            zh=f"{len(levels)} 座水库，{alerts} 座告警"
            if alerts
            else f"{len(levels)} 座水库均无告警",
            en=f"{alerts or 'None'} of {len(levels)} reservoirs in alert",
        )

    async def views(self, ctx: PageContext) -> tuple[View, ...]:
        """Figures, map, a chart for each reservoir, patrols, the roster and the reports."""
        levels = await self._levels(ctx)
        charts = [await self._series(ctx, one) for one in levels if one.reading is not None]
        tables = (await _patrols(ctx), await _roster(ctx), await _reports(ctx))
        return (_figures(levels, ctx.clock.now()), _map(levels), *charts, *tables)

    async def _levels(self, ctx: PageContext) -> tuple[Level, ...]:
        readings = {
            one.datastream.code: one for one in await ctx.read.latest(observed_property=LEVEL)
        }
        episodes = {
            one.datastream: one
            for one in await ctx.read.episodes(policy=RULE, open_only=True)
            if not one.withdrawn
        }
        found = []
        for view in await ctx.read.datastreams(observed_property=LEVEL):
            reading, episode = readings.get(view.code), episodes.get(view.code)
            limit = await ctx.parameters.value(FLOOD_LIMIT.id, subject=view.thing)
            bound = None if limit is None or limit.value is None else float(limit.value)
            status = _status(reading, episode, ctx.clock.now())
            found.append(Level(view, reading, episode, bound, status))
        return tuple(found)

    async def _series(self, ctx: PageContext, level: Level) -> Series:
        view = level.view
        end = ctx.clock.now()
        start = end - self.config.chart_hours * HOUR
        batch = await ctx.read.observations(view.code, start, end + 1)
        limits: tuple[Limit, ...] = ()
        if level.limit is not None:
            limits = (Limit(level.limit, Text(zh="汛限水位", en="Flood limit")),)
        shades: tuple[Shade, ...] = ()
        if level.episode is not None:
            words = Text(zh="告警", en="Alert")
            begun = max(level.episode.started_at, start)
            shades = (Shade(begun, None, words, level.episode.severity),)
        return Series(
            id=f"series-{view.code}",
            title=Text(
                zh=f"{level.name.zh}：水位 {level.words}",
                en=f"{level.name.in_language('en')}: {level.words}",
            ),
            unit=view.unit,
            lines=(Line(Text(zh="水位", en="Level"), batch["time"], batch["value"]),),
            limits=limits,
            shades=shades,
            decimals=view.decimals,
            live=(view.code,),
        )


def _status(reading: Reading | None, episode: EpisodeView | None, now: int) -> Status:
    """What is silent is never shown as good."""
    if reading is None:
        return "unknown"
    if now - reading.time > STALE:
        return "stale"
    return "good" if episode is None else episode.severity


def _figures(levels: tuple[Level, ...], now: int) -> Figures:
    alerts = [one.episode.severity for one in levels if one.episode is not None]
    worst: Status = max(alerts, key=SEVERITIES.index) if alerts else "good"
    silent = sum(one.status in {"stale", "unknown"} for one in levels)
    without = sum(one.limit is None for one in levels)
    return Figures(
        title=Text(zh="当前", en="Now"),
        figures=(
            Figure(
                Text(zh="告警水库", en="Reservoirs in alert"),
                len(alerts) if levels else None,
                status=worst if levels else "unknown",
                n=len(levels),
                as_of=now,
                definition="reservoir.in_alert v1",
            ),
            Figure(
                Text(zh="数据陈旧或缺失", en="Stale or silent"),
                silent if levels else None,
                status="stale" if silent else "neutral",
                n=len(levels),
                as_of=now,
                definition="reservoir.silent v1",
            ),
            Figure(
                Text(zh="未设汛限水位", en="Without a flood limit"),
                without if levels else None,
                status="warning" if without else "neutral",
                n=len(levels),
                as_of=now,
                definition="reservoir.without_limit v1",
            ),
        ),
    )


def _map(levels: tuple[Level, ...]) -> Map:
    shapes = tuple(Shape(one.view.area, one.status, one.name, one.words) for one in levels)
    markers = tuple(
        Marker(
            one.view.longitude,
            one.view.latitude,
            one.status,
            one.name,
            one.words,
            area=one.view.area,
            case=one.episode.case if one.episode else "",
        )
        for one in levels
        if one.view.longitude is not None and one.view.latitude is not None
    )
    return Map("reservoirs", Text(zh="水库分布", en="Where they are"), shapes, markers)


async def _patrols(ctx: PageContext) -> Table:
    """The patrols under way; what may be done with one now is offered beside it."""
    cases = await ctx.read.cases(workflow=WORKFLOW, open_only=True, limit=PATROLS)
    rows = tuple(
        Row(
            cells={"number": one.number, "title": one.title, "opened": one.opened_at},
            texts={
                "state": STATE_TITLES[one.state],
                "title": Text(zh=one.title, en=one.title_en),
            },
            href=f"/cases/{one.id}",
            case=one.id,
        )
        for one in cases
    )
    return Table(
        id="patrols",
        title=Text(zh="巡查", en="Patrols"),
        columns=(
            Column("number", Text(zh="编号", en="Number"), sortable=False),
            Column("title", Text(zh="事项", en="Case"), sortable=False),
            Column("state", Text(zh="状态", en="State"), sortable=False),
            Column("opened", Text(zh="开始", en="Since"), "instant", sortable=False),
        ),
        rows=rows,
        total=len(rows),
        empty=Text(zh="没有进行中的巡查", en="No patrol is under way"),
    )


async def _roster(ctx: PageContext) -> Table:
    """Who is on duty now, and who comes next."""
    now = ctx.clock.now()
    shifts = await ctx.records.find(
        ROSTER_DATASET.id, where=(From("ends", now + 1),), sort="begins", limit=SHIFTS
    )
    rows = tuple(
        Row(
            cells={
                "area": str(one.values["area"]),
                "person": one.values["person"],
                "begins": int(one.values["begins"] or 0),
                "ends": int(one.values["ends"] or 0),
                "phone": str(one.values["phone"] or ""),
                "status": "good" if int(one.values["begins"] or 0) <= now else "neutral",
            },
            texts={"status": ON_DUTY if int(one.values["begins"] or 0) <= now else COMING},
        )
        for one in shifts
    )
    return Table(
        id="roster",
        title=Text(zh="值班表", en="Duty roster"),
        columns=(
            Column("area", Text(zh="值守区域", en="Area"), sortable=False, refers="area"),
            Column("person", Text(zh="值班人", en="On duty"), sortable=False, refers="person"),
            Column("begins", Text(zh="上班", en="From"), "instant", sortable=False),
            Column("ends", Text(zh="下班", en="To"), "instant", sortable=False),
            Column("phone", Text(zh="联系电话", en="Telephone"), sortable=False),
            Column("status", Text(zh="状态", en="State"), "state", sortable=False),
        ),
        rows=rows,
        total=len(rows),
        empty=Text(
            zh="无人值班：请排班或点“接班”",
            en="Nobody is on duty: fill the roster, or take over",
        ),
    )


async def _reports(ctx: PageContext) -> Table:
    found = await ctx.records.find(REPORTS.id, sort="-day", limit=7)
    rows = tuple(
        Row(
            cells={
                "day": str(one.values["day"]),
                "above": one.values["above"],
                "silent": one.values["silent"],
                "text": str(one.values["text"]),
            }
        )
        for one in found
    )
    return Table(
        id="reports",
        title=Text(zh="近七日日报", en="Reports of the last seven days"),
        columns=(
            Column("day", Text(zh="日期", en="Day"), sortable=False),
            Column("above", Text(zh="超汛限", en="Above the limit"), "number", sortable=False),
            Column("silent", Text(zh="无数据", en="Without data"), "number", sortable=False),
            Column("text", Text(zh="正文", en="Text"), sortable=False),
        ),
        rows=rows,
        total=len(rows),
        empty=Text(zh="还没有日报；每天早晨生成", en="No report yet; one is drawn each morning"),
    )
