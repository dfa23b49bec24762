"""Alerts: the list, and why one of them was raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.clock import HOUR
from county_gov.contract.page import Column, Entry, Row, Series, Status, Table, Timeline
from county_gov.contract.text import Text
from county_gov.errors import CaseNotFound
from county_gov.rules import episode
from county_gov.server.console import navigation
from county_gov.server.console.charts import chart_of_alert
from county_gov.server.console.frame import draw
from county_gov.server.console.joined import joined_of
from county_gov.server.console.listing import EXPORTED, Listing, csv_answer, table_rows, typed
from county_gov.server.console.naming import (
    area_name,
    datastream_name,
    datastream_of,
    policy_title,
    severity_status,
    severity_word,
)
from county_gov.server.render import AlertSheet, Condition, Filter, Option
from county_gov.server.routes import Route, permitted
from county_gov.store import alerts as store

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.context import DatastreamView, EpisodeView
    from county_gov.server.call import Call
    from county_gov.store import Snapshot
    from county_gov.store.alerts import ChangeRow, EpisodeDetail

PERMISSION = "core.alerts.read"
TITLE = navigation.ALERTS.title
ALL = Text(zh="全部", en="All")

CHANGES = {
    "raised": Text(zh="触发告警", en="Raised"),
    "level": Text(zh="级别变化", en="Level changed"),
    "cleared": Text(zh="告警结束", en="Cleared"),
    "corrected": Text(
        zh="因迟到数据或补定的限值而更正", en="Corrected: late data, or a limit set since"
    ),
    "withdrawn": Text(zh="迟到数据撤销了告警", en="Withdrawn because of late data"),
}
COLUMNS = (
    Column("policy", Text(zh="告警", en="Alert")),
    Column("severity", Text(zh="级别", en="Level"), "state"),
    Column("datastream", Text(zh="监测点", en="Datastream")),
    Column("area", Text(zh="地点", en="Area")),
    Column("started_at", Text(zh="开始", en="Began"), "instant"),
    Column("ended_at", Text(zh="结束", en="Ended"), "instant"),
    Column("peak", Text(zh="峰值", en="Peak"), "number", decimals=1),
    Column("unit", Text(zh="单位", en="Unit"), sortable=False),
)
EMPTY = Text(
    zh="没有符合条件的告警。数据超过限值时，告警会自动出现在这里。",
    en="No alert matches. One appears here when readings pass a limit.",
)


async def show_alerts(call: Call) -> web.StreamResponse:
    """The list of alerts."""
    query = call.request.query
    listing = Listing.read(query, "alerts", store.SORTS, "-started_at")
    table, lasting = await _table(call, listing)
    return await draw(
        call,
        "list.html",
        title=TITLE,
        headline=_headline(lasting),
        refresh_on=("alert",),
        views=(table,),
        filters=_filters(call),
    )


async def export_alerts(call: Call) -> web.StreamResponse:
    """The list as CSV."""
    order = Listing.read(call.request.query, "alerts", store.SORTS, "-started_at").sort
    table, _lasting = await _table(call, Listing("alerts", 1, order, EXPORTED))
    return csv_answer("alerts", table_rows(call, table))


async def _table(call: Call, listing: Listing) -> tuple[Table, int]:
    """The table, and how many alerts last in all."""
    query, scope = call.request.query, call.actor.scope(PERMISSION)
    day = call.county.cases.today()
    policy, datastream = typed(query, "policy"), typed(query, "datastream")
    open_only = query.get("state", "open") == "open"

    def read(snapshot: Snapshot) -> tuple[tuple[EpisodeView, ...], int, int]:
        found = store.list_episodes(
            snapshot,
            scope,
            day=day,
            policy=policy,
            datastream=datastream,
            open_only=open_only,
            sort=listing.sort,
            limit=listing.size,
            offset=listing.offset,
        )
        total = store.count_episodes(
            snapshot, scope, day=day, policy=policy, datastream=datastream, open_only=open_only
        )
        return found, total, sum(store.count_open(snapshot, scope, day=day).values())

    found, total, lasting = await call.county.store.read(read)
    table = Table(
        id="alerts",
        title=Text(zh="告警列表", en="Alerts"),
        columns=COLUMNS,
        rows=tuple(_row(call, one) for one in found),
        total=total,
        empty=EMPTY,
        page=listing.page,
        page_size=listing.size,
        sort=listing.sort,
        export=f"/alerts.csv?{call.request.query_string}",
    )
    return table, lasting


def _row(call: Call, view: EpisodeView) -> Row:
    registers = call.county.registers.snapshot
    datastream = datastream_of(registers, view.datastream)
    texts = {
        "policy": policy_title(call.county, view.policy),
        "area": area_name(registers, view.area),
    }
    if datastream is not None:
        texts["datastream"] = datastream_name(datastream)
    unit, _decimals = measured_in(call, view, datastream)
    return Row(
        {
            "policy": view.policy,
            "severity": severity_status(view.severity),
            "datastream": view.datastream,
            "area": view.area,
            "started_at": view.started_at,
            "ended_at": view.ended_at,
            "peak": view.peak,
            "unit": unit,
        },
        texts=texts | ended_words(call, view),
        href=f"/alerts/{view.id}",
        status="stale" if is_stale(call, view) else severity_status(view.severity),
    )


def ended_words(call: Call, view: EpisodeView) -> dict[str, Text]:
    """What the column of an alert's end says where there is no instant to tell."""
    if view.withdrawn:
        return {"ended_at": Text(zh="已撤销", en="withdrawn")}
    if is_stale(call, view):
        return {"ended_at": Text(zh="数据中断", en="no readings")}
    if view.ended_at is None:
        return {"ended_at": Text(zh="持续中", en="lasting")}
    return {}


def is_stale(call: Call, view: EpisodeView) -> bool:
    """Whether an alert lasts only because no reading has come since."""
    policy = call.county.registry.contributions.alert_policies.get(view.policy)
    stale_after = policy.stale_after if policy else 3 * HOUR
    return episode.is_stale(view.ended_at, view.last_reading_at, stale_after, call.now)


def _headline(lasting: int) -> Text:
    if not lasting:
        return Text(zh="目前没有持续中的告警", en="No alert lasts at present")
    verb = "alert lasts" if lasting == 1 else "alerts last"
    return Text(zh=f"{lasting} 起告警持续中", en=f"{lasting} {verb}")


def _filters(call: Call) -> tuple[Filter, ...]:
    query = call.request.query
    policies = call.county.registry.contributions.alert_policies.values()
    return (
        Filter(
            "state",
            Text(zh="状态", en="State"),
            "select",
            (
                Option("open", Text(zh="持续中", en="Lasting")),
                Option("all", Text(zh="全部", en="All, also over")),
            ),
            query.get("state", ""),
        ),
        Filter(
            "policy",
            Text(zh="告警类型", en="Kind"),
            "select",
            (Option("", ALL), *(Option(one.id, one.title) for one in policies)),
            query.get("policy", ""),
        ),
    )


async def show_alert(call: Call) -> web.StreamResponse:
    """One alert: why it was raised, its readings and its history."""
    scope, day = call.actor.scope(PERMISSION), call.county.cases.today()
    number = int(call.part("id"))
    detail = await call.county.store.read(
        lambda snapshot: store.get_episode(snapshot, scope, number, day=day)
    )
    registers = call.county.registers.snapshot
    datastream = datastream_of(registers, detail.view.datastream)
    views = [await _chart(call, datastream, detail.view)] if datastream else []
    return await draw(
        call,
        "alert.html",
        title=Text(zh="告警", en="Alert"),
        refresh_on=("alert", "case"),
        alert=await _sheet(call, detail, datastream),
        views=(*views, *await joined_of(call, detail.view, datastream), _history(detail)),
    )


async def _chart(call: Call, datastream: DatastreamView, view: EpisodeView) -> Series:
    reader = call.county.reader(call.actor.scope(PERMISSION))
    return await chart_of_alert(call.county, reader, datastream, view)


async def _sheet(
    call: Call, detail: EpisodeDetail, datastream: DatastreamView | None
) -> AlertSheet:
    view = detail.view
    registers = call.county.registers.snapshot
    case_number = await _case_number(call, view)
    unit, decimals = measured_in(call, view, datastream)
    return AlertSheet(
        name=policy_title(call.county, view.policy),
        severity=severity_status(view.severity),
        open=view.ended_at is None,
        stale=is_stale(call, view),
        started_at=view.started_at,
        ended_at=view.ended_at,
        last_reading_at=view.last_reading_at,
        subject=datastream_name(datastream) if datastream else Text(zh=view.datastream),
        area=area_name(registers, view.area),
        peak=view.peak,
        unit=unit,
        decimals=decimals,
        rule=f"{_rule_of(call, view.policy)} {detail.rule_version}".strip(),
        conditions=_conditions(call, detail, unit, decimals),
        note=_note(view),
        case_number=case_number,
        case_href=f"/cases/{view.case}" if case_number else "",
    )


def measured_in(
    call: Call, view: EpisodeView, datastream: DatastreamView | None
) -> tuple[str, int]:
    """Unit and decimals of an alert's peak: those of what its first level compares."""
    contributions = call.county.registry.contributions
    policy = contributions.alert_policies.get(view.policy)
    rule = contributions.rules.get(policy.rule) if policy else None
    first = policy.levels[0].raise_when if policy else ""
    unit = next((one.unit for one in (rule.conditions if rule else ()) if one.id == first), "")
    if datastream is None:
        return unit, 1
    return unit or datastream.unit, datastream.decimals


def _rule_of(call: Call, policy: str) -> str:
    found = call.county.registry.contributions.alert_policies.get(policy)
    return found.rule if found else policy


async def _case_number(call: Call, view: EpisodeView) -> str:
    """The number of the alert's case, where who looks may see the case."""
    contributions = call.county.registry.contributions
    policy = contributions.alert_policies.get(view.policy)
    workflow = contributions.workflows.get(policy.workflow) if policy else None
    if not view.case or workflow is None:
        return ""
    scope = call.actor.scope(workflow.read_permission)
    try:
        return (await call.county.cases.get(scope, view.case)).view.number
    except CaseNotFound:
        return ""


def _conditions(
    call: Call, detail: EpisodeDetail, unit: str, decimals: int
) -> tuple[Condition, ...]:
    """The condition that raised the episode's level, with its highest value and the limit."""
    contributions = call.county.registry.contributions
    policy = contributions.alert_policies.get(detail.view.policy)
    rule = contributions.rules.get(policy.rule) if policy else None
    level = next(
        (one for one in (policy.levels if policy else ()) if one.severity == detail.view.severity),
        None,
    )
    asked = next(
        (one for one in (rule.conditions if rule else ()) if level and one.id == level.raise_when),
        None,
    )
    peak, limit = detail.view.peak, detail.limit
    return (
        Condition(
            label=asked.title if asked else policy_title(call.county, detail.view.policy),
            outcome="passed",
            value=peak,
            limit=limit,
            margin=None if limit is None else peak - limit,
            unit=unit,
            decimals=decimals,
            citation=Text(zh=detail.citation) if detail.citation else None,
        ),
    )


def _note(view: EpisodeView) -> Text | None:
    if view.withdrawn:
        return Text(
            zh="迟到的数据或补定的限值表明当时未超限，本告警已撤销；记录保留。",
            en="Late readings, or a limit set since, show that nothing was passed: withdrawn.",
        )
    if view.corrected:
        return Text(
            zh="迟到的数据或补定的限值改变了本告警的起止时间或峰值。",
            en="Late readings, or a limit set since, changed its beginning, end or peak.",
        )
    return None


def _happened(change: ChangeRow) -> Text:
    """What happened to an alert, in words; a change of its level with both levels."""
    words = CHANGES.get(change.change, Text(zh=change.change))
    if change.change != "level":
        return words
    before, after = (severity_word(str(change.details.get(one, ""))) for one in ("from", "to"))
    return Text(
        zh=f"{words.zh}：{before.zh} → {after.zh}",
        en=f"{words.in_language('en')}: {before.in_language('en')} → {after.in_language('en')}",
    )


def _history(detail: EpisodeDetail) -> Timeline:
    statuses: dict[str, Status] = {"raised": "alarm", "level": "alarm", "cleared": "good"}
    return Timeline(
        id="history",
        title=Text(zh="告警经过", en="What happened to it"),
        entries=tuple(
            Entry(
                at=one.at,
                title=_happened(one),
                status=statuses.get(one.change, "notice"),
            )
            for one in detail.changes
        ),
    )


ROUTES = (
    Route("GET", "/alerts", show_alerts, permitted(PERMISSION), TITLE),
    Route(
        "GET",
        "/alerts.csv",
        export_alerts,
        permitted(PERMISSION),
        Text(zh="导出告警", en="Export alerts as CSV"),
        answer_media="text/csv",
    ),
    Route(
        "GET",
        "/alerts/{id:[0-9]{1,18}}",
        show_alert,
        permitted(PERMISSION),
        Text(zh="告警详情", en="One alert and why it was raised"),
        failures=(404,),
    ),
)
