"""Counties with plugins of these tests, found as installed ones are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from county_gov.deployment import County
from county_gov.registry import discovery
from county_gov.testing.world import complete, settings_of

PLUGINS = Path(__file__).with_name("plugins")
INSTALLED = {
    "gauge": "gauge_plugin:GaugePlugin",
    "rogue": "rogue_plugin:RoguePlugin",
    "steady": "rogue_plugin:SteadyPlugin",
}
STREAMS = tuple(f"dam{number}.water_level" for number in range(6))
"""After a failure a rule is asked about another datastream at once, about the same one later."""

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
        world = complete(areas=(), things=(), datastreams=STREAMS, roles=None, plugins=())
        settings = settings_of(
            world,
            tmp_path / "county",
            timezone="Asia/Shanghai",
            drill=False,
            more={"plugin": list(plugins), "notify": {"channels": ["core.log"]}},
        )
        made.append(County(settings))
        return made[-1]

    yield make
    for county in made:
        county.plugins.end()
