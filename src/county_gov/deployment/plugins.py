"""The enabled plugins while a county runs: called behind a gateway, watched, and told of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from attrs import define, evolve, field, frozen

from county_gov.errors import PluginFailed
from county_gov.registry.capture import Capture
from county_gov.registry.gateway import Gateway
from county_gov.registry.guarding import guarded
from county_gov.registry.isolation.loading import open_doors
from county_gov.registry.tampering import Replaced, Tampering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from county_gov.contract.clock import Clock
    from county_gov.contract.text import Text
    from county_gov.deployment.settings import Settings
    from county_gov.registry.discovery import LoadedPlugin
    from county_gov.registry.gateway import Circuit
    from county_gov.registry.isolation.process import PluginProcess
    from county_gov.registry.registry import Contributions, Registry

log = structlog.get_logger(__name__)


@frozen(eq=False)
class PluginState:
    """How a plugin stands.

    Args:
        plugin: The plugin.
        contributions: How many it contributes, by kind.
        circuits: Its calls, by purpose.
        unprotected: What the kernel could not close to its process; empty for one that runs within
            the county's own.
        printed_too_much: Lines that it printed and that the log left out.
    """

    plugin: LoadedPlugin
    contributions: dict[str, int]
    circuits: tuple[Circuit, ...]
    unprotected: tuple[Text, ...]
    printed_too_much: int

    @property
    def process(self) -> PluginProcess | None:
        """The process that it lives in; None where it lives in the county's own."""
        return self.plugin.process

    @property
    def calls(self) -> int:
        """Calls until now."""
        return sum(one.calls for one in self.circuits)

    @property
    def failures(self) -> int:
        """Calls that failed."""
        return sum(one.failures for one in self.circuits)

    @property
    def cut_off(self) -> bool:
        """Whether something of it is not called at the moment."""
        return any(not one.breaker.closed for one in self.circuits)


@define(eq=False)
class Plugins:
    """Keeps the plugins of a county.

    Args:
        gateway: Calls their functions.
    """

    gateway: Gateway
    capture: Capture = field(init=False)
    replaced: tuple[Replaced, ...] = field(default=(), init=False)
    """Functions and classes that are not what they were when the county was made."""
    _plugins: tuple[LoadedPlugin, ...] = field(default=(), init=False)
    _contributions: Contributions | None = field(default=None, init=False)
    _tampering: Tampering = field(factory=Tampering, init=False)

    def __attrs_post_init__(self) -> None:
        self.capture = Capture(self.gateway.visits)
        self._tampering.look()

    @classmethod
    def before_loading(cls, clock: Clock) -> Plugins:
        """Made before the first plugin is imported, so that what it replaces is noticed."""
        return cls(Gateway(clock))

    def take(self, registry: Registry, settings: Settings) -> Registry:
        """The registry with every function of a plugin behind the gateway."""
        seconds = {one.use: one.limits.seconds for one in settings.plugin}
        found = guarded(registry.contributions, self.gateway, registry.plugins, seconds)
        self._plugins, self._contributions = registry.plugins, found
        self.capture.packages = {
            type(one.instance).__module__.partition(".")[0]: one.name
            for one in registry.plugins
            if one.process is None
        }
        self._look()
        return evolve(registry, contributions=found)

    def begin(self) -> None:
        """Begin to watch calls, and to catch what is printed."""
        self.gateway.start()
        self.capture.begin()

    def end(self) -> None:
        """Stop watching, and end the plugins' processes."""
        self.capture.end()
        self.gateway.stop()
        for plugin in self._plugins:
            if plugin.process is not None:
                plugin.process.close()

    async def look(self) -> None:
        """Compare what plugins might have replaced, and log what they have, and have printed."""
        await asyncio.to_thread(self._look)
        self.capture.flush_all()

    async def restart(self) -> None:
        """Start processes that ended, so that a page or rule need not wait for it."""
        for plugin in self._plugins:
            if plugin.process is not None and not plugin.process.alive:
                try:
                    await asyncio.to_thread(plugin.process.start)
                except PluginFailed as error:
                    why = str(error)
                    log.info("a plugin's process is not running", plugin=plugin.name, why=why)

    def states(self) -> Sequence[PluginState]:
        """How each plugin stands, in the order of the deployment file."""
        return tuple(
            PluginState(
                plugin=one,
                contributions=self._count(one),
                circuits=self.gateway.of_plugin(one.name),
                unprotected=open_doors(one.process) if one.process else (),
                printed_too_much=self._dropped(one),
            )
            for one in self._plugins
        )

    def _count(self, plugin: LoadedPlugin) -> dict[str, int]:
        counts: dict[str, int] = {}
        owners = self._contributions.owners if self._contributions else {}
        for key, owner in owners.items():
            if owner is plugin:
                kind = key.partition(":")[0]
                counts[kind] = counts.get(kind, 0) + 1
        return counts

    def _dropped(self, plugin: LoadedPlugin) -> int:
        if plugin.process is not None:
            return plugin.process.dropped
        return self.capture.dropped(plugin.name)

    def _look(self) -> None:
        found = self._tampering.look()
        for one in found:
            if one not in self.replaced:
                log.error("something of the county was replaced", name=one.name, by=one.by)
        self.replaced = found
