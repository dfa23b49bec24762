"""The OpenAPI document and the reference against the router: nothing more, nothing less."""

from __future__ import annotations

import re
import runpy
import time
from pathlib import Path

from county_gov.server.application import CORE_ROUTES
from county_gov.server.openapi import api_routes, document, plain_path, statuses_of
from tests.server.conftest import Site
from tests.store_fixtures import StandingClock

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"
ROW = re.compile(r"^\| `(GET|POST|PUT|DELETE) ([^`]+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


async def test_the_document_is_the_router(site: Site) -> None:
    """Every API route of the router is described, and every description has its route."""
    async with site.visitor().get("/api/openapi.json") as answer:
        described = await answer.json()
    app = site.runner.app
    assert app is not None
    registered = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    for_programs = {one for one in registered if one[1].startswith("/api/")}
    found = {
        (method.upper(), path)
        for path, operations in described["paths"].items()
        for method in operations
    }
    health = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}
    assert for_programs | health == found
    assert "3.1.0" == described["openapi"]


def test_references_lead_somewhere() -> None:
    """Each ``$ref`` names a schema of the document, and operation ids are unique."""
    made = document(CORE_ROUTES, title="t", version="0", cookie="c")
    names = re.findall(r"#/components/schemas/(\w+)", str(made))
    assert set(names) <= set(made["components"]["schemas"])
    identifiers = [one["operationId"] for path in made["paths"].values() for one in path.values()]
    assert len(set(identifiers)) == len(identifiers)


def test_the_reference_lists_every_route() -> None:
    """docs/reference/http.md has one line for each route, with who may call it and what it does."""
    text = REFERENCE.read_text(encoding="utf-8")
    documented = {(method, path): (who, what) for method, path, who, what in ROW.findall(text)}
    expected = {
        (one.method, plain_path(one.path)): (one.gate.words, one.summary.in_language("en"))
        for one in CORE_ROUTES
    }
    assert expected == documented


def test_the_reference_explains_every_status() -> None:
    """Each status that a route may answer is explained in the reference."""
    text = REFERENCE.read_text(encoding="utf-8")
    statuses = {status for one in api_routes(CORE_ROUTES) for status in statuses_of(one)}
    explained = {int(status) for status in re.findall(r"^\| (\d{3}) \|", text, re.MULTILINE)}
    assert statuses <= explained


def test_the_reference_names_every_parameter() -> None:
    """Each query parameter and header stands in the reference."""
    text = REFERENCE.read_text(encoding="utf-8")
    for one in CORE_ROUTES:
        for name in (*(each.name for each in one.parameters), *(each for each, _ in one.headers)):
            assert f"`{name}`" in text, f"{one.name}: {name}"


async def test_the_example_signs(site: Site, tmp_path: Path, clock: StandingClock) -> None:
    """The reference's example makes a signature that is let in."""
    clock.instant = time.time_ns() // 1000
    code = re.search(r"```python\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    (tmp_path / "example.py").write_text(code[1], encoding="utf-8")
    signed = runpy.run_path(str(tmp_path / "example.py"))["signed"]
    await site.device()
    body = b'[{"datastream":"aotizhongxin.pm25","time":"2023-11-14T20:00:00Z","value":1}]'
    headers = {**signed(site.keys["station"], "station", body), "Content-Type": "application/json"}
    async with site.visitor().post("/api/v1/observations", data=body, headers=headers) as answer:
        assert (200, 1) == (answer.status, (await answer.json())["accepted"])
