"""Reads of a county that is only there in the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

from county_gov.contract.batch import Batch
from county_gov.contract.clock import HOUR
from county_gov.contract.context import DatastreamView, EpisodeView, Reading
from county_gov.contract.workflow import CaseView
from county_gov.errors import NotFound

Readings = Sequence[tuple[int, float] | tuple[int, float, str]]


def datastream_view(code: str, *, number: int = 1, **changes: Any) -> DatastreamView:
    """A datastream as plugins see it: ``dam.water_level`` of the thing ``dam``.

    Args:
        code: Its code; thing and observed property are what stands around the first dot.
        number: Its number.
        **changes: Other fields of `DatastreamView`.
    """
    thing, _, observed = code.partition(".")
    view = DatastreamView(
        number=number,
        code=code,
        thing=thing,
        observed_property=observed,
        name=code,
        name_en=code,
        unit="1",
        period=0,
        decimals=2,
        area="990101001",
        responsible_unit="office",
        longitude=None,
        latitude=None,
        minimum=None,
        maximum=None,
        thing_name=thing,
        thing_name_en=thing,
    )
    return evolve(view, **changes)


@frozen(eq=False)
class FakeReader:
    """Answers with what the test gives it; without anything, with nothing.

    Args:
        streams: Datastreams.
        readings: Times (microseconds UTC), values and flags by datastream's code, rising.
        alerts: Episodes, latest first.
        matters: Cases, latest first.
    """

    streams: tuple[DatastreamView, ...] = ()
    readings: Mapping[str, Readings] = field(factory=dict)
    alerts: tuple[EpisodeView, ...] = ()
    matters: tuple[CaseView, ...] = ()

    async def datastreams(self, *, observed_property: str = "") -> tuple[DatastreamView, ...]:
        """The datastreams, by code."""
        found = (one for one in self.streams if observed_property in ("", one.observed_property))
        return tuple(sorted(found, key=lambda one: one.code))

    async def latest(self, *, observed_property: str = "") -> tuple[Reading, ...]:
        """The last reading of each datastream that has one."""
        found = []
        for one in await self.datastreams(observed_property=observed_property):
            for row in self.readings.get(one.code, ())[-1:]:
                flag = row[2] if len(row) > 2 else ""  # noqa: PLR2004 (time, value, flag)
                found.append(Reading(one, row[0], row[1], flag, row[0]))
        return tuple(found)

    async def observations(self, datastream: str, start: int, end: int) -> Batch:
        """Readings in [start, end).

        Raises:
            NotFound: if there is no such datastream.
        """
        if datastream not in {one.code for one in self.streams}:
            raise NotFound(f"there is no datastream {datastream!r}; give FakeReader one")
        rows = [one for one in self.readings.get(datastream, ()) if start <= one[0] < end]
        flags = [row[2] if len(row) > 2 else "" for row in rows]  # noqa: PLR2004
        return Batch(
            {
                "time": np.array([row[0] for row in rows], np.int64),
                "value": np.array([row[1] for row in rows], np.float64),
                "flag": np.array(flags, object),
            }
        )

    async def hourly(self, datastream: str, start: int, end: int) -> Batch:
        """Clock hours in [start, end)."""
        found = await self.observations(datastream, start, end)
        hours, inverse = np.unique(found["time"] // HOUR, return_inverse=True)
        groups = [found["value"][inverse == group] for group in range(len(hours))]
        return Batch(
            {
                "time": hours * HOUR,
                "count": np.array([len(one) for one in groups], np.int64),
                "mean": np.array([one.mean() for one in groups], np.float64),
                "minimum": np.array([one.min() for one in groups], np.float64),
                "maximum": np.array([one.max() for one in groups], np.float64),
            }
        )

    async def episodes(
        self, *, policy: str = "", datastream: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[EpisodeView, ...]:
        """Alert episodes."""
        found = (
            one
            for one in self.alerts
            if policy in ("", one.policy)
            and datastream in ("", one.datastream)
            and (one.ended_at is None or not open_only)
        )
        return tuple(found)[:limit]

    async def cases(
        self, *, workflow: str = "", state: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[CaseView, ...]:
        """Cases; all of them count as open."""
        found = (
            one
            for one in self.matters
            if workflow in ("", one.workflow) and state in ("", one.state)
        )
        return tuple(found)[:limit]

    async def count_cases(self, *, workflow: str = "", open_only: bool = False) -> int:
        """How many cases there are."""
        return len(await self.cases(workflow=workflow, limit=len(self.matters) or 1))
