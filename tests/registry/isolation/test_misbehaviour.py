"""Twelve misbehaviours of a plugin, and what a county makes of them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog.testing
from aiohttp.test_utils import TestClient, TestServer

from county_gov.contract.access import Scope
from county_gov.contract.batch import Batch
from county_gov.contract.clock import MICROSECONDS
from county_gov.deployment import County
from county_gov.errors import ContractError
from county_gov.registry.gateway import Circuit
from county_gov.registry.isolation import confinement, seccomp
from county_gov.server import application
from tests.registry.isolation.conftest import STREAMS, MakeCounty
from tests.registry.isolation.visitor import PATIENCE, Visitor, overloaded
from tests.services import missing

Logs = list[MutableMapping[str, Any]]

SECRET = "the county's device key"
ISOLATED = {
    "raise": "ValueError: broken",
    "hang": "no answer within 1 s",
    "fork": "Operation not permitted",
    "exit": "exit status 3",
    "allocate": "MemoryError",
    "return_much": "at most 8388608 are taken",
    "nan": "expected a finite value wherever PASS or FAIL",
    "schema": "Judgement.outcomes: expected",
    "flood": "no answer within 1 s",
    "monkeypatch": "expected a finite value wherever PASS or FAIL",
    "key": "Permission denied",
    "socket": "Operation not permitted",
    "environment": "Permission denied",
    "kill": "Operation not permitted",
}
"""Misbehaviour, and what is said of it."""
FILES = {"key", "environment"}
CALLS = {"fork", "kill", "socket"}


def rogue(mode: str, **config: object) -> dict[str, object]:
    """The entry of a plugin that misbehaves in a process of its own."""
    memory = 4096 if mode == "return_much" else 512
    return {
        "use": "rogue",
        "isolation": "process",
        "config": {"mode": mode, **config},
        "limits": {"seconds": 1.0, "memory_mib": memory, "result_mib": 8},
    }


def beside(mode: str) -> dict[str, object]:
    """The entry of a plugin that misbehaves within the county's process."""
    return {"use": "rogue", "config": {"mode": mode}, "limits": {"seconds": 0.3}}


STEADY: dict[str, object] = {"use": "steady"}


async def feed(county: County, streams: int) -> None:
    """Send a high reading of each of some datastreams, one after another."""
    at = np.array([county.clock.now() - 60 * MICROSECONDS])
    for stream in STREAMS[:streams]:
        codes = np.array([stream], object)
        await county.ingest(Batch({"datastream": codes, "time": at, "value": np.array([9.0])}))
        await county.caught_up()


def circuit_of(county: County) -> Circuit:
    """The circuit of the rogue's rule."""
    return county.gateway.circuit("rogue", "rule rogue.level")


async def policies_raised(county: County) -> list[str]:
    """The policies that have raised an alert."""
    episodes = await county.reader(Scope.everything()).episodes()
    return sorted({one.policy for one in episodes})


@pytest.fixture(autouse=True)
def logs() -> Iterator[Logs]:
    """What was logged."""
    with structlog.testing.capture_logs() as found:
        yield found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who waits to be called."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("mode", ISOLATED)
async def test_a_plugin_in_its_process_harms_nobody(
    mode: str, make_county: MakeCounty, tmp_path: Path, listener: socket.socket, logs: Logs
) -> None:
    """Others are answered within a second, no secret is read, its decision is "no opinion", and it
    is cut off.
    """
    if mode in FILES and not confinement.landlock_version():
        missing("a kernel with Landlock, which closes files")
    if mode in CALLS and not seccomp.offers():
        missing("a kernel with seccomp, which closes system calls")
    key = tmp_path / "device-master.key"
    key.write_text(SECRET, encoding="utf-8")
    port = listener.getsockname()[1]
    county = make_county(STEADY, rogue(mode, key_file=str(key), port=port))

    async with TestClient(TestServer(application(county))) as client:
        async with Visitor(client) as visitor:
            await feed(county, len(STREAMS))
        raised = await policies_raised(county)
        circuit = circuit_of(county)

    assert visitor.asked
    assert visitor.longest <= PATIENCE or overloaded()
    assert ["steady.high"] == raised
    assert not circuit.breaker.allows
    assert any(
        ISOLATED[mode] in str(one.get("reason", ""))
        for one in logs
        if one["event"] == "plugin failed"
    )
    assert SECRET not in str(logs)
    assert () == county.plugins.replaced
    with pytest.raises(BlockingIOError):
        listener.accept()


async def test_a_well_behaved_plugin_in_its_process_has_its_say(make_county: MakeCounty) -> None:
    """A rule in another process raises the same alert as one within the county's own."""
    county = make_county(STEADY, rogue("well"))

    async with county:
        await feed(county, 2)
        raised = await policies_raised(county)

    assert ["rogue.high", "steady.high"] == raised


async def test_its_readings_are_judged_once_the_plugin_works_again(
    make_county: MakeCounty,
) -> None:
    """Its process that was killed is started again, and the rule asked directly answers."""
    county = make_county(STEADY, rogue("well"))
    (process,) = [one.process for one in county.registry.plugins if one.process]
    batch = Batch({"datastream": np.array([1]), "time": np.array([0]), "level": np.array([9.0])})

    async with county:
        first = process.pid
        process._living()[0].end("the test ends it")
        await asyncio.to_thread(_until, lambda: not process.alive)
        with pytest.raises(ContractError, match="is started again in"):
            await asyncio.to_thread(county.rules["rogue.level"].judge, batch)
        process._not_before = 0.0
        verdicts = await asyncio.to_thread(county.rules["rogue.level"].judge, batch)

    assert [1] == verdicts.judgements["above"].outcomes.tolist()
    assert 2 == process.starts
    assert first != process.pid


def _until(holds: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("raise", "ValueError: broken"),
        ("wait", "0.3 s"),
        ("nan", "expected a finite value wherever PASS or FAIL"),
        ("schema", "dtype int8"),
    ],
)
async def test_within_the_countys_process_it_is_noticed_and_said(
    mode: str, words: str, make_county: MakeCounty
) -> None:
    """What raises, hangs or breaks the contract is cut off, while the others have their say."""
    released = import_module("rogue_plugin").RELEASE

    released.clear()
    county = make_county(STEADY, beside(mode))
    try:
        async with TestClient(TestServer(application(county))) as client:
            async with Visitor(client) as visitor:
                await feed(county, len(STREAMS))
            raised = await policies_raised(county)
            circuit = circuit_of(county)
    finally:
        released.set()

    assert visitor.longest <= PATIENCE or overloaded()
    assert ["steady.high"] == raised
    assert not circuit.breaker.allows
    assert words in circuit.last_error
    assert ("wait" == mode) == bool(circuit.hung)


async def test_what_it_prints_within_the_countys_process_goes_to_the_log(
    make_county: MakeCounty, capsys: pytest.CaptureFixture[str], logs: Logs
) -> None:
    """Its lines stand in the log under its name, and not on the county's standard output."""
    county = make_county(STEADY, beside("chatter"))

    async with county:
        await feed(county, 1)

    assert {"it rains"} == {one["line"] for one in logs if one["event"] == "a plugin printed"}
    assert "it rains" not in capsys.readouterr().out


async def test_what_it_replaces_within_the_countys_process_is_noticed(
    make_county: MakeCounty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The functions that it replaced are named, with the module that the new ones come from."""
    import hmac

    from county_gov.registry import results

    monkeypatch.setattr(hmac, "compare_digest", hmac.compare_digest)
    monkeypatch.setattr(results, "check_judgements", results.check_judgements)
    county = make_county(STEADY, beside("monkeypatch"))

    async with county:
        await feed(county, 1)
        await county.plugins.look()

    assert {
        "hmac.compare_digest was replaced by rogue_plugin",
        "county_gov.registry.results.check_judgements was replaced by rogue_plugin",
    } == set(map(str, county.plugins.replaced))
