"""Who asks: a device that signed the request, or a person with a session; and how often."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from county_gov.errors import AuthenticationFailed
from county_gov.server.cookies import session_cookie
from county_gov.server.refusal import TooManyRequests

if TYPE_CHECKING:
    from county_gov.server.call import Call
    from county_gov.server.routes import Access

LONG_BODY = 1_048_576
"""Longer bodies are hashed on a thread."""


async def identify(call: Call, access: Access) -> None:
    """Find out who asks, and note it in the call; nobody is no failure here.

    Raises:
        AuthenticationFailed: if a device's signature is wrong.
        TooManyRequests: if an address has sent too many wrong ones.
    """
    if access.device and "X-Device" in call.request.headers:
        await _by_signature(call)
        return
    token = call.request.cookies.get(session_cookie(secure=call.secure), "")
    if not token:
        return
    try:
        by_itself = call.request.query.get("fragment") == "1"
        sessions = call.county.access.sessions
        call.session = await sessions.look_up(token, in_use=not by_itself)
    except AuthenticationFailed:
        return
    call.actor = call.session.actor


async def _by_signature(call: Call) -> None:
    request, headers = call.request, call.request.headers
    raw = await call.read(call.county.settings.intake.maximum_bytes)
    digest = (
        hashlib.sha256(raw).hexdigest()
        if len(raw) <= LONG_BODY
        else await asyncio.to_thread(lambda: hashlib.sha256(raw).hexdigest())
    )
    try:
        call.actor = await call.county.access.devices.authenticate(
            request.method,
            request.raw_path,
            device=headers["X-Device"],
            timestamp=headers.get("X-Timestamp", ""),
            body_sha256=digest,
            signature=headers.get("X-Signature", ""),
        )
    except AuthenticationFailed:
        _refuse_if(call.service.people.take(_address(call)))
        raise
    call.device = call.actor.name


def limit_rate(call: Call) -> None:
    """Take a token out of the bucket of who asks.

    Raises:
        TooManyRequests: saying in how many seconds there is one.
    """
    service = call.service
    if call.route.kind == "asset":
        return
    if call.device:
        _refuse_if(service.devices.take(f"device:{call.device}"))
    elif call.session is not None:
        _refuse_if(service.people.take(f"account:{call.actor.account}"))
    else:
        _refuse_if(service.people.take(_address(call)))


def _address(call: Call) -> str:
    return f"address:{call.request.remote}"


def _refuse_if(seconds: float) -> None:
    if seconds > 0:
        words = f"too many requests; try again in {seconds:.1f} s"
        raise TooManyRequests(words, retry_after=seconds)
