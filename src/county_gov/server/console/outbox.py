"""The outbox's page: what waits, what could not be delivered, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.page import Column, Row, Status, Table
from county_gov.contract.text import Text
from county_gov.server.console import navigation
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import Listing
from county_gov.server.outbox import READ, WRITE, require_outbox, sees_outbox, send_again
from county_gov.server.render import Action, Pager
from county_gov.server.routes import Route, permitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from county_gov.server.call import Call
    from county_gov.store.outbox import Letter

TITLE = navigation.OUTBOX.title
DEAD = Text(zh="未能送达的通知", en="Notices that could not be delivered")
NONE = Text(zh="没有未能送达的通知。", en="Every notice was delivered or still waits its turn.")
CASE = Text(zh="查看事项", en="Open its case")
STATES: tuple[tuple[str, Text, Status], ...] = (
    ("pending", Text(zh="等待发送", en="Waiting"), "notice"),
    ("sent", Text(zh="已发送", en="Sent"), "good"),
    ("withheld", Text(zh="演练未发送", en="Withheld in a drill"), "neutral"),
    ("dead", Text(zh="未能送达", en="Dead"), "warning"),
)
COLUMNS = (
    Column("channel", Text(zh="渠道", en="Channel"), sortable=False),
    *(Column(state, words, "number", sortable=False) for state, words, _status in STATES),
)


@frozen
class DeadLetter:
    """A notice that could not be delivered, as the page shows it."""

    id: int
    created_at: int
    recipient: str
    channel: Text
    subject: str
    tried: Text
    detail: str
    href: str
    actions: tuple[Action, ...]


async def show_outbox(call: Call) -> web.StreamResponse:
    """Counts by channel and state, and the dead letters."""
    require_outbox(call, READ)
    listing = Listing.read(call.request.query, "outbox", (), "")
    found, total = await call.county.outbox.dead(limit=listing.size, offset=listing.offset)
    counts = await call.county.outbox.counts()
    return await draw(
        call,
        "outbox.html",
        title=TITLE,
        headline=_headline(total),
        refresh_on=("case",),
        views=(_counts(call, counts),),
        heading=DEAD,
        empty=NONE,
        open_case=CASE,
        letters=tuple(_dead(call, one) for one in found),
        pager=Pager("outbox", total, listing.page, listing.size),
    )


async def requeue(call: Call) -> web.StreamResponse:
    """Send a dead letter again."""
    await send_again(call, int(call.part("id")))
    return call.redirect("/outbox", flash="requeued")


def _headline(dead: int) -> Text:
    if not dead:
        return Text(zh="没有未能送达的通知", en="No notice is undelivered")
    verb = "notice" if dead == 1 else "notices"
    return Text(zh=f"{dead} 条通知未能送达", en=f"{dead} {verb} could not be delivered")


def _channel(call: Call, notifier: str) -> Text:
    known = call.county.outbox.notifiers.get(notifier)
    return known.title if known else Text(zh=notifier)


def _counts(call: Call, counts: Mapping[tuple[str, str], int]) -> Table:
    channels = sorted({channel for channel, _state in counts})
    return Table(
        id="outbox-counts",
        title=Text(zh="各渠道发送情况", en="Notices by channel"),
        columns=COLUMNS,
        rows=tuple(
            Row(
                {
                    "channel": channel,
                    **{state: counts.get((channel, state), 0) for state, _, _ in STATES},
                },
                texts={"channel": _channel(call, channel)},
                status="warning" if counts.get((channel, "dead")) else "neutral",
            )
            for channel in channels
        ),
        total=len(channels),
        empty=Text(zh="还没有通知。", en="There was no notice yet."),
    )


def _dead(call: Call, letter: Letter) -> DeadLetter:
    again = Action(
        id=f"requeue-{letter.id}",
        label=Text(zh="重新发送", en="Send again"),
        href=f"/outbox/{letter.id}/requeue",
    )
    times = "attempt" if letter.attempts == 1 else "attempts"
    return DeadLetter(
        id=letter.id,
        created_at=letter.created_at,
        recipient=letter.recipient,
        channel=_channel(call, letter.notifier),
        subject=letter.subject,
        tried=Text(zh=f"已尝试 {letter.attempts} 次", en=f"{letter.attempts} {times}"),
        detail=letter.detail,
        href="" if letter.case is None else f"/cases/{letter.case}",
        actions=(again,) if sees_outbox(call, WRITE) else (),
    )


ROUTES = (
    Route("GET", "/outbox", show_outbox, permitted(READ), TITLE),
    Route(
        "POST",
        "/outbox/{id:[0-9]{1,18}}/requeue",
        requeue,
        permitted(WRITE),
        Text(zh="重新发送", en="Send a dead letter again"),
        failures=(404,),
    ),
)
