"""The contexts of one county: what each plugin, page, command and endpoint is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from county_gov.contract.access import SYSTEM
from county_gov.deployment.context import (
    CallKeys,
    CountyCommandContext,
    CountyEndpointContext,
    CountyPageContext,
    Deed,
    PluginContext,
    PluginNotes,
    digest,
    logger_of,
)
from county_gov.deployment.http import PluginHttp
from county_gov.deployment.reader import CountyReader
from county_gov.outbound import Allowed
from county_gov.parameters import ParameterValues
from county_gov.records import RecordAccess, RecordView

if TYPE_CHECKING:
    from county_gov.cases import Cases
    from county_gov.contract.access import Actor, Scope
    from county_gov.contract.clock import Clock
    from county_gov.deployment.settings import Settings
    from county_gov.outbound import Client
    from county_gov.parameters import Parameters
    from county_gov.records import Records
    from county_gov.registers import Registers
    from county_gov.registry.discovery import LoadedPlugin
    from county_gov.registry.registry import Registry
    from county_gov.store import Store
    from county_gov.store.observations import Observations


class Reads(TypedDict):
    """What every context is made with."""

    clock: Clock
    timezone: str
    read: CountyReader
    parameters: ParameterValues


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

    def reader(self, reader: Scope | Actor, *, plugin: str = "") -> CountyReader:
        """Reads within a scope, or within what an actor may see; be it through a plugin."""
        return CountyReader(
            store=self.store,
            observations=self.observations,
            registers=lambda: self.registers.snapshot,
            cases=self.cases,
            clock=self.clock,
            timezone=self.settings.county.timezone,
            reader=reader,
            plugin=plugin,
        )

    def context(self, contribution: str, *, call: str = "", brought: bool = False) -> PluginContext:
        """The context in which a plugin acts on its own behalf.

        Args:
            contribution: Id of the contribution, within which idempotency keys count; or the name
                of a plugin (or "core").
            call: What is only the same when the same call is repeated, where keys count within it.
            brought: Whether who calls brings the keys.
        """
        name = plugin_of(contribution)
        loaded = self._loaded(name)
        deed = self._deed(SYSTEM, CallKeys(contribution, call, brought))
        return PluginContext(
            **self._reads(name, SYSTEM),
            records=self._writer(name, deed),
            deed=deed,
            config=getattr(loaded.instance, "config", None) if loaded else None,
            log=logger_of(name),
            notes=PluginNotes(self.store, name),
            http=PluginHttp(
                self._client,
                self._hosts.get(name, Allowed()),
                drill=self.settings.county.drill,
            ),
        )

    def page_context(
        self, plugin: str, actor: Actor, query: Mapping[str, str]
    ) -> CountyPageContext:
        """The context of one request for a plugin's page."""
        return CountyPageContext(
            **self._reads(plugin, actor),
            records=RecordView(self.records, actor),
            actor=actor,
            query=query,
        )

    def command_context(
        self, actor: Actor, query: Mapping[str, str], command: str, key: str, request: str
    ) -> CountyCommandContext:
        """The context of one click on a command."""
        name = plugin_of(command)
        call = call_of(actor, key)
        deed = self._deed(actor, CallKeys(command, call), request)
        return CountyCommandContext(
            **self._reads(name, actor),
            records=self._writer(name, deed, once=True),
            deed=deed,
            actor=actor,
            plugin=self.context(command, call=call),
            query=query,
            key=key,
        )

    def endpoint_context(self, endpoint: str, actor: Actor, request: str) -> CountyEndpointContext:
        """The context of one request to a plugin's endpoint."""
        name = plugin_of(endpoint)
        call = call_of(actor)
        deed = self._deed(actor, CallKeys(endpoint, call, brought=True), request)
        return CountyEndpointContext(
            **self._reads(name, actor),
            records=self._writer(name, deed),
            deed=deed,
            actor=actor,
            plugin=self.context(endpoint, call=call, brought=True),
        )

    def _reads(self, plugin: str, actor: Actor) -> Reads:
        """What every context has, as a plugin and an actor both may see it."""
        return Reads(
            clock=self.clock,
            timezone=self.settings.county.timezone,
            read=self.reader(actor, plugin=plugin),
            parameters=ParameterValues(self.parameters, actor),
        )

    def _writer(self, plugin: str, deed: Deed, *, once: bool = False) -> RecordAccess:
        """Records as a plugin writes them for somebody: its own and those that it requires."""
        loaded = self._loaded(plugin)
        required = getattr(type(loaded.instance), "requires", {}) if loaded else {}
        return RecordAccess(
            self.records,
            deed.actor,
            plugin=plugin,
            requires=frozenset(required),
            request=deed.request,
            used={} if once else None,
            key_of=deed.keys.of,
        )

    def _deed(self, actor: Actor, keys: CallKeys, request: str = "") -> Deed:
        return Deed(
            actor=actor,
            keys=keys,
            store=self.store,
            cases=self.cases,
            channels=self.settings.notify.channels,
            drill=self.settings.county.drill,
            request=request,
        )

    def _loaded(self, plugin: str) -> LoadedPlugin | None:
        return next((one for one in self.registry.plugins if one.name == plugin), None)


def call_of(actor: Actor, *key: str) -> str:
    """What tells the keys of somebody's calls from those of others, and one click from the next."""
    return digest(actor.kind, actor.account or actor.name, *key)


def plugin_of(contribution: str) -> str:
    """The plugin that a contribution's id begins with."""
    return contribution.partition(".")[0]
