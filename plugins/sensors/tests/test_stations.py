"""The page of stations: stale is not good, a gap stays a gap, limits are those of the day."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from attrs import evolve, field, frozen

from county_gov.api import (
    HOUR,
    MICROSECONDS,
    Actor,
    Batch,
    CaseView,
    DatastreamView,
    EpisodeView,
    Figures,
    Map,
    Reading,
    Series,
    Table,
)
from county_gov.testing import FakeParameters, FakeRecords
from county_gov_sensors.config import SensorsConfig
from county_gov_sensors.stations import StationsPage

NOW = 1_772_323_200 * MICROSECONDS
"""2026-03-01T08:00:00+08:00."""


def stream(number: int) -> DatastreamView:
    """An invented station's PM2.5."""
    return DatastreamView(
        number, f"s{number}.pm25", f"s{number}", "pm25", f"{number}号站", f"Station {number}",
        "µg/m³", HOUR, 1, f"99010100100100{number}", "environment", 116.0 + number, 40.0, 0, 1000,
    )  # fmt: skip


def episode(number: int, started: int, ended: int | None) -> EpisodeView:
    """An alert of a station."""
    return EpisodeView(
        number, "sensors.pm25_heavy", f"s{number}.pm25", "", "warning", started, ended, started,
        180.0, corrected=False, withdrawn=False,
    )  # fmt: skip


@frozen(eq=False)
class FakeReader:
    """Three stations: in alert, good, and silent for a day; a fourth never measured."""

    streams: tuple[DatastreamView, ...] = tuple(stream(number) for number in (1, 2, 3, 4))
    many: int = 1

    async def datastreams(self, *, observed_property: str = "") -> tuple[DatastreamView, ...]:
        """All of PM2.5."""
        return self.streams if observed_property in {"", "pm25"} else ()

    async def latest(self, *, observed_property: str = "") -> tuple[Reading, ...]:
        """Of the first three."""
        found = await self.datastreams(observed_property=observed_property)
        ages = {1: (HOUR, 180.0), 2: (HOUR, 20.0), 3: (24 * HOUR, 900.0)}
        return tuple(
            Reading(one, NOW - ages[one.number][0], ages[one.number][1], "", NOW)
            for one in found
            if one.number in ages
        )

    async def observations(self, datastream: str, start: int, end: int) -> Batch:
        """Three readings, with two hours missing between the second and the third."""
        times = np.array([end - 5 * HOUR, end - 4 * HOUR, end - HOUR], np.int64)
        flags = np.array(["", "", ""], object)
        return Batch({"time": times, "value": np.array([1.0, 2.0, 3.0]), "flag": flags})

    async def hourly(self, datastream: str, start: int, end: int) -> Batch:
        """The same readings by hour, ``many`` in the last."""
        times = np.array([end - 5 * HOUR, end - 4 * HOUR, end - HOUR], np.int64)
        mean = np.array([1.0, 2.0, 3.0])
        return Batch(
            {
                "time": times,
                "count": np.array([1, 1, self.many], np.int64),
                "mean": mean,
                "minimum": mean - 0.5,
                "maximum": mean + 0.5,
            }
        )

    async def episodes(
        self, *, policy: str = "", datastream: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[EpisodeView, ...]:
        """The first station's open alert, and one long ago."""
        if datastream != "s1.pm25":
            return ()
        return (
            episode(1, NOW - 3 * HOUR, None),
            episode(1, NOW - 900 * HOUR, NOW - 890 * HOUR),
        )

    async def cases(
        self, *, workflow: str = "", state: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[CaseView, ...]:
        """None."""
        return ()

    async def count_cases(self, *, workflow: str = "", open_only: bool = False) -> int:
        """None."""
        return 0


class FakeClock:
    """Stands at `NOW`."""

    def now(self) -> int:
        """The instant."""
        return NOW


@frozen(eq=False)
class FakeContext:
    """A grid worker looks."""

    query: Mapping[str, str] = field(factory=dict)
    actor: Actor = Actor("person", "示范·丙", 1)
    read: FakeReader = field(factory=FakeReader)
    clock: FakeClock = field(factory=FakeClock)
    records: FakeRecords = field(factory=FakeRecords)
    parameters: FakeParameters = field(factory=FakeParameters)
    timezone: str = "Asia/Shanghai"


PAGE = StationsPage(SensorsConfig())


async def test_figures_and_map_tell_alerts_from_stale() -> None:
    """One in alert, one good, one stale, one unknown; a stale 900 is not the highest value."""
    figures, shown, *_ = await PAGE.views(FakeContext())

    assert isinstance(figures, Figures)
    assert [180.0, 1, 2] == [one.value for one in figures.figures]
    assert ["", ""] == [one.href for one in figures.figures[1:]]
    assert isinstance(shown, Map)
    assert ["warning", "good", "stale", "unknown"] == [one.status for one in shown.markers]


async def test_a_chart_has_gap_limit_and_alert() -> None:
    """The gap is NaN, the limit cites the standard in force, the open alert is shaded."""
    chart = next(one for one in await PAGE.views(FakeContext()) if isinstance(one, Series))

    assert [1.0, 2.0, None, 3.0] == [
        None if np.isnan(one) else one for one in chart.lines[0].values.tolist()
    ]
    assert (np.diff(chart.lines[0].times) > 0).all()
    assert ["Limit (HJ 633-2026)"] == [one.label.en for one in chart.limits]
    assert [(NOW - 3 * HOUR, None)] == [(one.start, one.end) for one in chart.shades]


async def test_a_chart_of_many_readings_shows_hourly_means_and_their_bounds() -> None:
    """A thousand readings an hour become one point, drawn from the lowest to the highest."""
    reader = FakeReader(many=1000)
    chart = next(
        one for one in await PAGE.views(FakeContext(read=reader)) if isinstance(one, Series)
    )

    line = chart.lines[0]
    assert line.low is not None
    assert line.high is not None
    assert 4 == len(line.values)
    assert 1 == np.isnan(line.values).sum()
    assert (0.5, 3.5) == (line.low[0], line.high[-1])


async def test_a_place_is_named_once_and_by_its_station() -> None:
    """The marker says in which area it stands, and is called like the station."""
    views = tuple(evolve(one, thing_name=f"{one.number}号监测站") for one in FakeReader().streams)
    shown = (await PAGE.views(FakeContext(read=FakeReader(views))))[1]

    assert isinstance(shown, Map)
    assert [one.area for one in shown.shapes] == [one.area for one in shown.markers]
    assert "1号监测站" == shown.markers[0].label.zh


async def test_the_table_shows_nothing_as_nothing() -> None:
    """A station that never measured has no value, not zero."""
    tables = [one for one in await PAGE.views(FakeContext()) if isinstance(one, Table)]

    assert [180.0, 20.0, 900.0, None] == [row.cells["value"] for row in tables[0].rows]
    assert ["/sensors/stations?property=pm25"] == [row.href for row in tables[1].rows]


@pytest.mark.parametrize("wanted", ["pm10", "../x", "<b>", ""])
async def test_other_properties_do_no_harm(wanted: str) -> None:
    """A property without stations, or nonsense, gives a page as well."""
    context = FakeContext({"property": wanted})
    views = await PAGE.views(context)

    assert views
    assert (await PAGE.headline(context)).en


async def test_the_headline_answers() -> None:
    """How many stations are in alert, and how many cannot tell."""
    told = await PAGE.headline(FakeContext())

    assert "1 of 4 stations in alert, 2 stale or silent" == told.en
    assert "4 个站点中有 1 个正在告警，2 个数据陈旧或缺失" == told.zh
