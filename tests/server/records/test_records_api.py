"""Records over HTTP: the catalogue, rows, their history, and what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from county_gov.contract.dataset import VALID_FROM
from county_gov.deployment import County
from tests.server.conftest import Site
from tests.server.records.conftest import OTHER, PUMP, put

PUMPS = "/api/v1/records/depot.pumps"
TARIFFS = "/api/v1/records/depot.tariffs"
NEW = {"Idempotency-Key": "one", "If-None-Match": "*"}
ANY = {"Idempotency-Key": "one", "If-Match": "*"}


async def ask(
    visitor: aiohttp.ClientSession, path: str, method: str = "GET", **options: Any
) -> tuple[int, Any]:
    """The status and the answer."""
    async with visitor.request(method, URL(path, encoded=True), **options) as answer:
        return answer.status, await answer.json()


def tariff(day: str, price: float, hour: int = 8) -> dict[str, Any]:
    """A price from a day on."""
    return {"pump": "P1", "hour": hour, "price": price, VALID_FROM: day}


async def test_the_catalogue(site: Site, county: County) -> None:
    """It names the datasets that one may read, with fields, and counts within one's area."""
    await put(county, "depot.pumps", PUMP, OTHER)
    _status, said = await ask(await site.person("store-head"), "/api/v1/records")
    found = {one["id"]: one for one in said["datasets"]}
    assert ["depot.ministry", "depot.pumps", "depot.tariffs"] == sorted(found)
    flow = next(one for one in found["depot.pumps"]["fields"] if one["name"] == "flow")
    assert ("流量", "m³/h", 1, 5000.0) == tuple(
        flow[name] for name in ("title", "unit", "decimals", "maximum")
    )
    assert ["pump", "hour", VALID_FROM] == found["depot.tariffs"]["key"]
    _status, own = await ask(await site.person("store-zhiqiu"), "/api/v1/records?lang=en")
    pumps = next(one for one in own["datasets"] if one["id"] == "depot.pumps")
    assert (2, 1, "Pumps") == (found["depot.pumps"]["count"], pumps["count"], pumps["title"])


async def test_a_row_comes_exact_and_with_its_version(site: Site, county: County) -> None:
    """Instants are RFC 3339, numbers have their decimals, the version is the ETag."""
    await put(county, "depot.pumps", {**PUMP, "flow": 350.0})
    visitor = await site.person("store-head")
    async with visitor.get(f"{PUMPS}/P1") as answer:
        text = await answer.text()
        said = await answer.json()
        assert '"1"' == answer.headers["ETag"]
    assert '"flow":350.0' in text
    assert ("2023-07-22T04:26:40Z", "2020-05-01", True, "张三丰") == tuple(
        said["values"][name] for name in ("checked_at", "bought", "ready", "keeper")
    )


async def test_lists_are_narrowed_ordered_and_paged(site: Site, county: County) -> None:
    """Each field and a text narrow the list; the total counts what is on no page."""
    rows = [{**PUMP, "code": f"P{n}", "flow": 10.0 * n, "ready": n % 2 == 0} for n in range(1, 6)]
    await put(county, "depot.pumps", *rows)
    visitor = await site.person("store-head")
    for query, keys, total in (
        ("", ["P1", "P2", "P3", "P4", "P5"], 5),
        ("where[ready]=true&sort=-flow", ["P4", "P2"], 2),
        ("where[flow]=30", ["P3"], 1),
        ("where[state]=worn", [], 0),
        ("one_of[code]=P1,P3", ["P1", "P3"], 2),
        ("from[flow]=20&until[flow]=30", ["P2", "P3"], 2),
        ("missing=keeper,unit", [], 0),
        ("after=P3", ["P4", "P5"], 5),
        ("text=P5", ["P5"], 1),
        ("within=990101", ["P1", "P2", "P3", "P4", "P5"], 5),
        ("within=990101002", [], 0),
        ("sort=-code&limit=2&offset=1", ["P4", "P3"], 5),
    ):
        status, said = await ask(visitor, f"{PUMPS}?{query}")
        assert (200, keys, total) == (
            status,
            [one["key"] for one in said["records"]],
            said["total"],
        )


@pytest.mark.parametrize(
    "query",
    [
        "where[colour]=red",
        "where[flow]=much",
        "where[flow]=",
        "one_of[flow]=1,much",
        "from[name]=a",
        "missing=colour",
        "after=a/b",
        "after=P1&sort=code",
        "where[code]=a&where[code]=b",
        "sort=colour",
        "order=code",
        "on=yesterday",
        "limit=0",
        "where[]=1",
    ],
)
async def test_what_cannot_be_asked_is_named(site: Site, query: str) -> None:
    """Unknown fields, orders and days are refused with their place."""
    path = TARIFFS if query.startswith("on=") else PUMPS
    status, said = await ask(await site.person("store-head"), f"{path}?{query}")
    assert (422, True) == (status, bool(said["problems"]))


async def test_a_row_is_written_once_and_by_version(site: Site) -> None:
    """Adding, changing and removing; the same key does it once, an old version is a conflict."""
    visitor = await site.person("store-head")
    body = {"values": {name: value for name, value in PUMP.items() if name != "code"}}
    for _again in range(2):
        status, said = await ask(visitor, f"{PUMPS}/P1", "PUT", json=body, headers=NEW)
        assert (200, 1) == (status, said["version"]), said
    again = {"Idempotency-Key": "two", "If-None-Match": "*"}
    status, said = await ask(visitor, f"{PUMPS}/P1", "PUT", json=body, headers=again)
    assert (409, 1) == (status, said["version"])
    change = {"values": {"flow": 99.5}}
    match = {"Idempotency-Key": "three", "If-Match": '"1"'}
    status, said = await ask(visitor, f"{PUMPS}/P1", "PUT", json=change, headers=match)
    assert (200, 2, 99.5, "一号泵") == (
        status,
        said["version"],
        said["values"]["flow"],
        said["values"]["name"],
    )
    status, said = await ask(
        visitor, f"{PUMPS}/P1", "PUT", json={"values": {"flow": 1}}, headers=match
    )
    assert (422, "idempotency") == (status, said["code"])
    old = {"Idempotency-Key": "four", "If-Match": '"1"'}
    status, said = await ask(visitor, f"{PUMPS}/P1", "DELETE", headers=old)
    assert (409, 2) == (status, said["version"])
    for _again in range(2):
        now = {"Idempotency-Key": "five", "If-Match": '"2"'}
        assert (200, {"done": True}) == await ask(visitor, f"{PUMPS}/P1", "DELETE", headers=now)
    status, _said = await ask(visitor, f"{PUMPS}/P1")
    assert 404 == status
    _status, said = await ask(visitor, f"{PUMPS}/P1/history")
    assert ["removed", "changed", "added"] == [one["change"] for one in said["revisions"]]
    assert (["flow"], 350.5, 99.5) == (
        said["revisions"][1]["changed"],
        said["revisions"][1]["before"]["flow"],
        said["revisions"][1]["after"]["flow"],
    )


async def test_all_that_is_wrong_is_named_at_once(site: Site) -> None:
    """Each field with its own reason, and fields that there are not."""
    visitor = await site.person("store-head")
    wrong = {**PUMP, "flow": -1, "state": "rusty", "area": "123", "colour": "red", "name": ""}
    status, said = await ask(visitor, f"{PUMPS}/P1", "PUT", json={"values": wrong}, headers=NEW)
    assert 422 == status
    assert {"flow", "state", "name", "colour"} <= {one["place"] for one in said["problems"]}


@pytest.mark.parametrize(
    ("headers", "values", "status"),
    [
        ({}, {}, 422),
        ({"Idempotency-Key": "k"}, PUMP, 422),
        ({"Idempotency-Key": "k", "If-Match": "new"}, PUMP, 422),
        (NEW, {**PUMP, "code": "P9"}, 422),
        (NEW, {"code": "P1"}, 422),
    ],
)
async def test_a_write_says_what_it_means(
    site: Site, headers: dict[str, str], values: dict[str, Any], status: int
) -> None:
    """Key, version and the row itself must be said, and be the same everywhere."""
    visitor = await site.person("store-head")
    body = {"values": values}
    found, said = await ask(visitor, f"{PUMPS}/P1", "PUT", json=body, headers=headers)
    assert status == found, said


async def test_keys_of_several_fields_and_days(site: Site, county: County) -> None:
    """The parts of a key stand behind each other; without a day it is the row of today."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-head")
    for number, (day, price) in enumerate((("2023-01-01", 1.5), ("2024-01-01", 2.25))):
        headers = {"Idempotency-Key": f"t{number}", "If-None-Match": "*"}
        key = quote(f"P1/8/{day}", safe="")
        body = {"values": {"price": price}}
        status, said = await ask(visitor, f"{TARIFFS}/{key}", "PUT", json=body, headers=headers)
        assert (200, f"P1/8/{day}") == (status, said["key"]), said
    for query, price in (("", 1.5), ("?on=2024-06-01", 2.25)):
        _status, said = await ask(visitor, f"{TARIFFS}/P1%2F8{query}")
        assert price == said["values"]["price"]
    status, _said = await ask(visitor, f"{TARIFFS}/P1%2F8?on=2022-01-01")
    assert 404 == status
    _status, said = await ask(visitor, f"{TARIFFS}?on=all")
    assert 2 == said["total"]
    _status, said = await ask(visitor, f"{TARIFFS}/P1%2F8/history")
    assert 2 == len(said["revisions"])


async def test_rows_of_other_areas_are_not_there(site: Site, county: County) -> None:
    """Another township's row is in no list, at no address, and cannot be written."""
    await put(county, "depot.pumps", PUMP, OTHER)
    visitor = await site.person("store-zhiqiu")
    _status, said = await ask(visitor, PUMPS)
    assert (["P1"], 1) == ([one["key"] for one in said["records"]], said["total"])
    for path in (f"{PUMPS}/P2", f"{PUMPS}/P2/history"):
        status, _said = await ask(visitor, path)
        assert 404 == status, path
    match = {"Idempotency-Key": "x", "If-Match": '"1"'}
    status, _said = await ask(visitor, f"{PUMPS}/P2", "DELETE", headers=match)
    assert 404 == status
    body = {"values": {**OTHER, "code": "P3"}}
    status, _said = await ask(visitor, f"{PUMPS}/P3", "PUT", json=body, headers=NEW)
    assert 403 == status


@pytest.mark.parametrize("dataset", ["depot.secret", "depot.nothing", "sensors.air"])
async def test_other_datasets_are_not_there(site: Site, dataset: str) -> None:
    """What one may not read is answered as what does not exist."""
    visitor = await site.person("store-head")
    for path in ("", "/K", "/K/history"):
        status, said = await ask(visitor, f"/api/v1/records/{dataset}{path}")
        assert (404, "urn:county-gov:problem:not-found") == (status, said["type"])
    status, _said = await ask(
        visitor, f"/api/v1/records/{dataset}/K", "PUT", json={"values": {}}, headers=NEW
    )
    assert 404 == status


async def test_who_only_reads_does_not_write(site: Site, county: County) -> None:
    """Without the permission, and where another system decides, writing is refused."""
    await put(county, "depot.pumps", PUMP)
    body = {"values": PUMP}
    reader = await site.person("store-reader")
    status, _said = await ask(reader, f"{PUMPS}/P1", "PUT", json=body, headers=NEW)
    assert 403 == status
    head = await site.person("store-head")
    row = {"values": {"code": "M1", "name": "x"}}
    path = "/api/v1/records/depot.ministry/M1"
    status, _said = await ask(head, path, "PUT", json=row, headers=NEW)
    assert 403 == status
    status, _said = await ask(site.visitor(), PUMPS)
    assert 401 == status


async def test_personal_fields_are_masked(site: Site, county: County) -> None:
    """Who lacks the permission sees the first character; sent back so, the name stays."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-zhiqiu")
    _status, said = await ask(visitor, f"{PUMPS}/P1")
    assert ("张**", ["keeper"]) == (said["values"]["keeper"], said["masked"])
    match = {"Idempotency-Key": "m", "If-Match": '"1"'}
    body = {"values": {**said["values"], "remark": "已检修"}}
    status, said = await ask(visitor, f"{PUMPS}/P1", "PUT", json=body, headers=match)
    assert (200, "已检修") == (status, said["values"]["remark"]), said
    _status, said = await ask(await site.person("store-head"), f"{PUMPS}/P1")
    assert ("张三丰", []) == (said["values"]["keeper"], said["masked"])


async def test_the_document_describes_the_rows(site: Site) -> None:
    """OpenAPI has a schema for each dataset that one may read, and for no other."""
    _status, said = await ask(await site.person("store-head"), "/api/openapi.json")
    schemas = said["components"]["schemas"]
    flow = schemas["depot.pumps"]["properties"]["flow"]
    assert ("number", 0.1, 0, 5000, "m³/h") == tuple(
        flow[name] for name in ("type", "multipleOf", "minimum", "maximum", "x-unit")
    )
    assert ["new", "worn"] == schemas["depot.pumps"]["properties"]["state"]["enum"]
    assert "depot.secret" not in schemas
    _status, said = await ask(site.visitor(), "/api/openapi.json")
    assert "depot.pumps" not in said["components"]["schemas"]


HEAD = "编号,名称,所在区域,流量,状况\n"


async def test_a_file_is_looked_at_and_taken(site: Site, county: County) -> None:
    """A preview changes nothing; importing takes the good rows and hands the others back."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-head")
    text = f"{HEAD}P1,一号泵,990101001,99.5,worn\nP7,七号泵,990101001,1,new\nP8,,990101001,x,new\n"
    csv = {"Content-Type": "text/csv"}
    number = 0
    for query, applied in (("?preview=1", False), ("", True)):
        status, said = await ask(
            visitor, f"{PUMPS}/import{query}", "POST", data=text.encode(), headers=csv
        )
        assert (200, applied, 1, 1, 1) == (
            status,
            said["applied"],
            said["added"],
            said["changed"],
            said["rejected"],
        ), said
        outcomes = {one["key"]: one for one in said["rows"]}
        assert ({"flow": 350.5, "state": "new"}, {"flow": 99.5, "state": "worn"}) == (
            outcomes["P1"]["before"],
            outcomes["P1"]["after"],
        )
        fields = {one["field"] for one in outcomes["P8"]["problems"]}
        assert {"name", "flow"} == fields
        number = said["id"]
        _status, found = await ask(visitor, PUMPS)
        assert (2 if applied else 1) == found["total"]
    async with visitor.get(f"{PUMPS}/imports/{number}/rejected?lang=zh") as answer:
        lines = (await answer.text()).strip().splitlines()
    assert (2, True) == (len(lines), "必填" in lines[1])
    status, said = await ask(visitor, f"{PUMPS}/import", "POST", data=text.encode(), headers=csv)
    assert (200, 2, 0, 0) == (status, said["unchanged"], said["added"], said["changed"])


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_what_is_exported_can_be_imported(site: Site, county: County, kind: str) -> None:
    """An export is a file that changes nothing; a template is one without rows."""
    await put(county, "depot.pumps", PUMP, OTHER)
    visitor = await site.person("store-head")
    async with visitor.get(f"{PUMPS}/export?format={kind}") as answer:
        body, media = await answer.read(), answer.content_type
        assert f'filename="depot.pumps.{kind}"' in answer.headers["Content-Disposition"]
    status, said = await ask(
        visitor, f"{PUMPS}/import?preview=1", "POST", data=body, headers={"Content-Type": media}
    )
    assert (200, 2, 0) == (status, said["unchanged"], said["rejected"]), said
    async with visitor.get(f"{PUMPS}/template?format={kind}") as answer:
        assert (200, media) == (answer.status, answer.content_type)


async def test_files_of_others_are_not_there(site: Site, county: County) -> None:
    """Another person's file, and another dataset's, is not found; reading is not importing."""
    await put(county, "depot.pumps", PUMP)
    csv = {"Content-Type": "text/csv"}
    bad = f"{HEAD}P8,,990101001,x,new\n".encode()
    head = await site.person("store-head")
    _status, said = await ask(head, f"{PUMPS}/import?preview=1", "POST", data=bad, headers=csv)
    other = await site.person("store-zhiqiu")
    for visitor, path in (
        (other, f"{PUMPS}/imports/{said['id']}/rejected"),
        (head, f"{TARIFFS}/imports/{said['id']}/rejected"),
        (head, f"{PUMPS}/imports/999/rejected"),
    ):
        status, _said = await ask(visitor, path)
        assert 404 == status
    reader = await site.person("store-reader")
    status, _said = await ask(reader, f"{PUMPS}/import", "POST", data=bad, headers=csv)
    assert 403 == status
    async with other.get(f"{PUMPS}/export") as answer:
        text = await answer.text()
    assert ("张**" in text, "张三丰" in text) == (True, False)


async def test_a_new_day_needs_reach_over_the_other_days(site: Site, county: County) -> None:
    """A key of another area is not taken over by a day of one's own, be it put or imported."""
    theirs = {"code": "luye", "area": "990101002", VALID_FROM: "2020-01-01"}
    await put(county, "depot.stands", theirs)
    visitor = await site.person("store-zhiqiu")
    stands = "/api/v1/records/depot.stands"
    row = f"{stands}/luye%2F2023-06-01"
    body = {"values": {"area": "990101001"}}
    status, said = await ask(visitor, row, "PUT", json=body, headers=ANY)
    assert 404 == status
    assert "990101002" not in str(said)
    file = f"code,area,{VALID_FROM}\nluye,990101001,2023-06-01\nown,990101001,2023-06-01\n"
    status, said = await ask(
        visitor,
        f"{stands}/import",
        "POST",
        data=file.encode(),
        headers={"Idempotency-Key": "two", "Content-Type": "text/csv"},
    )
    assert (1, 1) == (said["rejected"], said["added"])
    assert "990101002" not in str(said)


async def test_a_hidden_row_is_put_as_if_there_were_none(site: Site, county: County) -> None:
    """What is wrong is told as of a new row, and else there is no such record."""
    await put(county, "depot.pumps", OTHER)
    visitor = await site.person("store-zhiqiu")

    async def answer(code: str, key: str, values: dict[str, Any]) -> tuple[int, str]:
        headers = {**ANY, "Idempotency-Key": key}
        status, said = await ask(
            visitor, f"{PUMPS}/{code}", "PUT", json={"values": values}, headers=headers
        )
        told = {name: said[name] for name in ("title", "detail", "problems") if name in said}
        return status, str(told).replace(code, "CODE")

    own = {"name": "泵", "area": "990101001", "flow": 1.5, "state": "new"}
    tries: tuple[dict[str, Any], ...] = ({}, {"name": "泵"}, {**own, "area": "990101002"})
    for number, values in enumerate(tries):
        none = await answer("P9", f"none-{number}", values)
        assert none == await answer("P2", f"hidden-{number}", values)
    status, _told = await answer("P2", "own", own)
    assert 404 == status
    assert 404 == (await ask(visitor, f"{PUMPS}/P2"))[0]
