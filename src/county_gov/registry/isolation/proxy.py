"""Stand-ins for a plugin's functions and for the plugin itself, while it lives elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from county_gov.contract.plugin import API, Hooks, implements
from county_gov.errors import PluginFailed
from county_gov.registry.isolation.calls import EVENT, SIGNATURES, ThingsTable
from county_gov.registry.isolation.service import Service

if TYPE_CHECKING:
    from county_gov.registry.isolation.process import PluginProcess

Function = Callable[..., Any]


def stand_in(process: PluginProcess, path: str, of: str) -> Function:
    """A function that calls the one of a plugin's process."""
    signature = SIGNATURES.get(of)
    if signature is None:
        raise PluginFailed(f"{of} cannot be called from another process")
    if signature.colour == "sync":

        def at_once(*arguments: Any) -> Any:
            if of != "Source.decode":
                return process.call(path, of, arguments)
            delivery, things = arguments
            table = ThingsTable(things.version, things.numbers, things.codes_of_things)
            return process.call(path, of, (delivery,), things=table)

        at_once.__qualname__ = path
        return at_once
    if signature.colour == "iterate":

        def iterate(context: Any, *arguments: Any) -> AsyncIterator[Any]:
            service = Service(signature.context, context)
            return process.iterate(path, of, arguments, service)

        return iterate

    async def call(*arguments: Any) -> Any:
        service = None
        if signature.context:
            service, arguments = Service(signature.context, arguments[0]), arguments[1:]
        return await process.call_async(path, of, arguments, service)

    return call


class FarPlugin:
    """A plugin that lives in a process of its own; `far_plugin` gives it its hooks."""

    api: ClassVar[int] = API
    requires: ClassVar[Mapping[str, str]] = {}

    def __init__(self, process: PluginProcess) -> None:
        self.process = process
        self.config = None
        """Its configuration stays in its process."""


def far_plugin(process: PluginProcess, hello: Mapping[str, Any]) -> FarPlugin:
    """A plugin with the hooks that the one in the process has."""
    members: dict[str, Any] = {"requires": dict(hello["requires"])}
    for kind, items in hello["declared"].items():
        members[kind] = _declaration(kind, tuple(items))
    for kind, words in hello["failed"].items():
        members[kind] = _failing(kind, str(words))
    for event in hello["events"]:
        members[event] = _listener(process, event)
    plugin: FarPlugin = type("FarPlugin", (FarPlugin,), members)(process)
    return plugin


def _declaration(kind: str, items: tuple[Any, ...]) -> Function:
    def declared(_plugin: object) -> Iterable[Any]:
        return items

    return implements(getattr(Hooks, kind))(declared)


def _failing(kind: str, words: str) -> Function:
    def failing(_plugin: object) -> Iterable[Any]:
        raise PluginFailed(words)

    return implements(getattr(Hooks, kind))(failing)


def _listener(process: PluginProcess, event_name: str) -> Function:
    async def listener(_plugin: object, event: Any, ctx: Any) -> None:
        service = Service(EVENT.context, ctx)
        await process.call_async(
            f"events/{event_name}",
            "",
            (),
            service,
            context_name="ctx",
            keywords={"event": event},
        )

    return implements(getattr(Hooks, event_name))(listener)
