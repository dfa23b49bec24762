"""Scoped reads, as plugins and pages are given them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from attrs import evolve, frozen

from county_gov.contract.access import Actor, Scope
from county_gov.contract.batch import Batch, Float64s, Int64s
from county_gov.contract.context import DatastreamView, EpisodeView, Reading
from county_gov.deployment.arguments import require_kind, storable, whole
from county_gov.errors import NotFound
from county_gov.store import alerts
from county_gov.store.observations.flags import FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.cases import Cases
    from county_gov.contract.clock import Clock
    from county_gov.contract.workflow import CaseView
    from county_gov.registers.snapshot import RegisterSnapshot
    from county_gov.store import Store
    from county_gov.store.observations import Observations

LONGEST_LIST = 500
EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))


def local_day(instant: int, timezone: str) -> int:
    """The local day of an instant, as days since 1970-01-01."""
    local = (EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(timezone))
    return local.date().toordinal() - EPOCH.date().toordinal()


@frozen(eq=False)
class CountyReader:
    """Implements `county_gov.contract.context.Reader` for one who reads.

    Args:
        store: Where all is kept.
        observations: Where readings are kept.
        registers: Gives the registers as they are now.
        cases: Reads cases.
        clock: Tells the day.
        timezone: The county's.
        reader: A scope, or an actor whose permissions tell what may be read of each kind.
        plugin: The plugin that reads, from which other plugins' confidential cases are kept; empty
            for the county itself.
    """

    _store: Store
    _observations: Observations
    _registers: Callable[[], RegisterSnapshot]
    _cases: Cases
    _clock: Clock
    _timezone: str
    _reader: Scope | Actor
    _plugin: str = ""

    def _scope(self, permission: str) -> Scope:
        return self._reader.scope(permission) if isinstance(self._reader, Actor) else self._reader

    def _seen(self) -> Callable[[DatastreamView], bool]:
        """Whether a datastream lies within the scope; the same meaning as in SQL."""
        scope = self._scope("core.observations.read")
        if scope.everywhere:
            return lambda _view: True
        snapshot = self._registers()
        day = local_day(self._clock.now(), self._timezone)
        whole = {one.area for one in scope.grants if one.unit is None and one.person is None}
        narrowed = [(one.area, one.unit) for one in scope.grants if one.unit and one.person is None]

        def seen(view: DatastreamView) -> bool:
            areas = {view.area, *snapshot.ancestors(view.area, day)}
            return bool(areas & whole) or any(
                unit == view.responsible_unit and (area is None or area in areas)
                for area, unit in narrowed
            )

        return seen

    async def datastreams(self, *, observed_property: str = "") -> tuple[DatastreamView, ...]:
        """The datastreams within the scope, by code."""
        seen = self._seen()
        views = self._registers().datastreams(observed_property=observed_property)
        return tuple(view for view in views if seen(view))

    async def latest(self, *, observed_property: str = "") -> tuple[Reading, ...]:
        """The latest reading of each datastream within the scope that has one."""
        views = await self.datastreams(observed_property=observed_property)
        numbers = [view.number for view in views]
        found = await self._store.read(
            lambda snapshot: self._observations.read_latest(snapshot, numbers)
        )
        by_number = {view.number: view for view in views}
        return tuple(
            Reading(
                datastream=(view := by_number[int(found.datastream[row])]),
                time=int(found.time[row]),
                value=float(found.value[row]) / 10**view.decimals,
                flag=FLAGS[int(found.flag[row])],
                received_at=int(found.received_at[row]),
            )
            for row in range(len(found.datastream))
        )

    async def _one(self, code: str) -> DatastreamView:
        require_kind("datastream", code)
        snapshot = self._registers()
        number = snapshot.number(code)
        if number < 0 or not self._seen()(view := snapshot.datastream(number)):
            raise NotFound(f"there is no datastream {code!r}, or it lies outside your area")
        return view

    async def observations(self, datastream: str, start: int, end: int) -> Batch:
        """Current readings in [start, end): ``time``, ``value``, ``flag``."""
        start, end = whole("start", start), whole("end", end)
        view = await self._one(datastream)
        stored = await self._store.read(
            lambda snapshot: self._observations.read(snapshot, view.number, start, end)
        )
        flags = np.array(FLAGS, dtype=object)[stored.flag]
        return Batch(
            {"time": stored.time, "value": _unscaled(stored.value, view.decimals), "flag": flags}
        )

    async def hourly(self, datastream: str, start: int, end: int) -> Batch:
        """Clock hours in [start, end): ``time``, ``count``, ``mean``, ``minimum``, ``maximum``."""
        start, end = whole("start", start), whole("end", end)
        view = await self._one(datastream)
        hours = await self._store.read(
            lambda snapshot: self._observations.hourly(snapshot, view.number, start, end)
        )
        return Batch(
            {
                "time": hours.time,
                "count": hours.count,
                "mean": _unscaled(hours.total, view.decimals) / np.maximum(hours.count, 1),
                "minimum": _unscaled(hours.minimum, view.decimals),
                "maximum": _unscaled(hours.maximum, view.decimals),
            }
        )

    async def episodes(
        self, *, policy: str = "", datastream: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[EpisodeView, ...]:
        """Alert episodes within the scope, latest first."""
        limit = whole("limit", limit, 1, LONGEST_LIST)
        for place, text in (("policy", policy), ("datastream", datastream)):
            require_kind(place, text)
        if not (storable(policy) and storable(datastream)):
            return ()
        day = local_day(self._clock.now(), self._timezone)
        found = await self._store.read(
            lambda snapshot: alerts.list_episodes(
                snapshot,
                self._scope("core.alerts.read"),
                day=day,
                policy=policy,
                datastream=datastream,
                open_only=open_only,
                limit=limit,
            )
        )
        named = {one.case for one in found if one.case}
        if not named or isinstance(self._reader, Scope):
            return found
        seen = await self._cases.seen(self._reader, named, plugin=self._plugin)
        return tuple(one if one.case in seen else evolve(one, case="") for one in found)

    async def cases(
        self, *, workflow: str = "", state: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[CaseView, ...]:
        """Cases that may be seen, latest first."""
        limit = whole("limit", limit, 1, LONGEST_LIST)
        require_kind("workflow", workflow)
        require_kind("state", state)
        found, _total = await self._cases.find(
            self._reader,
            workflow=workflow,
            state=state,
            open_only=open_only,
            plugin=self._plugin,
            limit=limit,
        )
        return tuple(one.view for one in found)

    async def count_cases(self, *, workflow: str = "", open_only: bool = False) -> int:
        """How many cases may be seen."""
        require_kind("workflow", workflow)
        _rows, total = await self._cases.find(
            self._reader, workflow=workflow, open_only=open_only, plugin=self._plugin, limit=1
        )
        return total


def _unscaled(values: Int64s, decimals: int) -> Float64s:
    return values / np.float64(10**decimals)
