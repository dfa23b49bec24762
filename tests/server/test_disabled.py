"""A disabled plugin over HTTP and in the console: what it left is read, with the reason said."""

from __future__ import annotations

from pathlib import Path

from county_gov.contract.access import SYSTEM
from county_gov.deployment import County, read_settings
from tests.server.conftest import Serve
from tests.store_fixtures import StandingClock


async def test_its_cases_are_shown_and_do_not_move(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """Lists, the case's page and the interface show them; an event is refused in words."""
    file = folder / "county.toml"
    async with County(read_settings(file), clock=clock) as county:
        await county.cases.open(
            "sensors.pollution",
            title="PM2.5 超标",
            area="990101001001001",
            subject="aotizhongxin.pm25",
            data={},
            actor=SYSTEM,
            key="one",
        )
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace('use = "sensors"', 'use = "sensors"\nenabled = false'), encoding="utf-8"
    )
    async with County(read_settings(file), clock=clock) as county:
        site = await serve_county(county)
        visitor = await site.person("dispatch1")
        async with visitor.get("/cases") as answer:
            assert "PM2.5 超标" in await answer.text()
        async with visitor.get("/cases/1") as answer:
            page = await answer.text()
        assert "插件已停用" in page
        assert "待派单" in page
        assert "/cases/1/events/" not in page
        form = {"idempotency_key": "k", "expected_version": "1"}
        async with visitor.post("/cases/1/events/dispatch", data=form) as answer:
            assert 409 == answer.status
            assert "插件已停用" in await answer.text()
        body = {"data": {}, "expected_version": 1}
        async with visitor.post(
            "/api/v1/cases/1/events/dispatch", json=body, headers={"Idempotency-Key": "k"}
        ) as answer:
            assert 409 == answer.status
            assert "workflow" == (await answer.json())["code"]
        async with visitor.get("/sensors/stations") as answer:
            assert 404 == answer.status
