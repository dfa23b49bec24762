"""The plugin of docs/how-to/sources-and-channels.md, run as it stands."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from county_gov.api import Delivery, HttpAnswer
from county_gov.testing import FakeHttp, Scenario
from county_gov.testing.conformance import run, suite
from tests.docs.markdown import snippet

BASE = "https://loggers.example"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """The guide's plugin."""
    path = tmp_path / "loggers_guide.py"
    path.write_text(snippet("loggers").code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    spec = spec_from_file_location("loggers_guide", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "loggers_guide", module)
    spec.loader.exec_module(module)
    found: type[Any] = module.LoggersPlugin
    return found


def test_the_guides_plugin_keeps_the_contract(plugin: type[Any]) -> None:
    """Source, channel, listener and instruction answer every question of the suite."""
    sample = Delivery(b'{"logger": "west", "at": 1, "level": 2.5}', "application/json", "", 0)
    whole = suite(plugin, name="loggers", samples={"loggers.feed": [sample]})
    results = [run(one) for one in whole]

    assert [] == [(one.check.id, one.message) for one in results if not one.ok]


async def test_the_guides_plugin_does_what_the_guide_says(plugin: type[Any]) -> None:
    """It fetches, refuses what is no reading, tells a logger the time, and sends notices on."""
    start = "2026-06-01 08:00"
    http = FakeHttp(otherwise=HttpAnswer(200, {}, b""))
    async with Scenario(
        plugin,
        name="loggers",
        datastreams=["west.level"],
        roles={"keeper": ["loggers.tell", "core.observations.read"]},
        channels=["loggers.sms"],
        http=http,
        start=start,
    ) as s:
        reading = json.dumps({"logger": "west", "at": s.now, "level": 3.5}).encode()
        http.answers = {f"{BASE}/latest": HttpAnswer(200, {}, reading)}
        (pulled,) = await s.pull("loggers.feed")
        assert 1 == pulled.accepted

        said = await s.command("keeper", "loggers.feed.set_clock", thing="west")
        assert "已校时" == said.zh
        await s.context().notify("keeper", subject="水位", body="—", idempotency_key="n")
        await s.settle()
        assert f"{BASE}/sms" == http.requests[-1].url
        assert "idempotency-key" in http.requests[-1].headers
