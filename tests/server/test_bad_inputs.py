"""Every class of bad input on every route that writes: a clear answer, never a 5xx, never kept."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import pytest
import sqlalchemy as sa
from attrs import frozen

from county_gov.server.application import CORE_ROUTES
from county_gov.server.openapi import plain_path
from county_gov.store import Snapshot, tables
from tests.intake.bad_inputs import BAD_INPUTS
from tests.server.conftest import Site
from tests.server.records.test_bad_bodies import PATTERNS as RECORD_WRITES

STATUS = {"MalformedDelivery": 400, "DeliveryTooLarge": 413, "UnsupportedWireFormat": 415}
FORM = "application/x-www-form-urlencoded"
LONGEST_FORM = 65_536
"""Bytes that a form may have."""
EVERYTHING = ("areas", "cases", "case_events", "quarantine", "sessions", "accounts", "outbox")


def count(site: Site, name: str) -> int:
    """How many rows a table has."""

    def read(snapshot: Snapshot) -> int:
        table = tables.metadata.tables[name]
        return int(snapshot.scalar(sa.select(sa.func.count()).select_from(table)))

    return site.county.store.read_now(read)


def stored(site: Site, code: str) -> int:
    """How many readings a datastream has."""
    county = site.county
    number = county.registers.snapshot.number(code)
    return county.store.read_now(
        lambda snapshot: len(county.observations.read(snapshot, number, 0, 2**62))
    )


async def test_every_class_is_refused_or_quarantined(site: Site) -> None:
    """What cannot be read is refused whole; one bad row costs none of the good ones."""
    await site.device()
    visitor = site.visitor()
    wrong: list[str] = []
    for one in BAD_INPUTS:
        body = one.body()
        headers = {**site.signed(body), "Content-Type": one.content_type}
        async with visitor.post(
            "/api/v1/observations", data=io.BytesIO(body), headers=headers
        ) as answer:
            said = await answer.json()
            media = answer.content_type
        if one.kind == "refused":
            right = answer.status == STATUS[one.code] and media == "application/problem+json"
            right = right and said["status"] == answer.status and bool(said["detail"])
        else:
            codes = {reason["code"] for reason in said.get("reasons", [])}
            kept = said.get("accepted", 0) + said.get("duplicate", 0) + said.get("revised", 0)
            right = answer.status == 200 and one.code in codes and kept == one.good
        if not right:
            wrong.append(f"{one.name}: {answer.status} {json.dumps(said)[:200]}")
    assert [] == wrong
    assert 0 == stored(site, "test.retired")
    assert stored(site, "test.pm25") <= 4


@frozen
class WriteRoute:
    """A route that writes, and what is sent to it beside the bad body."""

    path: str
    media: str = "application/json"
    headers: Mapping[str, str] = {}


WRITES = (
    WriteRoute("/api/v1/session"),
    WriteRoute("/api/v1/cases/1/events/dispatch", headers={"Idempotency-Key": "k"}),
    WriteRoute("/api/v1/commands/desk.enter", headers={"Idempotency-Key": "k"}),
    WriteRoute("/api/v1/quarantine/1/retry"),
    WriteRoute("/api/v1/quarantine/1/dismiss"),
    WriteRoute("/login", "application/x-www-form-urlencoded"),
    WriteRoute("/cases/1/events/dispatch", "application/x-www-form-urlencoded"),
    WriteRoute("/quarantine/1/retry", "application/x-www-form-urlencoded"),
    WriteRoute("/quarantine/1/dismiss", "application/x-www-form-urlencoded"),
    WriteRoute("/api/v1/outbox/1/requeue"),
    WriteRoute("/api/v1/jobs/dam.limit/runs", headers={"Idempotency-Key": "k"}),
    WriteRoute("/jobs/dam.limit/runs", FORM),
    WriteRoute("/api/v1/parameters/dam.limit/proposals", headers={"Idempotency-Key": "k"}),
    WriteRoute("/api/v1/parameters/dam.limit/proposals/7/approve"),
    WriteRoute("/api/v1/parameters/dam.limit/proposals/7/reject"),
    WriteRoute("/api/v1/parameters/dam.limit/proposals/7/withdraw"),
    WriteRoute("/parameters/dam.limit/proposals", FORM),
    WriteRoute("/parameters/dam.limit/proposals/7/approve", FORM),
    WriteRoute("/parameters/dam.limit/proposals/7/reject", FORM),
    WriteRoute("/parameters/dam.limit/proposals/7/withdraw", FORM),
    WriteRoute("/api/v1/plugins/desk/missed-events/deliver"),
    WriteRoute("/api/v1/plugins/missed-events/1/deliver"),
    WriteRoute("/plugins/desk/missed-events/deliver", FORM),
    WriteRoute("/plugins/missed-events/1/deliver", FORM),
    WriteRoute("/outbox/1/requeue", "application/x-www-form-urlencoded"),
    WriteRoute("/language", "application/x-www-form-urlencoded"),
    WriteRoute("/account/password", "application/x-www-form-urlencoded"),
    WriteRoute("/logout", "application/x-www-form-urlencoded"),
    WriteRoute("/account/sessions/0123456789abcdef/end", "application/x-www-form-urlencoded"),
)


def test_every_write_route_is_tried() -> None:
    """A new route that writes has to be added above."""
    written = {plain_path(one.path) for one in CORE_ROUTES if one.method in ("POST", "PUT")}
    patterns = {
        one.path.replace("/1/", "/{id}/")
        .replace("/dispatch", "/{event}")
        .replace("/desk.enter", "/{command}")
        .replace("/dam.limit/", "/{id}/")
        .replace("/plugins/desk/", "/plugins/{name}/")
        .replace("/7/", "/{number}/")
        .replace("/0123456789abcdef/", "/{id}/")
        for one in WRITES
    }
    assert written == patterns | RECORD_WRITES | {"/api/v1/observations"}


def may_be_taken(route: WriteRoute, body: bytes, media: str) -> bool:
    """Whether a body is none of a route's business: it is answered as if it were empty.

    Logging out reads no body. The choice of a language takes any form and keeps what it was, where
    the form does not say.
    """
    if route.path == "/language":
        return media == FORM and body.isascii() and len(body) <= LONGEST_FORM
    return route.path == "/logout"


@pytest.mark.parametrize("route", WRITES, ids=lambda route: route.path)
async def test_bad_bodies_change_nothing(site: Site, route: WriteRoute) -> None:
    """Each class as the body of each route: a 4xx with a reason, and nothing changes."""
    await site.case()
    await site.send([{"datastream": "nowhere", "time": 0, "value": 1}])
    visitor = await site.person("operator" if "quarantine" in route.path else "dispatch1")
    before = {name: count(site, name) for name in EVERYTHING}
    wrong: list[str] = []
    for one in BAD_INPUTS:
        own = one.content_type.startswith(("application/json", "text"))
        media = route.media if own else one.content_type
        headers = {"Content-Type": media, **route.headers}
        async with visitor.post(
            route.path, data=io.BytesIO(one.body()), headers=headers, allow_redirects=False
        ) as answer:
            text = await answer.text()
        taken = may_be_taken(route, one.body(), media)
        if not (answer.status == 303 if taken else 400 <= answer.status < 500):
            wrong.append(f"{one.name}: {answer.status} {text[:200]}")
    assert [] == wrong
    after = {name: count(site, name) for name in EVERYTHING}
    if route.path == "/logout":
        before["sessions"] -= 1
    assert before == after
