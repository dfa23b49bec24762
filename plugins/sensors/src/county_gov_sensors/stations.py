"""The page of stations: what is measured now, where, since when, and against which limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from county_gov.api import (
    HOUR,
    MICROSECONDS,
    SEVERITIES,
    Actor,
    Column,
    DatastreamView,
    EpisodeView,
    Figure,
    Figures,
    Limit,
    Line,
    Map,
    Marker,
    Page,
    PageContext,
    Reader,
    Reading,
    Row,
    Series,
    Shade,
    Shape,
    Status,
    Table,
    Text,
    View,
)
from county_gov_sensors.config import LimitConfig, SensorsConfig, ThresholdConfig

PERMISSION = "core.observations.read"
ORDER: tuple[Status, ...] = ("unknown", "good", "stale", *SEVERITIES)
ADDRESS = "/sensors/stations"
PROPERTIES = {
    "pm25": Text(zh="细颗粒物（PM2.5）", en="PM2.5"),
    "pm10": Text(zh="可吸入颗粒物（PM10）", en="PM10"),
    "so2": Text(zh="二氧化硫（SO₂）", en="Sulphur dioxide (SO₂)"),
    "no2": Text(zh="二氧化氮（NO₂）", en="Nitrogen dioxide (NO₂)"),
    "co": Text(zh="一氧化碳（CO）", en="Carbon monoxide (CO)"),
    "o3": Text(zh="臭氧（O₃）", en="Ozone (O₃)"),
}
"""Words for the properties of ambient air; others are shown by their own name."""

FIRST = "pm25"
MOST_POINTS = 1500
"""Where the busiest hour comes faster than this many points over a chart, means are drawn."""


@frozen(eq=False)
class Now:
    """A datastream with what is known of it now; ``reading`` None where it has none."""

    view: DatastreamView
    reading: Reading | None
    episodes: tuple[EpisodeView, ...]
    status: Status


@frozen(eq=False)
class StationsPage:
    """The page's views.

    Args:
        config: Thresholds, and how many hours are drawn.
    """

    config: SensorsConfig

    def page(self) -> Page:
        """The page as it is registered."""
        return Page(
            path="sensors/stations",
            title=Text(zh="监测站点", en="Stations"),
            permission=PERMISSION,
            views=self.views,
            headline=self.headline,
            order=20,
            refresh_on=("observations", "alert"),
        )

    async def headline(self, ctx: PageContext) -> Text:
        """How many stations of the chosen property are over a limit now."""
        now = await self._now(ctx, _chosen(ctx.query))
        over = sum(one.status in SEVERITIES for one in now)
        silent = sum(one.status in {"stale", "unknown"} for one in now)
        if not now:
            return Text(zh="您的辖区内没有监测站点", en="There is no station in your area")
        zh = f"{len(now)} 个站点中有 {over} 个正在告警" if over else f"{len(now)} 个站点均无告警"
        en = f"{over or 'None'} of {len(now)} stations in alert"
        if silent:
            zh = f"{len(now)} 个站点中有 {over} 个正在告警，{silent} 个数据陈旧或缺失"
            en = f"{en}, {silent} stale or silent"
        return Text(zh=zh, en=en)

    async def views(self, ctx: PageContext) -> tuple[View, ...]:
        """Figures, map, a chart per datastream and a table, for one observed property."""
        wanted = _chosen(ctx.query)
        now = await self._now(ctx, wanted)
        thresholds = [one for one in self.config.thresholds if one.observed_property == wanted]
        charts = [await self._series(ctx, one, thresholds) for one in now if one.reading]
        others = _properties(await ctx.read.datastreams())
        return (_figures(now, ctx.clock.now(), ctx.actor), _map(now), *charts, _table(now), others)

    async def _now(self, ctx: PageContext, wanted: str) -> tuple[Now, ...]:
        views = await ctx.read.datastreams(observed_property=wanted)
        latest = await ctx.read.latest(observed_property=wanted)
        readings = {one.datastream.code: one for one in latest}
        found = []
        for view in views:
            episodes = await ctx.read.episodes(datastream=view.code, limit=50)
            mine = tuple(one for one in episodes if not one.withdrawn)
            reading = readings.get(view.code)
            status = self._status(reading, mine, ctx.clock.now())
            found.append(Now(view, reading, mine, status))
        return tuple(found)

    def _status(self, reading: Reading | None, episodes: Sequence[EpisodeView], now: int) -> Status:
        """An open alert first; a stale one, or a stale reading, is never shown as good."""
        if reading is None:
            return "unknown"
        if now - reading.time > self._stale_after(reading.datastream):
            return "stale"
        current = [one.severity for one in episodes if one.ended_at is None]
        return max(current, key=SEVERITIES.index) if current else "good"

    def _stale_after(self, view: DatastreamView) -> int:
        hours = [
            one.stale_hours
            for one in self.config.thresholds
            if one.observed_property == view.observed_property
        ]
        return max(min(hours, default=3) * HOUR, 3 * view.period)

    async def _series(
        self, ctx: PageContext, now: Now, thresholds: Sequence[ThresholdConfig]
    ) -> Series:
        view, reading = now.view, now.reading
        end = (reading.time if reading else ctx.clock.now()) + max(view.period, 1)
        start = end - self.config.chart_hours * HOUR
        line = await _line(ctx.read, view, start, end)
        zone = ZoneInfo(self.config.timezone)
        day = datetime.fromtimestamp((end - 1) // MICROSECONDS, zone).date()
        limits = []
        for threshold in thresholds:
            in_force = [one for one in threshold.limits if one.effective_from <= day]
            if in_force:
                limits.append(_limit(in_force[-1], threshold.severity))
        shades = tuple(
            Shade(
                max(one.started_at, start),
                one.ended_at,
                Text(zh="告警", en="Alert"),
                one.severity,
            )
            for one in now.episodes
            if one.started_at < end and (one.ended_at is None or one.ended_at > start)
        )
        return Series(
            id=f"series-{view.code}",
            title=_sentence(now),
            unit=view.unit,
            lines=(line,),
            limits=tuple(limits),
            shades=shades,
            decimals=view.decimals,
            live=(view.code,),
        )


def _chosen(parameters: Mapping[str, str]) -> str:
    wanted = parameters.get("property", FIRST)
    return wanted if wanted.isidentifier() else FIRST


def _limit(limit: LimitConfig, severity: Status) -> Limit:
    words = Text(zh=f"限值（{limit.number}）", en=f"Limit ({limit.number})")
    return Limit(limit.raise_above, words, severity)


async def _line(reader: Reader, view: DatastreamView, start: int, end: int) -> Line:
    """The readings; hourly means from lowest to highest where they come too fast for a chart."""
    hours = await reader.hourly(view.code, start, end)
    busiest = int(np.max(hours["count"], initial=0))
    if busiest * ((end - start) / HOUR) > MOST_POINTS:
        times, mean, low, high = _with_gaps(
            HOUR, hours["time"], hours["mean"], hours["minimum"], hours["maximum"]
        )
        label = Text(
            zh=f"{_name(view).zh} 小时均值", en=f"{_name(view).in_language('en')}, hourly mean"
        )
        return Line(label, times, mean, low, high)
    batch = await reader.observations(view.code, start, end)
    times, values = _with_gaps(view.period or HOUR, batch["time"], batch["value"])
    return Line(_name(view), times, values)


def _with_gaps(step: int, times: NDArray[Any], *columns: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Times and values with a gap (NaN) wherever more than one and a half steps are missing."""
    holes = np.flatnonzero(np.diff(times) > step + step // 2)
    spaced = np.insert(times, holes + 1, times[holes] + step)
    return spaced, *(np.insert(values, holes + 1, np.nan) for values in columns)


def _name(view: DatastreamView) -> Text:
    return Text(zh=view.name or view.code, en=view.name_en)


def _station(view: DatastreamView) -> Text:
    """The name of the station, without what it measures."""
    if not view.thing_name:
        return _name(view)
    return Text(zh=view.thing_name, en=view.thing_name_en)


def _amount(value: float, view: DatastreamView) -> str:
    """A value with its unit, without zeros at its end."""
    figure = f"{value:.{view.decimals}f}"
    if view.decimals:
        figure = figure.rstrip("0").rstrip(".")
    return f"{figure} {view.unit}".strip()


def _sentence(now: Now) -> Text:
    """The chart's title says what it shows."""
    name, reading = _name(now.view), now.reading
    if reading is None:
        return name
    figure = _amount(reading.value, now.view)
    return Text(
        zh=f"{name.zh}：最新 {figure}",
        en=f"{name.en or name.zh}: {figure} at last",
    )


def _worst(now: Sequence[Now]) -> Status:
    found = {one.status for one in now}
    return next((status for status in reversed(ORDER) if status in found), "unknown")


def _figures(now: Sequence[Now], as_of: int, actor: Actor) -> Figures:
    told = [one.reading for one in now if one.reading is not None]
    fresh = [one.reading for one in now if one.reading and one.status != "stale"]
    top = max(fresh, key=lambda one: one.value, default=None)
    worst = _worst(now)
    alerts = sum(one.status in SEVERITIES for one in now)
    stale = sum(one.status in {"stale", "unknown"} for one in now)
    return Figures(
        title=Text(zh="当前", en="Now"),
        figures=(
            Figure(
                Text(zh="最高值", en="Highest"),
                top.value if top else None,
                unit=top.datastream.unit if top else "",
                decimals=top.datastream.decimals if top else 0,
                status=worst if top else "unknown",
                n=len(fresh),
                as_of=top.time if top else None,
                definition="sensors.highest v1",
            ),
            Figure(
                Text(zh="告警站点", en="Stations in alert"),
                alerts if now else None,
                status=worst if alerts else "neutral",
                n=len(now),
                as_of=as_of,
                definition="sensors.in_alert v1",
                href="/alerts" if actor.may("core.alerts.read") else "",
            ),
            Figure(
                Text(zh="数据陈旧或缺失", en="Stale or silent"),
                stale if now else None,
                status="stale" if stale else "neutral",
                n=len(now),
                as_of=max((one.received_at for one in told), default=None),
                definition="sensors.silent v1",
                href="/sources" if actor.may("core.sources.read") else "",
            ),
        ),
    )


def _value(now: Now) -> str:
    if now.reading is None:
        return "—"
    return _amount(now.reading.value, now.view)


def _map(now: Sequence[Now]) -> Map:
    by_area: dict[str, list[Now]] = {}
    for one in now:
        by_area.setdefault(one.view.area, []).append(one)
    shapes = []
    for area, ones in sorted(by_area.items()):
        worst = max(ones, key=lambda one: ORDER.index(one.status))
        shapes.append(Shape(area, worst.status, _station(worst.view), _value(worst)))
    markers = tuple(
        Marker(
            one.view.longitude,
            one.view.latitude,
            one.status,
            _station(one.view),
            _value(one),
            area=one.view.area,
        )
        for one in now
        if one.view.longitude is not None and one.view.latitude is not None
    )
    return Map("stations", Text(zh="站点分布", en="Where they stand"), tuple(shapes), markers)


def _table(now: Sequence[Now]) -> Table:
    units = sorted({one.view.unit for one in now})
    columns = (
        Column("station", Text(zh="站点", en="Station"), sortable=False),
        Column(
            "value",
            Text(zh="最新值", en="Latest"),
            "number",
            unit=units[0] if len(units) == 1 else "",
            decimals=max((one.view.decimals for one in now), default=0),
            sortable=False,
        ),
        Column("time", Text(zh="监测时间", en="Measured"), "instant", sortable=False),
        Column("status", Text(zh="状态", en="State"), "state", sortable=False),
    )
    rows = tuple(
        Row(
            cells={
                "station": one.view.thing_name or one.view.name or one.view.code,
                "value": _finite(one.reading.value) if one.reading else None,
                "time": one.reading.time if one.reading else None,
                "status": one.status,
            },
            texts={"station": _station(one.view)},
            status=one.status,
        )
        for one in now
    )
    return Table(
        id="stations-table",
        title=Text(zh="各站点最新读数", en="Latest readings"),
        columns=columns,
        rows=rows,
        total=len(rows),
        empty=Text(
            zh="没有站点监测此项目；请在 datastreams.csv 登记数据流",
            en="No station measures this; register a datastream in datastreams.csv",
        ),
    )


def _properties(views: Sequence[DatastreamView]) -> Table:
    """What else is measured, each with the address of this page for it."""
    counts: dict[str, int] = {}
    for view in views:
        counts[view.observed_property] = counts.get(view.observed_property, 0) + 1
    rows = tuple(
        Row(
            cells={"property": name, "stations": count},
            texts={"property": PROPERTIES.get(name, Text(zh=name))},
            href=f"{ADDRESS}?property={name}",
        )
        for name, count in sorted(counts.items())
    )
    return Table(
        id="properties",
        title=Text(zh="监测项目", en="What is measured"),
        columns=(
            Column("property", Text(zh="项目", en="Property"), sortable=False),
            Column("stations", Text(zh="站点数", en="Stations"), "number", sortable=False),
        ),
        rows=rows,
        total=len(rows),
        empty=Text(zh="您的辖区内没有监测站点", en="There is no station in your area"),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
