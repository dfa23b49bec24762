"""The gate: one wrapper around each handler, through which every request passes.

In this order: request id, who asks, rate limit, permission, origin, the handler, problems, headers,
metrics, log. One function instead of a stack of middlewares: a single reading is worth its cost.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from aiohttp import web

from county_gov.errors import AccessDenied, AuthenticationFailed
from county_gov.server import cookies
from county_gov.server.call import REQUEST_ID, Call
from county_gov.server.identifiers import request_id
from county_gov.server.identity import identify, limit_rate
from county_gov.server.origin import SAFE_METHODS, check_origin
from county_gov.server.problems import MEDIA, failure_of
from county_gov.server.refusal import MethodNotAllowed, NoSuchAddress, Stopping
from county_gov.server.routes import PUBLIC, Access, Route

if TYPE_CHECKING:
    from county_gov.server.problems import Failure
    from county_gov.server.service import Service

log = structlog.get_logger("county_gov.requests")

Drawer = Callable[[Call, "Failure"], Awaitable[web.StreamResponse]]
"""Draws the page that tells a person of a failure."""

Plain = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROBLEM_HEADERS = {"Cache-Control": "no-store"}


def guard(route: Route, service: Service, draw: Drawer) -> Plain:
    """The handler that aiohttp calls for a route."""
    access = route.gate

    async def handle(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        now = service.county.clock.now()
        call = Call(service, request, route, request_id(request.headers.get(REQUEST_ID), now), now)
        service.metrics.running += 1
        try:
            try:
                await admit(call, access)
                response = await route.handler(call)
            except Exception as error:  # noqa: BLE001 every failure is answered and recorded
                response = await answer_failure(call, error, draw)
            finish(call, response, time.perf_counter() - started)
        finally:
            service.metrics.running -= 1
        return response

    return handle


async def admit(call: Call, access: Access) -> None:
    """Let a request in, or say why not.

    Raises:
        AuthenticationFailed: if nobody is signed in and somebody must be.
        AccessDenied: if who asks lacks the permission.
        OriginRefused: if another site's page made it.
        TooManyRequests: if there are too many.
        Stopping: if the server is stopping.
    """
    if call.service.stopping.is_set() and call.route.kind != "asset":
        raise Stopping("the server is stopping; try again in a moment")
    await identify(call, access)
    limit_rate(call)
    if not is_admitted(call, access):
        if call.actor.account is None and not call.device:
            raise AuthenticationFailed("sign in, or sign the request with a device's key")
        raise AccessDenied(f"this needs {access.words}, which you do not hold")
    if call.request.method not in SAFE_METHODS and not call.device:
        check_origin(call.request.headers, call.county.settings.server.public_url)


def is_admitted(call: Call, access: Access) -> bool:
    """Whether one of a route's ways in is open to the call."""
    if access.public or (access.device and call.device):
        return True
    if access.signed_in and call.session is not None:
        return True
    if access.permission and call.actor.may(access.permission):
        return True
    return access.loopback and _is_local(call.request)


def _is_local(request: web.Request) -> bool:
    """Whether the request was made on this machine and no proxy has passed it on."""
    headers = request.headers
    passed_on = "Forwarded" in headers or "X-Forwarded-For" in headers or "Via" in headers
    return not passed_on and request.remote in ("127.0.0.1", "::1")


async def answer_failure(call: Call, error: Exception, draw: Drawer) -> web.StreamResponse:
    """The answer to a failure: problem+json under ``/api``, else a page or the way to log in."""
    failure = failure_of(error)
    if not failure.expected:
        log.error("unexpected failure", request=call.id, route=call.route.name, exc_info=error)
    response: web.StreamResponse
    if call.route.kind == "page":
        if failure.status == HTTPStatus.UNAUTHORIZED and call.route.path != "/login":
            response = _to_login(call)
        else:
            response = await _drawn(call, failure, draw)
    else:
        response = web.Response(
            body=failure.document(call.id, call.language),
            status=failure.status,
            content_type=MEDIA,
        )
    response.headers.update(PROBLEM_HEADERS)
    response.headers.update(failure.headers)
    if failure.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        response.force_close()
    return response


async def _drawn(call: Call, failure: Failure, draw: Drawer) -> web.StreamResponse:
    """The page of a failure; plain words where even that page cannot be drawn."""
    try:
        return await draw(call, failure)
    except Exception as error:
        log.exception("a problem page could not be drawn", request=call.id, problem=str(error))
        return web.Response(text=f"{call.words(failure.words.what)} ({call.id})", status=500)


def _to_login(call: Call) -> web.Response:
    """Back to the page after logging in; what was posted cannot be kept."""
    target = call.path if call.request.method in SAFE_METHODS else "/"
    return call.redirect("/login" if target == "/" else f"/login?next={quote(target, safe='/')}")


def finish(call: Call, response: web.StreamResponse, seconds: float) -> None:
    """Headers, metrics and the log line.

    What devices deliver without a failure is counted by the metrics and not logged one by one.
    """
    if not response.prepared:
        if REQUEST_ID not in response.headers:
            kept = response.headers.get("Cache-Control")
            response.headers.update(call.head())
            if kept is not None:
                response.headers["Cache-Control"] = kept
        asked = call.request.query.get("lang", "") if call.route.kind == "page" else ""
        if asked and asked == call.language:
            cookies.set_language(response, asked, secure=call.secure)
    call.service.metrics.record(call.route.name, response.status, seconds)
    if call.device and response.status < HTTPStatus.BAD_REQUEST:
        return
    log.info(
        "request",
        request=call.id,
        route=call.route.name,
        status=response.status,
        milliseconds=round(seconds * 1000, 2),
    )


async def refuse_unmatched(call: Call) -> web.StreamResponse:
    """Refuse what no other route answers, in the same forms as all other refusals.

    A route of its own, and no middleware, which every other request would have to pass too.

    Raises:
        MethodNotAllowed: if the address is there for other methods.
        NoSuchAddress: if it is not there.
    """
    request = call.request
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        match, methods = await resource.resolve(request)
        if match is None:
            allowed |= methods
    if allowed:
        names = sorted(allowed)
        raise MethodNotAllowed(f"only {', '.join(names)} here", allowed=names)
    raise NoSuchAddress("nothing is served at this address")


UNMATCHED = (
    Route("*", "/api/{path:(?s:.*)}", refuse_unmatched, PUBLIC, kind="api"),
    Route("*", "/{path:(?s:.*)}", refuse_unmatched, PUBLIC, kind="page"),
)
"""Answer what no route answers; they come last."""
