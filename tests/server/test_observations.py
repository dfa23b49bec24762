"""Observations over HTTP: sent, kept, and read back exactly."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from structlog.testing import capture_logs

from county_gov.contract.clock import DAY, EARLIEST, HOUR, MICROSECONDS
from county_gov.store import Snapshot
from county_gov.store.observations.rows import Stored
from tests.server.conftest import HOUR_START, OTHER_STREAM, STREAM, Site

ROW = {"datastream": STREAM, "time": HOUR_START, "value": 35.2}


async def test_counts_and_reasons(site: Site) -> None:
    """The answer tells what became of each row."""
    status, said = await site.send(
        [ROW, {**ROW, "datastream": "nowhere"}, {**ROW, "time": HOUR_START - HOUR}]
    )
    assert 200 == status
    assert (2, 0, 0, 1) == tuple(
        said[name] for name in ("accepted", "duplicate", "revised", "quarantined")
    )
    assert [(1, "unknown_datastream")] == [(one["row"], one["code"]) for one in said["reasons"]]
    _status, again = await site.send([ROW, {**ROW, "time": HOUR_START - HOUR, "value": 9}])
    assert (0, 1, 1, 0) == tuple(
        again[name] for name in ("accepted", "duplicate", "revised", "quarantined")
    )


async def test_all_formats_are_the_same(site: Site) -> None:
    """JSON rows, lines, columns and CSV bring the same reading."""
    rows = [(HOUR_START - number * HOUR) for number in range(4)]
    bodies = {
        "application/json": msgspec.json.encode([{**ROW, "time": rows[0]}]),
        "application/x-ndjson": msgspec.json.encode({**ROW, "time": rows[1]}) + b"\n",
        "application/vnd.county-gov.columns+json": msgspec.json.encode(
            {"datastream": [STREAM], "time": [rows[2]], "value": [35.2]}
        ),
        "text/csv": f"datastream,time,value\n{STREAM},{rows[3]},35.2\n".encode(),
    }
    for media, body in bodies.items():
        status, said = await site.send(body, media=media)
        assert (200, 1) == (status, said["accepted"]), media
    visitor = await site.person("dispatch1")
    path = f"/api/v1/datastreams/{STREAM}/observations"
    async with visitor.get(path, params={"start": rows[3]}) as answer:
        found = await answer.json()
    assert [35.2] * 4 == [one["value"] for one in found["observations"]]


async def test_values_are_exact(site: Site) -> None:
    """A value comes back with the datastream's decimals, digit for digit."""
    await site.send(
        [{"datastream": "aotizhongxin.so2", "time": "2023-11-14T20:00:00Z", "value": 12.3}]
    )
    await site.county.caught_up()
    visitor = await site.person("dispatch1")
    async with visitor.get(
        "/api/v1/datastreams/aotizhongxin.so2/observations",
        params={"start": "2023-11-14T00:00:00Z"},
    ) as answer:
        assert b'"time":"2023-11-14T20:00:00Z","value":12.3000' in await answer.read()
    async with visitor.get("/api/v1/observations/latest") as answer:
        assert b'"value":12.3000' in await answer.read()


async def test_pages_follow_each_other(site: Site) -> None:
    """Following ``next`` gives every reading once, in order."""
    times = [HOUR_START - number * HOUR for number in range(25)]
    await site.send([{**ROW, "time": time, "value": number} for number, time in enumerate(times)])
    visitor = await site.person("dispatch1")
    path: str | None = f"/api/v1/datastreams/{STREAM}/observations?start={times[-1]}&limit=10"
    found: list[str] = []
    pages = 0
    while path:
        async with visitor.get(path) as answer:
            page = await answer.json()
        found += [one["time"] for one in page["observations"]]
        path, pages = page["next"], pages + 1
    assert (25, 3) == (len(found), pages)
    assert sorted(set(found)) == found


async def test_what_was_never_stored_is_not_walked_through(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 1900 on, a datastream with readings and one without cost a few reads."""
    await site.send([{**ROW, "time": HOUR_START - 400 * DAY}, ROW])
    county = site.county
    reads: list[tuple[int, int]] = []
    read = county.observations.read

    def counted(snapshot: Snapshot, datastream: int, start: int, end: int) -> Stored:
        reads.append((start, end))
        return read(snapshot, datastream, start, end)

    monkeypatch.setattr(county.observations, "read", counted)
    visitor = await site.person("dispatch1")
    found = []
    for stream in (STREAM, OTHER_STREAM):
        address = f"/api/v1/datastreams/{stream}/observations?start={EARLIEST}&limit=1000"
        async with visitor.get(address) as answer:
            assert 200 == answer.status
            found.append(len((await answer.json())["observations"]))
    assert [2, 0] == found
    assert len(reads) < 20


async def test_hours(site: Site) -> None:
    """Clock hours carry count, mean, minimum and maximum."""
    await site.send([ROW, {**ROW, "time": HOUR_START - HOUR, "value": 40}])
    visitor = await site.person("dispatch1")
    async with visitor.get(
        f"/api/v1/datastreams/{STREAM}/hourly",
        params={"start": HOUR_START - HOUR, "end": HOUR_START + HOUR},
    ) as answer:
        page = await answer.json()
    assert [(1, 40.0, 40.0), (1, 35.2, 35.2)] == [
        (one["count"], one["mean"], one["maximum"]) for one in page["hours"]
    ]


async def test_device_signatures(site: Site) -> None:
    """Only the right key, over this very body and path, at about this time, is let in."""
    await site.device()
    body = msgspec.json.encode([ROW])
    good = {**site.signed(body), "Content-Type": "application/json"}
    visitor = site.visitor()

    async def status(headers: dict[str, str], path: str = "/api/v1/observations") -> int:
        async with visitor.post(path, data=body, headers=headers) as answer:
            return answer.status

    old = str(site.county.clock.now() - 301 * MICROSECONDS)
    assert 401 == await status({**good, "X-Signature": "0" * 64})
    assert 401 == await status({**good, "X-Signature": "zz"})
    assert 401 == await status({**good, "X-Timestamp": old})
    assert 401 == await status({**good, "X-Timestamp": "now"})
    assert 401 == await status({**good, "X-Device": "another"})
    assert 401 == await status(good, "/api/v1/observations?x=1")
    assert 401 == await status({"Content-Type": "application/json"})
    assert 200 == await status(good)
    assert 200 == await status(good), "the same again is harmless: the rows are duplicates"


async def test_ordinary_deliveries_are_counted_not_logged(site: Site) -> None:
    """A device's delivery is a line of the log only where it fails; the metrics count both."""
    await site.device()
    with capture_logs() as logs:
        assert 200 == (await site.send([ROW]))[0]
        assert 400 == (await site.send(b"[", media="application/json"))[0]
    lines = [line for line in logs if line["event"] == "request"]
    levels = [(line["log_level"], line["status"]) for line in lines]
    assert [("info", 400)] == levels
    async with site.visitor().get("/metrics") as answer:
        counted = await answer.text()
    for status in (200, 400):
        assert f'{{route="POST /api/v1/observations",status="{status}"}} 1' in counted


async def test_a_device_may_do_nothing_else(site: Site) -> None:
    """A device's signature opens no other route."""
    await site.device()
    headers = site.signed(b"", path="/api/v1/observations/latest")
    async with site.visitor().get("/api/v1/observations/latest", headers=headers) as answer:
        assert 401 == answer.status


async def test_persons_send_only_for_their_area(site: Site) -> None:
    """Who holds the permission for one township sends for its datastreams only."""
    visitor = await site.person("operator-zhiqiu")
    async with visitor.post("/api/v1/observations", json=[ROW]) as answer:
        assert (200, 1) == (answer.status, (await answer.json())["accepted"])
    rows = [{**ROW, "time": HOUR_START - HOUR}, {**ROW, "datastream": OTHER_STREAM}]
    async with visitor.post("/api/v1/observations", json=rows) as answer:
        assert 403 == answer.status
    whole = await site.person("operator")
    async with whole.get(
        f"/api/v1/datastreams/{STREAM}/observations", params={"start": 0}
    ) as answer:
        assert 1 == len((await answer.json())["observations"])


async def test_many_at_once(site: Site) -> None:
    """Concurrent deliveries are each answered for what they brought."""
    await site.device()
    sent = [
        site.send([{**ROW, "time": HOUR_START - number * HOUR, "value": number}])
        for number in range(40)
    ]
    answers = await asyncio.gather(*sent)
    assert [(200, 1)] * 40 == [(status, said["accepted"]) for status, said in answers]


async def test_parameters_are_checked(site: Site) -> None:
    """Unknown, repeated, missing and unreadable parameters are all named at once."""
    visitor = await site.person("dispatch1")
    path = f"/api/v1/datastreams/{STREAM}/observations"
    async with visitor.get(f"{path}?strat=1&limit=0&limit=2&end=tomorrow") as answer:
        said = await answer.json()
    assert 422 == answer.status
    places = [one["place"] for one in said["problems"]]
    assert ["query: strat", "query: start", "query: end", "query: limit"] == places
    assert "没有这个参数，是否为 “start”？" == said["problems"][0]["message"]
