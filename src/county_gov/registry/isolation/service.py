"""Answers what a plugin's context asks for from another process; nothing but the contract."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from attrs import define, field

from county_gov.errors import CountyGovError, PluginFailed
from county_gov.registry.isolation.calls import KINDS

AT_ONCE = 32
"""Questions of one call that may be under way."""


@define(eq=False)
class Service:
    """One context, offered to another process for one call.

    Args:
        kind: Name of its protocol.
        context: The context itself.
    """

    kind: str
    context: Any
    _running: int = field(default=0, init=False)

    def values(self) -> dict[str, Any]:
        """What goes along with the call."""
        kind = KINDS[self.kind]
        told = {name: getattr(self.context, name) for name in kind.values}
        for name, inner in kind.inner.items():
            told[name] = Service(inner, getattr(self.context, name)).values()
        if "query" in told:
            told["query"] = dict(told["query"])
        return {**told, "now": self.context.clock.now()}

    async def answer(self, path: str, arguments: Any, keywords: Any) -> Any:
        """The answer to a question, or the error that it ended with."""
        if not KINDS[self.kind].allows(path):
            return PluginFailed(f"a {self.kind} has no {path!r}")
        if self._running >= AT_ONCE:
            return PluginFailed(f"more than {AT_ONCE} questions at once")
        part, _, method = path.rpartition(".")
        self._running += 1
        try:
            target = attrgetter(part)(self.context) if part else self.context
            return await getattr(target, method)(*arguments, **keywords)
        except CountyGovError as error:
            return error
        except (TypeError, ValueError, LookupError) as error:
            return PluginFailed(f"{path}: {type(error).__name__}: {error}")
        finally:
            self._running -= 1
