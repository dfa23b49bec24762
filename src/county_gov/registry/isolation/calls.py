"""What may be asked of a plugin's process, and what its contexts may ask of the county.

Both sides read the same tables: the plugin's process to know how to call a function, the county to
refuse every question that the contract does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from attrs import frozen

from county_gov.contract import context as contexts
from county_gov.contract.parameter import ParameterReader
from county_gov.contract.records import RecordReader, RecordWriter

Colour = Literal["sync", "async", "iterate"]
"""How a function is called: at once, awaited, or iterated over."""


@frozen
class Signature:
    """How the contract calls a function.

    Args:
        colour: Sync, async, or async generator.
        context: Which context it gets as its first argument; empty for none.
    """

    colour: Colour
    context: str = ""


SIGNATURES: Mapping[str, Signature] = MappingProxyType(
    {
        "CliCommand.run": Signature("iterate", "Context"),
        "Command.run": Signature("async", "CommandContext"),
        "Dataset.upgrade": Signature("sync"),
        "Delivery.acknowledge": Signature("async"),
        "Endpoint.handler": Signature("async", "EndpointContext"),
        "Event.guards": Signature("sync"),
        "Job.run": Signature("async", "Context"),
        "Notifier.send": Signature("async", "Context"),
        "Page.headline": Signature("async", "PageContext"),
        "Page.views": Signature("async", "PageContext"),
        "Rule.judge": Signature("sync"),
        "Source.command": Signature("async", "CommandContext"),
        "Source.decode": Signature("sync"),
        "Source.open": Signature("iterate", "Context"),
    }
)
"""Every function that a contribution holds; a test compares them with the contract."""

EVENT = Signature("async", "Context")
"""How a listener of events is called."""


@frozen
class ContextKind:
    """A context of the contract, as it is offered to another process.

    Args:
        parts: Members whose methods may be asked, with the protocol that tells which.
        methods: Methods of its own.
        values: Members that go along with each call.
        inner: Members that are contexts themselves, with the name of their protocol.
    """

    parts: Mapping[str, type]
    methods: frozenset[str]
    values: tuple[str, ...] = ()
    inner: Mapping[str, str] = MappingProxyType({})

    def allows(self, path: str) -> bool:
        """Whether a method may be asked, for example ``read.latest``."""
        first, _, rest = path.partition(".")
        if first in self.inner:
            return KINDS[self.inner[first]].allows(rest)
        part, _, method = path.rpartition(".")
        if not part:
            return path in self.methods
        protocol = self.parts.get(part)
        return protocol is not None and method in methods_of(protocol)


LOCAL = frozenset({"config", "clock", "log"})
"""Members that the plugin's process has itself."""


def methods_of(protocol: type) -> frozenset[str]:
    """The public methods of a protocol."""
    return frozenset(
        name
        for cls in protocol.__mro__
        for name, one in vars(cls).items()
        if not name.startswith("_") and callable(one)
    )


def _kind(protocol: Any) -> ContextKind:
    members = {
        name
        for cls in protocol.__mro__
        for name, one in vars(cls).items()
        if isinstance(one, property) and name not in LOCAL
    }
    writes = contexts.ActingContext in protocol.__mro__
    known: dict[str, type] = {
        "read": contexts.Reader,
        "records": RecordWriter if writes else RecordReader,
        "parameters": ParameterReader,
        "notes": contexts.Notes,
        "http": contexts.Http,
    }
    parts = {name: one for name, one in known.items() if name in members}
    inner = {name: one for name, one in {"plugin": "Context"}.items() if name in members}
    return ContextKind(
        MappingProxyType(parts),
        methods_of(protocol),
        tuple(sorted(members - set(parts) - set(inner))),
        MappingProxyType(inner),
    )


KINDS: Mapping[str, ContextKind] = MappingProxyType(
    {
        "Context": _kind(contexts.Context),
        "PageContext": _kind(contexts.PageContext),
        "EndpointContext": _kind(contexts.EndpointContext),
        "CommandContext": _kind(contexts.CommandContext),
    }
)
"""Contexts by the name of their protocol; a test compares them with the contract."""


@frozen(eq=False)
class ThingsTable:
    """A snapshot of devices and datastreams. Implements `county_gov.contract.source.Things`."""

    version: int
    numbers: Mapping[str, int]
    codes_of_things: Mapping[str, Mapping[str, str]]

    def number(self, code: str) -> int:
        """The internal number of a datastream, or -1 where the code is unknown."""
        return self.numbers.get(code, -1)

    def datastreams_of(self, thing: str) -> Mapping[str, str]:
        """Datastream code by observed property for one thing; empty for an unknown thing."""
        return self.codes_of_things.get(thing, MappingProxyType({}))
