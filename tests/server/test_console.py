"""The console's pages, as browsers without JavaScript see them."""

from __future__ import annotations

import pytest

from tests.server.conftest import STREAM, Site


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/alerts",
        "/cases",
        "/sources",
        "/quarantine",
        "/account",
        f"/datastreams/{STREAM}",
        "/sensors/stations",
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_is_drawn(site: Site, path: str, language: str) -> None:
    """An officer of the dispatch centre sees each page, in both languages, whole and as a part."""
    await site.send([{"datastream": STREAM, "time": "2023-11-14T21:00:00Z", "value": 180}])
    await site.case()
    await site.county.caught_up()
    visitor = await site.person("dispatch1")
    async with visitor.get(path, params={"lang": language}) as answer:
        page = await answer.text()
        assert 200 == answer.status, page
        assert "<!doctype html>" in page
    async with visitor.get(path, params={"fragment": "1"}) as answer:
        assert 200 == answer.status
        assert "<!doctype html>" not in await answer.text()
