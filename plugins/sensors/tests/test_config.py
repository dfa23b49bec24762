"""The configuration: mistakes are named with their place, and the README's example loads."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from county_gov.api import DeploymentError
from county_gov.testing import configuration
from county_gov_sensors import SensorsPlugin
from county_gov_sensors.config import SensorsConfig

README = Path(__file__).parents[1] / "README.md"
LIMIT = {"effective_from": date(2026, 3, 1), "raise_above": 150.0, "clear_below": 115.0}
LIMIT |= {"document": "HJ 633"}
THRESHOLD: dict[str, Any] = {
    "id": "pm25",
    "title": "PM2.5",
    "observed_property": "pm25",
    "limits": [LIMIT],
}


def load(data: dict[str, Any]) -> tuple[SensorsConfig | None, list[str]]:
    """The configuration, or what is wrong with it."""
    try:
        return configuration(SensorsConfig, data), []
    except DeploymentError as error:
        return None, [str(problem) for problem in error.problems]


def test_the_readmes_example_loads() -> None:
    """What the README shows is a configuration, with the thresholds that it describes."""
    examples = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    config, problems = load(tomllib.loads(examples[-1])["plugin"][0]["config"])

    assert [] == problems
    assert config is not None
    plugin = SensorsPlugin(config)
    assert ["sensors.pm25_heavy", "sensors.o3_hour"] == [one.id for one in plugin.rules()]
    assert 48 == config.chart_hours


def test_nothing_is_needed() -> None:
    """An empty table gives the default threshold."""
    assert (SensorsConfig(), []) == load({})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"thresholds": [THRESHOLD | {"id": "PM 2.5"}]}, "id"),
        ({"thresholds": [THRESHOLD | {"limits": []}]}, "at least one limit"),
        ({"thresholds": [THRESHOLD | {"limits": [LIMIT, LIMIT]}]}, "in the order of their days"),
        ({"thresholds": [THRESHOLD, THRESHOLD]}, "give each threshold its own"),
        ({"thresholds": [THRESHOLD | {"limits": [LIMIT | {"clear_below": 151.0}]}]}, "above"),
        ({"thresholds": [THRESHOLD | {"limits": [LIMIT | {"raise_above": "150"}]}]}, "a number"),
        ({"thresholds": [THRESHOLD | {"input": "lates"}]}, "latest"),
        ({"thresholds": [THRESHOLD | {"severity": "red"}]}, "severity"),
        ({"thresholds": [THRESHOLD | {"hold_minutes": -1}]}, "hold_minutes"),
        ({"timezone": "Asia/Beijing!"}, "not a time zone"),
        ({"chart_hours": 0}, "chart_hours"),
        ({"treshold": []}, "did you mean"),
    ],
)
def test_a_mistake_is_named(change: dict[str, Any], words: str) -> None:
    """Each mistake gives one problem that says what was expected."""
    config, problems = load(change)

    assert config is None
    assert 1 == len(problems)
    assert words in problems[0]
