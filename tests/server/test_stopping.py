"""Stopping: what is under way is finished, nothing acknowledged is lost, then nothing is taken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest

from county_gov.contract.clock import HOUR
from county_gov.deployment import County, read_settings
from tests.server.conftest import HOUR_START, STREAM, Serve, Site
from tests.store_fixtures import StandingClock


async def test_nothing_acknowledged_is_lost(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """Stopped in the middle of many deliveries, each one that was answered is there afterwards."""
    settings = read_settings(folder / "county.toml")
    acknowledged: list[int] = []
    county = County(settings, clock=clock)
    await county.start()
    site = await serve_county(county)
    await site.device()
    started = asyncio.Event()

    async def deliver(first: int) -> None:
        visitor = site.visitor()
        for number in range(first, 10_000, 8):
            time = HOUR_START - number * HOUR
            body = msgspec.json.encode([{"datastream": STREAM, "time": time, "value": 1}])
            headers = {**site.signed(body), "Content-Type": "application/json"}
            try:
                async with visitor.post(
                    "/api/v1/observations", data=body, headers=headers
                ) as answer:
                    await answer.read()
                    if answer.status != 200:
                        assert 503 == answer.status
                        assert "Retry-After" in answer.headers
                        return
            except (aiohttp.ClientConnectionError, aiohttp.ServerDisconnectedError):
                return
            acknowledged.append(time)
            if len(acknowledged) > 50:
                started.set()

    deliveries = [asyncio.create_task(deliver(first)) for first in range(8)]
    async with asyncio.timeout(60):
        await started.wait()
    await site.runner.cleanup()
    await county.stop()
    await asyncio.gather(*deliveries)
    async with County(settings, clock=clock) as again:
        number = again.registers.snapshot.number(STREAM)
        found = again.store.read_now(
            lambda snapshot: again.observations.read(snapshot, number, 0, 2**62)
        )
    assert 50 < len(acknowledged)
    assert set(acknowledged) <= set(found.time.tolist())
    assert len(found) == len(set(found.time.tolist()))


async def test_readiness(site: Site) -> None:
    """Ready while everything runs; not when the county has stopped."""
    visitor = site.visitor()
    for path in ("/healthz", "/readyz"):
        async with visitor.get(path) as answer:
            assert 200 == answer.status
    await site.county.stop()
    async with visitor.get("/readyz") as answer:
        assert (503, {"ready": False}) == (answer.status, await answer.json())
    async with visitor.get("/healthz") as answer:
        assert 200 == answer.status


async def test_who_cannot_write_is_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk is full or commits fail it says so to whoever sends people to it."""
    visitor = site.visitor()
    told = []
    monkeypatch.setattr(site.county.store.writer, "_note_trouble", lambda *_: None)
    for trouble in ("the disk is full", ""):
        site.county.store.writer.trouble = trouble
        async with visitor.get("/readyz") as answer:
            told.append(answer.status)
        async with visitor.get("/healthz") as answer:
            assert 200 == answer.status
    assert [503, 200] == told


async def test_metrics(site: Site) -> None:
    """Counters by route and status, for this machine without a proxy, or with the permission."""
    visitor = site.visitor()
    async with visitor.get("/healthz"):
        pass
    async with visitor.get("/metrics") as answer:
        text = await answer.text()
    assert 'county_gov_http_requests_total{route="GET /healthz",status="200"} 1' in text
    assert 'county_gov_http_request_seconds_bucket{route="GET /healthz",le="+Inf"} 1' in text
    assert "county_gov_ready 1" in text
    async with visitor.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}) as answer:
        assert 401 == answer.status
    operator = await site.person("operator")
    async with operator.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}) as answer:
        assert 200 == answer.status
