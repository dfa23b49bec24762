"""One realistic specimen of every page, for the tests and for looking at.

The county and its people are invented; the stations bear the names of the demonstration's data.
"""

from __future__ import annotations

from attrs import evolve, frozen

from county_gov.contract.page import (
    Paragraphs,
)
from county_gov.contract.text import Text
from county_gov.server.console.password import WRONG, password_form
from county_gov.server.render import (
    Action,
    Chrome,
    Filter,
    Flash,
    Geography,
    NavigationEntry,
    Option,
    Pager,
    Person,
    ProblemSheet,
    Renderer,
    SessionRow,
    field_errors,
)
from tests.server.render.specimen_parameters import parameter_values
from tests.server.render.specimen_records import (
    form_values,
    list_values,
    preview_values,
    removed_values,
    row_values,
    upload_values,
)
from tests.server.render.specimen_sheets import (
    alert_sheet,
    case_actions,
    case_sheet,
    freshness,
    quarantined,
)
from tests.server.render.specimen_views import (
    GEOJSON,
    HOUR,
    MINUTE,
    NOW,
    air_series,
    alerts_table,
    case_timeline,
    cases_table,
    comparison,
    county_map,
    live_figures,
)

FILTERS = (
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
        NavigationEntry(Text(zh="告警", en="Alerts"), "/alerts", badge=2, icon="alert"),
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
            Text(zh="示范·甲", en="Demo Jia"),
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


def specimens() -> tuple[Specimen, ...]:
    """Every page, some in more than one condition."""
    return (*_doors(), *_overviews(), *_lists(), *_matters(), *_intake(), *_records())


def _doors() -> tuple[Specimen, ...]:
    """Before login, and the person's own page."""
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
                "password": password_form({"old": WRONG}),
                "errors": field_errors([password_form({"old": WRONG})]),
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
                ),
            },
        ),
    )


def _overviews() -> tuple[Specimen, ...]:
    """What one looks at first."""
    return (
        Specimen(
            "dashboard",
            "dashboard.html",
            chrome(
                Text(zh="总览", en="Overview"),
                Text(zh="2 个告警持续中，1 个事项已逾期", en="2 alerts last, 1 case is overdue"),
            ),
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
                                zh="小时值；缺测留空，不作插补。",
                                en="Hourly values; missing ones stay empty.",
                            ),
                        ),
                    ),
                ),
            },
        ),
    )


def _lists() -> tuple[Specimen, ...]:
    """Lists, one of them empty."""
    return (
        Specimen(
            "alerts",
            "list.html",
            chrome(
                Text(zh="告警", en="Alerts"),
                Text(zh="389 个告警，2 个持续中", en="389 alerts, 2 of them last"),
                path="/alerts?state=open&sort.alerts=-started&page.alerts=2",
            ),
            {"filters": FILTERS, "views": (alerts_table(),)},
        ),
        Specimen(
            "alerts-empty",
            "list.html",
            chrome(
                Text(zh="告警", en="Alerts"),
                Text(zh="没有符合条件的告警", en="No alerts match"),
                path="/alerts?state=open",
            ),
            {"filters": FILTERS, "views": (alerts_table(0, 0),)},
        ),
        Specimen(
            "cases",
            "list.html",
            chrome(
                Text(zh="事项", en="Cases"),
                Text(zh="1 个事项已逾期，2 个今天到期", en="1 case is overdue, 2 are due today"),
                path="/cases",
            ),
            {"filters": FILTERS[:1], "views": (cases_table(),)},
        ),
    )


def _matters() -> tuple[Specimen, ...]:
    """One alert; one case, as it comes and with mistakes to put right."""
    sent = Flash(
        Text(zh="已派单给知秋街道 示范·丙。", en="Dispatched to 示范·丙 of Zhiqiu."),
        Text(
            zh="对方签收后会通知您；超过 30 分钟未签收会自动提醒。",
            en="You will hear when it is signed for; a reminder goes out after 30 minutes.",
        ),
    )
    return (
        Specimen(
            "alert",
            "alert.html",
            chrome(
                Text(zh="告警", en="Alerts"),
                Text(
                    zh="奥体中心站细颗粒物超限已 7 小时",
                    en="PM2.5 at Aotizhongxin has been above the limit for 7 hours",
                ),
                path="/alerts/389",
            ),
            {"alert": alert_sheet(), "views": (air_series(),)},
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
    )


def _intake() -> tuple[Specimen, ...]:
    """Where data come from, and what could not be accepted."""
    return (
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
            "parameter",
            "parameter.html",
            chrome(
                Text(zh="汛限水位", en="Flood limit"),
                Text(zh="汛限水位：52.30 m", en="Flood limit: 52.30 m"),
                path="/parameters/dam.limit",
            ),
            parameter_values(),
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
                "pager": Pager("quarantine", 14, 1, 50),
                "filters": (),
                "export": "/quarantine.csv",
            },
        ),
    )


def _records() -> tuple[Specimen, ...]:
    """Records: the list, a row and a removed one, the form that came back, a file."""
    pumps = Text(zh="防汛泵", en="Pumps")
    pages = (
        ("records", "records.html", list_values(), "/records/depot.pumps?sort.rows=-flow"),
        ("record", "record.html", row_values(), "/records/depot.pumps/rows/P1"),
        ("record-removed", "record.html", removed_values(), "/records/depot.pumps/rows/P1"),
        ("record-form", "record_form.html", form_values(), "/records/depot.pumps/rows/P1/edit"),
        ("record-upload", "record_import.html", upload_values(), "/records/depot.pumps/import"),
        ("record-import", "record_import.html", preview_values(), "/records/depot.pumps/import/1"),
    )
    return tuple(
        Specimen(name, template, chrome(pumps, path=path), values)
        for name, template, values, path in pages
    )
