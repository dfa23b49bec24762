"""The contexts of one county: what each plugin, page, command and endpoint is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from county_gov.contract.access import SYSTEM, Scope
from county_gov.deployment.context import (
    AskedRecords,
    CountyCommandContext,
    CountyPageContext,
    PluginContext,
)
from county_gov.deployment.http import PluginHttp
from county_gov.deployment.reader import CountyReader
from county_gov.outbound import Allowed
from county_gov.parameters import ParameterValues
from county_gov.records import RecordAccess, RecordView

if TYPE_CHECKING:
    from county_gov.cases import Cases
    from county_gov.contract.access import Actor
    from county_gov.contract.clock import Clock
    from county_gov.deployment.settings import Settings
    from county_gov.outbound import Client
    from county_gov.parameters import Parameters
    from county_gov.records import Records
    from county_gov.registers import Registers
    from county_gov.registry.registry import Registry
    from county_gov.store import Store
    from county_gov.store.observations import Observations


class CountyContexts:
    """Makes the contexts of a county from its parts; the base of `County`."""

    settings: Settings
    clock: Clock
    registry: Registry
    store: Store
    observations: Observations
    registers: Registers
    cases: Cases
    records: Records
    parameters: Parameters
    _client: Client
    _hosts: Mapping[str, Allowed]

    def reader(self, reader: Scope | Actor) -> CountyReader:
        """Reads within a scope, or within what an actor may see."""
        return CountyReader(
            store=self.store,
            observations_store=self.observations,
            registers=lambda: self.registers.snapshot,
            cases_service=self.cases,
            clock=self.clock,
            timezone=self.settings.county.timezone,
            reader=reader,
        )

    def context(self, plugin: str) -> PluginContext:
        """The context of one plugin (or "core")."""
        name = plugin.split(".", maxsplit=1)[0]
        loaded = next((one for one in self.registry.plugins if one.name == name), None)
        return PluginContext(
            plugin=name,
            config=getattr(loaded.instance, "config", None) if loaded else None,
            clock=self.clock,
            read=self.reader(Scope.everything()),
            store=self.store,
            cases=self.cases,
            channels=self.settings.notify.channels,
            drill=self.settings.county.drill,
            timezone=self.settings.county.timezone,
            records=self._writer(SYSTEM, name),
            parameters=ParameterValues(self.parameters),
            http=PluginHttp(
                self._client,
                self._hosts.get(name, Allowed()),
                drill=self.settings.county.drill,
            ),
        )

    def _writer(self, actor: Actor, plugin: str) -> RecordAccess:
        """Records as a plugin writes them for somebody: its own and those that it requires."""
        loaded = next((one for one in self.registry.plugins if one.name == plugin), None)
        required = getattr(type(loaded.instance), "requires", {}) if loaded else {}
        return RecordAccess(self.records, actor, plugin=plugin, requires=frozenset(required))

    def page_context(self, actor: Actor, parameters: Mapping[str, str]) -> CountyPageContext:
        """The context of one request for a page."""
        timezone = self.settings.county.timezone
        return CountyPageContext(
            actor,
            self.reader(actor),
            self.clock,
            parameters,
            timezone,
            records=RecordView(self.records, actor),
            parameters=ParameterValues(self.parameters),
        )

    def command_context(
        self, actor: Actor, query: Mapping[str, str], command: str, key: str, request: str
    ) -> CountyCommandContext:
        """The context of one click on a command."""
        return CountyCommandContext(
            self.page_context(actor, query),
            command,
            key,
            self.store,
            self.cases,
            self.settings.notify.channels,
            drill=self.settings.county.drill,
            request=request,
            records=evolve(
                self._writer(actor, command.partition(".")[0]), request=request, used={}
            ),
            plugin=self.context(command),
        )

    def endpoint_context(self, plugin: str, actor: Actor, permission: str) -> PluginContext:
        """The context of one request to a plugin's endpoint: it reads within the asker's scope."""
        context = self.context(plugin)
        return evolve(
            context,
            read=self.reader(actor.scope(permission)),
            records=AskedRecords(self.records, actor, writer=context.records),
        )
