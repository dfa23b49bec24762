"""The quarantine over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.text import Text
from county_gov.server.api.documents import (
    Dismissal,
    Dismissed,
    QuarantinedDocument,
    QuarantinedRaw,
    QuarantinePage,
    Retried,
    Retry,
    RowReason,
    clean,
    rfc3339,
)
from county_gov.server.parameters import read_parameters
from county_gov.server.quarantine import READ, WRITE, quarantine_of, quarantine_scope
from county_gov.server.routes import Parameter, Route, permitted
from county_gov.store.intake import STATES, QuarantineFilter

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.server.call import Call
    from county_gov.store.intake import QuarantinedItem

LIST = (
    Parameter("state", "text", "Only in this state; open unless given", choices=STATES),
    Parameter("code", "text", "Only with this reason"),
    Parameter("source", "text", "Only of this source"),
    Parameter("datastream", "text", "Only of this datastream"),
    Parameter("limit", "whole", "Rows in one answer", minimum=1, maximum=500),
    Parameter("before", "whole", "Only ids below this: the last id of the page before", minimum=1),
)


async def list_rows(call: Call) -> web.StreamResponse:
    """Quarantined rows, latest first."""
    values = read_parameters(call.request.query, LIST)
    wanted = QuarantineFilter(
        state=values.text("state", "open"),
        code=values.text("code"),
        source=values.text("source"),
        datastream=values.text("datastream"),
    )
    found, total = await quarantine_of(call).find(
        quarantine_scope(call, READ),
        wanted,
        limit=values.number("limit", 50),
        before=values.numbers.get("before"),
    )
    return call.answer(QuarantinePage([_document(one) for one in found], total))


async def show_row(call: Call) -> web.StreamResponse:
    """One row with its bytes."""
    read_parameters(call.request.query, ())
    item = await quarantine_of(call).look(quarantine_scope(call, READ), int(call.part("id")))
    return call.answer(QuarantinedRaw(_document(item), item.raw))


async def retry_row(call: Call) -> web.StreamResponse:
    """Take a row in again, with its own bytes or corrected ones."""
    read_parameters(call.request.query, ())
    body = await call.json(Retry)
    number = int(call.part("id"))
    found = await quarantine_of(call).retry(
        [number],
        actor=call.actor,
        scope=quarantine_scope(call, WRITE),
        corrected=None if body.text is None else body.text.encode(),
        request=call.id,
    )
    return call.answer(
        Retried(
            resolved=number in found.resolved,
            batches=[one.batch for one in found.outcomes],
            quarantined=sum(one.quarantined for one in found.outcomes),
            reasons=[
                RowReason(one.row, one.code, clean(one.message), clean(one.field), clean(one.value))
                for _id, one in (*found.remaining, *found.closed)
            ],
        )
    )


async def dismiss_row(call: Call) -> web.StreamResponse:
    """Put a row aside, with a reason."""
    read_parameters(call.request.query, ())
    body = await call.json(Dismissal)
    count = await quarantine_of(call).dismiss(
        [int(call.part("id"))],
        reason=body.reason,
        actor=call.actor,
        scope=quarantine_scope(call, WRITE),
        request=call.id,
    )
    return call.answer(Dismissed(count))


def _document(item: QuarantinedItem) -> QuarantinedDocument:
    return QuarantinedDocument(
        id=item.id,
        batch=item.batch,
        row=item.row,
        code=item.code,
        message=clean(item.message),
        field=clean(item.field),
        value=clean(item.value),
        datastream=clean(item.datastream),
        source=item.source,
        wire_format=item.wire_format,
        received_at=rfc3339(item.received_at),
        state=item.state,
    )


ID = "{id:[0-9]{1,18}}"
ROUTES = (
    Route(
        "GET",
        "/api/v1/quarantine",
        list_rows,
        permitted(READ),
        Text(zh="隔离数据列表", en="List quarantined rows"),
        "api",
        parameters=LIST,
        answers=QuarantinePage,
    ),
    Route(
        "GET",
        f"/api/v1/quarantine/{ID}",
        show_row,
        permitted(READ),
        Text(zh="查看隔离数据", en="Show a quarantined row with its bytes"),
        "api",
        answers=QuarantinedRaw,
        failures=(404,),
    ),
    Route(
        "POST",
        f"/api/v1/quarantine/{ID}/retry",
        retry_row,
        permitted(WRITE),
        Text(zh="重新接收", en="Take a quarantined row in again"),
        "api",
        media=("application/json",),
        reads=Retry,
        answers=Retried,
        failures=(404,),
    ),
    Route(
        "POST",
        f"/api/v1/quarantine/{ID}/dismiss",
        dismiss_row,
        permitted(WRITE),
        Text(zh="作废", en="Put a quarantined row aside"),
        "api",
        media=("application/json",),
        reads=Dismissal,
        answers=Dismissed,
        failures=(404,),
    ),
)
