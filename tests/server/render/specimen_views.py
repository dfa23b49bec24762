"""Invented views of every kind: the air of the demonstration county's stations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from county_gov.contract.page import (
    Column,
    Entry,
    Figure,
    Figures,
    Limit,
    Line,
    Map,
    Marker,
    Row,
    Series,
    Shade,
    Shape,
    Status,
    Table,
    Timeline,
)
from county_gov.contract.text import Text
from county_gov.server.render import (
    Geography,
)

MINUTE = 60_000_000
HOUR = 60 * MINUTE
NOW = 1_769_673_600_000_000
"""2026-01-29 16:00 in Shanghai."""
GEOJSON = Path(__file__).parents[3] / "examples" / "demo_county" / "registers" / "areas.geojson"


def air_series(
    key: str = "aotizhongxin", *, seed: int = 7, uncertain: bool = False, hours: int = 24 * 14
) -> Series:
    """A fortnight of hourly PM2.5 with a gap and two stretches above the limit."""
    random = np.random.default_rng(seed)
    times = NOW - np.arange(hours, 0, -1, dtype=np.int64) * HOUR
    place = np.arange(hours)
    values = (
        74 + 58 * np.sin(place / 34 + seed) + 30 * np.sin(place / 11) + random.normal(0, 9, hours)
    )
    values = np.round(np.clip(values, 4, None), 1)
    values[hours // 3 : hours // 3 + 13] = np.nan
    values[[hours // 2, hours // 2 + 2]] = np.nan
    high = np.flatnonzero(values > 150)
    names = {
        "aotizhongxin": "奥体中心站",
        "dongsi": "东四站",
        "changping": "昌平站",
        "shunyi": "顺义站",
    }
    return Series(
        id=f"{key}-pm25",
        title=Text(
            zh=f"{names[key]}的细颗粒物两周内有 {len(high)} 小时超过 150 µg/m³",
            en=f"{key.capitalize()}: PM2.5 was above 150 µg/m³ in {len(high)} hours of two weeks",
        ),
        unit="µg/m³",
        lines=(
            Line(
                label=Text(zh=names[key], en=key.capitalize()),
                times=times,
                values=values,
                low=values - 14 if uncertain else None,
                high=values + 14 if uncertain else None,
            ),
        ),
        limits=(
            Limit(150.0, Text(zh="触发限值", en="raised above"), "alarm"),
            Limit(115.0, Text(zh="解除限值", en="cleared below"), "notice"),
        ),
        shades=(
            (
                Shade(
                    int(times[high[0]]),
                    int(times[high[min(len(high) - 1, 20)]]),
                    Text(zh="告警", en="Alert"),
                    "alarm",
                ),
            )
            if len(high)
            else ()
        ),
        live=(f"{key}.pm25",),
    )


def comparison() -> Series:
    """Four stations in one chart."""
    single = [
        air_series(key, seed=seed)
        for seed, key in enumerate(("aotizhongxin", "dongsi", "changping", "shunyi"), 3)
    ]
    return Series(
        id="stations",
        title=Text(zh="四个站点的走势基本一致", en="The four stations move together"),
        unit="µg/m³",
        lines=tuple(one.lines[0] for one in single),
        limits=(Limit(150.0, Text(zh="触发限值", en="raised above"), "alarm"),),
    )


def county_map() -> Map:
    """Every grid coloured by state, and the four stations."""
    geography = Geography.from_geojson(GEOJSON.read_bytes())
    states: tuple[Status, ...] = (
        "good",
        "good",
        "good",
        "good",
        "notice",
        "good",
        "good",
        "warning",
    )
    grids = geography.of_kind("grid")
    special: dict[int, Status] = {3: "alarm", 9: "urgent", 17: "stale", 23: "unknown"}
    return Map(
        id="county",
        title=Text(zh="四个网格的空气需要留意", en="The air of some grids needs attention"),
        shapes=tuple(
            Shape(
                area=grid.code,
                status=special.get(place, states[place % len(states)]),
                label=grid.name,
                value="" if place % 3 else f"{40 + place * 5 % 130}",
                href=f"/sensors/stations?area={grid.code}",
            )
            for place, grid in enumerate(grids)
        ),
        markers=(
            Marker(
                116.4955,
                40.0117,
                "alarm",
                Text(zh="奥体中心站", en="Aotizhongxin"),
                "212",
                "/sensors/stations/aotizhongxin",
            ),
            Marker(
                116.5528,
                39.8931,
                "good",
                Text(zh="东四站", en="Dongsi"),
                "48",
                "/sensors/stations/dongsi",
            ),
            Marker(
                116.3301,
                40.1348,
                "stale",
                Text(zh="昌平站", en="Changping"),
                "61",
                "/sensors/stations/changping",
            ),
            Marker(
                116.6319,
                40.0607,
                "notice",
                Text(zh="顺义站", en="Shunyi"),
                "97",
                "/sensors/stations/shunyi",
            ),
        ),
    )


def live_figures() -> Figures:
    """Figures of every sort: plain, with a state, estimated, stale, unknown."""
    return Figures(
        title=Text(zh="此刻", en="Right now"),
        figures=(
            Figure(
                Text(zh="进行中的告警", en="Alerts lasting"),
                2,
                status="alarm",
                as_of=NOW - MINUTE,
                href="/alerts?state=open",
            ),
            Figure(
                Text(zh="在办事项", en="Open cases"),
                12,
                as_of=NOW - MINUTE,
                href="/cases?state=open",
            ),
            Figure(
                Text(zh="奥体中心站 PM2.5", en="Aotizhongxin PM2.5"),
                212.4,
                "µg/m³",
                "alarm",
                1,
                as_of=NOW - 24 * MINUTE,
            ),
            Figure(
                Text(zh="昌平站 PM2.5", en="Changping PM2.5"),
                61.0,
                "µg/m³",
                "stale",
                1,
                as_of=NOW - 9 * HOUR,
            ),
            Figure(
                Text(zh="响应时间中位数", en="Median response time"),
                42.0,
                "min",
                "good",
                0,
                57,
                35.0,
                51.0,
                NOW - HOUR,
                "response_time v1",
            ),
            Figure(Text(zh="顺义站 O₃", en="Shunyi O₃"), None, "µg/m³", "unknown", 1),
        ),
        id="now",
    )


def alerts_table(count: int = 20, total: int = 389) -> Table:
    """A page of a long list."""
    states: tuple[Status, ...] = ("alarm", "warning", "urgent", "notice", "stale")
    names = (
        ("奥体中心站", "Aotizhongxin"),
        ("东四站", "Dongsi"),
        ("顺义站", "Shunyi"),
        ("昌平站", "Changping"),
    )
    return Table(
        id="alerts",
        title=Text(zh="告警", en="Alerts"),
        columns=(
            Column("policy", Text(zh="告警", en="Alert")),
            Column("severity", Text(zh="级别", en="Severity"), "state"),
            Column("station", Text(zh="站点", en="Station")),
            Column("peak", Text(zh="峰值", en="Peak"), "number", "µg/m³", 1),
            Column("started", Text(zh="触发时间", en="Raised"), "instant"),
            Column("ended", Text(zh="结束时间", en="Ended"), "instant"),
            Column("case", Text(zh="事项", en="Case"), sortable=False),
        ),
        rows=tuple(
            Row(
                cells={
                    "severity": states[place % len(states)],
                    "peak": 151.3 + place * 17.9,
                    "started": NOW - (place * 31 + 2) * HOUR,
                    "ended": None if place < 2 else NOW - (place * 31 - 8) * HOUR,
                    "case": f"990101-2026-{389 - place:05d}" if place % 4 else None,
                },
                texts={
                    "policy": Text(zh="细颗粒物超过 150 µg/m³", en="PM2.5 above 150 µg/m³"),
                    "station": Text(zh=names[place % 4][0], en=names[place % 4][1]),
                },
                href=f"/alerts/{389 - place}",
            )
            for place in range(count)
        ),
        total=total,
        empty=Text(
            zh="没有符合条件的告警。可以放宽筛选条件，或查看数据来源是否正常。",
            en="No alerts match. Widen the filters, or look whether the sources deliver.",
        ),
        page=2,
        page_size=20,
        sort="-started",
        export="/alerts.csv",
    )


def cases_table() -> Table:
    """Open cases, due first."""
    rows: tuple[tuple[str, str, Status, str, str, int, str, str], ...] = (
        (
            "00041",
            "待签收",
            "urgent",
            "waiting to be signed for",
            "示范县生态环境局",
            -3,
            "Ecology and Environment Bureau",
            "奥体中心站",
        ),
        (
            "00044",
            "现场查找源头",
            "warning",
            "looking for the source on site",
            "知秋街道 · 示范·丙",
            2,
            "Zhiqiu · 示范·丙",
            "奥体中心站",
        ),
        (
            "00045",
            "待派单",
            "notice",
            "waiting to be dispatched",
            "网格化指挥中心",
            4,
            "Grid Dispatch Centre",
            "东四站",
        ),
        (
            "00039",
            "处置中",
            "neutral",
            "being handled",
            "示范县生态环境局",
            26,
            "Ecology and Environment Bureau",
            "顺义站",
        ),
        (
            "00038",
            "已反馈，待核查",
            "neutral",
            "fed back, to be verified",
            "网格化指挥中心",
            30,
            "Grid Dispatch Centre",
            "昌平站",
        ),
    )
    return Table(
        id="cases",
        title=Text(zh="在办事项，先到期的在前", en="Open cases, due first"),
        columns=(
            Column("number", Text(zh="编号", en="Number")),
            Column("title", Text(zh="事项", en="Case")),
            Column("state", Text(zh="状态", en="State"), "state"),
            Column("holder", Text(zh="经办", en="With")),
            Column("due", Text(zh="截止", en="Due"), "instant"),
        ),
        rows=tuple(
            Row(
                cells={"number": f"990101-2026-{number}", "state": state, "due": NOW + due * HOUR},
                texts={
                    "title": Text(
                        zh=f"{station}细颗粒物超限", en=f"PM2.5 above the limit ({station})"
                    ),
                    "state": Text(zh=word, en=word_en),
                    "holder": Text(zh=holder, en=holder_en),
                },
                href=f"/cases/{number}",
                status=state,
            )
            for number, word, state, word_en, holder, due, holder_en, station in rows
        ),
        total=len(rows),
        empty=Text(
            zh="没有在办事项。新告警会自动立案。", en="No open cases. A new alert opens one."
        ),
        sort="due",
        export="/cases.csv",
    )


def case_timeline() -> Timeline:
    """What happened to the case so far."""
    return Timeline(
        id="timeline",
        title=Text(zh="办理经过", en="What happened"),
        entries=(
            Entry(
                NOW - 7 * HOUR,
                Text(zh="告警触发，自动立案", en="Alert raised, case opened"),
                "系统",
                (
                    (Text(zh="读数", en="Reading"), "168.0 µg/m³"),
                    (Text(zh="限值", en="Limit"), "150 µg/m³"),
                ),
                "alarm",
            ),
            Entry(
                NOW - 6 * HOUR,
                Text(zh="派单给网格员", en="Dispatched to the grid worker"),
                "示范·甲",
                (
                    (Text(zh="网格员", en="Grid worker"), "示范·丙"),
                    (Text(zh="说明", en="Note"), "请沿青桐社区第三网格查看有无露天焚烧"),
                ),
            ),
            Entry(
                NOW - 4 * HOUR,
                Text(zh="现场反馈", en="Reported from the site"),
                "示范·丙",
                ((Text(zh="发现", en="Found"), "工地土方未覆盖，扬尘明显；已拍照"),),
                "warning",
            ),
            Entry(NOW - 3 * HOUR, Text(zh="转部门处置", en="Passed to the department"), "示范·甲"),
            Entry(
                NOW - HOUR // 2,
                Text(zh="部门签收", en="Signed for by the department"),
                "示范·壬",
                (),
                "good",
            ),
        ),
    )
