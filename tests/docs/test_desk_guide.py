"""The plugin of docs/how-to/commands-and-endpoints.md, run as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from county_gov.api import Actor, CommandRefused, Post, Request, Scope
from county_gov.deployment import County
from county_gov.deployment.settings import settings_from
from county_gov.registry.discovery import LoadedPlugin
from county_gov.server import application
from tests.docs.markdown import snippet

PERSON = Actor(
    "person",
    "甲",
    1,
    posts=(Post("r", "u", "990101"),),
    scopes={name: Scope(everywhere=True) for name in ("gates.read", "gates.write")},
)


def county(folder: Path) -> County:
    """A county with the guide's plugin."""
    path = folder / "gates_guide.py"
    path.write_text(snippet("desk").code, encoding="utf-8")
    spec = spec_from_file_location("gates_guide", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    plugin = module.GatesPlugin(module.NoConfig())
    data: Mapping[str, object] = {
        "county": {"name": "示范县", "code": "990101", "api": 0},
        "store": {"url": "sqlite:///county.db", "migrate": True},
        "server": {"secure_cookies": False},
    }
    loaded = LoadedPlugin("gates", plugin, "county-gov-gates", "1.0", "county.toml: plugin[0]")
    return County(settings_from(data, folder=folder), plugins=[loaded])


async def test_the_guides_plugin_does_what_the_guide_says(tmp_path: Path) -> None:
    """The command keeps and refuses, the page shows, the endpoint answers, the verb prints."""
    async with county(tmp_path) as running:
        values = {"gate": "一号", "opening": 1.25}
        said = await running.commands.run(PERSON, "gates.record", values, key="a")
        assert "已登记：一号 1.25 m" == said.zh
        with pytest.raises(CommandRefused, match="没有变化"):
            await running.commands.run(PERSON, "gates.record", values, key="b")
        found = running.registry.contributions
        views = await found.pages["gates/openings"].views(running.page_context("gates", PERSON, {}))
        assert "一号: 1.25 m" == views[0].paragraphs[0].zh  # type: ignore[union-attr]
        endpoint = found.endpoints["gates.one"]
        context = running.endpoint_context(endpoint.id, PERSON, "")
        for gate, status in (("一号", 200), ("二号", 404)):
            asked = Request("GET", "/", {"gate": gate}, {}, {}, b"", PERSON)
            assert status == (await endpoint.handler(context, asked)).status
        verb = found.cli_commands["gates.openings"]
        for least, lines in ((1.0, ["一号\t1.25 m"]), (2.0, [])):
            printed = verb.run(running.context("gates"), {"at_least": least})
            assert lines == [line async for line in printed]


async def test_its_addresses_are_free(tmp_path: Path) -> None:
    """The server takes the plugin's page and endpoint, and asks who it is."""
    async with (
        TestClient(TestServer(application(county(tmp_path)))) as client,
        client.get("/gates/v1/1") as answer,
    ):
        assert 401 == answer.status
