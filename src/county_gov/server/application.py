"""The aiohttp application of a county: every route behind the gate."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import web

from county_gov.access import TokenBuckets
from county_gov.errors import DeploymentError, Problem
from county_gov.server import health, live, openapi, static_files
from county_gov.server.address import networks
from county_gov.server.api import alerts as alerts_api
from county_gov.server.api import cases as cases_api
from county_gov.server.api import commands as commands_api
from county_gov.server.api import jobs as jobs_api
from county_gov.server.api import observations, record_files, session
from county_gov.server.api import outbox as outbox_api
from county_gov.server.api import parameters as parameters_api
from county_gov.server.api import plugins as plugins_api
from county_gov.server.api import quarantine as quarantine_api
from county_gov.server.api import records as records_api
from county_gov.server.connection import go_on
from county_gov.server.console import (
    account,
    alerts,
    case,
    cases,
    dashboard,
    jobs,
    outbox,
    parameter,
    parameters,
    plugins,
    quarantine,
    records,
    records_catalogue,
    records_forms,
    records_import,
    records_row,
    sources,
)
from county_gov.server.console.frame import draw_failure
from county_gov.server.console.plugin_page import plugin_routes
from county_gov.server.endpoints import check_endpoints, endpoint_routes
from county_gov.server.gate import UNMATCHED, guard
from county_gov.server.headers import security_headers
from county_gov.server.render import Geography, Renderer
from county_gov.server.routes import Route, check_routes
from county_gov.server.service import Service

if TYPE_CHECKING:
    from county_gov.deployment import County
    from county_gov.deployment.settings import Settings

SERVICE = web.AppKey("service", Service)

BURST_SECONDS = 2.0
"""A rate limit's bucket holds so many seconds of its rate."""
SIGN_INS_PER_SECOND = 5.0
SIGN_INS_AT_ONCE = 50

CORE_ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *openapi.ROUTES,
    *session.ROUTES,
    *observations.ROUTES,
    *alerts_api.ROUTES,
    *cases_api.ROUTES,
    *commands_api.ROUTES,
    *quarantine_api.ROUTES,
    *outbox_api.ROUTES,
    *jobs_api.ROUTES,
    *plugins_api.ROUTES,
    *record_files.ROUTES,
    *records_api.ROUTES,
    *parameters_api.ROUTES,
    *account.ROUTES,
    *dashboard.ROUTES,
    *alerts.ROUTES,
    *cases.ROUTES,
    *case.ROUTES,
    *records_catalogue.ROUTES,
    *records_forms.ROUTES,
    *records_import.ROUTES,
    *records_row.ROUTES,
    *records.ROUTES,
    *parameters.ROUTES,
    *parameter.ROUTES,
    *sources.ROUTES,
    *quarantine.ROUTES,
    *outbox.ROUTES,
    *jobs.ROUTES,
    *plugins.ROUTES,
    *live.ROUTES,
    *static_files.ROUTES,
)
"""All routes of the core; the pages of plugins come beside them."""


def application(county: County) -> web.Application:
    """The aiohttp application of a county; starts and stops it, unless it runs already.

    Raises:
        DeploymentError: if a route names no permission or an unknown one, if a plugin's page or
            endpoint takes a core address, if cookies would travel in the clear, or if the map
            cannot be read.
    """
    routes = (*CORE_ROUTES, *plugin_routes(county), *endpoint_routes(county))
    problems = check_routes(routes, county.registry.contributions.permissions)
    problems += check_endpoints(county, CORE_ROUTES)
    problems += check_cookies(county.settings)
    if problems:
        raise DeploymentError(problems)
    service = _service(county, routes)
    app = web.Application()
    app[SERVICE] = service
    for route in (*routes, *UNMATCHED):
        handler = guard(route, service, draw_failure)
        if route.method == "GET":
            head = route.path != "/events"
            app.router.add_get(route.path, handler, allow_head=head, expect_handler=go_on)
        else:
            app.router.add_route(route.method, route.path, handler, expect_handler=go_on)
    app.cleanup_ctx.append(_running)
    app.on_shutdown.append(_shut_down)
    return app


def _service(county: County, routes: tuple[Route, ...]) -> Service:
    server = county.settings.server
    per_second, per_device = server.requests_per_second, server.device_requests_per_second
    clock = county.clock
    return Service(
        county=county,
        renderer=_renderer(county.settings),
        routes=routes,
        headers=security_headers(secure=server.secure_cookies),
        people=TokenBuckets(per_second, max(1.0, per_second * BURST_SECONDS), clock),
        devices=TokenBuckets(per_device, max(1.0, per_device * BURST_SECONDS), clock),
        sign_ins=TokenBuckets(SIGN_INS_PER_SECOND, SIGN_INS_AT_ONCE, clock),
        proxies=networks(server.trusted_proxies),
    )


def _renderer(settings: Settings) -> Renderer:
    notice, path = settings.registers.map_licence, settings.registers.map
    if path is None:
        return Renderer.build(map_notice=notice)
    try:
        document = path.read_bytes()
    except OSError as error:
        text = f"cannot read {path}: {error.strerror}; name an existing GeoJSON file"
        raise DeploymentError([Problem(f"{settings.name}: registers.map", text)]) from error
    return Renderer.build(geography=Geography.from_geojson(document), map_notice=notice)


def check_cookies(settings: Settings) -> list[Problem]:
    """A session's cookie may travel unencrypted on this machine only."""
    server = settings.server
    if server.secure_cookies or _is_loopback(server.host):
        return []
    text = (
        f"false is allowed only on a loopback address, and host is {server.host!r}; "
        "set it to true and put HTTPS in front, or listen on 127.0.0.1"
    )
    return [Problem(f"{settings.name}: server.secure_cookies", text)]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _running(app: web.Application) -> AsyncIterator[None]:
    county = app[SERVICE].county
    if county.running:
        yield
        return
    async with county:
        yield


async def _shut_down(app: web.Application) -> None:
    """No new requests, and event streams end."""
    app[SERVICE].stopping.set()
