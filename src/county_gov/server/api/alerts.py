"""Alerts over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.text import Text
from county_gov.server.api.documents import (
    Episode,
    EpisodeChange,
    EpisodeDetail,
    Episodes,
    rfc3339,
)
from county_gov.server.parameters import read_parameters
from county_gov.server.routes import Parameter, Route, permitted
from county_gov.store import alerts as store

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.context import EpisodeView
    from county_gov.server.call import Call
    from county_gov.store import Snapshot

PERMISSION = "core.alerts.read"
LARGEST = 2**31

LIST = (
    Parameter("policy", "text", "Only of this policy"),
    Parameter("datastream", "text", "Only of this datastream"),
    Parameter("open", "truth", "Only those that last"),
    Parameter("withdrawn", "truth", "Also those that late data withdrew"),
    Parameter(
        "sort",
        "text",
        "Order; with a leading - descending",
        choices=tuple(name for one in store.SORTS for name in (one, f"-{one}")),
    ),
    Parameter("limit", "whole", "Alerts in one answer", minimum=1, maximum=500),
    Parameter("offset", "whole", "Alerts passed over", minimum=0, maximum=LARGEST),
)


async def list_alerts(call: Call) -> web.StreamResponse:
    """Alert episodes within the scope of who asks."""
    values = read_parameters(call.request.query, LIST)
    scope, day = call.actor.scope(PERMISSION), call.county.cases.today()

    def read(snapshot: Snapshot) -> Episodes:
        policy, datastream = values.text("policy"), values.text("datastream")
        open_only, withdrawn = values.truth("open"), values.truth("withdrawn")
        found = store.list_episodes(
            snapshot,
            scope,
            day=day,
            policy=policy,
            datastream=datastream,
            open_only=open_only,
            withdrawn=withdrawn,
            sort=values.text("sort", "-started_at"),
            limit=values.number("limit", 100),
            offset=values.number("offset", 0),
        )
        total = store.count_episodes(
            snapshot,
            scope,
            day=day,
            policy=policy,
            datastream=datastream,
            open_only=open_only,
            withdrawn=withdrawn,
        )
        return Episodes([episode_document(one) for one in found], total)

    return call.answer(await call.county.store.read(read))


async def show_alert(call: Call) -> web.StreamResponse:
    """One alert episode with its history."""
    read_parameters(call.request.query, ())
    scope, day = call.actor.scope(PERMISSION), call.county.cases.today()
    number = int(call.part("id"))
    detail = await call.county.store.read(
        lambda snapshot: store.get_episode(snapshot, scope, number, day=day)
    )
    return call.answer(
        EpisodeDetail(
            episode_document(detail.view),
            [EpisodeChange(rfc3339(one.at), one.change) for one in detail.changes],
        )
    )


def episode_document(view: EpisodeView) -> Episode:
    """An episode as it is answered."""
    return Episode(
        id=view.id,
        policy=view.policy,
        datastream=view.datastream,
        area=view.area,
        severity=view.severity,
        started_at=rfc3339(view.started_at),
        ended_at=None if view.ended_at is None else rfc3339(view.ended_at),
        last_reading_at=rfc3339(view.last_reading_at),
        peak=view.peak,
        corrected=view.corrected,
        withdrawn=view.withdrawn,
        case=view.case or None,
    )


ROUTES = (
    Route(
        "GET",
        "/api/v1/alerts",
        list_alerts,
        permitted(PERMISSION),
        Text(zh="告警列表", en="List alerts"),
        "api",
        parameters=LIST,
        answers=Episodes,
    ),
    Route(
        "GET",
        "/api/v1/alerts/{id:[0-9]{1,18}}",
        show_alert,
        permitted(PERMISSION),
        Text(zh="告警详情", en="Show an alert with its history"),
        "api",
        answers=EpisodeDetail,
        failures=(404,),
    ),
)
