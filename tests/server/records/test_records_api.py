"""Records over HTTP: the catalogue, rows, their history, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from county_gov.deployment import County
from tests.server.conftest import Site
from tests.server.records.conftest import OTHER, PUMP, put

PUMPS = "/api/v1/records/depot.pumps"


async def ask(visitor: Any, path: str, status: int = 200, **options: Any) -> Any:
    """A GET that is answered so."""
    async with visitor.get(path, **options) as answer:
        said = await answer.json()
        assert status == answer.status, said
        return said


async def test_the_catalogue(site: Site, county: County) -> None:
    """It names the datasets that one may read, with fields and counts within one's area."""
    await put(county, "depot.pumps", PUMP, OTHER)
    said = await ask(await site.person("store-head"), "/api/v1/records")
    found = {one["id"]: one for one in said["datasets"]}
    assert ["depot.ministry", "depot.pumps", "depot.tariffs"] == sorted(found)
    assert 2 == found["depot.pumps"]["count"]
    flow = next(one for one in found["depot.pumps"]["fields"] if one["name"] == "flow")
    assert ("流量", "m³/h", 1, 5000.0) == (
        flow["title"],
        flow["unit"],
        flow["decimals"],
        flow["maximum"],
    )
    assert ["pump", "hour", "valid_from"] == found["depot.tariffs"]["key"]
    own = await ask(await site.person("store-zhiqiu"), "/api/v1/records", params={"lang": "en"})
    counts = {one["id"]: one["count"] for one in own["datasets"]}
    assert 1 == counts["depot.pumps"]
