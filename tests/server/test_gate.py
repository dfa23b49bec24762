"""The gate: who is let in, what every answer carries, and how refusals are told."""

from __future__ import annotations

import asyncio
import gzip
import io
import re
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from county_gov.access import Session, Sessions
from county_gov.contract.text import Text
from county_gov.deployment import County, read_settings
from county_gov.errors import DeploymentError
from county_gov.server import application
from county_gov.server.address import client_address, networks
from county_gov.server.application import CORE_ROUTES, SERVICE
from county_gov.server.call import Call
from county_gov.server.gate import guard
from county_gov.server.openapi import plain_path
from county_gov.server.routes import PUBLIC, Access, Route, check_routes, permitted
from tests.server.conftest import Serve, Site
from tests.store_fixtures import StandingClock

PARTS = {
    "id": "1",
    "code": "aotizhongxin.pm25",
    "command": "reservoir.take_over",
    "dataset": "reservoir.roster",
    "event": "dispatch",
    "format": "csv",
    "key": "1",
    "name": "console.css",
    "number": "1",
}


def address(route: Route) -> str:
    """A route's path with something in its parts."""
    parts = PARTS | {"name": "desk"} if "/plugins/" in route.path else PARTS
    return plain_path(route.path).format(**parts)


async def _nothing(_call: Call) -> web.StreamResponse:
    return web.Response()


def test_a_silent_route_refuses_the_start() -> None:
    """A route that does not say who may call it, or names an unknown permission, is a problem."""
    routes = (
        Route("GET", "/silent", _nothing),
        Route("GET", "/empty", _nothing, Access()),
        Route("GET", "/typo", _nothing, permitted("core.alert.read")),
        Route("GET", "/open", _nothing, PUBLIC),
        Route("GET", "/open", _nothing, PUBLIC),
    )
    found = check_routes(routes, {"core.alerts.read": None})
    assert [
        "route GET /silent",
        "route GET /empty",
        "route GET /typo",
        "route GET /open",
    ] == [problem.place for problem in found]
    assert "did you mean 'core.alerts.read'" in found[2].message
    with pytest.raises(DeploymentError, match="declares no access"):
        _ = routes[0].gate


def test_cookies_in_the_clear_refuse_the_start(folder: Path) -> None:
    """Without HTTPS the server listens on this machine only."""
    file = folder / "county.toml"
    file.write_text(file.read_text().replace('host = "127.0.0.1"', 'host = "0.0.0.0"'))
    with pytest.raises(DeploymentError, match="secure_cookies"):
        application(County(read_settings(file)))


async def test_every_route_carries_the_security_headers(site: Site) -> None:
    """Pages, answers, problems and files alike, whoever asks."""
    for visitor in (site.visitor(), await site.person("dispatch1")):
        for route in CORE_ROUTES:
            if route.path == "/events":
                continue
            async with visitor.request(
                route.method, address(route), allow_redirects=False
            ) as answer:
                head = answer.headers
                where = f"{route.name} {answer.status}"
                assert answer.status < 500, where
                assert "default-src 'none'" in head["Content-Security-Policy"], where
                assert "frame-ancestors 'none'" in head["Content-Security-Policy"], where
                assert "nosniff" == head["X-Content-Type-Options"], where
                assert "same-origin" == head["Referrer-Policy"], where
                assert "same-origin" == head["Cross-Origin-Opener-Policy"], where
                assert "Permissions-Policy" in head, where
                assert re.fullmatch("[0-9A-Z]{26}", head["X-Request-Id"]), where
                assert "county_gov" == head["Server"], where
                if route.kind != "asset":
                    assert "no-store" == head["Cache-Control"], where


async def test_nobody_is_let_in_without_a_session(site: Site) -> None:
    """Every route that is not public answers 401, or the way to log in."""
    visitor = site.visitor()
    for route in CORE_ROUTES:
        if route.gate.public or route.gate.loopback:
            continue
        async with visitor.request(route.method, address(route), allow_redirects=False) as answer:
            if route.kind == "page":
                assert 303 == answer.status, route.name
                assert answer.headers["Location"].startswith("/login"), route.name
            else:
                assert 401 == answer.status, route.name
                assert "WWW-Authenticate" in answer.headers
                assert "application/problem+json" == answer.content_type


async def test_permissions_are_asked_for(site: Site) -> None:
    """Who lacks a route's permission gets 403: as a page, or as problem+json."""
    visitor = await site.person("grid-zhiqiu")
    held = {"core.observations.read", "core.alerts.read"}
    for route in CORE_ROUTES:
        permission = route.gate.permission
        if not permission or permission in held or route.gate.loopback:
            continue
        async with visitor.request(route.method, address(route), allow_redirects=False) as answer:
            assert 403 == answer.status, route.name
            expected = "text/html" if route.kind == "page" else "application/problem+json"
            assert expected == answer.content_type, route.name


async def test_unknown_addresses(site: Site) -> None:
    """404 and 405 in the same forms as all other problems."""
    visitor = await site.person("dispatch1")
    async with visitor.get("/api/v1/nothing") as answer:
        said = await answer.json()
        assert (404, 404) == (answer.status, said["status"])
        assert said["instance"].endswith(answer.headers["X-Request-Id"])
    async with visitor.get("/nothing") as answer:
        assert (404, "text/html") == (answer.status, answer.content_type)
        assert answer.headers["X-Request-Id"] in await answer.text()
    async with visitor.put("/api/v1/cases") as answer:
        assert (405, "GET, HEAD") == (answer.status, answer.headers["Allow"])
    async with visitor.request("PATCH", "/cases") as answer:
        assert (405, "GET, HEAD") == (answer.status, answer.headers["Allow"])
    for odd in ("/api", "/api/", "/%0a", "/a%2fb", "//api//v1", "/static/"):
        async with visitor.get(URL(f"{site.url.rstrip('/')}{odd}", encoded=True)) as answer:
            assert 404 == answer.status, odd
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"], odd


async def test_request_ids(site: Site) -> None:
    """A harmless id is taken over; any other is replaced."""
    visitor = site.visitor()
    for given, kept in (
        ("trace-1234567", True),
        ("a b", False),
        ("x" * 65, False),
        ("é" * 9, False),
    ):
        async with visitor.get("/healthz", headers={"X-Request-Id": given}) as answer:
            assert kept == (given == answer.headers["X-Request-Id"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
    ],
)
async def test_other_sites_change_nothing(site: Site, headers: dict[str, str], status: int) -> None:
    """A form that another site's page posts is refused, session or not."""
    visitor = await site.person("dispatch1")
    form = {"language": "en", "next": "/"}
    async with visitor.post(
        "/language", data=form, headers=headers, allow_redirects=False
    ) as answer:
        assert status == answer.status


async def test_our_own_origin_is_let_in(site: Site) -> None:
    """The page's own origin is the one in the Host header, or the public URL."""
    visitor = await site.person("dispatch1")
    headers = {"Origin": site.url.rstrip("/")}
    async with visitor.post(
        "/language", data={"language": "en"}, headers=headers, allow_redirects=False
    ) as answer:
        assert 303 == answer.status


async def test_bodies_are_never_unpacked(site: Site) -> None:
    """A compressed body is refused before anything is unpacked."""
    await site.device()
    bomb = gzip.compress(b"0" * 50_000_000)
    headers = {
        **site.signed(bomb),
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    async with site.visitor().post("/api/v1/observations", data=bomb, headers=headers) as answer:
        assert 415 == answer.status


async def test_huge_bodies_are_refused_early(site: Site) -> None:
    """The declared length is enough to refuse; a body without one is cut off at the limit."""
    await site.device()
    headers = {**site.signed(b""), "Content-Type": "application/json"}
    big = b" " * (17 * 1024 * 1024)
    async with site.visitor().post(
        "/api/v1/observations", data=io.BytesIO(big), headers=headers
    ) as answer:
        assert 413 == answer.status
        assert "at most 16777216" in (await answer.json())["detail"]

    async def chunks() -> object:
        for _ in range(20):
            yield b" " * 1_000_000

    async with site.visitor().post(
        "/api/v1/observations", data=chunks(), headers=headers
    ) as answer:
        assert 413 == answer.status


async def test_a_stalled_body_is_given_up(site: Site) -> None:
    """A body that does not arrive is answered 408, and the connection closed."""
    await site.device()
    head = "".join(f"{name}: {value}\r\n" for name, value in site.signed(b"[]").items())
    port = int(site.url.rsplit(":", 1)[1].rstrip("/"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST /api/v1/observations HTTP/1.1\r\nHost: x\r\n{head}"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n[".encode()
    )
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


async def test_rate_limits(folder: Path, clock: StandingClock, serve_county: Serve) -> None:
    """Beyond the rate the answer is 429 with Retry-After; time fills the bucket again."""
    file = folder / "county.toml"
    file.write_text(
        file.read_text().replace("requests_per_second = 100000.0", "requests_per_second = 2.0", 1)
    )
    async with County(read_settings(file), clock=clock) as county:
        site = await serve_county(county)
        visitor = await site.person("dispatch1")

        async def status() -> int:
            async with visitor.get("/api/v1/session") as answer:
                if answer.status == 429:
                    assert "1" == answer.headers["Retry-After"]
                return answer.status

        assert [200] * 4 + [429] == [await status() for _ in range(5)]
        other = await site.person("environment1")
        async with other.get("/api/v1/session") as answer:
            assert 200 == answer.status
        clock.advance(seconds=1)
        assert [200, 200, 429] == [await status() for _ in range(3)]
        await site.runner.cleanup()


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.9", ["198.51.100.1"], "192.0.2.9"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["203.0.113.7, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["203.0.113.7", "198.51.100.1, 10.0.0.6"], "198.51.100.1"),
        ("10.0.0.5", ["10.0.0.7, 10.0.0.6"], "10.0.0.7"),
        ("10.0.0.5", ["198.51.100.1, nonsense"], "10.0.0.5"),
        ("10.0.0.5", ["198.51.100.1, "], "10.0.0.5"),
        ("::ffff:10.0.0.5", ["2001:db8::1"], "2001:db8::1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_only_trusted_proxies_are_believed(
    remote: str, forwarded: list[str], expected: str
) -> None:
    """The last hop that is no proxy of ours counts; what it claims itself does not."""
    assert expected == client_address(remote, forwarded, networks(["10.0.0.0/24"]))


async def test_behind_a_proxy_each_has_the_own_limit(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """One address that asks too much does not lock out the others behind the same proxy."""
    file = folder / "county.toml"
    text = file.read_text().replace(
        "requests_per_second = 100000.0", "requests_per_second = 1.0", 1
    )
    text = text.replace("body_seconds", 'trusted_proxies = ["127.0.0.1"]\nbody_seconds', 1)
    file.write_text(text)
    async with County(read_settings(file), clock=clock) as county:
        site = await serve_county(county)
        visitor = site.visitor()
        statuses = []
        for client in ["198.51.100.1"] * 30 + ["198.51.100.2"]:
            forwarded = {"X-Forwarded-For": f"203.0.113.9, {client}"}
            async with visitor.get("/login", headers=forwarded) as answer:
                statuses.append(answer.status)
        assert [429, 200] == statuses[-2:]
        await site.runner.cleanup()


@pytest.mark.parametrize(
    "changed",
    [{"X-Device": "nobody"}, {"X-Timestamp": "1"}, {"X-Signature": "00"}, {"X-Signature": ""}],
)
async def test_wrong_headers_are_refused_before_the_body(
    site: Site, changed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a body is read for a device that it cannot be."""

    async def unread(_call: Call, _limit: int = 0) -> bytes:
        raise AssertionError("the body was read")

    await site.device()
    headers = {**site.signed(b"[]"), **changed, "Content-Type": "application/json"}
    monkeypatch.setattr(Call, "read", unread)
    async with site.visitor().post("/api/v1/observations", data=b"[]", headers=headers) as answer:
        assert 401 == answer.status


async def test_guesses_are_limited_before_the_body_or_the_store_is_touched(
    folder: Path, clock: StandingClock, serve_county: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong signatures lock out their device at that address alone, random sessions the address."""
    file = folder / "county.toml"
    file.write_text(
        file.read_text().replace("requests_per_second = 100000.0", "requests_per_second = 1.0", 1)
    )
    async with County(read_settings(file), clock=clock) as county:
        site = await serve_county(county)
        await site.device()
        wrong = {**site.signed(b"[]"), "X-Signature": "00" * 32}
        visitor, path, statuses = site.visitor(), "/api/v1/observations", []
        for _ in range(4):
            async with visitor.post(path, data=b"[]", headers=wrong) as answer:
                statuses.append(answer.status)
        assert [401, 401, 429, 429] == statuses
        await site.device("other")
        assert 429 != (await site.send([], code="other"))[0]
        looked_up: list[str] = []
        sessions = county.access.sessions

        async def look_up(token: str, *, in_use: bool = True) -> Session:
            looked_up.append(token)
            return await Sessions.look_up(sessions, token, in_use=in_use)

        monkeypatch.setattr(sessions, "look_up", look_up)
        for number in range(6):
            async with site.visitor(f"random-{number}").get("/api/v1/session") as answer:
                statuses.append(answer.status)
        assert 429 == statuses[-1]
        assert ["random-0"] == looked_up
        await site.runner.cleanup()


async def test_an_unexpected_failure_tells_nothing(site: Site) -> None:
    """A bug is answered 500 with the request's id and no details."""

    async def fail(_call: Call) -> web.StreamResponse:
        raise KeyError("secret detail")

    service = site.runner.app[SERVICE]
    for kind in ("api", "page"):
        route = Route("GET", "/fail", fail, PUBLIC, Text(zh="错", en="Fail"), kind)
        from county_gov.server.console.frame import draw_failure

        app = web.Application()
        app.router.add_get("/fail", guard(route, service, draw_failure))
        runner = web.AppRunner(app)
        await runner.setup()
        local = web.TCPSite(runner, "127.0.0.1", 0)
        await local.start()
        port = runner.addresses[0][1]
        async with site.visitor().get(f"http://127.0.0.1:{port}/fail") as answer:
            text = await answer.text()
        assert 500 == answer.status
        assert "secret" not in text
        assert answer.headers["X-Request-Id"] in text
        await runner.cleanup()
