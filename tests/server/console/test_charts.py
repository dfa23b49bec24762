"""Charts: readings as they are, or means with their bounds where they come too fast."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import cast

import numpy as np
import pytest
from attrs import evolve, frozen

from county_gov.contract.access import Scope
from county_gov.contract.batch import Batch
from county_gov.contract.clock import DAY, HOUR, MICROSECONDS
from county_gov.contract.context import EpisodeView
from county_gov.contract.page import Series
from county_gov.contract.rule import Judgement, Rule
from county_gov.deployment import County
from county_gov.registry import gateway
from county_gov.registry.gateway import Answer
from county_gov.server.console.charts import MINUTE, chart_of, chart_of_alert
from tests.server.conftest import HOUR_START, STREAM

START = HOUR_START - 10 * DAY


@frozen
class Arrived:
    """A county with readings of one datastream."""

    county: County

    async def take(self, times: list[int], values: list[float]) -> None:
        """Take readings in."""
        outcome = await self.county.ingest(
            Batch(
                {
                    "datastream": np.array([STREAM] * len(times), object),
                    "time": np.array(times, np.int64),
                    "value": np.array(values, np.float64),
                }
            )
        )
        assert len(times) == outcome.accepted

    async def chart(self, start: int, end: int) -> Series:
        """The chart of everything that came."""
        snapshot = self.county.registers.snapshot
        view = snapshot.datastream(snapshot.number(STREAM))
        reader = self.county.reader(Scope.everything())
        return await chart_of(self.county, reader, view, start=start, end=end)


async def test_slow_readings_are_drawn_as_they_are(county: County) -> None:
    """Hourly readings stay readings, and a missing one is a gap."""
    arrived = Arrived(county)
    await arrived.take([START, START + HOUR, START + 4 * HOUR], [10, 20, 30])
    chart = await arrived.chart(START, START + 7 * DAY)
    assert "readings" in chart.title.in_language("en")
    assert [10, 20, None, 30] == [
        None if np.isnan(value) else value for value in chart.lines[0].values
    ]
    assert chart.lines[0].low is None


@pytest.mark.parametrize(
    ("span", "words", "points"),
    [(7 * DAY, "hourly mean", 2), (2 * DAY, "5-minute mean", 24), (DAY, "1-minute mean", 120)],
)
async def test_fast_readings_are_drawn_as_means(
    county: County, span: int, words: str, points: int
) -> None:
    """Two hours of readings every ten seconds become means, from the lowest to the highest."""
    arrived = Arrived(county)
    times = [START + 10 * MICROSECONDS * place for place in range(720)]
    await arrived.take(times, [float(place % 2 * 100) for place in range(720)])
    chart = await arrived.chart(START, START + span)
    line = chart.lines[0]
    assert words in chart.title.in_language("en")
    assert points == len(line.values)
    assert line.low is not None
    assert line.high is not None
    assert {50.0} == set(line.values.tolist())
    assert ({0.0}, {100.0}) == (set(line.low.tolist()), set(line.high.tolist()))


@pytest.mark.parametrize(("spacing", "margin"), [(2 * MINUTE, HOUR), (HOUR, DAY)])
async def test_an_alert_is_looked_at_as_closely_as_its_readings_come(
    county: County, spacing: int, margin: int
) -> None:
    """Round a short alert of fast readings an hour is shown, round one of slow readings a day."""
    times = list(range(START - 2 * DAY, START + 2 * DAY, spacing))
    await Arrived(county).take(times, [10.0] * len(times))
    episode = EpisodeView(
        1, "sensors.pm25_heavy", STREAM, "", "warning", START, START + 10 * MINUTE, START, 180.0,
        corrected=False, withdrawn=False,
    )  # fmt: skip
    snapshot = county.registers.snapshot
    view = snapshot.datastream(snapshot.number(STREAM))
    chart = await chart_of_alert(county, county.reader(Scope.everything()), view, episode)
    assert START - margin == chart.lines[0].times[0]


async def test_a_rule_that_hangs_holds_up_nothing_but_its_limits(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many charts ask it, the threads of everything else go on, and the charts come."""
    release = threading.Event()
    asked = threading.Semaphore(0)
    rules = county.registry.contributions.rules
    (key, rule) = next(iter(rules.items()))

    def hang(_batch: Batch) -> Mapping[str, Judgement]:
        asked.release()
        release.wait(120)
        return {}

    def judge(batch: Batch) -> Mapping[str, Judgement]:
        answer = county.gateway.call("sensors", "rule that hangs", lambda: hang(batch), seconds=120)
        assert isinstance(answer, Answer)
        return answer.value

    monkeypatch.setattr(gateway, "ASIDE_SECONDS", 0.5)
    monkeypatch.setitem(cast("dict[str, Rule]", rules), key, evolve(rule, judge=judge))
    arrived = Arrived(county)
    await arrived.take([START], [10])
    try:
        charts = [asyncio.create_task(arrived.chart(START, START + DAY)) for _ in range(40)]
        async with asyncio.timeout(60):
            assert await asyncio.to_thread(asked.acquire, timeout=60)
            await asyncio.gather(*(asyncio.to_thread(int) for _ in range(40)))
            drawn = await asyncio.gather(*charts)
    finally:
        release.set()

    assert {()} == {chart.limits for chart in drawn}
    assert {1} == {len(chart.lines[0].values) for chart in drawn}
