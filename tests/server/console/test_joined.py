"""Pages of alerts whose rule joins several inputs, as they are served."""

from __future__ import annotations

import pytest

from county_gov.testing import Datastream, Scenario, Thing
from tests.deployment.dam import DamPlugin
from tests.server.conftest import Serve

STREAMS = (
    Datastream("west.level", unit="m", decimals=2),
    Datastream("west.rain", unit="mm", decimals=1),
)
ROLES = {
    "watcher": ["dam.use", "core.alerts.read", "core.observations.read"],
    "onlooker": ["core.alerts.read", "core.observations.read"],
}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "zh",
            [
                "级别变化：关注 → 紧急",
                "同时参与判断的数据",
                "west.rain 3 小时累计",
                "20.0 mm",
                "60.0 mm",
                "100.0",
            ],
        ),
        (
            "en",
            [
                "Level changed: Warning → Urgent",
                "What else was judged with",
                "sum over 3 h",
                "20.0 mm",
                "60.0 mm",
                "100.0",
            ],
        ),
    ],
)
async def test_an_alert_shows_what_was_joined(
    serve_county: Serve, language: str, words: list[str]
) -> None:
    """Each input has its value when the alert began and at the last reading."""
    async with Scenario(
        DamPlugin,
        things=[Thing("west", name="西坝")],
        datastreams=STREAMS,
        roles=ROLES,
        settings={"server": {"secure_cookies": False}},
    ) as s:
        await s.set("dam.limit", 100.0)
        await s.put("dam.dams", code="west", crest=123.4, valid_from="2026-01-01")
        await s.feed("west.rain", [("08:00", 20), ("09:30", 40)])
        await s.feed("west.level", [("09:00", 101), ("10:00", 102)])
        (episode,) = await s.episodes()
        site = await serve_county(s.county)
        watcher, onlooker = await site.person("watcher"), await site.person("onlooker")
        async with watcher.get(f"/alerts/{episode.id}", params={"lang": language}) as answer:
            page = await answer.text()
        assert [] == [word for word in (*words, "123.4 m") if word not in page]
        async with onlooker.get(f"/alerts/{episode.id}", params={"lang": language}) as answer:
            page = await answer.text()
        assert "60.0 mm" in page
        assert "123.4 m" not in page
        async with watcher.get(f"/cases/{episode.case}", params={"lang": language}) as answer:
            page = await answer.text()
        assert 200 == answer.status, page
        assert "西坝" in page
