"""Area scope: another township's matters are nowhere, in no list, count, export or address."""

from __future__ import annotations

import json

import pytest

from county_gov.contract.access import SYSTEM
from county_gov.contract.clock import HOUR
from tests.server.conftest import HOUR_START, OTHER_STREAM, STREAM, Site

OURS, THEIRS = "990101001001001", "990101002001001"


async def fill(site: Site) -> None:
    """Readings, an alert and a case in each of two townships, and quarantined rows."""
    rows = [
        {"datastream": stream, "time": HOUR_START - number * HOUR, "value": 200}
        for stream in (STREAM, OTHER_STREAM)
        for number in range(3)
    ]
    bad = [
        {"datastream": stream, "time": HOUR_START, "value": 9999}
        for stream in (STREAM, OTHER_STREAM)
    ]
    await site.send([*rows, *bad, {"datastream": "nowhere", "time": HOUR_START, "value": 1}])
    await site.county.caught_up()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/datastreams",
        "/api/v1/observations/latest",
        "/api/v1/alerts",
        "/api/v1/cases",
        "/alerts?state=all",
        "/cases?show=all",
        "/alerts.csv?state=all",
        "/cases.csv?show=all",
        "/",
        "/sensors/stations",
    ],
)
async def test_lists_hold_only_what_is_ours(site: Site, path: str) -> None:
    """A grid worker of one township finds that township's station and never the other's."""
    await fill(site)
    for login, own, other in (
        ("grid-zhiqiu", ("aotizhongxin", "奥体中心"), ("dongsi", "东四", THEIRS)),
        ("grid-wangshu", ("dongsi", "东四"), ("aotizhongxin", "奥体中心", OURS)),
    ):
        visitor = await site.person(login)
        async with visitor.get(path) as answer:
            text = await answer.text()
        assert 200 == answer.status
        assert any(word in text for word in own), f"{login} {path}: {text[:2000]}"
        assert [] == [word for word in other if word in text], f"{login} {path}"


async def test_addresses_of_others_are_not_found(site: Site) -> None:
    """What lies elsewhere is answered as what does not exist, by the same words."""
    await fill(site)
    whole = await site.person("dispatch1")
    async with whole.get("/api/v1/alerts") as answer:
        alerts = (await answer.json())["alerts"]
    async with whole.get("/api/v1/cases") as answer:
        cases = (await answer.json())["cases"]
    theirs = next(one["id"] for one in alerts if one["datastream"] == OTHER_STREAM)
    case = next(one["id"] for one in cases if one["area"].startswith("990101002"))
    visitor = await site.person("grid-zhiqiu")
    for path in (
        f"/api/v1/alerts/{theirs}",
        f"/alerts/{theirs}",
        f"/api/v1/cases/{case}",
        f"/cases/{case}",
        f"/api/v1/datastreams/{OTHER_STREAM}/observations?start=0",
        f"/api/v1/datastreams/{OTHER_STREAM}/hourly?start=0&end=1",
        f"/datastreams/{OTHER_STREAM}",
    ):
        async with visitor.get(path) as answer:
            assert 404 == answer.status, path
        missing = path.replace(str(theirs), "999999").replace(OTHER_STREAM, "nothing.pm25")
        async with visitor.get(missing) as answer:
            assert 404 == answer.status, missing
    body = {"data": {"remark": "x"}, "expected_version": 1}
    async with visitor.post(
        f"/api/v1/cases/{case}/events/dismiss", json=body, headers={"Idempotency-Key": "k"}
    ) as answer:
        assert 404 == answer.status
    async with visitor.post(f"/cases/{case}/events/dismiss", data={"remark": "x"}) as answer:
        assert 404 == answer.status


async def test_the_quarantine_is_scoped(site: Site) -> None:
    """Rows of a township's datastreams are seen there; unknown datastreams county-wide only."""
    await fill(site)
    township = await site.person("operator-zhiqiu")
    whole = await site.person("operator")
    async with whole.get("/api/v1/quarantine") as answer:
        everything = (await answer.json())["rows"]
    assert {STREAM, OTHER_STREAM, "nowhere"} == {one["datastream"] for one in everything}
    async with township.get("/api/v1/quarantine") as answer:
        page = await answer.json()
    assert ([STREAM], 1) == ([one["datastream"] for one in page["rows"]], page["total"])
    for one in everything:
        expected = 200 if one["datastream"] == STREAM else 404
        for path in (f"/api/v1/quarantine/{one['id']}", f"/quarantine/{one['id']}"):
            async with township.get(path) as answer:
                assert expected == answer.status, path
        if expected == 404:
            async with township.post(f"/api/v1/quarantine/{one['id']}/retry", json={}) as answer:
                assert 404 == answer.status
            async with township.post(
                f"/api/v1/quarantine/{one['id']}/dismiss", json={"reason": "x"}
            ) as answer:
                assert 404 == answer.status
    for path in ("/quarantine.csv", "/quarantine", "/sources"):
        async with township.get(path) as answer:
            text = await answer.text()
        assert 200 == answer.status
        assert OTHER_STREAM not in text, path
        assert "nowhere" not in text, path
    async with township.get("/sources/batches.csv") as answer:
        assert 403 == answer.status


async def test_a_quarantined_row_is_put_right(site: Site) -> None:
    """Retry fails with the reason, the corrected row is taken in, another is put aside."""
    await fill(site)
    visitor = await site.person("operator")
    async with visitor.get("/api/v1/quarantine", params={"datastream": STREAM}) as answer:
        (row,) = (await answer.json())["rows"]
    path = f"/quarantine/{row['id']}"
    async with visitor.post(f"{path}/retry", data={}) as answer:
        assert 422 == answer.status
        assert "数值超出监测点量程" in await answer.text()
    async with visitor.get(f"/api{path.replace('/quarantine', '/v1/quarantine')}") as answer:
        assert "open" == (await answer.json())["row"]["state"]
    corrected = {"datastream": STREAM, "time": HOUR_START - 9 * HOUR, "value": 12.5}
    fixed = json.dumps(corrected)
    async with visitor.post(f"{path}/retry", data={"text": fixed}) as answer:
        page = await answer.text()
        assert 200 == answer.status, page
        assert "已重新接收该数据" in page
    async with visitor.get("/api/v1/quarantine", params={"datastream": OTHER_STREAM}) as answer:
        (other,) = (await answer.json())["rows"]
    async with visitor.post(f"/quarantine/{other['id']}/dismiss", data={"reason": ""}) as answer:
        assert 422 == answer.status
    async with visitor.post(
        f"/quarantine/{other['id']}/dismiss", data={"reason": "测试"}
    ) as answer:
        assert "已作废该数据" in await answer.text()
    async with visitor.get("/api/v1/quarantine") as answer:
        assert 1 == (await answer.json())["total"]


async def test_a_corrected_row_stays_within_the_area(site: Site) -> None:
    """Who mends a row of the own township cannot write another township's readings with it."""
    await site.send([{"datastream": STREAM, "time": HOUR_START, "value": 9999}])
    visitor = await site.person("operator-zhiqiu")
    async with visitor.get("/api/v1/quarantine") as answer:
        (row,) = (await answer.json())["rows"]
    text = json.dumps({"datastream": OTHER_STREAM, "time": HOUR_START, "value": 1})
    address = f"/api/v1/quarantine/{row['id']}/retry"
    async with visitor.post(address, json={"text": text}) as answer:
        said = await answer.json()
    assert (200, False, ["outside_area"]) == (
        answer.status,
        said["resolved"],
        [one["code"] for one in said["reasons"]],
    )
    async with visitor.post(f"/quarantine/{row['id']}/retry", data={"text": text}) as answer:
        assert (422, True) == (answer.status, "不在您的辖区内" in await answer.text())
    county = site.county
    number = county.registers.snapshot.number(OTHER_STREAM)
    stored = county.store.read_now(
        lambda snapshot: len(county.observations.read(snapshot, number, 0, 2**62))
    )
    assert 0 == stored


async def test_a_device_bound_to_an_area_writes_only_there(site: Site) -> None:
    """Readings of another area's datastream are refused as a person's are; nothing is taken in."""
    await site.device()
    devices = site.county.access.devices
    site.keys["station"] = await site.county.store.write(
        lambda tx: devices.issue_device_key(tx, "station", actor=SYSTEM, area="990101001")
    )

    def row(stream: str) -> dict[str, object]:
        return {"datastream": stream, "time": HOUR_START, "value": 1}

    status, said = await site.send([row(STREAM)])
    assert (200, 1) == (status, said["accepted"])
    status, said = await site.send([row(STREAM), row(OTHER_STREAM)])
    assert 403 == status
    assert OTHER_STREAM in said["detail"]
