"""The quarantine's page: why a row was not accepted, and putting it right."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import structlog
from aiohttp import web

from county_gov.contract.text import Text
from county_gov.errors import IntakeError
from county_gov.server.console import navigation
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import Listing, typed
from county_gov.server.console.quarantine_words import REASONS, reason_text
from county_gov.server.quarantine import READ, WRITE, quarantine_of, quarantine_scope
from county_gov.server.render import Action, ActionField, Filter, Option, Pager, QuarantinedRow
from county_gov.server.routes import Route, permitted
from county_gov.store.intake import STATES, QuarantineFilter

if TYPE_CHECKING:
    from county_gov.server.call import Call
    from county_gov.store.intake import QuarantinedItem

log = structlog.get_logger(__name__)

TITLE = navigation.QUARANTINE.title
PAGES = 40
"""Pages that can be turned to; further back, a filter is the better way."""
ALL = Text(zh="全部", en="All")
FILE = {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Disposition": 'attachment; filename="quarantine.csv"',
}

STATE_WORDS = {
    "open": Text(zh="等待处理", en="Waiting"),
    "retried": Text(zh="已重新接收", en="Taken in again"),
    "dismissed": Text(zh="已作废", en="Put aside"),
}
STATUSES: Mapping[str, Literal["waiting", "accepted", "discarded"]] = MappingProxyType(
    {"open": "waiting", "retried": "accepted", "dismissed": "discarded"}
)


async def show_quarantine(call: Call) -> web.StreamResponse:
    """The list of quarantined rows."""
    listing = Listing.read(call.request.query, "quarantine", (), "")
    page = min(listing.page, PAGES)
    found, total = await quarantine_of(call).find(
        quarantine_scope(call, READ), _wanted(call), limit=page * listing.size
    )
    shown = found[(page - 1) * listing.size :]
    return await draw(
        call,
        "quarantine.html",
        title=TITLE,
        headline=_headline(call, total),
        refresh_on=("observations",),
        rows=tuple(_row(call, one, full=False) for one in shown),
        pager=Pager("quarantine", min(total, PAGES * listing.size), page, listing.size),
        filters=_filters(call),
        export=f"/quarantine.csv?{call.request.query_string}",
    )


async def show_item(call: Call) -> web.StreamResponse:
    """One quarantined row with everything that can be done about it."""
    return await _item_page(call)


async def _item_page(call: Call, failed: tuple[str, str, Text] | None = None) -> web.Response:
    """One row; ``failed`` names an action that was refused, what was typed and why."""
    scope = quarantine_scope(call, READ)
    item = await quarantine_of(call).look(scope, int(call.part("id")))
    return await draw(
        call,
        "quarantine.html",
        title=TITLE,
        headline=REASONS.get(item.code),
        status=200 if failed is None else 422,
        rows=(_row(call, item, full=True, failed=failed),),
        pager=Pager("quarantine", 1),
        filters=(),
        export="",
    )


async def retry_item(call: Call) -> web.StreamResponse:
    """Take a row in again, with its own bytes or corrected ones."""
    form = await call.form()
    text = form.get("text")
    found = await quarantine_of(call).retry(
        [int(call.part("id"))],
        actor=call.actor,
        scope=quarantine_scope(call, WRITE),
        corrected=None if text is None else text.replace("\r\n", "\n").encode(),
        request=call.id,
    )
    if not found.remaining:
        flash = found.closed[0][1].code if found.closed else "retried"
        if flash == "retried" and any(one.quarantined for one in found.outcomes):
            flash = "retried_partly"
        return call.redirect(f"/quarantine/{call.part('id')}", flash=flash)
    reason = found.remaining[0][1]
    why = reason_text(reason.code, reason.message)
    return await _item_page(call, ("fix" if text is not None else "retry", text or "", why))


async def dismiss_item(call: Call) -> web.StreamResponse:
    """Put a row aside, with a reason."""
    form = await call.form()
    reason = form.get("reason", "")[:500]
    try:
        await quarantine_of(call).dismiss(
            [int(call.part("id"))],
            reason=reason,
            actor=call.actor,
            scope=quarantine_scope(call, WRITE),
            request=call.id,
        )
    except IntakeError:
        why = Text(zh="请填写作废原因", en="Say why it is put aside")
        return await _item_page(call, ("dismiss", reason, why))
    return call.redirect(f"/quarantine/{call.part('id')}", flash="dismissed")


async def export_quarantine(call: Call) -> web.StreamResponse:
    """The list as CSV, sent a page at a time, with formulas neutralised.

    A failure on the way breaks the connection off, so that nobody takes a part for the whole.
    """
    lines = quarantine_of(call).export(
        quarantine_scope(call, READ), _wanted(call), actor=call.actor, request=call.id
    )
    async with aclosing(lines):
        part = await anext(lines)
        response = web.StreamResponse(headers={**call.head(), **FILE})
        await response.prepare(call.request)
        try:
            await response.write(part.encode())
            async for part in lines:
                await response.write(part.encode())
            await response.write_eof()
        except ConnectionError:
            log.info("an export was left before its end", request=call.id)
        except Exception:
            log.exception("an export broke off", request=call.id)
            if call.request.transport is not None:
                call.request.transport.abort()
    return response


def _wanted(call: Call) -> QuarantineFilter:
    query = call.request.query
    state = query.get("state", "open")
    return QuarantineFilter(
        state="" if state == "all" else state if state in STATES else "open",
        code=typed(query, "code"),
        source=typed(query, "source"),
        datastream=typed(query, "datastream"),
    )


def _row(
    call: Call,
    item: QuarantinedItem,
    *,
    full: bool,
    failed: tuple[str, str, Text] | None = None,
) -> QuarantinedRow:
    words = REASONS.get(item.code, Text(zh=item.code))
    place = "" if item.row is None else f"#{item.row + 1}"
    row = QuarantinedRow(
        id=str(item.id),
        received_at=item.received_at,
        source=item.provenance or item.source,
        place=place,
        reason=reason_text(item.code, item.message),
        raw=item.raw,
        status=STATUSES[item.state],
    )
    if item.state != "open" or not call.actor.may(WRITE):
        return row
    actions = _actions(item, row, full=full, failed=failed or ("", "", words))
    return QuarantinedRow(
        row.id, row.received_at, row.source, row.place, row.reason, row.raw, row.status, actions
    )


def _actions(
    item: QuarantinedItem, row: QuarantinedRow, *, full: bool, failed: tuple[str, str, Text]
) -> tuple[Action, ...]:
    """Retry as it is, put right and retry, put aside."""
    name, typed, why = failed
    retry = Action(
        id=f"retry-{item.id}",
        label=Text(zh="原样重新接收", en="Take it in again as it is"),
        href=f"/quarantine/{item.id}/retry",
        error=why if name == "retry" else None,
    )
    raw = item.raw.decode() if row.editable else ""
    fix = Action(
        id=f"fix-{item.id}",
        label=Text(zh="改正后接收", en="Put it right and take it in"),
        href=f"/quarantine/{item.id}/retry",
        fields=(
            ActionField(
                "text",
                Text(zh="改正后的内容", en="The row, put right"),
                Text(zh="保持原来的格式。", en="Keep its format."),
                kind="code",
                required=True,
                value=typed if name == "fix" else raw,
                error=why if name == "fix" else None,
            ),
        ),
    )
    dismiss = Action(
        id=f"dismiss-{item.id}",
        label=Text(zh="作废", en="Put it aside"),
        href=f"/quarantine/{item.id}/dismiss",
        fields=(
            ActionField(
                "reason",
                Text(zh="原因", en="Why"),
                required=True,
                value=typed if name == "dismiss" else "",
                error=why if name == "dismiss" else None,
            ),
        ),
        consequence=Text(
            zh="作废后不再接收这一行；原文和原因仍保留。",
            en="It will not be taken in; its bytes and the reason are kept.",
        ),
    )
    return (retry, fix, dismiss) if row.editable or full else (retry, dismiss)


def _headline(call: Call, total: int) -> Text | None:
    if call.request.query.get("state", "open") != "open":
        return None
    if not total:
        return Text(zh="没有等待处理的隔离数据", en="No row waits in quarantine")
    verb = "row waits" if total == 1 else "rows wait"
    return Text(zh=f"{total} 行数据等待处理", en=f"{total} {verb} in quarantine")


def _filters(call: Call) -> tuple[Filter, ...]:
    query = call.request.query
    return (
        Filter(
            "state",
            Text(zh="状态", en="State"),
            "select",
            (*(Option(one, STATE_WORDS[one]) for one in STATES), Option("all", ALL)),
            query.get("state", ""),
        ),
        Filter(
            "code",
            Text(zh="原因", en="Reason"),
            "select",
            (Option("", ALL), *(Option(code, words) for code, words in REASONS.items())),
            query.get("code", ""),
        ),
        Filter(
            "datastream", Text(zh="监测点代码", en="Datastream"), value=query.get("datastream", "")
        ),
    )


ID = "{id:[0-9]{1,18}}"
FORM = ("application/x-www-form-urlencoded",)
ROUTES = (
    Route("GET", "/quarantine", show_quarantine, permitted(READ), TITLE),
    Route(
        "GET",
        "/quarantine.csv",
        export_quarantine,
        permitted(READ),
        Text(zh="导出隔离数据", en="Export the quarantine as CSV"),
        answer_media="text/csv",
    ),
    Route(
        "GET",
        f"/quarantine/{ID}",
        show_item,
        permitted(READ),
        Text(zh="查看隔离数据", en="One quarantined row"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/quarantine/{ID}/retry",
        retry_item,
        permitted(WRITE),
        Text(zh="重新接收", en="Take a row in again"),
        media=FORM,
        failures=(404,),
    ),
    Route(
        "POST",
        f"/quarantine/{ID}/dismiss",
        dismiss_item,
        permitted(WRITE),
        Text(zh="作废", en="Put a row aside"),
        media=FORM,
        failures=(404,),
    ),
)
