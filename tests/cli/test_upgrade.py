"""``county-gov upgrade``: what would change, and doing it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from county_gov.cli.app import app
from county_gov.contract.access import SYSTEM
from county_gov.deployment import load

SETTINGS = """
[county]
name = "示范县"
code = "990101"
api = 0

[store]
url = "sqlite:///county.db"

[registers]
areas = "areas.csv"

[[plugin]]
use = "sensors"
"""


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """What a command says of its logs ends with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A deployment whose database was not made yet."""
    areas = "code,kind,name,parent,valid_from\n990101,county,示范县,,2000-01-01\n"
    (tmp_path / "areas.csv").write_text(areas, encoding="utf-8")
    path = tmp_path / "county.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def call(*arguments: object, status: int = 0) -> Result:
    """Run a command in this process, and expect its status."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert status == result.exit_code, result.output
    return result


def test_a_new_database_is_made_and_then_fits(file: Path) -> None:
    """First the tables are told, then made; afterwards there is nothing to do."""
    said = call("upgrade", file, "--plan").output
    assert "table migration 0001" in said
    assert "told once the tables are migrated" in said
    assert "the database fits" in call("upgrade", file).output
    assert "the database fits" in call("upgrade", file, "--plan").stdout
    assert "the database fits" in call("upgrade", file).output


def test_a_disabled_plugin_is_told_with_its_open_cases(file: Path) -> None:
    """The plan counts the cases that nobody could move any more, and changes nothing."""
    call("upgrade", file)

    async def open_case() -> None:
        county = load(file)
        await county.start(background=False)
        await county.cases.open(
            "sensors.pollution",
            title="超标",
            area="990101",
            subject="",
            data={},
            actor=SYSTEM,
            key="k",
        )
        await county.stop()

    asyncio.run(open_case())
    file.write_text(SETTINGS + "enabled = false\n", encoding="utf-8")
    for _ in range(2):
        said = call("upgrade", file, "--plan").output
        assert "plugin sensors: not enabled any more (was county-gov-sensors" in said
        assert "workflow sensors.pollution: not enabled; 1 open under version" in said
        assert "rule sensors." in said
    call("upgrade", file)
    assert "plugin sensors" not in call("upgrade", file, "--plan").output
    file.write_text(SETTINGS, encoding="utf-8")
    assert "plugin sensors: new" in call("upgrade", file, "--plan").output


THRESHOLD = """
[[plugin.config.thresholds]]
id = "pm10_day"
title = {{ zh = "可吸入颗粒物" }}
observed_property = "pm10"
severity = "{severity}"

[[plugin.config.thresholds.limits]]
effective_from = 2016-01-01
raise_above = {limit}
clear_below = 100.0
document = "环境空气质量标准"
"""


def test_a_rule_that_judges_otherwise_is_told(file: Path) -> None:
    """Its configuration before and after, what is judged anew, and what stays as it was."""
    file.write_text(SETTINGS + THRESHOLD.format(limit=150.0, severity="notice"), encoding="utf-8")
    call("upgrade", file)
    assert "rule sensors" not in call("upgrade", file, "--plan").output
    file.write_text(SETTINGS + THRESHOLD.format(limit=120.0, severity="notice"), encoding="utf-8")
    said = call("upgrade", file, "--plan").output
    assert (
        "rule sensors.pm10_day: configuration from 2016-01-01: above 150, below 100 -> above 120,"
        " below 100; open alerts are judged anew at the next reading: 0; ended alerts stay as they"
        " were judged: 0"
    ) in said
    assert "alert policy" not in said
    file.write_text(SETTINGS + THRESHOLD.format(limit=150.0, severity="alarm"), encoding="utf-8")
    said = call("upgrade", file, "--plan").output
    assert "alert policy sensors.pm10_day: levels, durations or flags changed" in said
