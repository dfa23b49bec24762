"""Server-sent events: that something changed, never what; the page fetches what it may see."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from aiohttp import web

from county_gov.contract.text import Text
from county_gov.errors import AuthenticationFailed
from county_gov.server.cookies import session_cookie
from county_gov.server.refusal import TooManyRequests
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from county_gov.deployment.live import LiveEvent
    from county_gov.server.call import Call

MOST_STREAMS = 32
"""Event streams of one account; browsers share few connections, forgotten programs do not."""
HEARTBEAT = 15.0
"""Seconds between signs of life; the session is looked up again each time."""
CHECK = 2.0
"""Seconds after which a stream notices that its session has ended."""
LONGEST_POSITION = 18
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


async def stream_events(call: Call) -> web.StreamResponse:
    """Events from now on, or after ``Last-Event-ID``; ends with the session or the server."""
    streams, account = call.service.streams, call.account
    if streams[account] >= MOST_STREAMS:
        raise TooManyRequests(f"{MOST_STREAMS} pages of yours listen already; close some")
    response = web.StreamResponse(headers={**HEADERS, **call.head()})
    streams[account] += 1
    try:
        await response.prepare(call.request)
        await response.write(b"retry: 2000\n\n")
        await _send(call, response)
    except (ConnectionResetError, ConnectionError):
        return response
    finally:
        streams[account] -= 1
    return response


async def _send(call: Call, response: web.StreamResponse) -> None:
    after = _last_event(call)
    events = call.county.live.listen(after)
    async with aclosing(_numbered(events)) as numbered:
        waiting = asyncio.ensure_future(anext(numbered))
        stopping = asyncio.ensure_future(call.service.stopping.wait())
        silent = 0.0
        try:
            while not stopping.done():
                await asyncio.wait(
                    {waiting, stopping}, timeout=CHECK, return_when=asyncio.FIRST_COMPLETED
                )
                if _is_gone(call) or not await _still_signed_in(call):
                    return
                if waiting.done():
                    await response.write(waiting.result())
                    waiting = asyncio.ensure_future(anext(numbered))
                    silent = 0.0
                elif (silent := silent + CHECK) >= HEARTBEAT:
                    await response.write(b": alive\n\n")
                    silent = 0.0
        finally:
            stopping.cancel()
            waiting.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)


async def _numbered(events: AsyncIterator[LiveEvent]) -> AsyncGenerator[bytes]:
    async for event in events:
        yield b"id: %d\nevent: %s\ndata: {}\n\n" % (event.position, event.kind.encode())


def _is_gone(call: Call) -> bool:
    """Whether the page has closed its connection, so that its place is free for another."""
    transport = call.request.transport
    return transport is None or transport.is_closing()


def _last_event(call: Call) -> int | None:
    given = call.request.headers.get("Last-Event-ID", "")
    return (
        int(given)
        if given.isascii() and given.isdigit() and len(given) <= LONGEST_POSITION
        else None
    )


async def _still_signed_in(call: Call) -> bool:
    token = call.request.cookies.get(session_cookie(secure=call.secure), "")
    try:
        await call.county.access.sessions.look_up(token, in_use=False)
    except AuthenticationFailed:
        return False
    return True


ROUTES = (
    Route(
        "GET",
        "/events",
        stream_events,
        SIGNED_IN,
        Text(zh="变化通知", en="Server-sent events: that something changed"),
        "asset",
        headers=(("Last-Event-ID", "Position of the last event that was seen"),),
        answer_media="text/event-stream",
    ),
)
