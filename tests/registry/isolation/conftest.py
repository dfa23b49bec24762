"""Counties with plugins of these tests, found as installed ones are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from county_gov.deployment import County
from county_gov.deployment.settings import settings_from
from county_gov.registry import discovery

PLUGINS = Path(__file__).with_name("plugins")
INSTALLED = {
    "gauge": "gauge_plugin:GaugePlugin",
    "rogue": "rogue_plugin:RoguePlugin",
    "rude": "rude_plugin:RudePlugin",
    "steady": "rogue_plugin:SteadyPlugin",
}
STREAMS = tuple(f"dam{number}.water_level" for number in range(6))
"""After a failure a rule is asked about another datastream at once, about the same one later."""

DAMS = range(len(STREAMS))
REGISTERS = {
    "accounts": ["login,name,name_en,role,unit,area", "visitor,访客,Visitor,visitor,office,990101"],
    "areas": ["code,kind,name,parent,valid_from", "990101,county,示范县,,2000-01-01"],
    "units": ["code,name,kind,area", "office,office,office,990101"],
    "things": ["code,name,area,unit", *(f"dam{one},dam,990101,office" for one in DAMS)],
    "datastreams": [
        "code,thing,observed_property,name,unit,period_seconds,decimals",
        *(f"dam{one}.water_level,dam{one},water_level,level,m,0,2" for one in DAMS),
    ],
}

MakeCounty = Callable[..., County]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the plugins of these tests be found, as if they had been installed."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    points = {name: [EntryPoint(name, value, discovery.GROUP)] for name, value in INSTALLED.items()}
    monkeypatch.setattr(discovery, "available", lambda: points)


@pytest.fixture
def make_county(tmp_path: Path) -> Iterator[MakeCounty]:
    """Makes a county of six dams with some plugins, as ``[[plugin]]`` tables."""
    made: list[County] = []

    def make(*plugins: dict[str, object]) -> County:
        for name, lines in REGISTERS.items():
            (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        deployment: dict[str, object] = {
            "county": {"name": "示范县", "code": "990101", "api": 0},
            "store": {"url": "sqlite:///county.db", "migrate": True},
            "registers": {name: f"{name}.csv" for name in REGISTERS if name != "accounts"},
            "plugin": list(plugins),
        }
        if any(one["use"] == "rude" for one in plugins):
            title = {"zh": "访客", "en": "Visitor"}
            deployment["server"] = {"secure_cookies": False}
            deployment["roles"] = {"visitor": {"title": title, "permissions": ["rude.read"]}}
            deployment["registers"] = {name: f"{name}.csv" for name in REGISTERS}
        made.append(County(settings_from(deployment, folder=tmp_path)))
        return made[-1]

    yield make
    for county in made:
        county.plugins.end()
