"""The console's pages, as browsers without JavaScript see them."""

from __future__ import annotations

import pytest
from multidict import MultiDict
from yarl import URL

from county_gov.server.console.listing import typed
from tests.server.conftest import STREAM, Site


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/alerts",
        "/cases",
        "/sources",
        "/quarantine",
        "/outbox",
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


@pytest.mark.parametrize(
    "address",
    [
        "/alerts?policy={}",
        "/alerts?datastream={}",
        "/alerts.csv?policy={}",
        "/quarantine?code={}",
        "/quarantine?source={}",
        "/quarantine?datastream={}",
        "/quarantine.csv?code={}",
        "/cases?q={}",
        "/cases?state={}",
    ],
)
@pytest.mark.parametrize("text", ["%00", "%ED%A0%80", "%FF", "x" * 300, "'"])
async def test_filters_take_any_text(site: Site, address: str, text: str) -> None:
    """What no database can hold matches nothing; the page is drawn all the same."""
    visitor = await site.person("operator" if "quarantine" in address else "dispatch1")
    async with visitor.get(URL(address.format(text), encoded=True)) as answer:
        assert 200 == answer.status, await answer.text()


@pytest.mark.parametrize(
    ("text", "expected"), [("a\0b", "a\ufffdb"), ("\ud800x", "?x"), ("x" * 300, "x" * 200)]
)
def test_what_is_typed_can_be_looked_for(text: str, expected: str) -> None:
    """No database is asked for what it refuses to hold."""
    assert expected == typed(MultiDict({"q": text}), "q")


@pytest.mark.parametrize(
    ("language", "data", "drawing"),
    [
        ("zh", "UCI 机器学习库，CC BY 4.0", "虚构示意图"),
        ("en", "CC BY 4.0; moved in time", "An invented"),
    ],
)
async def test_sources_are_attributed(site: Site, language: str, data: str, drawing: str) -> None:
    """The foot of each page names the data's source, and the map its licence, in both languages."""
    visitor = await site.person("dispatch1")
    async with visitor.get("/", params={"lang": language}) as answer:
        page = await answer.text()
    assert data in page.split("<footer", 1)[1]
    assert drawing in page
