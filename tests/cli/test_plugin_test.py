"""``county-gov plugin list`` and ``plugin test``: what they say, and their status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from county_gov.cli.app import app

DEMO = Path("examples/demo_county")
BROKEN = """
import tests.testing.conformance.gauges as gauges

Plugin = gauges.plugin_with(pages={"views": None})
"""


def call(*words: str) -> Result:
    """What a command says."""
    return CliRunner().invoke(app, ["plugin", *words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The demonstration's deployment file, in a folder of this test's own."""
    shutil.copytree(DEMO / "registers", tmp_path / "registers")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "device-master.key").write_text("m" * 40, encoding="utf-8")
    shutil.copy(DEMO / "county.toml", tmp_path / "county.toml")
    return tmp_path / "county.toml"


def listed(*words: str) -> dict[str, dict[str, Any]]:
    """The plugins as JSON, by name."""
    return {one["name"]: one for one in json.loads(call("list", *words, "--json").stdout)}


def test_installed_plugins_are_listed_without_a_deployment() -> None:
    """What is enabled is not known then."""
    row = listed()["sensors"]

    assert ("county-gov-sensors", None, None) == (row["distribution"], row["enabled"], row["api"])
    assert "sensors  county-gov-sensors" in call("list").stdout


def test_a_deployment_says_how_it_uses_its_plugins(file: Path) -> None:
    """Place, api, contributions; what is wrong is told beside the plugin."""
    row = listed(str(file))["sensors"]
    assert (0, 0, []) == (row["enabled"], row["api"], row["problems"])
    assert (1, 5) == (row["contributions"]["rules"], row["contributions"]["permissions"])

    text = file.read_text(encoding="utf-8")
    wrong = '\n[plugin.config]\nchart_hour = 3\n\n[[plugin]]\nuse = "dams"\n'
    file.write_text(text + wrong, encoding="utf-8")
    rows = listed(str(file))
    assert "did you mean 'chart_hours'" in rows["sensors"]["problems"][0]
    assert (1, "") == (rows["dams"]["enabled"], rows["dams"]["distribution"])
    said = call("list", str(file)).stdout
    assert "dams  is not installed  enabled as plugin[1]" in said
    assert "problem: county.toml: plugin[0].config" in said


def test_a_good_plugin_passes() -> None:
    """One line for each contribution, and status 0."""
    ended = call("test", "sensors", "--only", "workflow:")

    assert 0 == ended.exit_code
    assert "workflow:sensors.pollution  4 checks  ok" in ended.stdout
    assert "4 checks: 4 as they should be, 0 not" in ended.stdout


def test_a_bad_plugin_fails_with_the_question_and_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 1; what was expected to fail does not count, what passes against that does."""
    (tmp_path / "cg_broken_gauges.py").write_text(BROKEN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    words = ("test", "cg_broken_gauges:Changed", "--only", "page:gauges/levels:")
    ended = call("test", "cg_broken_gauges:Plugin", *words[2:])

    assert 1 == ended.exit_code
    assert "page:gauges/levels:draws: Does it draw sound views" in ended.stdout
    expect = "page:gauges/levels:headline=it has none"
    again = call("test", "cg_broken_gauges:Plugin", *words[2:], "--expect", expect)
    assert "passes, although it was expected to fail: it has none" in again.stdout


def test_the_settings_of_a_deployment_are_used(file: Path, tmp_path: Path) -> None:
    """They are found by the plugin's name; a file of settings alone is taken as it is."""
    alone = tmp_path / "sensors.toml"
    alone.write_text('timezone = "Asia/Nowhere"\n', encoding="utf-8")

    assert 0 == call("test", "sensors", "--config", str(file), "--only", "workflow:").exit_code
    wrong = call("test", "sensors", "--config", str(alone))
    assert "not a time zone" in str(wrong.exception)
    other = tmp_path / "other.toml"
    other.write_text("[county]\n", encoding="utf-8")
    assert "has no [[plugin]]" in str(call("test", "sensors", "--config", str(other)).exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sensor",), "did you mean 'sensors'"),
        (("json",), "expected one plugin class in json"),
        (("sensors", "--only", "nothing:"), "no check has"),
        (("sensors", "--expect", "rule"), "expected ID=REASON"),
        (("sensors", "--expect", "rule:x=why"), "there is no check"),
    ],
)
def test_a_slip_is_told(words: tuple[str, ...], said: str) -> None:
    """With the way out."""
    assert said in str(call("test", *words).exception)
