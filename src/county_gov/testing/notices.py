"""A channel that remembers every notice, for stories and for tests of notifiers' callers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from attrs import define, field, frozen

from county_gov.contract.context import Context
from county_gov.contract.notifier import Message, Notifier, Receipt
from county_gov.contract.plugin import Hooks, implements
from county_gov.contract.text import Text


@define(eq=False)
class RememberingNotifier:
    """Takes every notice and keeps it, each key once.

    Args:
        id: Id of its channel.
    """

    id: str = "scenario.memory"
    messages: list[Message] = field(factory=list)
    """In the order in which they came."""

    async def send(self, _ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
        """Keep the notices."""
        known = {one.key for one in self.messages}
        self.messages += [one for one in messages if one.key not in known]
        return tuple(Receipt(one.key, "sent") for one in messages)

    def notifier(self) -> Notifier:
        """The channel as a contribution."""
        return Notifier(self.id, Text(zh="记忆", en="Memory"), self.send, outside=False)


@frozen
class NoConfig:
    """Nothing can be set."""


@frozen(eq=False)
class ScenarioPlugin:
    """What a story adds to a county: the channel that remembers.

    Args:
        config: Nothing.
        memory: The channel.
    """

    config: NoConfig
    memory: RememberingNotifier
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.notifiers)
    def notifiers(self) -> Iterable[Notifier]:
        """The channel that remembers."""
        return (self.memory.notifier(),)
