"""Observations over HTTP: sending them, and reading the newest, a range, or hours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from county_gov.contract.clock import DAY, HOUR, LATEST
from county_gov.contract.source import Delivery
from county_gov.contract.text import Text
from county_gov.errors import AccessDenied, NotFound
from county_gov.intake.reach import outside_of
from county_gov.server.api.documents import (
    DatastreamDocument,
    Datastreams,
    Delivered,
    Hour,
    HourlyPage,
    Latest,
    LatestReading,
    Observation,
    ObservationsPage,
    RowReason,
    clean,
    exact,
    rfc3339,
)
from county_gov.server.parameters import Values, read_parameters
from county_gov.server.routes import Parameter, Route, device_or, permitted
from county_gov.store.observations.flags import FLAGS
from county_gov.store.observations.rows import Stored

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.context import DatastreamView
    from county_gov.contract.source import Outcome
    from county_gov.server.call import Call
    from county_gov.store import Snapshot

READ = "core.observations.read"
WRITE = "core.observations.write"
SOURCE = "core.http"
"""Id under which deliveries over HTTP are known."""
MEDIA = (
    "application/json",
    "application/x-ndjson",
    "application/vnd.county-gov.columns+json",
    "text/csv",
)
PROPERTY = Parameter("observed_property", "text", "Only of this observed property")
RANGE = (
    Parameter("start", "instant", "First instant", required=True),
    Parameter("end", "instant", "First instant no longer taken"),
    Parameter("limit", "whole", "Readings in one answer", minimum=1, maximum=10_000),
    Parameter("after", "instant", "Only later than this: where the last page ended"),
)
HOURS = (
    Parameter("start", "instant", "First instant", required=True),
    Parameter("end", "instant", "First instant no longer taken", required=True),
)
LONGEST_HOURLY = 366 * DAY
LIMIT = 1000
MINUTE = 60_000_000
LONGEST_STRETCH = 366 * DAY
EMPTY_STRETCH = 30 * DAY


async def post_observations(call: Call) -> web.StreamResponse:
    """Take a delivery in; it is durable when this answers."""
    county = call.county
    raw = await call.read(county.settings.intake.maximum_bytes)
    delivery = Delivery(
        raw=raw,
        wire_format=call.request.headers.get("Content-Type", ""),
        provenance=f"device:{call.device}" if call.device else f"account:{call.account}",
        received_at=call.now,
    )
    if not call.device or WRITE in call.actor.scopes:
        outcome = await _take_within_scope(call, delivery)
    else:
        outcome = await county.intake.take(delivery, source=SOURCE)
    return call.answer(_delivered(outcome))


async def _take_within_scope(call: Call, delivery: Delivery) -> Outcome:
    """Take in what a person sends, or a device bound to an area: only for datastreams there."""
    intake = call.county.intake
    validated = await asyncio.to_thread(intake.prepare, delivery, source=SOURCE)
    code = await outside_of(call.actor.scope(WRITE), validated.readings, intake)
    if code:
        raise AccessDenied(f"datastream {code!r} lies outside your area; nothing was taken in")
    return await intake.commit(delivery, validated, source=SOURCE)


def _delivered(outcome: Outcome) -> Delivered:
    return Delivered(
        outcome.batch,
        outcome.accepted,
        outcome.duplicate,
        outcome.revised,
        outcome.quarantined,
        [
            RowReason(one.row, one.code, clean(one.message), clean(one.field), clean(one.value))
            for one in outcome.reasons
        ],
        outcome.position,
    )


async def list_datastreams(call: Call) -> web.StreamResponse:
    """The datastreams within the scope of who asks."""
    values = read_parameters(call.request.query, (PROPERTY,))
    reader = call.county.reader(call.actor.scope(READ))
    found = await reader.datastreams(observed_property=values.text("observed_property"))
    return call.answer(Datastreams([_datastream(view) for view in found]))


def _datastream(view: DatastreamView) -> DatastreamDocument:
    return DatastreamDocument(
        code=view.code,
        name=view.name,
        name_en=view.name_en,
        thing=view.thing,
        observed_property=view.observed_property,
        unit=view.unit,
        period_seconds=view.period / 1_000_000,
        decimals=view.decimals,
        area=view.area,
        responsible_unit=view.responsible_unit,
        longitude=view.longitude,
        latitude=view.latitude,
        minimum=view.minimum,
        maximum=view.maximum,
    )


async def show_latest(call: Call) -> web.StreamResponse:
    """The latest reading of each datastream within the scope."""
    values = read_parameters(call.request.query, (PROPERTY,))
    county = call.county
    reader = county.reader(call.actor.scope(READ))
    views = await reader.datastreams(observed_property=values.text("observed_property"))
    by_number = {view.number: view for view in views}
    found = await county.store.read(
        lambda snapshot: county.observations.read_latest(snapshot, list(by_number))
    )
    readings = []
    for row, number in enumerate(found.datastream.tolist()):
        view = by_number[number]
        readings.append(
            LatestReading(
                datastream=view.code,
                time=rfc3339(int(found.time[row])),
                value=exact(int(found.value[row]), view.decimals),
                unit=view.unit,
                flag=FLAGS[found.flag[row]],
                received_at=rfc3339(int(found.received_at[row])),
            )
        )
    return call.answer(Latest(sorted(readings, key=lambda one: one.datastream)))


async def visible_datastream(call: Call, code: str) -> DatastreamView:
    """A datastream within the scope of who asks.

    Raises:
        NotFound: if there is none of this code within the scope.
    """
    for view in await call.county.reader(call.actor.scope(READ)).datastreams():
        if view.code == code:
            return view
    raise NotFound(f"there is no datastream {code[:64]!r}, or it lies outside your area")


async def show_observations(call: Call) -> web.StreamResponse:
    """A page of one datastream's readings, ascending."""
    values = read_parameters(call.request.query, RANGE)
    view = await visible_datastream(call, call.part("code"))
    start, end = values.number("start", 0), values.number("end", LATEST)
    if "after" in values.numbers:
        start = max(start, values.number("after", 0) + 1)
    limit = values.number("limit", LIMIT)
    found = await call.county.store.read(
        lambda snapshot: _first_rows(call, snapshot, view, (start, end), limit + 1)
    )
    more = len(found) > limit
    rows = found.take(slice(0, limit))
    times, scaled, flags = rows.time.tolist(), rows.value.tolist(), rows.flag.tolist()
    return call.answer(
        ObservationsPage(
            datastream=view.code,
            unit=view.unit,
            observations=[
                Observation(rfc3339(time), exact(value, view.decimals), FLAGS[flag])
                for time, value, flag in zip(times, scaled, flags, strict=True)
            ],
            next=_next(call, values, times[-1]) if more else None,
        )
    )


def _first_rows(
    call: Call, snapshot: Snapshot, view: DatastreamView, span: tuple[int, int], wanted: int
) -> Stored:
    """The first rows of a range, read in stretches that grow over gaps, until there are enough."""
    start, end = span
    oldest = call.county.observations.oldest(snapshot, view.number)
    if oldest is None:
        return Stored.empty()
    start = max(start, oldest)
    end = min(end, call.now + call.county.intake.limits.future_tolerance + 1)
    stretch = min(max(wanted * (view.period or MINUTE), DAY), LONGEST_STRETCH)
    parts: list[Stored] = []
    count = 0
    while start < end and count < wanted:
        stop = min(end, start + stretch)
        part = call.county.observations.read(snapshot, view.number, start, stop)
        if not len(part):
            stretch = max(stretch, min(stretch * 2, EMPTY_STRETCH))
        parts.append(part)
        count += len(part)
        start = stop
    return Stored.join(parts)


def _next(call: Call, values: Values, last: int) -> str:
    query = {name: str(value) for name, value in values.numbers.items() if name != "after"}
    return f"{call.request.path}?{urlencode(query | {'after': str(last)})}"


async def show_hours(call: Call) -> web.StreamResponse:
    """One datastream's clock hours; a page holds at most 366 days."""
    values = read_parameters(call.request.query, HOURS)
    view = await visible_datastream(call, call.part("code"))
    start, end = values.number("start", 0), values.number("end", 0)
    start = start // HOUR * HOUR
    end = min(end, start + LONGEST_HOURLY)
    found = await call.county.store.read(
        lambda snapshot: call.county.observations.hourly(snapshot, view.number, start, end)
    )
    scale = 10**view.decimals
    return call.answer(
        HourlyPage(
            view.code,
            view.unit,
            [
                Hour(
                    time=rfc3339(int(found.time[row])),
                    count=int(found.count[row]),
                    mean=int(found.total[row]) / int(found.count[row]) / scale,
                    minimum=exact(int(found.minimum[row]), view.decimals),
                    maximum=exact(int(found.maximum[row]), view.decimals),
                )
                for row in range(len(found))
            ],
        )
    )


def _get(path: str, handler: object, words: Text, **more: object) -> Route:
    return Route("GET", path, handler, permitted(READ), words, "api", **more)  # type: ignore[arg-type]


CODE = "{code:[A-Za-z0-9][A-Za-z0-9._:-]{0,63}}"
ROUTES = (
    Route(
        "POST",
        "/api/v1/observations",
        post_observations,
        device_or(WRITE),
        Text(zh="报送监测数据", en="Send observations; durable when it answers"),
        "api",
        headers=(
            ("X-Device", "Code of the device that signs"),
            ("X-Timestamp", "Instant of signing, integer microseconds UTC"),
            ("X-Signature", "HMAC-SHA256 over method, path, device, timestamp and body, hex"),
        ),
        media=MEDIA,
        answers=Delivered,
    ),
    _get(
        "/api/v1/observations/latest",
        show_latest,
        Text(zh="最新数据", en="The latest reading of each datastream"),
        parameters=(PROPERTY,),
        answers=Latest,
    ),
    _get(
        "/api/v1/datastreams",
        list_datastreams,
        Text(zh="监测点列表", en="List datastreams"),
        parameters=(PROPERTY,),
        answers=Datastreams,
    ),
    _get(
        f"/api/v1/datastreams/{CODE}/observations",
        show_observations,
        Text(zh="监测数据", en="One datastream's readings, ascending, by pages"),
        parameters=RANGE,
        answers=ObservationsPage,
        failures=(404,),
    ),
    _get(
        f"/api/v1/datastreams/{CODE}/hourly",
        show_hours,
        Text(zh="小时数据", en="One datastream's clock hours"),
        parameters=HOURS,
        answers=HourlyPage,
        failures=(404,),
    ),
)
