"""Settings over HTTP and in the console: proposed by one person, approved by another."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from county_gov.deployment import County, read_settings
from county_gov.store import tables
from tests.intake.bad_inputs import BAD_INPUTS
from tests.server.conftest import Serve, Site
from tests.server.dam import APPROVE, LIMIT, PROPOSE, dam
from tests.server.desk import permit
from tests.server.test_bad_inputs import FORM, count
from tests.server.test_schemathesis import CHECKS
from tests.store_fixtures import StandingClock

NORTH = "990101001"
SOUTH = "990101002"
API = f"/api/v1/parameters/{LIMIT.id}"
PAGE = f"/parameters/{LIMIT.id}"
GIVEN = {"effective_from": "2023-11-15", "document": "示例文件", "number": "示〔2023〕1号"}


@pytest.fixture
async def site(folder: Path, clock: StandingClock, serve_county: Serve) -> AsyncIterator[Site]:
    """A county with the dam: dispatchers hold both permissions, the grid worker may propose."""
    permit(
        folder,
        dispatch_centre=(f"{PROPOSE}@area", f"{APPROVE}@area"),
        grid_worker=(f"{PROPOSE}@area",),
        operator=("core.parameters.read",),
    )
    settings = read_settings(folder / "county.toml")
    async with County(settings, clock=clock, plugins=[dam()]) as county:
        yield await serve_county(county)


async def post(
    visitor: aiohttp.ClientSession, path: str, body: object, key: str = ""
) -> tuple[int, Any]:
    """Send JSON as a program does; without a key, what goes to the same address has the same."""
    headers = {"Idempotency-Key": key or path}
    async with visitor.post(path, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def get(visitor: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    """Read JSON."""
    async with visitor.get(path) as answer:
        return answer.status, await answer.json()


async def read(visitor: aiohttp.ClientSession, path: str = PAGE) -> str:
    """A page's HTML."""
    async with visitor.get(path) as answer:
        assert 200 == answer.status
        return await answer.text()


async def send(visitor: aiohttp.ClientSession, action: str, **typed: str) -> tuple[int, str]:
    """Fill in a form of the parameter's page as a browser does, and follow to where it leads."""
    page = await read(visitor)
    form = re.search(
        rf'<form method="post" action="{re.escape(f"{PAGE}/{action}")}".*?</form>', page, re.DOTALL
    )
    assert form, f"no form for {action}"
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    async with visitor.post(f"{PAGE}/{action}", data={**hidden, **typed}) as answer:
        return answer.status, await answer.text()


async def test_a_value_goes_its_way_over_http(site: Site) -> None:
    """Proposed by one, approved by another, told with its document; each request once."""
    one, other = await site.person("dispatch1"), await site.person("dispatch2")
    status, proposed = await post(one, f"{API}/proposals", {**GIVEN, "value": 52.3})
    assert (200, 1, "open", 52.3) == (
        status,
        proposed["proposal"],
        proposed["state"],
        proposed["value"],
    )
    assert 1 == (await post(one, f"{API}/proposals", {**GIVEN, "value": 52.3}))[1]["proposal"]
    _, before = await get(one, API)
    assert (40.5, None) == (before["in_force"]["value"], before["in_force"]["effective_from"])
    assert 1 == before["parameter"]["waiting"]

    status, refused = await post(one, f"{API}/proposals/1/approve", {})
    assert (403, "urn:county-gov:problem:access-denied") == (status, refused["type"])
    status, approved = await post(other, f"{API}/proposals/1/approve", {})
    assert (200, "approved", "示范·乙") == (status, approved["state"], approved["decided_by"])
    assert 409 == (await post(other, f"{API}/proposals/1/reject", {"reason": "不"}, "x"))[0]

    _, found = await get(one, f"{API}?area={NORTH}")
    assert {
        "value": 52.3,
        "effective_from": "2023-11-15",
        "area": "",
        "subject": "",
        "document": "示例文件",
        "number": "示〔2023〕1号",
        "article": "",
        "proposed_by": "示范·甲",
        "approved_by": "示范·乙",
    } == found["in_force"]
    _, earlier = await get(one, f"{API}?on=2023-11-14")
    assert 40.5 == earlier["in_force"]["value"]
    _, listed = await get(one, "/api/v1/parameters")
    assert [LIMIT.id, "dam.mode"] == [each["id"] for each in listed["parameters"]]


async def test_who_may_do_what_over_http(site: Site) -> None:
    """Township, county, reader and stranger; what one may not see is not there."""
    county, town = await site.person("dispatch1"), await site.person("grid-zhiqiu")
    reader, stranger = await site.person("operator-zhiqiu"), await site.person("environment1")
    body = {**GIVEN, "value": 50.0}
    assert 401 == (await get(site.visitor(), API))[0]
    assert 404 == (await get(stranger, API))[0]
    assert {"parameters": []} == (await get(stranger, "/api/v1/parameters"))[1]
    assert 404 == (await post(stranger, f"{API}/proposals", body))[0]
    assert 403 == (await post(town, f"{API}/proposals", body))[0]
    assert 403 == (await post(reader, f"{API}/proposals", body))[0]
    assert 200 == (await post(town, f"{API}/proposals", {**body, "area": NORTH}))[0]
    assert 200 == (await post(county, f"{API}/proposals", {**body, "area": SOUTH}))[0]
    for visitor, seen in ((county, [NORTH, SOUTH]), (town, [NORTH]), (reader, [NORTH])):
        _, found = await get(visitor, API)
        assert seen == [one["area"] for one in found["proposals"]]
    assert 403 == (await post(town, f"{API}/proposals/1/approve", {}))[0]
    assert 404 == (await post(town, f"{API}/proposals/2/withdraw", {}))[0]
    assert 422 == (await get(town, f"{API}?area={SOUTH}"))[0]
    assert 200 == (await post(town, f"{API}/proposals/1/withdraw", {}, "w"))[0]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"value": 50.001}, ["value"]),
        ({"value": 1e300}, ["value"]),
        ({"value": "50"}, ["value"]),
        ({}, ["value"]),
        ({"value": 5, "ends": True}, ["value"]),
        ({"value": 5, "effective_from": "soon"}, ["effective_from"]),
        ({"value": 5, "effective_from": "2023-11-14"}, ["reason"]),
        ({"value": 5, "area": "nowhere"}, None),
        ({"value": 5, "more": 1}, ["body"]),
        ({"value": [5]}, ["body"]),
        ({"value": 5, "document": None}, ["body"]),
    ],
)
async def test_what_is_wrong_is_named_over_http(
    site: Site, body: dict[str, Any], places: list[str] | None
) -> None:
    """Each field with its problem; an area out of reach is denied."""
    status, said = await post(await site.person("dispatch1"), f"{API}/proposals", {**GIVEN, **body})
    if places is None:
        assert 403 == status
    else:
        assert (422, places) == (status, [one["place"] for one in said["problems"]])
    assert 0 == count(site, "parameter_proposals")


@pytest.mark.parametrize(
    "path",
    ["proposals", "proposals/1/approve", "proposals/1/reject", "proposals/1/withdraw"],
)
@pytest.mark.parametrize("way", ["api", "page"])
async def test_bad_bodies_decide_nothing(site: Site, way: str, path: str) -> None:
    """Each class of bad input as the body of each route: a 4xx, and nothing changes."""
    one, other = await site.person("dispatch1"), await site.person("dispatch2")
    await post(one, f"{API}/proposals", {**GIVEN, "value": 50.0})
    visitor = one if path.endswith("withdraw") else other
    address = f"{API if way == 'api' else PAGE}/{path}"
    wrong = []
    for each in BAD_INPUTS:
        own = each.content_type.startswith(("application/json", "text"))
        usual = "application/json" if way == "api" else FORM
        headers = {"Content-Type": usual if own else each.content_type}
        if way == "api":
            headers["Idempotency-Key"] = f"bad:{each.name}"[:200]
        async with visitor.post(
            address, data=io.BytesIO(each.body()), headers=headers, allow_redirects=False
        ) as answer:
            if not 400 <= answer.status < 500:
                wrong.append(f"{each.name}: {answer.status}")
    assert [] == wrong
    _, found = await get(one, API)
    assert [("open", 50.0)] == [(one["state"], one["value"]) for one in found["proposals"]]


async def test_the_page_lets_one_propose_and_another_approve(site: Site) -> None:
    """With plain forms; who proposed sees no button to approve."""
    one, other = await site.person("dispatch1"), await site.person("dispatch2")
    assert "没有等待批准的参数值" in await read(one, "/parameters")
    status, page = await send(one, "proposals", value="52.30", area="990101", **GIVEN)
    assert 200 == status
    assert "经另一人批准后生效" in page
    assert "/proposals/1/withdraw" in page
    assert "/proposals/1/approve" not in page
    assert "1 项参数值等他人批准" in await read(one, "/parameters")
    assert "1 项参数值等您批准" in await read(other, "/parameters")
    assert "待批准的参数值" in await read(other, "/")
    status, page = await send(other, "proposals/1/approve", confirmed="yes")
    assert 200 == status
    assert "汛限水位：52.30\xa0m" in page
    assert "/proposals/1/approve" not in page
    english = await read(one, f"{PAGE}?lang=en")
    assert "Flood limit: 52.30\xa0m" in english
    assert "Approved: 52.30\xa0m (Whole county, from 2023-11-15)" in english


async def test_what_was_typed_comes_back_with_what_is_wrong(site: Site) -> None:
    """Fields with their errors, in Chinese; nothing typed is lost."""
    one, other = await site.person("dispatch1"), await site.person("dispatch2")
    status, page = await send(
        one, "proposals", value="五十", area=NORTH, **{**GIVEN, "effective_from": "2023-11-01"}
    )
    assert 422 == status
    assert 'value="五十"' in page
    assert "应为数字" in page
    status, page = await send(
        one, "proposals", value="50", area=NORTH, **{**GIVEN, "effective_from": "2023-11-01"}
    )
    assert (422, True) == (status, "必填：生效日期早于今天" in page)
    status, _ = await send(
        one,
        "proposals",
        value="50",
        area=NORTH,
        reason="补录",
        **{**GIVEN, "effective_from": "2023-11-01"},
    )
    assert 200 == status
    status, page = await send(other, "proposals/1/reject", reason=" ")
    assert (422, True) == (status, "必填" in page)
    forms = {"idempotency_key": "late", "reason": "不"}
    await site.county.parameters.reject(
        await actor(site, "dispatch2"), f"{LIMIT.id}/1", reason="重复", key="first"
    )
    async with other.post(f"{PAGE}/proposals/1/approve", data=forms) as answer:
        assert 409 == answer.status
        assert "已有人办理了这项" in await answer.text()


async def test_an_areas_own_value_is_ended_on_the_page(site: Site) -> None:
    """Offered where an area has one; the value above counts again afterwards."""
    one, other = await site.person("dispatch1"), await site.person("dispatch2")
    assert "proposals?ends=1" not in await read(one)
    await send(one, "proposals", value="50", area=NORTH, **GIVEN)
    await send(other, "proposals/1/approve")
    status, page = await send(one, "proposals?ends=1", area=NORTH, **{**GIVEN, "document": ""})
    assert (422, True) == (status, 'id="action-end-document-error"' in page)
    status, _ = await send(one, "proposals?ends=1", area=NORTH, **GIVEN)
    assert 200 == status
    await send(other, "proposals/2/approve")
    assert "适用上级的值" in await read(one)
    found = await site.county.parameters.value(LIMIT.id, area=NORTH)
    assert found is not None
    assert 40.5 == found.value


async def actor(site: Site, login: str) -> Any:
    """Somebody as the county knows them."""
    from county_gov.store.access import account_of

    county = site.county

    def look(snapshot: Any) -> Any:
        row = account_of(snapshot, login=login)
        assert row is not None
        return county.access.actor(snapshot, row.number, county.clock.now())

    return county.store.read_now(look)


async def test_a_township_sees_its_own_forms_only(site: Site) -> None:
    """Only areas within reach can be chosen; what one may not do is not offered."""
    town, reader = await site.person("grid-zhiqiu"), await site.person("operator-zhiqiu")
    page = await read(town)
    assert f'value="{NORTH}"' in page
    assert f'value="{SOUTH}"' not in page
    assert 'value="990101"' not in page
    page = await read(town, "/parameters/dam.mode")
    assert "/proposals" not in page
    assert "没有值，无法判定" in page
    assert "/proposals" not in await read(reader)
    stranger = await site.person("environment1")
    assert "/parameters" not in await read(stranger, "/")
    async with stranger.get(PAGE) as answer:
        assert 404 == answer.status


async def test_those_who_may_approve_get_a_notice(site: Site) -> None:
    """Who holds a role with the permission, where it reaches; not who proposed."""
    await send(await site.person("dispatch1"), "proposals", value="50", area=NORTH, **GIVEN)
    columns = tables.outbox.c
    found = site.county.store.read_now(
        lambda snapshot: snapshot.rows(sa.select(columns.recipient, columns.subject))
    )
    assert {"dispatch2"} == {row.recipient for row in found}
    assert all("汛限水位 50.00 m" in row.subject for row in found)


async def test_settings_of_a_disabled_plugin_stay_to_be_read(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """The page and the interface show what was set; nothing can be done."""
    permit(folder, operator=("core.parameters.read",), dispatch_centre=(PROPOSE, APPROVE))
    settings = read_settings(folder / "county.toml")
    async with County(settings, clock=clock, plugins=[dam()]) as county:
        site = await serve_county(county)
        await post(await site.person("dispatch1"), f"{API}/proposals", {**GIVEN, "value": 52.3})
        await post(await site.person("dispatch2"), f"{API}/proposals/1/approve", {})
    file = folder / "county.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f'"{PROPOSE}", "{APPROVE}", ', ""), encoding="utf-8")
    async with County(read_settings(file), clock=clock) as county:
        site = await serve_county(county)
        reader = await site.person("operator")
        assert "插件未启用" in await read(reader, "/parameters")
        page = await read(reader)
        assert "52.3\xa0m" in page
        assert "/proposals" not in page
        _, found = await get(reader, API)
        assert (None, 52.3) == (found["in_force"], found["proposals"][0]["value"])
        assert 404 == (await post(reader, f"{API}/proposals", {**GIVEN, "value": 1.0}))[0]


async def test_without_settings_the_page_says_so(folder: Path, serve_county: Serve) -> None:
    """A county whose plugins bring no settings."""
    from tests.server.conftest import NOW

    permit(folder, operator=("core.parameters.read",))
    settings = read_settings(folder / "county.toml")
    async with County(settings, clock=StandingClock(NOW)) as county:
        site = await serve_county(county)
        visitor = await site.person("operator")
        assert "没有可设置的参数" in await read(visitor, "/parameters")
        assert 'href="/parameters"' not in await read(visitor, "/account")


@pytest.mark.service
async def test_the_interface_of_settings_keeps_its_word(site: Site, tmp_path: Path) -> None:
    """No 5xx, and nothing that the document does not name, whatever is sent."""
    await post(await site.person("dispatch1"), f"{API}/proposals", {**GIVEN, "value": 50.0})
    token = await site.token("dispatch2")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        f"{site.url}api/openapi.json",
        "--header",
        f"Cookie: county_session={token}",
        "--include-path-regex",
        "^/api/v1/parameters",
        "--checks",
        CHECKS,
        "--max-examples",
        "40",
        "--seed",
        "1",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert 0 == process.returncode, said.decode()[-6000:]
