"""The stage of a story: a county on SQLite in a temporary folder, and its clock."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from attrs import evolve

from county_gov.contract.access import Actor
from county_gov.deployment import County
from county_gov.registry.discovery import LoadedPlugin
from county_gov.store.access import account_of
from county_gov.testing.clock import Moment, SetClock, instant_of, local
from county_gov.testing.configuring import loaded
from county_gov.testing.driving import Driver
from county_gov.testing.fakes.http import FakeHttp
from county_gov.testing.notices import NoConfig, RememberingNotifier, ScenarioPlugin
from county_gov.testing.world import Area, Datastream, Role, Thing, complete, settings_of

if TYPE_CHECKING:
    from county_gov.deployment.context import PluginContext
    from county_gov.deployment.settings import Settings


class StoryCounty(County):
    """A county whose plugins reach other servers only as the story says.

    Args:
        settings: Its settings.
        plugins: Its plugins.
        clock: Its clock.
        http: What other servers answer.
    """

    def __init__(
        self, settings: Settings, plugins: Sequence[LoadedPlugin], clock: SetClock, http: FakeHttp
    ) -> None:
        self._http = http
        chance = random.Random(0)  # noqa: S311 (jitter that is the same each time)
        super().__init__(settings, plugins=plugins, clock=clock, chance=chance)

    def context(self, contribution: str, *, call: str = "", brought: bool = False) -> PluginContext:
        """The context of one plugin."""
        context = super().context(contribution, call=call, brought=brought)
        return evolve(context, http=self._http)


class Stage:
    """A county for one story; ``async with`` begins and ends it. Arguments as of `Scenario`."""

    def __init__(  # noqa: PLR0913 (what a story begins with, each by name)
        self,
        plugin: type[Any],
        config: Mapping[str, object] | None = None,
        *,
        name: str = "",
        also: Mapping[type[Any], Mapping[str, object]] | None = None,
        areas: Iterable[Area | str] = (),
        things: Iterable[Thing | str] = (),
        datastreams: Iterable[Datastream | str] = (),
        roles: Mapping[str, Role | Sequence[str]] | None = None,
        start: Moment = "2026-06-01 08:00",
        timezone: str = "Asia/Shanghai",
        drill: bool = False,
        settings: Mapping[str, object] | None = None,
        http: FakeHttp | None = None,
        channels: Sequence[str] = (),
        failures: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.zone = ZoneInfo(timezone)
        self.clock = SetClock(instant_of(start, zone=self.zone))
        self.memory = RememberingNotifier()
        self.http = http or FakeHttp()
        self._temporary = TemporaryDirectory() if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary else Path(folder or ".")
        self._keys = 0
        try:
            first = [loaded(cls, of, folder=self.folder) for cls, of in (also or {}).items()]
            self.plugin = loaded(plugin, config, name=name, folder=self.folder)
            plugins = (*first, self.plugin)
            self.world = complete(
                areas=areas, things=things, datastreams=datastreams, roles=roles, plugins=plugins
            )
            made = settings_of(
                self.world,
                self.folder,
                timezone=timezone,
                drill=drill,
                channels=channels,
                more=settings or {},
            )
            channel = ScenarioPlugin(NoConfig(), self.memory)
            mine = LoadedPlugin("scenario", channel, "county-gov", "0", "scenario")
            self.county = StoryCounty(made, (*plugins, mine), self.clock, self.http)
        except BaseException:
            self._clean_up()
            raise
        self._driver = Driver(self.county, self.clock, failures=failures)

    async def __aenter__(self) -> Self:
        try:
            await self.county.start(background=False)
            await self.settle()
        except BaseException:
            await self.county.stop()
            self._clean_up()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.county.stop()
        finally:
            self._clean_up()

    def _clean_up(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def now(self) -> int:
        """The instant at which the story stands, microseconds UTC."""
        return self.clock.at

    @property
    def local(self) -> datetime:
        """The same in local time."""
        return local(self.clock.at, self.zone)

    def at(self, moment: Moment) -> int:
        """The instant of a moment: "08:00" is today, "2026-06-01 08:00" that day."""
        return instant_of(moment, zone=self.zone, now=self.clock.at)

    async def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, to: Moment | None = None
    ) -> None:
        """Let time pass: jobs, tasks and notices come as they fall due.

        Raises:
            ValueError: if ``to`` lies in the past.
        """
        start = self.clock.at if to is None else self.at(to)
        step = timedelta(days=days, hours=hours, minutes=minutes)
        await self._driver.advance(start + step // timedelta(microseconds=1))

    async def settle(self) -> None:
        """Let everything happen that follows from what was done; the other lines do so."""
        await self._driver.settle()

    async def actor(self, who: str) -> Actor:
        """A person, by login or role, with what the person may do now."""
        number = self.account(who)
        return await self.county.store.read(
            lambda snapshot: self.county.access.actor(snapshot, number, self.clock.at)
        )

    def account(self, who: str) -> int:
        """The number of somebody's account.

        Raises:
            KeyError: if there is nobody of that login or role.
        """
        row = self.county.store.read_now(lambda snapshot: account_of(snapshot, login=who))
        if row is None:
            known = ", ".join(sorted(self.world.roles))
            raise KeyError(f"nobody is called {who!r}; roles: {known}")
        return row.number

    def _key(self) -> str:
        """A new idempotency key: each line of a story is a click of its own."""
        self._keys += 1
        return f"scenario:{self._keys}"
