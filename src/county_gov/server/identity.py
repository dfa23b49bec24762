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

    What costs memory or a read of the database is done only for who may be somebody: a device's
    headers are checked before its body is read, and a session that was not seen of late takes a
    token of its address before it is looked up.

    Raises:
        AuthenticationFailed: if a device's headers or signature are wrong.
        TooManyRequests: if an address has sent too many wrong ones.
    """
    if call.route.kind == "asset" and access.public:
        return
    if access.device and "X-Device" in call.request.headers:
        await _by_signature(call)
        return
    token = call.request.cookies.get(session_cookie(secure=call.secure), "")
    if not token:
        return
    sessions = call.county.access.sessions
    if not sessions.knows(token):
        _refuse_if(call.service.people.take(_address(call)))
    try:
        by_itself = call.request.query.get("fragment") == "1"
        call.session = await sessions.look_up(token, in_use=not by_itself)
    except AuthenticationFailed:
        return
    call.actor = call.session.actor


async def _by_signature(call: Call) -> None:
    """The device that signed the request, whose body is read for it.

    Wrong signatures are counted by address and device, so that who guesses at one device keeps no
    other behind the same address from delivering.
    """
    request, headers = call.request, call.request.headers
    devices, people = call.county.access.devices, call.service.people
    device, timestamp = headers["X-Device"], headers.get("X-Timestamp", "")
    signature = headers.get("X-Signature", "")
    try:
        await devices.expect(device=device, timestamp=timestamp, signature=signature)
    except AuthenticationFailed:
        _refuse_if(people.take(_address(call)))
        raise
    failures = f"failures:{call.address}:{device}"
    _refuse_if(people.wait(failures))
    raw = await call.read(call.county.settings.intake.maximum_bytes)
    digest = (
        hashlib.sha256(raw).hexdigest()
        if len(raw) <= LONG_BODY
        else await asyncio.to_thread(lambda: hashlib.sha256(raw).hexdigest())
    )
    try:
        call.actor = await devices.authenticate(
            request.method,
            request.raw_path,
            device=device,
            timestamp=timestamp,
            body_sha256=digest,
            signature=signature,
        )
    except AuthenticationFailed:
        _refuse_if(people.take(failures))
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
    return f"address:{call.address}"


def _refuse_if(seconds: float) -> None:
    if seconds > 0:
        words = f"too many requests; try again in {seconds:.1f} s"
        raise TooManyRequests(words, retry_after=seconds)
