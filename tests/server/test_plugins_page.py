"""The page of plugins: who sees it, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from county_gov.deployment import County, read_settings
from county_gov.registry.tampering import Replaced
from tests.server.conftest import STREAM, Serve, Site
from tests.store_fixtures import StandingClock


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("插件正常", "与系统同一进程", "规则 1", "各用途的调用")),
        ("en", ("The plugin works", "within the county", "1 rules", "Calls by purpose")),
    ],
)
async def test_it_says_how_plugins_do(site: Site, language: str, words: tuple[str, ...]) -> None:
    """An administrator sees each plugin with where it runs, and its calls by purpose."""
    visitor = await site.person("admin")

    async with visitor.get("/plugins", params={"lang": language}) as answer:
        page = await answer.text()

    assert 200 == answer.status
    assert "county-gov-sensors" in page
    assert [] == [one for one in words if one not in page]


async def test_it_says_what_is_cut_off_and_what_was_replaced(site: Site) -> None:
    """A circuit that is open stands first with its reason; a replaced function is a warning."""

    def fail() -> None:
        raise ValueError("<broken>")

    for _ in range(5):
        site.county.gateway.call("sensors", "rule of a test", fail)
    site.county.plugins._tampering._names.append(("hmac", {}, {"compare_digest": object()}))
    visitor = await site.person("admin")

    async with visitor.get("/plugins", params={"lang": "en"}) as answer:
        page = await answer.text()

    assert "1 plugin does not work as it should" in page
    assert "ValueError: &lt;broken&gt;" in page
    assert "hmac.compare_digest was replaced" in page
    assert (Replaced("hmac.compare_digest", ""),) == site.county.plugins.replaced


async def test_only_who_may_and_sees_the_county_is_let_in(site: Site) -> None:
    """A dispatcher without the permission is refused."""
    visitor = await site.person("dispatch1")

    async with visitor.get("/plugins") as answer:
        assert 403 == answer.status


async def test_metrics_count_calls_of_plugins(site: Site) -> None:
    """Calls, failures and seconds stand there by plugin and purpose."""
    site.county.gateway.call("sensors", 'say "hello"', lambda: 1)
    visitor = site.visitor()

    async with visitor.get("/metrics") as answer:
        text = await answer.text()

    labels = '{plugin="sensors",purpose="say \\"hello\\""}'
    assert f"county_gov_plugin_calls_total{labels} 1" in text
    assert f"county_gov_plugin_failures_total{labels} 0" in text
    assert 'county_gov_plugin_process_starts_total{plugin="sensors"} 0' in text


async def test_the_bundled_plugin_runs_in_a_process_of_its_own_as_well(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """Its rule raises the alert, its page is drawn, and its guards let a case move."""
    file = folder / "county.toml"
    text = file.read_text(encoding="utf-8")
    entry = 'use = "sensors"'
    assert 1 == text.count(entry)
    file.write_text(text.replace(entry, f'{entry}\nisolation = "process"'), encoding="utf-8")

    async with County(read_settings(file), clock=clock) as county:
        site = await serve_county(county)
        await site.send([{"datastream": STREAM, "time": "2023-11-14T21:00:00Z", "value": 180}])
        await county.caught_up()
        visitor = await site.person("dispatch1")
        async with visitor.get("/sensors/stations", params={"lang": "en"}) as answer:
            page = await answer.text()
        circuits = {one.what: one.failures for one in county.gateway.of_plugin("sensors")}
        (state,) = county.plugins.states()

    assert 200 == answer.status
    assert "This page cannot be shown just now" not in page
    assert state.process is not None
    assert {"page sensors/stations", "rule sensors.pm25_heavy"} <= set(circuits)
    assert {0} == set(circuits.values())
