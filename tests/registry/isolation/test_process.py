"""A plugin in a process of its own, through every kind of function that it may have."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from county_gov.cli.check import where_it_runs
from county_gov.contract.access import SYSTEM
from county_gov.contract.job import JobRun
from county_gov.contract.notifier import Message
from county_gov.contract.page import Paragraphs
from county_gov.contract.plugin import CaseMoved
from county_gov.contract.source import Delivery, Outcome
from county_gov.contract.workflow import CaseView
from county_gov.errors import MalformedDelivery, PluginFailed
from county_gov.registry.discovery import LoadedPlugin, PluginRequest
from county_gov.registry.isolation import seccomp
from county_gov.registry.isolation.calls import ThingsTable
from county_gov.registry.isolation.loading import (
    PROTECTIONS,
    closed_doors,
    load_isolated,
    open_doors,
)
from county_gov.registry.limits import ProcessLimits
from county_gov.registry.registry import Contributions, build_registry
from county_gov.testing import FakeContext

TABLE = ThingsTable(1, {"dam.level": 3}, {"dam": {"water_level": "dam.level"}})
LIMITS = ProcessLimits(seconds=5.0, memory_bytes=512 << 20)


def load(folder: Path, value: str, config: dict[str, object] | None = None) -> Any:
    """Start a plugin of these tests."""
    request = PluginRequest("gauge", config or {}, "county.toml: plugin[0]", folder, limits=LIMITS)
    return load_isolated(request, value, distribution="gauge", version="1")


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[LoadedPlugin]:
    """The gauge's plugin in its process."""
    loaded, problems = load(tmp_path, "gauge_plugin:GaugePlugin", {"limit": 3.0})
    assert [] == problems
    yield loaded
    loaded.process.close()


@pytest.fixture
def found(plugin: LoadedPlugin) -> Contributions:
    """What it contributes."""
    return build_registry([plugin])[0].contributions


def test_the_county_never_imports_it(plugin: LoadedPlugin) -> None:
    """Its module is loaded in its own process only."""
    assert plugin.process is not None
    assert plugin.process.alive
    assert os.getpid() != plugin.process.pid
    assert "gauge_plugin" not in sys.modules


def test_a_check_says_what_is_closed_to_it(plugin: LoadedPlugin) -> None:
    """Each protection stands on one side or the other; the kernel decides which."""
    assert plugin.process is not None
    closed = [one.in_language("en") for one in closed_doors(plugin.process)]
    left = [one.in_language("en") for one in open_doors(plugin.process)]

    said = where_it_runs(plugin)

    assert sorted(words.en for _name, words in PROTECTIONS) == sorted(closed + left)
    assert f"in a process of its own, closed to it: {', '.join(closed)}" in said
    assert bool(left) == ("; not closed to it: " in said)
    assert "signals" in closed or not seccomp.offers()


def test_a_decoder_reads_the_snapshot_of_things(found: Contributions) -> None:
    """What it is given and what it gives are the same as within one process."""
    decode = found.sources["gauge.lines"].decode

    first = decode(Delivery(b"dam 1.5 2", "text/plain", "test", 0), TABLE)
    other = ThingsTable(2, {}, {"dam": {"water_level": "dam.other"}})
    second = decode(Delivery(b"dam 1", "text/plain", "test", 0), other)

    assert ["dam.level", "dam.level"] == first.batch["datastream"].tolist()
    assert [1.5, 2.0] == first.batch["value"].tolist()
    assert ["dam.other"] == second.batch["datastream"].tolist()


def test_errors_of_the_contract_are_raised_as_they_were(found: Contributions) -> None:
    """A delivery that cannot be read is refused with its place; any other error is a failure."""
    decode = found.sources["gauge.lines"].decode

    with pytest.raises(MalformedDelivery, match="line 1: no lines") as refused:
        decode(Delivery(b"", "text/plain", "test", 0), TABLE)
    with pytest.raises(PluginFailed, match="ValueError: could not convert") as failed:
        decode(Delivery(b"dam x", "text/plain", "test", 0), TABLE)

    assert "line 1" == refused.value.place
    assert failed.value.raised


def test_a_guard_objects_in_its_own_words(found: Contributions) -> None:
    """A guard is given the case, the actor and the data, and gives a text or nothing."""
    (guard,) = found.workflows["gauge.look"].events[0].guards
    case = CaseView("1", "G1", "gauge.look", "open", 1, "990101", "Look", "dam", 0, {"x": 1.5})

    objection = guard(case, SYSTEM, {})

    assert objection is not None
    assert "Write a note" == objection.en
    assert guard(case, SYSTEM, {"note": "seen"}) is None


async def test_async_functions_have_their_context(found: Contributions) -> None:
    """A page, a job and a channel use their context as they would within the county's process."""
    context: Any = FakeContext()
    context.actor, context.query = SYSTEM, {"q": "high"}

    (view,) = await found.pages["gauge/levels"].views(context)
    said = await found.jobs["gauge.draw"].run(context, JobRun(7))
    messages = (Message("k", "someone", "subject", "body"),)
    (receipt,) = await found.notifiers["gauge.bell"].send(context, messages)

    assert isinstance(view, Paragraphs)
    assert f"0 {SYSTEM.name} high" == view.paragraphs[0].zh
    assert "7" == said
    assert "7" == await context.notes.get("run")
    assert ("k", "sent", context.timezone) == (receipt.key, receipt.result, receipt.detail)


async def test_a_page_cannot_ask_for_what_only_others_may(found: Contributions) -> None:
    """A context answers what its protocol has, and nothing else that the object behind it can."""
    from county_gov.registry.isolation.service import Service

    service = Service("PageContext", FakeContext())

    for path in ("records.put", "notes.set", "http.request", "store.write", "__class__", "read.x"):
        answer = await service.answer(path, (), {})
        assert isinstance(answer, PluginFailed)
        assert path in str(answer)


async def test_a_source_is_told_what_became_of_its_deliveries(found: Contributions) -> None:
    """Deliveries come one by one; each is acknowledged in the plugin's process."""
    context: Any = FakeContext()
    opening = found.sources["gauge.lines"].open
    assert opening is not None

    raws = []
    async for delivery in opening(context):
        raws.append(delivery.raw)
        await delivery.acknowledge(Outcome(f"batch-{len(raws)}", len(raws), 0, 0, 0))

    assert [b"g 0", b"g 1", b"g 2"] == raws
    assert ["1", "2", "3"] == [await context.notes.get(f"batch-{one}") for one in (1, 2, 3)]


async def test_a_listener_is_told_of_events(plugin: LoadedPlugin) -> None:
    """An event reaches the listener in the plugin's process."""
    context: Any = FakeContext()
    case = CaseView("9", "G9", "gauge.look", "open", 1, "990101", "Look", "dam", 0, {})

    await plugin.instance.case_moved(event=CaseMoved(case, "", "", 0, 1), ctx=context)

    assert "9" == await context.notes.get("moved")


async def test_a_cancelled_call_ends(found: Contributions) -> None:
    """Giving up waiting cancels the function in the plugin's process, which goes on living."""
    context: Any = FakeContext()
    answered = asyncio.Event()

    class Slow:
        async def get(self, _key: str) -> str | None:
            await answered.wait()
            return None

        async def set(self, _key: str, _value: str) -> None:
            await answered.wait()

    context.notes = Slow()
    job = found.jobs["gauge.draw"]

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(job.run(context, JobRun(1)), 0.2)
    context.notes = FakeContext().notes

    assert "2" == await job.run(context, JobRun(2))


@pytest.mark.parametrize(
    ("value", "config", "words"),
    [
        ("gauge_plugin:NoPlugin", {}, "cannot be imported: AttributeError"),
        ("gauge_plugin:GaugePlugin", {"limt": 3}, "unknown setting; did you mean 'limit'?"),
        ("gauge_plugin:GaugePlugin", {"limit": "3"}, "expected a number, got '3'"),
    ],
)
def test_what_is_wrong_with_it_is_said_at_the_start(
    value: str, config: dict[str, object], words: str, tmp_path: Path
) -> None:
    """Its problems are the same as those of a plugin within the county's process."""
    loaded, problems = load(tmp_path, value, config)

    assert loaded is None
    assert words in "\n".join(map(str, problems))


def test_a_rule_is_given_read_only_columns_and_gives_its_own(found: Contributions) -> None:
    """A batch of twenty thousand rows comes back as it would within one process."""
    from county_gov.contract.batch import Batch

    levels = np.linspace(0, 10, 20_000)
    batch = Batch({"datastream": np.arange(20_000), "time": np.arange(20_000), "level": levels})

    judgement = found.rules["gauge.high"].judge(batch)["above"]

    assert np.array_equal((levels > 3).astype(np.int8), judgement.outcomes)
    assert np.array_equal(levels, judgement.values)
