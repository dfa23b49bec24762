"""Every class of bad input on the routes that write records: a clear 4xx, and nothing is kept."""

from __future__ import annotations

import io
from collections.abc import Mapping

import aiohttp
import pytest
import sqlalchemy as sa
from attrs import frozen

from county_gov.deployment import County
from county_gov.server.application import CORE_ROUTES
from county_gov.server.openapi import plain_path
from county_gov.store import Snapshot, tables
from tests.intake.bad_inputs import BAD_INPUTS
from tests.server.conftest import Site
from tests.server.records.conftest import PUMP, put

FORM = "application/x-www-form-urlencoded"
BOUNDARY = "multipart/form-data; boundary=line"
WRITING = {"Idempotency-Key": "k", "If-Match": "*"}


@frozen
class Write:
    """A route that writes, and what is sent to it beside the bad body."""

    path: str
    method: str = "POST"
    media: str = FORM
    headers: Mapping[str, str] = {}


WRITES = (
    Write("/api/v1/records/depot.pumps/P1", "PUT", "application/json", WRITING),
    Write("/api/v1/records/depot.pumps/import", media="text/csv"),
    Write("/records/depot.pumps/new"),
    Write("/records/depot.pumps/rows/P1/edit"),
    Write("/records/depot.pumps/rows/P1/remove"),
    Write("/records/depot.pumps/import", media=BOUNDARY),
    Write("/records/depot.pumps/import/1/apply", media=FORM),
)
PATTERNS = {
    one.path.replace("depot.pumps", "{dataset}").replace("P1", "{key}").replace("/1/", "/{id}/")
    for one in WRITES
}


def test_every_write_route_is_tried() -> None:
    """A new route that writes records has to be added above."""
    written = {
        plain_path(one.path)
        for one in CORE_ROUTES
        if one.method in ("POST", "PUT") and "/records" in one.path
    }
    assert written == PATTERNS


def state(county: County) -> list[tuple[object, ...]]:
    """All rows and their history."""

    def read(snapshot: Snapshot) -> list[tuple[object, ...]]:
        rows = snapshot.rows(sa.text("SELECT * FROM r_depot_pumps"))
        return [*map(tuple, rows), *map(tuple, snapshot.rows(sa.select(tables.record_history)))]

    return county.store.read_now(read)


async def posted(visitor: aiohttp.ClientSession, write: Write, body: bytes, media: str) -> int:
    """The status of the answer."""
    headers = {"Content-Type": media, **write.headers}
    async with visitor.request(
        write.method, write.path, data=io.BytesIO(body), headers=headers, allow_redirects=False
    ) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("write", WRITES, ids=lambda one: f"{one.method} {one.path}")
async def test_bad_bodies_change_nothing(site: Site, county: County, write: Write) -> None:
    """Each class as the body of each route: a 4xx, and no row is other than before."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-head")
    before = state(county)
    wrong = []
    for one in BAD_INPUTS:
        own = one.content_type.startswith(("application/json", "text"))
        status = await posted(visitor, write, one.body(), write.media if own else one.content_type)
        if not 400 <= status < 500:
            wrong.append(f"{one.name}: {status}")
    assert [] == wrong
    assert before == state(county)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--line--\r\n",
        b"--line\r\n\r\n",
        b'--line\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--line--\r\n',
        b'--line\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--line--\r\n',
        b'--line\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nx',
        b"--line\r\n" + b"A: b\r\n" * 5000 + b"\r\nx\r\n--line--\r\n",
        b"--line\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx\r\n--in--\r\n",
        b"--other\r\n\r\nx\r\n--other--\r\n",
        b"\x00\xff" * 300,
        b"--line\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-16''%ff\r\n"
        b"\r\nx\r\n--line--\r\n",
    ],
)
async def test_broken_forms_with_files_are_refused(site: Site, body: bytes) -> None:
    """Parts that are missing, nested, cut off or unnamed."""
    visitor = await site.person("store-head")
    write = Write("/records/depot.pumps/import")
    assert 400 <= await posted(visitor, write, body, BOUNDARY) < 500


async def test_a_file_that_is_too_large_is_refused(site: Site) -> None:
    """More than 10 MB is not read to its end."""
    visitor = await site.person("store-head")
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"x" * (10 * 1024 * 1024 + 1)), filename="big.csv")
    async with visitor.post("/records/depot.pumps/import", data=form) as answer:
        assert 413 == answer.status
