"""One realistic specimen of every page, for the tests and for looking at.

The county and its people are invented; the stations bear the names of the demonstration's data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from attrs import evolve, frozen

from county_gov.contract.page import (
    Column,
    Entry,
    Figure,
    Figures,
    Limit,
    Line,
    Map,
    Marker,
    Paragraphs,
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
    Action,
    ActionField,
    AlertSheet,
    CaseSheet,
    Chrome,
    Condition,
    Filter,
    Flash,
    Freshness,
    Geography,
    NavigationEntry,
    Option,
    Pager,
    Person,
    ProblemSheet,
    QuarantinedRow,
    Renderer,
    SessionRow,
    Step,
    TaskRow,
)

MINUTE = 60_000_000
HOUR = 60 * MINUTE
NOW = 1_769_673_600_000_000
"""2026-01-29 16:00 in Shanghai."""
GEOJSON = Path(__file__).parents[3] / "examples" / "demo_county" / "registers" / "areas.geojson"


@frozen(eq=False)
class Specimen:
    """A page as a handler would ask for it."""

    name: str
    template: str
    chrome: Chrome
    values: dict[str, object]


def renderer() -> Renderer:
    """The renderer with the invented county's map."""
    return Renderer.build(
        geography=Geography.from_geojson(GEOJSON.read_bytes()),
        map_notice=Text(
            zh="虚构示意图：示范县并不存在，无审图号。",
            en="Invented map: this county does not exist; no review number.",
        ),
    )


def chrome(
    title: Text, headline: Text | None = None, *, path: str = "/", flash: Flash | None = None
) -> Chrome:
    """The frame as the dispatch centre's officer sees it."""
    entries = (
        NavigationEntry(Text(zh="总览", en="Overview"), "/", icon="dashboard"),
        NavigationEntry(Text(zh="预警", en="Alerts"), "/alerts", badge=2, icon="alert"),
        NavigationEntry(Text(zh="事项", en="Cases"), "/cases", badge=3, icon="case"),
        NavigationEntry(Text(zh="空气站点", en="Air stations"), "/sensors/stations", icon="chart"),
        NavigationEntry(Text(zh="数据来源", en="Sources"), "/sources", icon="source"),
        NavigationEntry(
            Text(zh="隔离数据", en="Quarantine"), "/quarantine", badge=14, icon="quarantine"
        ),
    )
    return Chrome(
        county_name=Text(zh="示范县", en="Demonstration County"),
        title=title,
        headline=headline,
        path=path,
        now=NOW,
        navigation=tuple(
            evolve(entry, current=entry.href == path.partition("?")[0]) for entry in entries
        ),
        area_scope=Text(zh="全县", en="Whole county"),
        person=Person(
            "示范·甲",
            (Text(zh="网格化指挥中心派单员", en="Dispatch officer, Grid Dispatch Centre"),),
        ),
        search="/search",
        events="/events",
        refresh_on=("observations", "alert", "case"),
        flash=flash,
        request_id="01KG4T8XQ2",
        attributions=(
            Text(
                zh="空气数据：Chen, S. (2017) Beijing Multi-Site Air Quality，CC BY 4.0，有改动",
                en="Air data: Chen, S. (2017) Beijing Multi-Site Air Quality, CC BY 4.0, changed",
            ),
        ),
    )


def bare(title: Text, path: str) -> Chrome:
    """The frame before login."""
    return Chrome(
        county_name=Text(zh="示范县", en="Demonstration County"), title=title, path=path, now=NOW
    )


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
                    Text(zh="预警", en="Alert"),
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
                Text(zh="进行中的预警", en="Alerts lasting"),
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
        title=Text(zh="预警", en="Alerts"),
        columns=(
            Column("policy", Text(zh="预警", en="Alert")),
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
            zh="没有符合条件的预警。可以放宽筛选条件，或查看数据来源是否正常。",
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
            zh="没有在办事项。新预警会自动立案。", en="No open cases. A new alert opens one."
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
                Text(zh="预警触发，自动立案", en="Alert raised, case opened"),
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


def case_actions(*, wrong: bool = False) -> tuple[Action, ...]:
    """What the department's officer may do, once as it comes and once with mistakes."""
    return (
        Action(
            id="feed_back",
            label=Text(zh="反馈处置结果", en="Feed back the result"),
            href="/cases/00044/events/feed_back",
            fields=(
                ActionField(
                    "result",
                    Text(zh="处置结果", en="What was done"),
                    Text(
                        zh="写明采取了什么措施、现场现在怎样。",
                        en="Say what was done and how the site is now.",
                    ),
                    "textarea",
                    required=True,
                    value="已要求施工方覆盖" if wrong else "",
                    error=Text(
                        zh="至少写 10 个字，现在是 8 个字。",
                        en="Write at least 10 characters; there are 8.",
                    )
                    if wrong
                    else None,
                ),
                ActionField(
                    "source",
                    Text(zh="污染来源", en="Source of the pollution"),
                    kind="radio",
                    options=(
                        Option("dust", Text(zh="施工扬尘", en="Dust of a building site")),
                        Option("burning", Text(zh="露天焚烧", en="Open burning")),
                        Option("unknown", Text(zh="未查明", en="Not found")),
                    ),
                    required=True,
                    value="dust" if wrong else "",
                ),
                ActionField(
                    "measured",
                    Text(zh="现场实测 PM2.5", en="PM2.5 measured on site"),
                    kind="number",
                    unit="µg/m³",
                    value="1七0" if wrong else "",
                    error=Text(zh="请填数字，例如 170。", en="Give a number, for example 170.")
                    if wrong
                    else None,
                ),
            ),
            idempotency_key="4f2c",
            expected_version=5,
            primary=True,
        ),
        Action(
            id="return",
            label=Text(zh="退回指挥中心", en="Return to the dispatch centre"),
            href="/cases/00044/events/return",
            fields=(
                ActionField(
                    "reason", Text(zh="退回理由", en="Why"), kind="textarea", required=True
                ),
                ActionField(
                    "unit",
                    Text(zh="建议的主办单位", en="Unit that should lead"),
                    kind="select",
                    options=(
                        Option(
                            "zhiqiu-office",
                            Text(zh="知秋街道办事处", en="Zhiqiu Subdistrict Office"),
                        ),
                        Option(
                            "wangshu-office",
                            Text(zh="望舒街道办事处", en="Wangshu Subdistrict Office"),
                        ),
                    ),
                ),
            ),
            consequence=Text(
                zh="退回后由指挥中心重新派单，本单位不再经办；退回会记入办理经过。",
                en="The dispatch centre will dispatch it anew and your unit will no longer have it; the return stays in the history.",
            ),
            idempotency_key="4f2d",
            expected_version=5,
        ),
    )


def case_sheet() -> CaseSheet:
    """A case half way."""
    return CaseSheet(
        number="990101-2026-00044",
        title=Text(
            zh="奥体中心站细颗粒物超限，正在处置",
            en="PM2.5 at Aotizhongxin above the limit, being handled",
        ),
        status="warning",
        state=Text(zh="处置中", en="Being handled"),
        version=5,
        opened_at=NOW - 7 * HOUR,
        subject=Text(zh="奥体中心站 细颗粒物（PM2.5）", en="Aotizhongxin PM2.5"),
        area=Text(
            zh="知秋街道 · 青桐社区第三网格", en="Zhiqiu Subdistrict · Qingtong Community Grid 3"
        ),
        steps=(
            Step(Text(zh="立案", en="Opened"), "done", NOW - 7 * HOUR, "系统"),
            Step(Text(zh="派单", en="Dispatched"), "done", NOW - 6 * HOUR, "示范·甲"),
            Step(Text(zh="现场查找", en="Looked for on site"), "done", NOW - 4 * HOUR, "示范·丙"),
            Step(Text(zh="签收", en="Signed for"), "done", NOW - HOUR // 2, "示范·壬"),
            Step(Text(zh="处置", en="Handled"), "current"),
            Step(Text(zh="反馈", en="Fed back"), "ahead"),
            Step(Text(zh="结案", en="Closed"), "ahead"),
        ),
        facts=(
            (Text(zh="峰值", en="Peak"), Text(zh="212.4 µg/m³（14:00）", en="212.4 µg/m³ (14:00)")),
            (
                Text(zh="主办单位", en="Lead unit"),
                Text(zh="示范县生态环境局", en="Ecology and Environment Bureau"),
            ),
            (
                Text(zh="现场发现", en="Found on site"),
                Text(
                    zh="工地土方未覆盖，扬尘明显",
                    en="Uncovered earth on a building site, much dust",
                ),
            ),
        ),
        tasks=(
            TaskRow(
                Text(zh="处置并反馈结果", en="Handle it and feed back the result"),
                Text(
                    zh="示范县生态环境局 · 示范·壬", en="Ecology and Environment Bureau · 示范·壬"
                ),
                "warning",
                Text(zh="今天到期", en="due today"),
                NOW + 2 * HOUR,
                Text(
                    zh="还有 2 小时，因为关注级事项须在签收后 2.5 个工作小时内处置。",
                    en="2 hours left, because a matter of this level must be handled within 2.5 work hours of being signed for.",
                ),
                mine=True,
            ),
        ),
        due_at=NOW + 2 * HOUR,
        due_words=Text(zh="还有 2 小时", en="2 hours left"),
        alert_href="/alerts/389",
    )


def alert_sheet() -> AlertSheet:
    """An alert that lasts."""
    return AlertSheet(
        name=Text(zh="细颗粒物超过 150 µg/m³", en="PM2.5 above 150 µg/m³"),
        severity="alarm",
        open=True,
        stale=False,
        started_at=NOW - 7 * HOUR,
        ended_at=None,
        last_reading_at=NOW - HOUR,
        subject=Text(zh="奥体中心站 细颗粒物（PM2.5）", en="Aotizhongxin PM2.5"),
        area=Text(
            zh="知秋街道 · 青桐社区第三网格", en="Zhiqiu Subdistrict · Qingtong Community Grid 3"
        ),
        peak=212.4,
        unit="µg/m³",
        decimals=1,
        rule="sensors.pm25_heavy v1",
        conditions=(
            Condition(
                Text(zh="小时值高于触发限值", en="Hourly value above the limit that raises"),
                "passed",
                212.4,
                150.0,
                62.4,
                "µg/m³",
                1,
                Text(zh="HJ 633-2012 表 1，重度污染", en="HJ 633-2012 table 1, heavy pollution"),
            ),
            Condition(
                Text(zh="小时值低于解除限值", en="Hourly value below the limit that clears"),
                "failed",
                212.4,
                115.0,
                97.4,
                "µg/m³",
                1,
                Text(
                    zh="HJ 633-2012 表 1，轻度污染上限",
                    en="HJ 633-2012 table 1, upper bound of light pollution",
                ),
            ),
            Condition(
                Text(zh="邻近站点同样超限", en="A neighbouring station is above it too"),
                "undetermined",
                citation=Text(zh="内部规则", en="Our own rule"),
            ),
        ),
        note=Text(
            zh="迟到的 09:00 读数把触发时间提前了一小时。",
            en="A late reading of 09:00 moved the beginning one hour back.",
        ),
        case_number="990101-2026-00044",
        case_href="/cases/00044",
    )


def freshness() -> tuple[Freshness, ...]:
    """Datastreams in every state."""
    return (
        Freshness(
            "changping.pm25",
            Text(zh="昌平站 细颗粒物（PM2.5）", en="Changping PM2.5"),
            Text(zh="听涛镇 · 松风村", en="Tingtao · Songfeng"),
            61.0,
            "µg/m³",
            1,
            NOW - 9 * HOUR,
            NOW - 6 * HOUR,
            3600,
            "stale",
            "/sensors/stations/changping",
        ),
        Freshness(
            "aotizhongxin.pm25",
            Text(zh="奥体中心站 细颗粒物（PM2.5）", en="Aotizhongxin PM2.5"),
            Text(zh="知秋街道 · 青桐社区", en="Zhiqiu · Qingtong"),
            212.4,
            "µg/m³",
            1,
            NOW - 24 * MINUTE,
            NOW + 156 * MINUTE,
            3600,
            "good",
            "/sensors/stations/aotizhongxin",
        ),
        Freshness(
            "dongsi.pm25",
            Text(zh="东四站 细颗粒物（PM2.5）", en="Dongsi PM2.5"),
            Text(zh="望舒街道 · 弦月社区", en="Wangshu · Xianyue"),
            48.0,
            "µg/m³",
            1,
            NOW - 25 * MINUTE,
            NOW + 155 * MINUTE,
            3600,
            "good",
        ),
        Freshness(
            "shunyi.o3",
            Text(zh="顺义站 臭氧（O₃）", en="Shunyi O₃"),
            Text(zh="鹿野镇 · 溪畔村", en="Luye · Xipan"),
            None,
            "µg/m³",
            4,
            None,
            None,
            3600,
            "unknown",
        ),
    )


def quarantined(*, wrong: bool = False) -> tuple[QuarantinedRow, ...]:
    """Rows that could not be accepted, one with bytes that try to mislead."""
    fix = Action(
        id="fix-812",
        label=Text(zh="改正后重新接收", en="Correct and take in again"),
        href="/quarantine/812/retry",
        fields=(
            ActionField(
                "raw",
                Text(zh="改正后的内容", en="Corrected content"),
                Text(
                    zh="原始内容会保留，改动记入审计。",
                    en="The original is kept; the change is recorded.",
                ),
                "textarea",
                required=True,
                value='{"datastream":"dongsi.pm25","time":"2026-01-29T15:00:00","value":51}',
                error=Text(
                    zh="时间缺少时区，例如 +08:00。",
                    en="The time lacks its offset, for example +08:00.",
                )
                if wrong
                else None,
            ),
        ),
        idempotency_key="81a",
    )
    return (
        QuarantinedRow(
            "812",
            NOW - 3 * MINUTE,
            "gateway-east",
            "第 3 行 / row 3",
            Text(
                zh="时间没有时区：请写成 2026-01-29T15:00:00+08:00，或给出整数微秒（UTC）。",
                en="The time has no offset: write 2026-01-29T15:00:00+08:00, or integer microseconds UTC.",
            ),
            b'{"datastream":"dongsi.pm25","time":"2026-01-29T15:00:00","value":51}',
            actions=(fix,),
        ),
        QuarantinedRow(
            "811",
            NOW - 2 * HOUR,
            "gateway-east",
            "row 17",
            Text(
                zh="没有名为 donsi.pm25 的数据流。是否应为 dongsi.pm25？",
                en="There is no datastream donsi.pm25. Did you mean dongsi.pm25?",
            ),
            "donsi.pm25,2026-01-29T14:00:00+08:00,47\u202e,<script>alert(1)</script>".encode(),
            actions=(
                Action(
                    "retry-811", Text(zh="重新接收", en="Take in again"), "/quarantine/811/retry"
                ),
                Action(
                    "discard-811",
                    Text(zh="舍弃", en="Discard"),
                    "/quarantine/811/discard",
                    consequence=Text(
                        zh="舍弃后不再提示；原始内容按保存期限保留。",
                        en="It will no longer be listed; the raw bytes are kept for their term.",
                    ),
                ),
            ),
        ),
        QuarantinedRow(
            "806",
            NOW - 40 * HOUR,
            "hj212-tcp",
            "byte 112",
            Text(
                zh="CRC 校验不符：应为 1C80，收到 1C81。",
                en="The CRC does not match: expected 1C80, got 1C81.",
            ),
            b"##0101QN=20260128000000;ST=22;\xff\xfe\x00",
            "accepted",
        ),
    )


def specimens() -> tuple[Specimen, ...]:
    """Every page, some in more than one condition."""
    filters = (
        Filter(
            "state",
            Text(zh="状态", en="State"),
            "select",
            (
                Option("", Text(zh="全部", en="All")),
                Option("open", Text(zh="持续中", en="Lasting")),
            ),
            "open",
        ),
        Filter("from", Text(zh="起始日期", en="From"), "date"),
        Filter("station", Text(zh="站点", en="Station")),
    )
    overview = Text(zh="2 个预警持续中，1 个事项已逾期", en="2 alerts last, 1 case is overdue")
    pager = Pager("quarantine", 14, 1, 50)
    sent = Flash(
        Text(zh="已派单给知秋街道 示范·丙。", en="Dispatched to 示范·丙 of Zhiqiu."),
        Text(
            zh="对方签收后会通知您；超过 30 分钟未签收会自动提醒。",
            en="You will hear when it is signed for; a reminder goes out after 30 minutes.",
        ),
    )
    return (
        Specimen(
            "login",
            "login.html",
            bare(Text(zh="登录", en="Log in"), "/login"),
            {"login": "", "next": "/", "error": None},
        ),
        Specimen(
            "login-refused",
            "login.html",
            bare(Text(zh="登录", en="Log in"), "/login"),
            {
                "login": "dispatch1",
                "next": "/",
                "error": Text(
                    zh="账号或密码不对。请检查大小写后再试。",
                    en="Account or password is wrong. Check capitals and try again.",
                ),
            },
        ),
        Specimen(
            "dashboard",
            "dashboard.html",
            chrome(Text(zh="总览", en="Overview"), overview),
            {
                "views": (
                    live_figures(),
                    county_map(),
                    air_series(),
                    air_series("dongsi", seed=4, uncertain=True),
                    air_series("changping", seed=11),
                    comparison(),
                )
            },
        ),
        Specimen(
            "alerts",
            "alerts.html",
            chrome(
                Text(zh="预警", en="Alerts"),
                Text(zh="389 个预警，2 个持续中", en="389 alerts, 2 of them last"),
                path="/alerts?state=open&sort.alerts=-started&page.alerts=2",
            ),
            {"filters": filters, "views": (alerts_table(),)},
        ),
        Specimen(
            "alerts-empty",
            "alerts.html",
            chrome(
                Text(zh="预警", en="Alerts"),
                Text(zh="没有符合条件的预警", en="No alerts match"),
                path="/alerts?state=open",
            ),
            {"filters": filters, "views": (alerts_table(0, 0),)},
        ),
        Specimen(
            "alert",
            "alert.html",
            chrome(
                Text(zh="预警", en="Alerts"),
                Text(
                    zh="奥体中心站细颗粒物超限已 7 小时",
                    en="PM2.5 at Aotizhongxin has been above the limit for 7 hours",
                ),
                path="/alerts/389",
            ),
            {"alert": alert_sheet(), "views": (air_series(),)},
        ),
        Specimen(
            "cases",
            "cases.html",
            chrome(
                Text(zh="事项", en="Cases"),
                Text(zh="1 个事项已逾期，2 个今天到期", en="1 case is overdue, 2 are due today"),
                path="/cases",
            ),
            {"filters": filters[:1], "views": (cases_table(),)},
        ),
        Specimen(
            "case",
            "case.html",
            chrome(Text(zh="事项", en="Case"), path="/cases/00044", flash=sent),
            {
                "case": case_sheet(),
                "timeline": case_timeline(),
                "actions": case_actions(),
                "views": (air_series(hours=24 * 4 + 40),),
            },
        ),
        Specimen(
            "case-wrong",
            "case.html",
            chrome(Text(zh="事项", en="Case"), path="/cases/00044"),
            {
                "case": case_sheet(),
                "timeline": case_timeline(),
                "actions": case_actions(wrong=True),
                "views": (),
            },
        ),
        Specimen(
            "sources",
            "sources.html",
            chrome(
                Text(zh="数据来源", en="Sources"),
                Text(zh="24 个数据流中有 1 个陈旧", en="1 of 24 datastreams is stale"),
                path="/sources",
            ),
            {
                "sources": freshness(),
                "waiting": 14,
                "quarantine": "/quarantine",
                "filters": (),
                "views": (),
            },
        ),
        Specimen(
            "quarantine",
            "quarantine.html",
            chrome(
                Text(zh="隔离数据", en="Quarantine"),
                Text(zh="14 条数据等待处理", en="14 rows wait to be put right"),
                path="/quarantine",
            ),
            {
                "rows": quarantined(wrong=True),
                "pager": pager,
                "filters": (),
                "export": "/quarantine.csv",
            },
        ),
        Specimen(
            "stations",
            "list.html",
            chrome(
                Text(zh="空气站点", en="Air stations"),
                Text(
                    zh="奥体中心站超限，昌平站数据陈旧",
                    en="Aotizhongxin is above the limit, Changping is stale",
                ),
                path="/sensors/stations",
            ),
            {
                "filters": (),
                "views": (
                    live_figures(),
                    comparison(),
                    Paragraphs(
                        "about",
                        Text(zh="关于这些数据", en="About these data"),
                        (
                            Text(
                                zh="小时值，起始时刻为该小时的开始；缺测留空，不作插补。",
                                en="Hourly values, stamped with the start of the hour; missing hours stay empty and are not filled.",
                            ),
                        ),
                    ),
                ),
            },
        ),
        Specimen(
            "problem",
            "problem.html",
            chrome(Text(zh="打不开此页", en="This page cannot be opened"), path="/cases/99"),
            {
                "problem": ProblemSheet(
                    404,
                    Text(zh="没有找到这个事项", en="This case was not found"),
                    Text(
                        zh="编号可能有误，或者它不在您的区域内。",
                        en="Its number may be wrong, or it lies outside your area.",
                    ),
                    Text(
                        zh="请从事项列表打开，或核对编号。",
                        en="Open it from the list of cases, or check the number.",
                    ),
                    "/cases",
                    Text(zh="打开事项列表", en="Open the list of cases"),
                )
            },
        ),
        Specimen(
            "account",
            "account.html",
            chrome(Text(zh="账号", en="Account"), path="/account"),
            {
                "sessions": (
                    SessionRow(
                        Text(
                            zh="Chrome，Windows，指挥中心", en="Chrome on Windows, dispatch centre"
                        ),
                        NOW - 3 * HOUR,
                        NOW - MINUTE // 2,
                        current=True,
                    ),
                    SessionRow(
                        Text(zh="手机浏览器", en="Browser on a phone"),
                        NOW - 50 * HOUR,
                        NOW - 26 * HOUR,
                        current=False,
                        end=Action(
                            "end-2",
                            Text(zh="结束此登录", en="End this session"),
                            "/account/sessions/2/end",
                        ),
                    ),
                )
            },
        ),
    )
