"""Endpoints of plugins: behind the gate, within a size and a time, and their answers checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from county_gov.api import ContractError, Endpoint, EndpointContext, Request, Response, Text
from county_gov.deployment import County, read_settings
from county_gov.errors import DeploymentError
from county_gov.server import application
from county_gov.server.endpoints import CORE_HEADERS, check_response
from tests.server.conftest import Serve, Site
from tests.server.desk import Book, DeskPlugin, NoConfig, loaded, permit
from tests.store_fixtures import StandingClock

LEVEL = "/desk/v1/Things(aotizhongxin)"
TAKE = "/desk/v1/entries"


@pytest.fixture
def book() -> Book:
    """What the plugin was asked."""
    return Book()


def county_with(folder: Path, plugin: DeskPlugin, clock: StandingClock) -> County:
    """A county with the desk, whose permissions the demonstration's roles have."""
    return County(read_settings(folder / "county.toml"), clock=clock, plugins=[loaded(plugin)])


@pytest.fixture
async def desk(
    folder: Path, book: Book, clock: StandingClock, serve_county: Serve
) -> AsyncIterator[Site]:
    """A county with the desk, served."""
    permit(folder, dispatch_centre=("desk.use", "desk.read"), grid_worker=("desk.read",))
    async with county_with(folder, DeskPlugin(NoConfig(), book=book), clock) as county:
        yield await serve_county(county)


async def test_it_answers_within_the_scope_of_who_asks(desk: Site, book: Book) -> None:
    """The centre reads every datastream, a grid worker those of the own township."""
    found = {}
    for login in ("dispatch1", "grid-zhiqiu"):
        visitor = await desk.person(login)
        async with visitor.get(f"{LEVEL}?a=1&a=2", headers={"X-Own": "mine"}) as answer:
            assert 200 == answer.status
            found[login] = await answer.json()
    assert "aotizhongxin" == found["dispatch1"]["code"]
    assert 0 < found["grid-zhiqiu"]["streams"] < found["dispatch1"]["streams"]
    request = book.requests[0]
    assert ("GET", LEVEL, {"a": "2"}) == (request.method, request.path, dict(request.query))
    assert "mine" == request.headers["x-own"]
    assert "cookie" not in request.headers
    assert "示范·甲" == request.actor.name


async def test_answers_carry_the_headers_of_the_core_and_run_nothing(desk: Site) -> None:
    """Security headers and request id are there, and a browser runs nothing that is answered."""
    visitor = await desk.person("dispatch1")
    async with visitor.get(LEVEL) as answer:
        headers = answer.headers
    assert "nosniff" == headers["X-Content-Type-Options"]
    assert "no-store" == headers["Cache-Control"]
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["X-Request-Id"]
    assert "application/json" == headers["Content-Type"]
    async with visitor.head(LEVEL) as answer:
        assert 200 == answer.status


async def test_the_gate_asks_for_session_permission_and_origin(desk: Site, book: Book) -> None:
    """Nobody, somebody without the permission, and another site's page are refused."""
    async with desk.visitor().get(LEVEL) as answer:
        assert 401 == answer.status
        assert "application/problem+json" == answer.content_type
    officer = await desk.person("environment1")
    async with officer.get(LEVEL) as answer:
        assert 403 == answer.status
    visitor = await desk.person("dispatch1")
    async with visitor.post(TAKE, data=b"x", headers={"Origin": "https://evil.example"}) as answer:
        assert 403 == answer.status
    assert [] == book.requests


async def test_a_device_may_sign_where_the_endpoint_says_so(desk: Site, book: Book) -> None:
    """A signed request is taken, its credentials are not passed on; elsewhere it is refused."""
    await desk.device()
    body = b'{"level": 3}'
    signed = desk.signed(body, path=TAKE)
    async with desk.visitor().post(TAKE, data=body, headers=signed) as answer:
        assert 201 == answer.status
        assert "/desk/v1/entries/1" == answer.headers["Location"]
        assert body == await answer.read()
    (request,) = book.requests
    assert "device" == request.actor.kind
    assert not {"x-signature", "x-device", "x-timestamp"} & set(request.headers)
    async with desk.visitor().get(LEVEL, headers=desk.signed(b"", path=LEVEL)) as answer:
        assert 401 == answer.status


async def test_too_much_too_slow_and_encoded_bodies_are_refused(desk: Site) -> None:
    """The size is the endpoint's; a handler that hangs is cut off and told as 503."""
    visitor = await desk.person("dispatch1")
    for data, headers, status in (
        (b"x" * 1001, {}, 413),
        (b"x" * 1000, {}, 201),
        (b"x", {"Content-Encoding": "gzip"}, 415),
        (b"hang", {}, 503),
    ):
        async with visitor.post(TAKE, data=data, headers=headers, skip_auto_headers=()) as answer:
            assert status == answer.status, data[:10]
            if status >= 400:
                assert "application/problem+json" == answer.content_type
    async with visitor.put(TAKE, data=b"x") as answer:
        assert 405 == answer.status


async def test_a_wrong_answer_never_leaves(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """A plugin that sets a cookie is told as failed; after five times it is cut off."""
    permit(folder, dispatch_centre=("desk.use", "desk.read"))
    answer = Response(b"", headers={"Set-Cookie": "county_session=stolen"})
    plugin = DeskPlugin(NoConfig(), answer=answer)
    async with county_with(folder, plugin, clock) as county:
        site = await serve_county(county)
        visitor = await site.person("dispatch1")
        for _ in range(6):
            async with visitor.get(LEVEL) as said:
                assert 503 == said.status
                assert "Set-Cookie" not in said.headers
        assert 5 == len(plugin.book.requests)


async def test_it_is_listed_in_openapi(desk: Site) -> None:
    """The document has the endpoint with its path's part, its access and any body."""
    async with desk.visitor().get("/api/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    level = paths["/desk/v1/Things({code})"]["get"]
    assert "`desk.read`" == level["x-access"]
    assert ["code"] == [one["name"] for one in level["parameters"]]
    assert "*/*" in paths[TAKE]["post"]["requestBody"]["content"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v2/things", "belongs to the core"),
        ("/cases/export", "belongs to the core"),
        ("/static/x", "belongs to the core"),
        ("/{anything}/x", "belongs to the core"),
        ("/desk/entries", "is the address of page desk/entries"),
        ("/desk/v1/{any}", "is the address of endpoint desk.level"),
        ("/desk/v1/Things({other})", "is the address of endpoint desk.level"),
    ],
)
async def test_a_clash_refuses_the_start(
    folder: Path, clock: StandingClock, path: str, words: str
) -> None:
    """An address of the core, of a page or of another endpoint is told with the plugin."""
    permit(folder, dispatch_centre=("desk.read",))

    async def handler(_ctx: Any, _request: Any) -> Response:
        return Response()

    more = Endpoint("desk.more", Text(zh="更多"), "GET", path, "desk.read", handler)
    county = county_with(folder, DeskPlugin(NoConfig(), more=(more,)), clock)
    with pytest.raises(DeploymentError) as caught:
        application(county)
    found = [str(one) for one in caught.value.problems]
    assert any("endpoint desk.more" in one and words in one for one in found), found


async def test_a_public_endpoint_answers_anybody_with_what_is_public(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """Without a session nothing of the county's readings is seen; with one, what is one's own."""
    permit(folder, dispatch_centre=("desk.read",))

    async def count(ctx: EndpointContext, _request: Request) -> Response:
        streams = await ctx.read.datastreams()
        return Response.json([ctx.actor.account is None, len(streams)])

    more = Endpoint("desk.open", Text(zh="公开"), "GET", "/desk/v1/open", "", count, public=True)
    async with county_with(folder, DeskPlugin(NoConfig(), more=(more,)), clock) as county:
        site = await serve_county(county)
        async with site.visitor().get("/desk/v1/open") as answer:
            assert (200, [True, 0]) == (answer.status, await answer.json())
        async with (await site.person("dispatch1")).get("/desk/v1/open") as answer:
            nobody, streams = await answer.json()
            assert not nobody
            assert 0 < streams


async def test_bad_input_closes_a_public_endpoint_for_nobody(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """A handler that raises is told each time, and a key that is none is the caller's fault."""

    async def report(ctx: EndpointContext, request: Request) -> Response:
        await ctx.read.cases(limit=request.query.get("limit", 1))  # type: ignore[arg-type]
        case = await ctx.plugin.open_case(
            "sensors.pollution",
            title="群众反映",
            area="990101001001001",
            subject="aotizhongxin.pm25",
            data={},
            idempotency_key=request.query["key"],
        )
        return Response.json(case.id)

    title = Text(zh="公开")
    more = Endpoint("desk.open", title, "GET", "/desk/v1/open", "", report, public=True)
    async with county_with(folder, DeskPlugin(NoConfig(), more=(more,)), clock) as county:
        site = await serve_county(county)
        visitor, statuses, said = site.visitor(), [], ""
        for query in (*["", "limit=x"] * 3, "key=", f"key={'k' * 201}", "key=k"):
            async with visitor.get(f"/desk/v1/open?{query}") as answer:
                statuses.append(answer.status)
                said = await answer.text()
        failures = county.gateway.circuit("desk", "endpoint desk.open").failures

    assert [*[503] * 6, 422, 422, 200] == statuses, said
    assert 6 == failures


@pytest.mark.parametrize(("permission", "public"), [("", False), ("desk.read", True)])
def test_an_endpoint_has_a_permission_or_is_public(permission: str, public: bool) -> None:
    """Neither and both are refused."""

    async def handler(_ctx: EndpointContext, _request: Request) -> Response:
        return Response()

    with pytest.raises(ContractError, match="public=True"):
        Endpoint("desk.more", Text(zh="更"), "GET", "/a/b", permission, handler, public=public)


@pytest.mark.parametrize(
    "path",
    [
        *("levels", "/a b", "/a/{B}", "/a/{x:.*}", "/a/{x}/{x}", "/a/{x", "/a?b", "/a#b", "/é"),
        *("", "{x}/a", "/{x}{y}", "/" + "a" * 200),
    ],
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    """Only letters, digits and names in braces."""

    async def handler(_ctx: Any, _request: Any) -> Response:
        return Response()

    with pytest.raises(ContractError, match="the path"):
        Endpoint("desk.more", Text(zh="更多"), "GET", path, "desk.read", handler)


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (None, "expected a Response"),
        (Response(status=99), "status"),
        (Response(status=101), "status"),
        (Response(status=600), "status"),
        (Response(status=True), "status"),
        (Response(body="text"), "body"),  # type: ignore[arg-type]
        (Response(media_type="json"), "media_type"),
        (Response(media_type="text/" + "a" * 196), "media_type"),
        (Response(media_type="text/html\r\nX: y"), "media_type"),
        (Response(headers={"X-A": "a\r\nb"}), "header"),
        (Response(headers={"X A": "b"}), "header"),
        (Response(headers={"X-A": "\u4e2d"}), "header"),
        *((Response(headers={name: "x"}), "set by the core") for name in sorted(CORE_HEADERS)),
    ],
)
def test_answers_are_checked(response: object, words: str) -> None:
    """Status, body, media type and headers; each refusal says which."""
    with pytest.raises(ContractError, match=words):
        check_response(response)


def test_sound_answers_pass() -> None:
    """JSON, an empty answer, a redirect."""
    for one in (
        Response.json({"a": 1}),
        Response(status=204),
        Response(status=302, headers={"Location": "/desk/entries"}),
        Response(b"a;b", media_type="text/csv; charset=utf-8"),
    ):
        check_response(one)
