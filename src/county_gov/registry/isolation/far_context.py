"""The contexts as a plugin sees them from another process: each method is a question."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from attrs import define, field, frozen

from county_gov.registry.isolation.calls import KINDS, methods_of

Ask = Callable[[str, tuple[Any, ...], dict[str, Any]], Awaitable[Any]]


@define(eq=False)
class FarClock:
    """The county's time when the call was made, going on from there."""

    at: int
    started: int = field(factory=time.monotonic_ns)

    def now(self) -> int:
        """The current instant, microseconds UTC."""
        return self.at + (time.monotonic_ns() - self.started) // 1000


@frozen(eq=False)
class FarPart:
    """A part of a context, such as ``read``: every public method of its protocol can be awaited."""

    name: str
    protocol: type
    ask: Ask

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method not in methods_of(self.protocol):
            raise AttributeError(f"{self.name} has no method {method!r}")
        return _question(self.ask, f"{self.name}.{method}")


class FarContext:
    """A context of one call.

    Args:
        kind: Name of its protocol.
        config: The plugin's own configuration.
        values: What goes along with the call; ``now`` is the county's instant.
        ask: Asks the county.
    """

    def __init__(self, kind: str, config: object, values: Mapping[str, Any], ask: Ask) -> None:
        self._kind = KINDS[kind]
        self._ask = ask
        self._values = values
        self.config = config
        self.clock = FarClock(values["now"])

    @property
    def log(self) -> Any:
        """A logger that writes to the county's log, bound to the plugin's name there."""
        return structlog.get_logger()

    def __getattr__(self, name: str) -> Any:
        if name in self._kind.values:
            return self._values[name]
        if name in self._kind.inner:
            return FarContext(
                self._kind.inner[name],
                self.config,
                self._values[name],
                lambda path, arguments, keywords: self._ask(f"{name}.{path}", arguments, keywords),
            )
        if name in self._kind.parts:
            return FarPart(name, self._kind.parts[name], self._ask)
        if name in self._kind.methods:
            return _question(self._ask, name)
        raise AttributeError(f"this context has no {name!r}")


def _question(ask: Ask, path: str) -> Callable[..., Awaitable[Any]]:
    def question(*arguments: object, **keywords: object) -> Awaitable[Any]:
        return ask(path, arguments, keywords)

    return question
