"""Signing in and out, as the console and the interface share it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.errors import AuthenticationFailed
from county_gov.server import cookies
from county_gov.server.call import LANGUAGES
from county_gov.server.refusal import TooManyRequests
from county_gov.store.access import account_of

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.server.call import Call

LONGEST = 1000
"""Characters of a login or password that are looked at."""
_LOCAL = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]{0,2000}")


async def sign_in(call: Call, login: str, password: str) -> str:
    """Check a password and open a session; the old one of this browser ends.

    Returns:
        The session's token, for the cookie.

    Raises:
        AuthenticationFailed: not saying which part was wrong.
        TooManyRequests: if an address tries too often.
    """
    seconds = call.service.sign_ins.take(f"address:{call.address}")
    if seconds > 0:
        words = f"too many attempts to sign in; try again in {seconds:.0f} s"
        raise TooManyRequests(words, retry_after=seconds)
    if not 0 < len(login) <= LONGEST or not 0 < len(password) <= LONGEST:
        raise AuthenticationFailed("login or password is wrong")
    found = await call.county.access.accounts.sign_in(
        login,
        password,
        address=call.address,
        agent=call.request.headers.get("User-Agent", "")[:LONGEST],
        replaces=_token(call),
    )
    account = await call.county.store.read(
        lambda snapshot: account_of(snapshot, number=found.account)
    )
    if account is not None and account.language in LANGUAGES:
        call.choose_language(account.language)
    call.session = await call.county.access.sessions.look_up(found.token)
    call.actor = call.session.actor
    return found.token


def give_session(call: Call, response: web.StreamResponse, token: str) -> None:
    """Put the session and its person's language into the browser's cookies."""
    seconds = call.county.settings.access.session_hours * HOUR // MICROSECONDS
    cookies.set_session(response, token, secure=call.secure, seconds=seconds)
    cookies.set_language(response, call.language, secure=call.secure)


async def sign_out(call: Call, response: web.StreamResponse) -> None:
    """End the session, here and in the browser; its event streams end with it."""
    token = _token(call)
    if token:
        await call.county.access.sessions.close(token)
    cookies.drop_session(response, secure=call.secure)


def local_path(target: str) -> str:
    """The address if it is a page of this server, else the first page."""
    return target if _LOCAL.fullmatch(target) else "/"


def _token(call: Call) -> str:
    return call.request.cookies.get(cookies.session_cookie(secure=call.secure), "")
