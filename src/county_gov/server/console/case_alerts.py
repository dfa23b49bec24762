"""What raised a case: its alerts, and the readings round the latest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.page import Column, Row, Table
from county_gov.contract.text import Text
from county_gov.server.console.alerts import PERMISSION, ended_words
from county_gov.server.console.charts import chart_of_alert
from county_gov.server.console.naming import datastream_of, policy_title, severity_status
from county_gov.store import alerts as store

if TYPE_CHECKING:
    from county_gov.cases import CaseDetail
    from county_gov.contract.context import DatastreamView, EpisodeView
    from county_gov.contract.page import View
    from county_gov.server.call import Call
    from county_gov.store import Snapshot

SHOWN = 3
"""Alerts shown on a case's page, the latest first."""


async def alerts_of(call: Call, detail: CaseDetail) -> tuple[View, ...]:
    """The alerts that a case was opened for or that joined it, and the latest one's chart.

    Empty where who looks may see no alerts, or where there is none.
    """
    if not call.actor.may(PERMISSION):
        return ()
    scope, day = call.actor.scope(PERMISSION), call.county.cases.today()
    case = int(detail.view.id)

    def read(snapshot: Snapshot) -> tuple[tuple[EpisodeView, ...], int]:
        found = store.list_episodes(
            snapshot, scope, day=day, withdrawn=True, case=case, limit=SHOWN
        )
        return found, store.count_episodes(snapshot, scope, day=day, withdrawn=True, case=case)

    found, total = await call.county.store.read(read)
    if not found:
        return ()
    latest = next((one for one in found if not one.withdrawn), found[0])
    datastream = datastream_of(call.county.registers.snapshot, latest.datastream)
    table = _table(call, found, total, datastream)
    if datastream is None:
        return (table,)
    reader = call.county.reader(scope)
    return table, await chart_of_alert(call.county, reader, datastream, latest)


def _table(
    call: Call, found: tuple[EpisodeView, ...], total: int, datastream: DatastreamView | None
) -> Table:
    unit, decimals = (datastream.unit, datastream.decimals) if datastream else ("", 1)
    title = Text(zh="触发本案的告警", en="Alerts behind this case")
    if total > len(found):
        title = Text(
            zh=f"触发本案的告警（最近 {len(found)} 起，共 {total} 起）",
            en=f"Alerts behind this case (the latest {len(found)} of {total})",
        )
    return Table(
        id="case-alerts",
        title=title,
        columns=(
            Column("policy", Text(zh="告警", en="Alert"), sortable=False),
            Column("severity", Text(zh="级别", en="Level"), "state", sortable=False),
            Column("peak", Text(zh="峰值", en="Peak"), "number", unit, decimals, sortable=False),
            Column("limit", Text(zh="限值", en="Limit"), "number", unit, decimals, sortable=False),
            Column("started_at", Text(zh="开始", en="Began"), "instant", sortable=False),
            Column("ended_at", Text(zh="结束", en="Ended"), "instant", sortable=False),
        ),
        rows=tuple(_row(call, one) for one in found),
        total=len(found),
        empty=Text(zh="没有告警", en="No alert"),
    )


def _row(call: Call, view: EpisodeView) -> Row:
    return Row(
        {
            "policy": view.policy,
            "severity": severity_status(view.severity),
            "peak": view.peak,
            "limit": view.limit,
            "started_at": view.started_at,
            "ended_at": view.ended_at,
        },
        texts={"policy": policy_title(call.county, view.policy)} | ended_words(call, view),
        href=f"/alerts/{view.id}",
    )
