"""Every code block of the documentation that says so is run."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestServer
from attrs import frozen

from county_gov.api import SYSTEM, Batch
from county_gov.contract.clock import SystemClock
from county_gov.deployment import County, load, read_settings
from county_gov.deployment.parts import check_registers
from county_gov.registry.configuration import structure
from county_gov.registry.discovery import LoadedPlugin, PluginRequest, configure
from county_gov.rules.evaluation import RuleEvaluator
from county_gov.server import application
from county_gov.testing import Scenario
from tests.docs.markdown import ROOT, page, snippet, snippets

RUN_HERE = {
    "library",
    "readme-plugin",
    "summary",
    "tutorial-send",
    "send-python",
    "send-shell",
    "deployment-file",
    "areas",
    "units",
    "things",
    "datastreams",
    "accounts",
    "plugin",
    "plugin-settings",
    "several-inputs",
}
RUN_ELSEWHERE = {"smallest-settings", "jobs", "recurring-task", "desk", "loggers"}
"""Run by test_settings.py, test_jobs_guide.py, test_desk_guide.py and test_sources_guide.py."""

needs_shell_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl"))), reason="needs bash, curl and openssl"
)


def test_every_marked_block_is_run() -> None:
    """No block claims a test that does not exist, and no test has lost its block."""
    assert RUN_HERE | RUN_ELSEWHERE == {one.name for one in snippets()}


async def test_the_plugin_of_the_readme_keeps_wells() -> None:
    """Its lines are a plugin; the Chinese README has the same ones."""
    lines = snippet("readme-plugin").code
    assert lines in (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "wells"}
    exec(compile(lines, "README.md", "exec"), names)  # noqa: S102 (our own README)
    async with Scenario(names["WellsPlugin"]) as s:
        await s.put("wells.wells", code="W1", depth=12.5)
        (well,) = await s.records("wells.wells")
        assert {"code": "W1", "depth": 12.5} == dict(well.values)


def test_the_readme_runs(deployment: Path) -> None:
    """The library's lines of the README run in a deployment's folder and print what they should."""
    (deployment / "lines.py").write_text(snippet("library").code, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "lines.py"],
        cwd=deployment,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    logged = re.compile(r"\d{4}-\d\d-\d\d ")
    lines = [line for line in ended.stdout.splitlines() if not logged.match(line)]
    outcome, judgement, case, routes = lines
    assert "accepted=1, duplicate=0, revised=0, quarantined=0" in outcome
    assert "values=array([180.])" in judgement
    assert "limits=array([150.])" in judgement
    assert "Smoke behind the market" in case
    assert routes.endswith(" routes")


def test_the_demonstration_prints_the_tutorials_summary(tmp_path: Path) -> None:
    """The figures in the tutorial are those of a replay."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("var"))
    ended = subprocess.run(
        [sys.executable, "-m", "examples.demo_county.demo", "--once"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
        timeout=100,
    )
    printed = json.loads(ended.stdout.splitlines()[-1])
    told = dict(line.split() for line in snippet("summary").code.splitlines())
    assert {name: f"{printed[name]:,}" for name in told} == told
    assert set(printed) - {"seconds"} == set(told)


@frozen(eq=False)
class Running:
    """A county that listens, and the key of a device."""

    county: County
    address: str
    key: str


@pytest.fixture
async def running(deployment: Path) -> AsyncIterator[Running]:
    """A county behind a real socket, with a device that may send."""
    async with (
        load(deployment / "county.toml") as county,
        TestServer(application(county)) as server,
    ):
        key = await county.store.write(
            lambda tx: county.access.devices.issue_device_key(tx, "my-gateway", actor=SYSTEM)
        )
        yield Running(county, str(server.make_url("")).rstrip("/"), key)


async def run(*command: str) -> dict[str, Any]:
    """Run a command beside the server and read the JSON that it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, complaints = await process.communicate()
    assert 0 == process.returncode, complaints.decode()
    found: dict[str, Any] = json.loads(printed)
    return found


async def test_sending_in_python(running: Running, tmp_path: Path) -> None:
    """The how-to's program sends a reading that is accepted."""
    file = tmp_path / "send.py"
    file.write_text(snippet("send-python").code, encoding="utf-8")
    answer = await run(sys.executable, str(file), running.address, "my-gateway", running.key)
    assert (1, 0) == (answer["accepted"], answer["quarantined"])


@needs_shell_tools
async def test_sending_by_shell(running: Running, tmp_path: Path) -> None:
    """The how-to's lines for curl and openssl send a reading that is accepted."""
    file = tmp_path / "send.sh"
    file.write_text(snippet("send-shell").code, encoding="utf-8")
    answer = await run("bash", str(file), running.address, "my-gateway", running.key)
    assert (1, 0) == (answer["accepted"], answer["quarantined"])


@needs_shell_tools
async def test_sending_as_in_the_tutorial(running: Running, tmp_path: Path) -> None:
    """One row of the tutorial's delivery is accepted, and the other quarantined for its code."""
    code = snippet("tutorial-send").code.replace("http://127.0.0.1:8080", running.address)
    code, keys = re.subn(r"KEY=\S+", f"KEY={running.key}", code)
    assert 1 == keys
    file = tmp_path / "send.sh"
    file.write_text(code, encoding="utf-8")
    answer = await run("bash", str(file))
    assert (1, 1) == (answer["accepted"], answer["quarantined"])
    shown = re.search(r"```json\n(.*?)```", page("docs/tutorial/demonstration.md"), re.DOTALL)
    assert shown
    expected = json.loads(shown[1])
    assert expected["reasons"] == answer["reasons"]
    assert set(expected) == set(answer)


def test_the_deployment_file_is_sound(deployment: Path) -> None:
    """The file in the how-to for deployments is read, with its plugin and registers, and starts."""
    (deployment / "device-master.key").write_text("k" * 40, encoding="utf-8")
    (deployment / "county.toml").write_text(snippet("deployment-file").code, encoding="utf-8")
    settings = read_settings(deployment / "county.toml")
    check_registers(settings)
    assert "https://county.example" == settings.server.public_url
    assert ["sensors"] == [one.name for one in County(settings).registry.plugins]


def test_the_registers_of_the_how_to_guides_are_sound(deployment: Path) -> None:
    """The lines shown for each register fit together."""
    for name in ("areas", "units", "things", "datastreams", "accounts"):
        file = deployment / "registers" / f"{name}.csv"
        file.write_text(snippet(name).code, encoding="utf-8")
    check_registers(read_settings(deployment / "county.toml"))


def plugin_of_the_guide(folder: Path, config: dict[str, object]) -> LoadedPlugin:
    """The how-to's plugin, as if it were installed."""
    file = folder / "reservoir.py"
    file.write_text(snippet("plugin").code, encoding="utf-8")
    spec = spec_from_file_location("reservoir", file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    request = PluginRequest("reservoir", config, "county.toml: plugin[0]", folder)
    plugin, problems = configure(
        module.ReservoirPlugin, request, distribution="county-gov-reservoir", version="0.1.0"
    )
    assert [] == problems
    assert plugin
    return plugin


async def test_the_plugin_of_the_how_to_raises_its_alert(deployment: Path, tmp_path: Path) -> None:
    """A reading above the configured limit raises an alert, and one below it clears it."""
    (settings,) = tomllib.loads(snippet("plugin-settings").code)["plugin"]
    plugin = plugin_of_the_guide(tmp_path, settings["config"])
    with (deployment / "registers" / "datastreams.csv").open("a", encoding="utf-8") as out:
        out.write("gauge.level,aotizhongxin,water_level,水位,Level,m,0,2,0,300\n")
    now = SystemClock().now()
    batch = Batch(
        {
            "datastream": np.array(["gauge.level"] * 3, dtype=object),
            "time": np.array([now - 3_000_000, now - 2_000_000, now - 1_000_000]),
            "value": np.array([150.0, 152.5, 151.0]),
        }
    )
    async with load(deployment / "county.toml", plugins=[plugin]) as county:
        outcome = await county.ingest(batch)
        await county.caught_up()
        (episode,) = await county.reader(SYSTEM).episodes(policy="reservoir.flood")
    assert 3 == outcome.accepted
    assert ("alarm", 152.5, True) == (
        episode.severity,
        episode.peak,
        episode.ended_at is not None,
    )


def test_the_rule_of_several_inputs_judges_as_it_says() -> None:
    """With 50 mm of rain 99.6 m is above; without the limit or the rain nothing is known."""
    names: dict[str, Any] = {}
    exec(compile(snippet("several-inputs").code, "several-inputs", "exec"), names)  # noqa: S102
    rule = names["FLOOD"]
    levels = np.array([99.6, 99.6, 100.2, 99.6, 99.6])
    batch = Batch(
        {
            "datastream": np.ones(5, np.int64),
            "time": np.arange(5),
            "level": levels,
            "rise": np.zeros(5),
            "rain": np.array([10.0, 60.0, 0.0, np.nan, 60.0]),
            "limit": np.array([100.0, 100.0, 100.0, 100.0, np.nan]),
            "crest": np.full(5, 110.0),
        }
    )
    verdicts = RuleEvaluator(rule).judge(batch)
    assert [0, 1, 1, -1, -1] == verdicts.judgements["above"].outcomes.tolist()


def test_a_misspelled_setting_of_the_plugin_is_told_as_shown(tmp_path: Path) -> None:
    """The message in the how-to is the program's."""
    (settings,) = tomllib.loads(snippet("plugin-settings").code)["plugin"]
    plugin = plugin_of_the_guide(tmp_path, settings["config"])
    wrong = dict(settings["config"])
    wrong["flod_limit_m"] = wrong.pop("flood_limit_m")
    place = "county.toml: plugin[0].config"
    _, problems = structure(wrong, plugin.instance.Config, place=place, folder=tmp_path)
    assert any(str(one) in page("docs/how-to/write-a-plugin.md") for one in problems)
