"""The page of plugins: who sees it, and what it says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from county_gov.contract.clock import HOUR
from county_gov.deployment import County, read_settings
from county_gov.registry.discovery import LoadedPlugin
from county_gov.registry.tampering import Replaced
from county_gov.store import Transaction, missed_events
from county_gov.store.followers import JournalRow
from county_gov.store.missed_events import Delay
from tests.deployment.listening import EarPlugin
from tests.server.conftest import NOW, STREAM, Serve, Site
from tests.store_fixtures import StandingClock


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("插件正常", "与系统同一进程", "规则 1", "各用途的调用")),
        ("en", ("The plugin works", "within the county", "1 rule,", "1 alert policy,", "Calls")),
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


@pytest.fixture
async def deaf(folder: Path, clock: StandingClock, serve_county: Serve) -> AsyncIterator[Site]:
    """A county whose plugin ear fails on an event, and has missed two."""
    plugin = LoadedPlugin("ear", EarPlugin(), "county-gov-ear", "1.0", "county.toml: plugin[9]")
    settings = read_settings(folder / "county.toml")
    async with County(settings, plugins=[plugin], clock=clock) as county:

        def write(tx: Transaction) -> None:
            for position, kind in ((901, "case"), (902, "alert")):
                event = JournalRow(position, kind, "1", NOW - 30 * HOUR, None)
                missed_events.add(tx, "ear", event, attempts=9, reason="ValueError: <deaf>")
            delay = Delay("ear", 903, NOW - HOUR, 7, NOW, NOW + HOUR, "ValueError: <still deaf>")
            missed_events.keep_delay(tx, delay)

        await county.store.write(write)
        yield await serve_county(county)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "zh",
            (
                "1 个插件有消息未送达",
                "送达受阻",
                "插件错过的消息",
                "事项变动",
                "告警变动",
                "已试 9 次",
                "重新送达 ear 错过的全部消息",
            ),
        ),
        (
            "en",
            (
                "1 plugin was not told of everything",
                "held up",
                "Events that plugins have missed",
                "A case moved",
                "An alert changed",
                "9 attempts",
                "Deliver all that ear has missed",
            ),
        ),
    ],
)
async def test_it_says_what_plugins_were_not_told_of(
    deaf: Site, language: str, words: tuple[str, ...]
) -> None:
    """What holds events up and what was missed, with the reasons and the buttons."""
    visitor = await deaf.person("admin")

    async with visitor.get("/plugins", params={"lang": language}) as answer:
        page = await answer.text()

    assert [] == [one for one in words if one not in page]
    assert "ValueError: &lt;deaf&gt;" in page
    assert "ValueError: &lt;still deaf&gt;" in page


async def test_who_may_has_missed_events_delivered_again(deaf: Site) -> None:
    """One by its button however often it is pressed, all by theirs; then nothing is missed."""
    visitor = await deaf.person("admin")
    async with visitor.get("/plugins") as answer:
        page = await answer.text()
    addresses = re.findall(r'action="(/plugins/[^"]+/deliver)"', page)
    keys = re.findall(r'name="idempotency_key" value="(\w+)"', page)
    for _ in range(2):
        async with visitor.post(addresses[0], data={"idempotency_key": keys[0]}) as answer:
            assert 200 == answer.status
    async with visitor.post(addresses[-1], data={"idempotency_key": keys[-1]}) as answer:
        assert "将重新送达" in await answer.text()
    await deaf.county.missed_events.deliver("ear")

    assert 3 == len(addresses)
    assert ([], 0) == await deaf.county.missed_events.list_open()


async def test_the_interface_tells_of_events_and_delivers_them(deaf: Site) -> None:
    """The same by HTTP; the same key gives the same answer."""
    visitor = await deaf.person("admin")
    async with visitor.get("/api/v1/plugins") as answer:
        ear = next(one for one in (await answer.json())["plugins"] if one["name"] == "ear")
    async with visitor.get("/api/v1/plugins/missed-events", params={"limit": 1}) as answer:
        page = await answer.json()
    everything, answers = "/api/v1/plugins/ear/missed-events/deliver", []
    for path, key in ((everything, "k"), (everything, "k"), (everything, ""), ("/api/v1", "k")):
        async with visitor.post(path, headers={"Idempotency-Key": key}) as answer:
            answers.append((answer.status, (await answer.json()).get("events")))
    missing = "/api/v1/plugins/missed-events/99/deliver"
    async with visitor.post(missing, headers={"Idempotency-Key": "k"}) as answer:
        assert 404 == answer.status

    assert (2, 7, "ValueError: <still deaf>") == (
        ear["events"]["missed"],
        ear["events"]["attempts"],
        ear["events"]["reason"],
    )
    assert (2, "case", "ear", "missed") == (
        page["total"],
        page["rows"][0]["kind"],
        page["rows"][0]["plugin"],
        page["rows"][0]["state"],
    )
    assert [(202, 2), (202, 2), (422, None), (404, None)] == answers


async def test_metrics_tell_how_far_plugins_lag(deaf: Site) -> None:
    """Events that wait, attempts at the one that fails, and those that were missed."""
    async with deaf.visitor().get("/metrics") as answer:
        text = await answer.text()

    assert 'county_gov_plugin_events_missed{plugin="ear"} 2' in text
    assert 'county_gov_plugin_events_attempts{plugin="ear"} 7' in text
    assert 'county_gov_plugin_events_waiting{plugin="sensors"} 0' in text


async def test_delivering_again_needs_its_permission(deaf: Site) -> None:
    """Who may not look may not deliver either."""
    visitor = await deaf.person("dispatch1")
    for path in ("/plugins/ear/missed-events/deliver", "/api/v1/plugins/missed-events/1/deliver"):
        async with visitor.post(path, headers={"Idempotency-Key": "k"}) as answer:
            assert 403 == answer.status
