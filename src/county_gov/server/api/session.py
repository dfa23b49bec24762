"""Signing in and out over HTTP; the session is the same cookie that the console has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.text import Text
from county_gov.server.api.documents import Credentials, Done, SessionDocument
from county_gov.server.parameters import read_parameters
from county_gov.server.routes import PUBLIC, SIGNED_IN, Route
from county_gov.server.signing_in import give_session, sign_in, sign_out

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.server.call import Call


async def start_session(call: Call) -> web.StreamResponse:
    """Sign in; the answer sets the session's cookie."""
    read_parameters(call.request.query, ())
    body = await call.json(Credentials)
    token = await sign_in(call, body.login, body.password)
    response = call.answer(_document(call))
    give_session(call, response, token)
    return response


async def show_session(call: Call) -> web.StreamResponse:
    """Who is signed in."""
    read_parameters(call.request.query, ())
    return call.answer(_document(call))


async def end_session(call: Call) -> web.StreamResponse:
    """Sign out."""
    read_parameters(call.request.query, ())
    response = call.answer(Done())
    await sign_out(call, response)
    return response


def _document(call: Call) -> SessionDocument:
    return SessionDocument(call.actor.name, call.language, sorted(call.actor.scopes))


ROUTES = (
    Route(
        "POST",
        "/api/v1/session",
        start_session,
        PUBLIC,
        Text(zh="登录", en="Sign in; sets the session's cookie"),
        "api",
        media=("application/json",),
        reads=Credentials,
        answers=SessionDocument,
    ),
    Route(
        "GET",
        "/api/v1/session",
        show_session,
        SIGNED_IN,
        Text(zh="当前登录", en="Who is signed in"),
        "api",
        answers=SessionDocument,
    ),
    Route(
        "DELETE",
        "/api/v1/session",
        end_session,
        SIGNED_IN,
        Text(zh="退出登录", en="Sign out"),
        "api",
        answers=Done,
    ),
)
