"""`Scenario`: a whole story in a few lines, told to a real county.

::

    async with Scenario(ReservoirPlugin, config=CONFIG, datastreams=["dam.water_level"]) as s:
        await s.feed("dam.water_level", [("08:00", 151.2), ("09:00", 152.4)])
        (case,) = await s.cases()
        await s.act("dispatcher", case, "send_out", note="…")
        await s.advance(hours=2)
        assert ["patrol", "patrol"] == [task.state for task in await s.tasks()]

It is a county on SQLite in a temporary folder: what a deployment does is done here, by the same
parts, but one after another and at the instants of a clock that the story moves. When a line
returns, all that follows from it has happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import numpy as np

from county_gov.contract.access import SYSTEM, Actor, Scope
from county_gov.contract.batch import Batch
from county_gov.contract.source import Delivery, Outcome
from county_gov.contract.workflow import CaseView
from county_gov.deployment import County
from county_gov.errors import AccessDenied
from county_gov.registry.discovery import LoadedPlugin
from county_gov.store.access import account_of
from county_gov.testing.clock import Moment, SetClock, instant_of, local
from county_gov.testing.configuring import loaded
from county_gov.testing.driving import Driver
from county_gov.testing.notices import NoConfig, RememberingNotifier, ScenarioPlugin
from county_gov.testing.world import TOWNSHIP, Area, Datastream, Role, Thing, complete, settings_of

if TYPE_CHECKING:
    from county_gov.contract.context import Context, EpisodeView
    from county_gov.contract.notifier import Message
    from county_gov.contract.page import View
    from county_gov.contract.schema import Value
    from county_gov.store.tasks import TaskView

Row = float | tuple[Moment, float] | tuple[Moment, float, str]
"""A reading: its value now, or when and its value, or when, its value and its quality flag."""


class Scenario:
    """A county for one story; ``async with`` begins and ends it.

    Args:
        plugin: The plugin's class.
        config: What its ``[plugin.config]`` says.
        name: The plugin's name; found out where it is left empty.
        also: Further plugins, each with its configuration, in front of it.
        areas: Areas (or codes) beside the county 990101 and its township 990101001.
        things: Things (or codes); those that only have datastreams need not be named.
        datastreams: Datastreams, or codes as ``dam.water_level``: thing and observed property.
        roles: Role's id to its permissions, or to a `Role`. Without it each role that a workflow
            names holds all permissions of the plugins, in the whole county.
        start: When the story begins.
        timezone: The county's local time.
        drill: Whether everything is an exercise.
        settings: Further tables of the deployment file, for example ``{"intake": {…}}``.
        folder: Where the county lives; a temporary folder otherwise.
    """

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
        folder: Path | None = None,
    ) -> None:
        self.zone = ZoneInfo(timezone)
        self.clock = SetClock(instant_of(start, zone=self.zone))
        self.memory = RememberingNotifier()
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
                self.world, self.folder, timezone=timezone, drill=drill, more=settings or {}
            )
            channel = ScenarioPlugin(NoConfig(), self.memory)
            mine = LoadedPlugin("scenario", channel, "county-gov", "0", "scenario")
            self.county = County(made, plugins=(*plugins, mine), clock=self.clock)
        except BaseException:
            self._clean_up()
            raise
        self._driver = Driver(self.county, self.clock)

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

    async def feed(
        self, datastream: str, rows: float | Iterable[Row], *, refused: bool = False
    ) -> Outcome:
        """Take in readings of a datastream.

        Readings of the past come at once, as late data do; the clock goes on to each later one,
        which comes at its instant.

        Args:
            datastream: Its code.
            rows: Readings, or the one value that it has now.
            refused: Whether some may be refused.

        Returns:
            What became of all of them together.

        Raises:
            AssertionError: if one was refused; the message says why.
        """
        found = [self._reading(one) for one in ([rows] if isinstance(rows, int | float) else rows)]
        past = [one for one in found if one[0] <= self.clock.at]
        future = sorted((one for one in found if one[0] > self.clock.at), key=lambda one: one[0])
        outcomes = []
        for part in [past, *([one] for one in future)]:
            if part:
                await self.advance(to=max(self.clock.at, part[-1][0]))
                outcomes.append(await self.county.ingest(_batch(datastream, part)))
                await self.settle()
        total = _together(outcomes)
        if total.quarantined and not refused:
            why = "; ".join(f"{one.code}: {one.message}" for one in total.reasons)
            raise AssertionError(f"{datastream}: {total.quarantined} readings were refused: {why}")
        return total

    async def deliver(
        self, source: str, raw: bytes | str, *, wire_format: str = "application/json"
    ) -> Outcome:
        """Hand raw bytes to a source's decoder, as if they had come now."""
        body = raw.encode() if isinstance(raw, str) else raw
        delivery = Delivery(body, wire_format, f"scenario:{source}", self.clock.at)
        outcome = await self.county.intake.take(delivery, source=source)
        await self.settle()
        return outcome

    async def pull(self, source: str, *, deliveries: int = 1) -> tuple[Outcome, ...]:
        """Open a source, take so many deliveries from it, and close it."""
        opened = self.county.registry.contributions.sources[source].open
        if opened is None:
            raise ValueError(f"the source {source} is pushed to; use deliver")
        outcomes: list[Outcome] = []
        stream = opened(self.county.context(source))
        async for delivery in stream:
            outcomes.append(await self.county.intake.take(delivery, source=source))
            if len(outcomes) == deliveries:
                break
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
        await self.settle()
        return tuple(outcomes)

    async def open(
        self,
        workflow: str,
        *,
        by: str = "",
        title: str = "",
        area: str = TOWNSHIP,
        subject: str = "",
        **data: Value,
    ) -> CaseView:
        """Open a case, as the system or as somebody."""
        view = await self.county.cases.open(
            workflow,
            title=title or workflow,
            area=area,
            subject=subject,
            data=self._data(data),
            actor=await self.actor(by) if by else SYSTEM,
            key=self._key(),
        )
        await self.settle()
        return view

    async def act(self, who: str, case: CaseView | str, event: str, **data: Value) -> CaseView:
        """Make an event of a case as the holder of a role, and return the case as it is then.

        Args:
            who: A role, or the login of a person: ``dispatcher``, ``dispatcher-2``.
            case: The case, or its id.
            event: Id of the event.
            **data: The form's values; where an account's number is wanted, a login may stand.

        Raises:
            CaseError: if it is not allowed.
        """
        detail = await self.county.cases.get(Scope.everything(), _id(case))
        await self.county.cases.send_event(
            detail.view.id,
            event,
            data=self._data(data),
            actor=await self.actor(who),
            expected_version=detail.view.version,
            key=self._key(),
        )
        await self.settle()
        return await self.case(case)

    async def allowed(self, who: str, case: CaseView | str) -> tuple[str, ...]:
        """The events that somebody may make with a case now; guards are not asked."""
        detail = await self.county.cases.get(Scope.everything(), _id(case))
        return tuple(one.id for one in self.county.cases.actions(detail, await self.actor(who)))

    async def look(self, who: str, path: str, **query: str) -> tuple[View, ...]:
        """What a page shows to somebody.

        Raises:
            AccessDenied: if that person may not open it.
        """
        actor, page = await self.actor(who), self.county.registry.contributions.pages[path]
        if not actor.may(page.permission):
            raise AccessDenied(f"{who} may not open {path}: it needs {page.permission}")
        return await page.views(self.county.page_context(actor, query))

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

    async def episodes(self, policy: str = "", *, open_only: bool = False) -> list[EpisodeView]:
        """Alert episodes, oldest first."""
        reader = self.county.reader(Scope.everything())
        found = await reader.episodes(policy=policy, open_only=open_only, limit=500)
        return sorted(found, key=lambda one: (one.started_at, one.id))

    async def cases(self, workflow: str = "", *, open_only: bool = False) -> list[CaseView]:
        """Cases, oldest first."""
        reader = self.county.reader(Scope.everything())
        found = await reader.cases(workflow=workflow, open_only=open_only, limit=500)
        return sorted(found, key=lambda one: int(one.id))

    async def case(self, case: CaseView | str) -> CaseView:
        """A case as it is now."""
        return (await self.county.cases.get(Scope.everything(), _id(case))).view

    async def tasks(self, case: CaseView | str = "", *, open_only: bool = True) -> list[TaskView]:
        """Tasks of a case, or of all cases, oldest first."""
        ids = [_id(case)] if case else [one.id for one in await self.cases()]
        details = [await self.county.cases.get(Scope.everything(), one) for one in ids]
        found = [task for detail in details for task in detail.tasks]
        kept = [task for task in found if task.ended_at is None or not open_only]
        return sorted(kept, key=lambda one: one.id)

    def notices(self, to: str = "") -> list[Message]:
        """Notices that were sent, oldest first; optionally those to one login."""
        return [one for one in self.memory.messages if to in ("", one.recipient)]

    def context(self, plugin: str = "") -> Context:
        """The context that the plugin is given (or another one of the story)."""
        return self.county.context(plugin or self.plugin.name)

    def _reading(self, row: Row) -> tuple[int, float, str]:
        if isinstance(row, int | float):
            return self.clock.at, float(row), ""
        return self.at(row[0]), float(row[1]), row[2] if len(row) > 2 else ""  # noqa: PLR2004

    def _data(self, data: Mapping[str, Value]) -> dict[str, Value]:
        """A form's values, with accounts' numbers where logins stand."""
        return {
            name: self.account(value)
            if name.endswith("_account") and isinstance(value, str)
            else value
            for name, value in data.items()
        }

    def _key(self) -> str:
        self._keys += 1
        return f"scenario:{self._keys}"


def _batch(datastream: str, rows: Sequence[tuple[int, float, str]]) -> Batch:
    return Batch(
        {
            "datastream": np.array([datastream] * len(rows), object),
            "time": np.array([one[0] for one in rows], np.int64),
            "value": np.array([one[1] for one in rows], np.float64),
            "flag": np.array([one[2] for one in rows], object),
        }
    )


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        batch=outcomes[-1].batch if outcomes else "",
        accepted=sum(one.accepted for one in outcomes),
        duplicate=sum(one.duplicate for one in outcomes),
        revised=sum(one.revised for one in outcomes),
        quarantined=sum(one.quarantined for one in outcomes),
        reasons=tuple(reason for one in outcomes for reason in one.reasons),
        position=outcomes[-1].position if outcomes else 0,
    )


def _id(case: CaseView | str) -> str:
    return case if isinstance(case, str) else case.id
