"""A county: everything that the deployment file names, connected and running."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
import structlog

from county_gov.cases import Cases
from county_gov.contract.clock import SystemClock
from county_gov.contract.source import Delivery, Outcome
from county_gov.deployment.access import Access
from county_gov.deployment.alarm import Alarm
from county_gov.deployment.background import (
    Background,
    fold_old,
    forget_old,
    prune_journal,
    pull,
)
from county_gov.deployment.commands import Commands
from county_gov.deployment.contexts import CountyContexts
from county_gov.deployment.events import (
    EventState,
    EventStep,
    Listener,
    MissedEvents,
    read_states,
)
from county_gov.deployment.following import Follower, Signal
from county_gov.deployment.life import Life
from county_gov.deployment.live import LiveEvents
from county_gov.deployment.opening import OpeningStep
from county_gov.deployment.parts import (
    channels,
    intake_limits,
    parameter_notices,
    people_file,
    read_registry,
    register_files,
)
from county_gov.deployment.plugins import Plugins
from county_gov.deployment.rosters import RecordRosters, with_duties_indexed
from county_gov.deployment.settings import Settings, read_settings
from county_gov.deployment.steps import JudgingStep, LatestStep
from county_gov.intake.intake import Intake
from county_gov.intake.quarantine import Quarantine
from county_gov.jobs import Jobs
from county_gov.notify import DeliverySettings, Outbox
from county_gov.outbound import Client, read_allowed
from county_gov.parameters import Parameters
from county_gov.records import Records
from county_gov.registers import Registers, read_people
from county_gov.rules.dated import DatedSources
from county_gov.rules.evaluation import RuleEvaluator
from county_gov.rules.judging import Judging
from county_gov.store import (
    Store,
    Transaction,
    followers,
    migration,
    missed_events,
    open_database,
)
from county_gov.store import jobs as job_runs
from county_gov.store.observations import Observations

if TYPE_CHECKING:
    from county_gov.contract.batch import Batch
    from county_gov.contract.clock import Clock
    from county_gov.registry.discovery import LoadedPlugin

log = structlog.get_logger(__name__)

COLUMNS = "application/vnd.county-gov.columns+json"
SETTLE_SECONDS = 1.0
SEND_SECONDS = 0.5
REFRESH_SECONDS = 5.0
PRUNE_SECONDS = 60.0
CASES_AT_ONCE = 4
"""So many cases are opened in one change on the writer."""
EVENTS = "events."
"""Begins the name of a follower that tells a plugin of events."""
UPKEEP_SECONDS = 300.0
RECOVERY_SECONDS = 60.0
"""Without new readings, rules that had been cut off catch up this often."""
PLUGIN_SECONDS = 60.0
"""How often it is looked whether plugins replaced something, or their processes ended."""
STUCK_SECONDS = 60.0
"""A follower that is behind and has not moved for so long is stuck."""


def load(path: Path | str, *, plugins: Sequence[LoadedPlugin] = ()) -> County:
    """A county from its deployment file; ``async with`` starts and stops it.

    Args:
        path: The deployment file.
        plugins: Plugins beside those that the file lists, for tests and scripts.

    Raises:
        DeploymentError: with every problem of the file and its plugins at once.
    """
    return County(read_settings(path), plugins=plugins)


class County(CountyContexts):
    """A county, connected but not yet running; ``async with`` starts and stops it.

    Args:
        settings: What the deployment file says.
        plugins: Plugins beside those that the settings list.
        clock: Where the time comes from.
        chance: Where the jitter of what is tried again comes from.

    Raises:
        DeploymentError: with every problem of the plugins and what they contribute at once.
        StoreError: if the store's URL names no database that is known.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        plugins: Sequence[LoadedPlugin] = (),
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.plugins = Plugins.before_loading(self.clock)
        self.registry = self.plugins.take(read_registry(settings, plugins), settings)
        found = self.registry.contributions
        self.gateway = self.plugins.gateway
        self._client = Client()
        self._hosts = {one.use: read_allowed(one.hosts) for one in settings.plugin}
        self.rules: Mapping[str, RuleEvaluator] = {
            key: RuleEvaluator(rule) for key, rule in found.rules.items()
        }
        self.store = Store(open_database(settings.store_url()), self.clock)
        self.observations = Observations(self.store)
        self.registers = Registers(self.store)
        self.parameters = Parameters(
            self.store,
            found.parameters,
            clock=self.clock,
            timezone=settings.county.timezone,
            registers=lambda: self.registers.snapshot,
            county=settings.county.code,
            notices=parameter_notices(settings),
        )
        self.records = Records(
            self.store,
            with_duties_indexed(found.datasets, found.workflows),
            clock=self.clock,
            timezone=settings.county.timezone,
            registers=lambda: self.registers.snapshot,
        )
        self.intake = Intake(
            self.store,
            self.observations,
            lambda: self.registers.snapshot,
            self.clock,
            limits=intake_limits(settings),
            decoders={key: source.decode for key, source in found.sources.items()},
        )
        self.cases = Cases(
            self.store,
            found.workflows,
            county=settings.county.code,
            timezone=settings.county.timezone,
            channels=settings.notify.channels,
            rosters=RecordRosters(found.datasets),
        )
        self.judging = Judging(
            policies=tuple(found.alert_policies.values()),
            rules=found.rules,
            readings=self.observations,
            register=lambda: self.registers.snapshot,
            clock=self.clock,
            timezone=settings.county.timezone,
            dated=DatedSources(self.records, self.parameters, found.datasets, found.parameters),
        )
        self.outbox = Outbox(
            self.store,
            channels(settings, self.registry),
            self.context,
            chance=chance or random.Random(),  # noqa: S311 (jitter, not a secret)
            settings=DeliverySettings(attempts=settings.notify.attempts),
        )
        self.access = Access.of(settings, self.store)
        self.quarantine = Quarantine(self.intake)
        self.commands = Commands(
            self.store,
            found.commands,
            lambda command: found.owner("commands", command),
            self.gateway,
            self.records.unknown,
            self.command_context,
        )
        self.jobs = Jobs(
            self.store,
            found.jobs,
            gateway=self.gateway,
            owner=lambda job: found.owner("jobs", job),
            contexts=self.context,
            timezone=settings.county.timezone,
        )
        self._jobs_alarm = Alarm("jobs", self.clock, self.jobs.tick)
        self.jobs.on_change = self._jobs_alarm.ring
        self._tasks_alarm = Alarm("tasks", self.clock, self.cases.recurring.open_due)
        self.signal = Signal()
        self.live = LiveEvents(self.store, self.signal)
        self.missed_events = MissedEvents(self.store, self._listeners())
        deliver = self.missed_events.deliver
        self._missed_alarms = {
            name: Alarm(f"missed events of {name}", self.clock, partial(deliver, name))
            for name in self.missed_events.listeners
        }
        self.missed_events.on_change = lambda plugin: self._missed_alarms[plugin].ring()
        self.followers = tuple(self._followers())
        self.new_passwords: Mapping[str, str] = {}
        """Passwords of accounts that this start has made, by login: shown once, kept nowhere."""
        self._background = Background()
        self._running = False

    @property
    def running(self) -> bool:
        """Whether it was started and not yet stopped."""
        return self._running

    async def start(self, *, background: bool = True) -> None:
        """Open the store, import the registers and begin to follow.

        Args:
            background: Whether to judge, send, pull and tidy up. Without it the county takes
                commands only; what they leave in the journal is followed by the next start.

        Raises:
            MigrationPending: if the database is older than this program, and the settings do not
                let it migrate itself.
            DeploymentError: if open cases have a version of a workflow that nobody declares.
            RegisterError: if a register file is unsound; nothing of it was imported.
            StoreError: if the store cannot be opened, or another process writes to it.
        """
        if self.settings.store.migrate:
            migration.upgrade(self.store.database)
        else:
            migration.require_current(self.store.database)
        self.store.start()
        try:
            self.observations.start()
            life = Life(self)
            await self.store.read(life.check)
            await self.store.write(self._take_over)
            self.cases.retired = await self.store.read(life.retired)
            await self.registers.load()
            await self._import()
            await self.records.start()
            await self.store.write(life.keep)
            await self.cases.recurring.adopt()
        except BaseException:
            self.store.close()
            self.plugins.end()
            raise
        self.plugins.begin()
        self.signal.bind()
        self.store.writer.listeners.append(self.signal.ring)
        if background:
            self._run_background()
        self._running = True
        log.info("county started", county=self.settings.county.name.zh)

    async def start_reading(self) -> None:
        """Open the store for reading only, also while another process writes to it.

        Raises:
            MigrationPending: if the database is older or newer than this program.
            StoreError: if the store cannot be read.
        """
        self.store.start_reading()
        try:
            migration.require_current(self.store.database)
            self.cases.retired = await self.store.read(Life(self).retired)
            await self.registers.load()
            await self.records.load()
        except BaseException:
            self.store.close()
            raise
        self._running = True

    async def stop(self) -> None:
        """End the loops, write what is waiting, and close the store."""
        if not self._running:
            return
        self._running = False
        await self._background.stop()
        await self.jobs.close()
        await self.outbox.close()
        self._client.close()
        await asyncio.to_thread(self.store.close)
        await asyncio.to_thread(self.plugins.end)
        self.access.close()
        log.info("county stopped", county=self.settings.county.name.zh)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def ingest(
        self, batch: Batch, *, provenance: str = "library", source: str = "core.library"
    ) -> Outcome:
        """Take observations in through the same door as everybody; durable when it returns.

        Args:
            batch: Columns ``datastream`` (text codes), ``time`` (int64 microseconds UTC),
                ``value`` (float64), optionally ``result_time`` and ``flag``.
            provenance: Who delivers.
            source: Id of the source in the batch's lineage.
        """
        columns = {name: column.tolist() for name, column in batch.items()}
        raw = msgspec.json.encode(columns)
        delivery = Delivery(raw, COLUMNS, provenance, self.clock.now())
        return await self.intake.take(delivery, source=source)

    async def caught_up(self) -> None:
        """Return once every follower has passed all of the journal, what they added included.

        A plugin that fails is not waited for.
        """
        head = -1
        while (now := await self.store.read(followers.head)) != head:
            head = now
            for follower in self.followers:
                await follower.reach(head)

    async def event_states(self) -> Mapping[str, EventState]:
        """How far each plugin that listens was told of events, by its name."""
        positions = {
            one.name.removeprefix(EVENTS): one.position
            for one in self.followers
            if one.name.startswith(EVENTS)
        }
        return await self.store.read(lambda snapshot: read_states(snapshot, positions))

    def ready(self) -> list[str]:
        """Reasons why it cannot serve just now; empty when it can."""
        if not self._running:
            return ["the county is not running"]
        reasons = []
        if not self.store.writer.alive:
            reasons.append("the writer has stopped")
        if self.store.writer.trouble:
            reasons.append(f"nothing can be written: {self.store.writer.trouble}")
        running = self._background.running()
        reasons += [
            f"the follower {one.name} has stopped"
            for one in self.followers
            if f"follower {one.name}" not in running
        ]
        reasons += [
            f"the follower {one.name} has not moved for {STUCK_SECONDS:g} s"
            for one in self.followers
            if one.vital and one.stuck(STUCK_SECONDS)
        ]
        return reasons

    def _followers(self) -> list[Follower]:
        latest = LatestStep(self.observations)
        judging = JudgingStep(self.store, self.judging)
        opening = OpeningStep(
            self.store,
            self.cases,
            self.registers,
            self.registry.contributions.alert_policies,
            drill=self.settings.county.drill,
        )
        observed = ("observations",)
        found = [
            Follower(
                self.store,
                "judging",
                judging,
                self.signal,
                kinds=(*observed, "record", "parameter"),
                idle_seconds=RECOVERY_SECONDS,
                unfinished=lambda: self.judging.has_work,
            ),
            Follower(
                self.store, "opening", opening, self.signal, kinds=("alert",), limit=CASES_AT_ONCE
            ),
            Follower(self.store, "latest", latest, self.signal, kinds=observed),
        ]
        found += [
            Follower(
                self.store,
                f"{EVENTS}{name}",
                EventStep(self.store, listener),
                self.signal,
                kinds=followers.EVENT_KINDS,
                vital=False,
            )
            for name, listener in self.missed_events.listeners.items()
        ]
        return found

    def _listeners(self) -> dict[str, Listener]:
        """What the plugins that listen are told of events by."""
        hooks = {one.name: self.registry.listeners_of(one) for one in self.registry.plugins}
        return {
            name: Listener(name, found, self.gateway, self.cases, self.context(name))
            for name, found in hooks.items()
            if found
        }

    def _take_over(self, tx: Transaction) -> None:
        """End the leases of the process before, and forget followers of plugins that are gone."""
        followers.end_leases(tx)
        job_runs.end_leases(tx)
        missed_events.end_leases(tx)
        followed = {one.name for one in self.followers}
        for name in followers.names(tx):
            if name not in followed and name not in self._idle():
                followers.forget(tx, name)
                missed_events.end_delay(tx, name.removeprefix(EVENTS))
        for name in followed:
            if name.startswith(EVENTS):
                followers.begin(tx, name)

    def _idle(self) -> frozenset[str]:
        """Followers of disabled plugins: enabled again, these go on where they were."""
        return frozenset(f"{EVENTS}{name}" for name in self.settings.disabled_plugins())

    def _listening(self) -> frozenset[str]:
        """Followers of plugins, which may lag for long: of the journal they need events only."""
        return self._idle() | {one.name for one in self.followers if one.name.startswith(EVENTS)}

    def _run_background(self) -> None:
        run = self._background
        for follower in self.followers:
            run.run(f"follower {follower.name}", follower.run())
        run.run("live", self.live.run())
        run.run("jobs", self._jobs_alarm.run())
        run.run("tasks", self._tasks_alarm.run())
        for alarm in self._missed_alarms.values():
            run.run(alarm.name, alarm.run())
        run.every("outbox", SEND_SECONDS, self.outbox.deliver_due)
        run.every("settling", SETTLE_SECONDS, lambda: self.observations.settle(budget_seconds=1.0))
        run.every("registers", REFRESH_SECONDS, self.registers.refresh)
        run.every("journal", PRUNE_SECONDS, lambda: prune_journal(self.store, self._listening()))
        run.every("plugins", PLUGIN_SECONDS, self.plugins.look)
        run.every("plugins' processes", PLUGIN_SECONDS, self.plugins.restart)
        run.every("sessions", UPKEEP_SECONDS, self.access.sessions.remove_ended)
        run.every("old rows", UPKEEP_SECONDS, lambda: forget_old(self.store))
        batches_days = self.settings.intake.batches_days
        run.every("old batches", UPKEEP_SECONDS, lambda: fold_old(self.store, batches_days))
        run.every("old record files", UPKEEP_SECONDS, self.records.forget_files)
        run.every("old runs", UPKEEP_SECONDS, self.jobs.forget_old)
        for key, source in self.registry.contributions.sources.items():
            if source.open is not None:
                run.run(f"source {key}", pull(self.intake, source, self.context(key)))

    async def _import(self) -> None:
        files = register_files(self.settings)
        if files:
            plan = await self.registers.import_files(files)
            for warning in plan.warnings:
                log.warning("register", place=warning.place, message=warning.message)
        people = people_file(self.settings)
        if people is not None:
            persons = read_people(people, self.registers.snapshot, self.settings.roles)
            self.new_passwords = await self.access.accounts.import_people(persons)
