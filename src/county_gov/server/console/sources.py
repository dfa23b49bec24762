"""Sources: how fresh each datastream is, what came in, and how far it was worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.access import Grant
from county_gov.contract.clock import DAY, MICROSECONDS
from county_gov.contract.page import Column, Row, Status, Table
from county_gov.contract.text import Text
from county_gov.errors import AccessDenied
from county_gov.server.console import navigation
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import EXPORTED, Listing, csv_answer, table_rows
from county_gov.server.console.naming import area_name, datastream_name
from county_gov.server.quarantine import READ as QUARANTINE
from county_gov.server.quarantine import quarantine_of, quarantine_scope
from county_gov.server.render import Freshness
from county_gov.server.routes import Route, permitted
from county_gov.store import followers
from county_gov.store.arrivals import BATCH_SORTS, list_arrivals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from county_gov.contract.context import DatastreamView, Reading
    from county_gov.server.call import Call
    from county_gov.store.arrivals import Arrival

PERMISSION = "core.sources.read"
OBSERVATIONS = "core.observations.read"
TITLE = navigation.SOURCES.title
PERIODS = 3
"""A reading is stale after so many periods without another."""
IRREGULAR = DAY
"""A datastream without a period is stale after so long."""

SHOWN = 12
"""Batches on a page, below the datastreams."""
DONE = Text(zh="已处理完", en="up to date")
AT_WORK = Text(zh="处理中", en="at work")
BATCHES = (
    Column("received_at", Text(zh="收到", en="Received"), "instant"),
    Column("source", Text(zh="来源", en="Source")),
    Column("provenance", Text(zh="报送方", en="Sent by"), sortable=False),
    Column("accepted", Text(zh="接收", en="Accepted"), "number"),
    Column("duplicate", Text(zh="重复", en="Duplicate"), "number", sortable=False),
    Column("revised", Text(zh="更正", en="Revised"), "number", sortable=False),
    Column("quarantined", Text(zh="隔离", en="Quarantined"), "number"),
    Column("key", Text(zh="批次", en="Batch"), sortable=False),
)
FOLLOWERS = (
    Column("name", Text(zh="处理环节", en="What is derived"), sortable=False),
    Column("state", Text(zh="状态", en="State"), "state", sortable=False),
    Column("behind", Text(zh="落后条数", en="Entries behind"), "number", sortable=False),
)


async def show_sources(call: Call) -> web.StreamResponse:
    """Freshness of each datastream, the batches that came, and the followers."""
    freshness = await read_freshness(call, PERMISSION)
    views: tuple[Table, ...] = ()
    if sees_county(call, PERMISSION):
        listing = Listing.read(call.request.query, "batches", BATCH_SORTS, "-received_at", SHOWN)
        views = (await _batches(call, listing), await _followers(call))
    waiting = 0
    if call.actor.may(QUARANTINE):
        counts = await quarantine_of(call).count(quarantine_scope(call, QUARANTINE))
        waiting = sum(counts.values())
    return await draw(
        call,
        "sources.html",
        title=TITLE,
        headline=_headline(freshness),
        refresh_on=("observations",),
        sources=freshness,
        waiting=waiting,
        quarantine="/quarantine" if call.actor.may(QUARANTINE) else "",
        views=views,
        filters=(),
    )


async def export_batches(call: Call) -> web.StreamResponse:
    """The batches as CSV."""
    if not sees_county(call, PERMISSION):
        raise AccessDenied("the list of batches is for those who see the whole county")
    order = Listing.read(call.request.query, "batches", BATCH_SORTS, "-received_at").sort
    table = await _batches(call, Listing("batches", 1, order, EXPORTED))
    return csv_answer("batches", table_rows(call, table))


def sees_county(call: Call, permission: str) -> bool:
    """Whether who asks sees the whole county, and so what belongs to no area."""
    scope = call.actor.scope(permission)
    return scope.everywhere or Grant(area=call.county.settings.county.code) in scope.grants


async def read_freshness(call: Call, permission: str) -> tuple[Freshness, ...]:
    """How each datastream within the scope of a permission stands, the worst first."""
    reader = call.county.reader(call.actor.scope(permission))
    views = await reader.datastreams()
    latest = {one.datastream.number: one for one in await reader.latest()}
    found = [_freshness(call, view, latest.get(view.number)) for view in views]
    order = {"unknown": 0, "stale": 1}
    return tuple(sorted(found, key=lambda one: (order.get(one.status, 2), one.code)))


def _freshness(call: Call, view: DatastreamView, reading: Reading | None) -> Freshness:
    stale_at = reading.time + stale_after(view) if reading else None
    status: Status = "unknown" if stale_at is None else "good"
    if stale_at is not None and stale_at <= call.now:
        status = "stale"
    return Freshness(
        code=view.code,
        name=datastream_name(view),
        area=area_name(call.county.registers.snapshot, view.area),
        value=reading.value if reading else None,
        unit=view.unit,
        decimals=view.decimals,
        latest_at=reading.time if reading else None,
        stale_at=stale_at,
        period=view.period // MICROSECONDS,
        status=status,
        href=f"/datastreams/{view.code}" if call.actor.may(OBSERVATIONS) else "",
    )


def stale_after(view: DatastreamView) -> int:
    """How long after a reading's time a datastream counts as stale, microseconds."""
    return view.period * (PERIODS + 1) if view.period else IRREGULAR


async def _batches(call: Call, listing: Listing) -> Table:
    found, total = await call.county.store.read(
        lambda snapshot: list_arrivals(
            snapshot, sort=listing.sort, limit=listing.size, offset=listing.offset
        )
    )
    return Table(
        id="batches",
        title=Text(zh="收到的批次", en="What came in"),
        columns=BATCHES,
        rows=tuple(_batch(one) for one in found),
        total=total,
        empty=Text(zh="还没有收到数据。", en="Nothing has come in yet."),
        page=listing.page,
        page_size=listing.size,
        sort=listing.sort,
        export="/sources/batches.csv",
    )


def _batch(one: Arrival) -> Row:
    return Row(
        {
            "received_at": one.received_at,
            "source": one.source,
            "provenance": one.provenance,
            "accepted": one.accepted,
            "duplicate": one.duplicate,
            "revised": one.revised,
            "quarantined": one.quarantined,
            "key": one.key,
        },
        status="warning" if one.quarantined else "neutral",
    )


async def _followers(call: Call) -> Table:
    head = await call.county.store.read(followers.head)
    rows = tuple(
        Row(
            {
                "name": one.name,
                "state": "good" if one.position >= head else "notice",
                "behind": max(0, head - one.position),
            },
            texts={
                "name": _derived(one.name),
                "state": DONE if one.position >= head else AT_WORK,
            },
        )
        for one in call.county.followers
    )
    return Table(
        id="followers",
        title=Text(zh="后续处理进度", en="How far it was worked on"),
        columns=FOLLOWERS,
        rows=rows,
        total=len(rows),
        empty=Text(zh="还没有处理任何数据。", en="Nothing was worked on yet."),
    )


def _derived(follower: str) -> Text:
    """What a follower makes of the readings, in words."""
    known = {
        "latest": Text(zh="更新最新值", en="Latest values"),
        "judging": Text(zh="判定告警", en="Judging alerts"),
        "opening": Text(zh="为新告警立案", en="Opening cases for new alerts"),
    }
    plugin = follower.removeprefix("events.")
    return known.get(follower) or Text(zh=f"通知插件 {plugin}", en=f"Telling the plugin {plugin}")


def _headline(freshness: Sequence[Freshness]) -> Text:
    """How many are stale, else how many never sent anything, else that all is well."""
    total = len(freshness)
    stale = sum(one.status == "stale" for one in freshness)
    silent = sum(one.status == "unknown" for one in freshness)
    if stale:
        verb = "datastream is" if stale == 1 else "datastreams are"
        return Text(zh=f"{stale} 个监测点数据陈旧", en=f"{stale} {verb} stale")
    if silent:
        verb = "datastream has" if silent == 1 else "datastreams have"
        return Text(
            zh=f"{silent} 个监测点尚未报送数据，其余 {total - silent} 个正常",
            en=f"{silent} {verb} sent nothing yet, {total - silent} are up to date",
        )
    return Text(zh=f"{total} 个监测点数据均正常", en=f"All {total} datastreams are up to date")


ROUTES = (
    Route("GET", "/sources", show_sources, permitted(PERMISSION), TITLE),
    Route(
        "GET",
        "/sources/batches.csv",
        export_batches,
        permitted(PERMISSION),
        Text(zh="导出批次", en="Export the batches as CSV"),
        answer_media="text/csv",
    ),
)
