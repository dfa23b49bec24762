"""The quarantine's export: sent as it is read, and never a part that looks like the whole."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import aiohttp
import pytest

from county_gov.intake import quarantine
from county_gov.intake.quarantine import Quarantine
from tests.server.conftest import Site


async def test_an_export_is_sent_by_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its length is not known when it begins; each row stands in it once, with all headers."""
    monkeypatch.setattr(quarantine, "EXPORT_PAGE", 2)
    await site.send([{"datastream": f"nowhere{row}", "time": 0, "value": 1} for row in range(5)])
    visitor = await site.person("operator")
    async with visitor.get("/quarantine.csv") as answer:
        text = (await answer.read()).decode("utf-8-sig")
    assert 200 == answer.status
    assert "chunked" == answer.headers.get("Transfer-Encoding")
    assert "no-store" == answer.headers["Cache-Control"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert ("text/csv", "attachment") == (
        answer.content_type,
        answer.headers["Content-Disposition"].partition(";")[0],
    )
    found = re.findall(r'"(nowhere\d)","\d"', text)
    assert [f"nowhere{row}" for row in (4, 3, 2, 1, 0)] == found, text


async def test_a_failed_export_breaks_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who saves it is told by the connection; the server goes on."""

    async def failing(*_given: object, **_named: object) -> AsyncGenerator[str]:
        yield "id\r\n"
        raise OSError("the disk is gone")

    monkeypatch.setattr(Quarantine, "export", failing)
    visitor = await site.person("operator")
    with pytest.raises(aiohttp.ClientError):
        async with visitor.get("/quarantine.csv") as answer:
            await answer.read()
    monkeypatch.undo()
    async with visitor.get("/quarantine.csv") as answer:
        assert 200 == answer.status
