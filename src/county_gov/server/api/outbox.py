"""The outbox over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec import Struct

from county_gov.contract.text import Text
from county_gov.server.api.documents import Instant, clean, rfc3339
from county_gov.server.outbox import READ, WRITE, require_outbox, send_again
from county_gov.server.parameters import read_parameters
from county_gov.server.routes import Parameter, Route, permitted
from county_gov.store.outbox import STATES, list_letters

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.server.call import Call
    from county_gov.store.outbox import Letter, State

LIST = (
    Parameter("state", "text", "Only in this state; dead unless given", choices=STATES),
    Parameter("limit", "whole", "Letters in one answer", minimum=1, maximum=500),
    Parameter("offset", "whole", "Letters to pass over", minimum=0, maximum=1_000_000),
)


class LetterCount(Struct):
    """How many letters of a channel are in a state."""

    channel: str
    state: str
    count: int


class LetterDocument(Struct):
    """A notice to one recipient over one channel, without its body."""

    id: int
    channel: str
    recipient: str
    subject: str
    case: str | None
    created_at: Instant
    attempts: int
    state: str
    detail: str
    drill: bool


class OutboxPage(Struct):
    """Letters, latest first, and how many there are by channel and state."""

    rows: list[LetterDocument]
    total: int
    counts: list[LetterCount]


class Requeued(Struct):
    """A letter that is due again."""

    id: int


async def list_outbox(call: Call) -> web.StreamResponse:
    """Letters of a state."""
    require_outbox(call, READ)
    values = read_parameters(call.request.query, LIST)
    state = cast("State", values.text("state", "dead"))
    limit, offset = values.number("limit", 50), values.number("offset", 0)
    found, total = await call.county.store.read(
        lambda snapshot: list_letters(snapshot, state=state, limit=limit, offset=offset)
    )
    counts = await call.county.outbox.counts()
    return call.answer(
        OutboxPage(
            [_document(one) for one in found],
            total,
            [LetterCount(channel, one, count) for (channel, one), count in counts.items()],
        )
    )


def _document(letter: Letter) -> LetterDocument:
    return LetterDocument(
        id=letter.id,
        channel=letter.notifier,
        recipient=clean(letter.recipient),
        subject=clean(letter.subject),
        case=None if letter.case is None else str(letter.case),
        created_at=rfc3339(letter.created_at),
        attempts=letter.attempts,
        state=letter.state,
        detail=clean(letter.detail),
        drill=letter.drill,
    )


async def requeue_letter(call: Call) -> web.StreamResponse:
    """Send a dead letter again."""
    read_parameters(call.request.query, ())
    number = int(call.part("id"))
    await send_again(call, number)
    return call.answer(Requeued(number))


ROUTES = (
    Route(
        "GET",
        "/api/v1/outbox",
        list_outbox,
        permitted(READ),
        Text(zh="通知发送情况", en="List letters of the outbox"),
        "api",
        parameters=LIST,
        answers=OutboxPage,
    ),
    Route(
        "POST",
        "/api/v1/outbox/{id:[0-9]{1,18}}/requeue",
        requeue_letter,
        permitted(WRITE),
        Text(zh="重新发送", en="Send a dead letter again"),
        "api",
        answers=Requeued,
        failures=(404,),
    ),
)
