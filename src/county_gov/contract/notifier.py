"""Notifiers: channels over which notices leave the county's system."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from attrs import frozen

if TYPE_CHECKING:
    from county_gov.contract.context import Context
    from county_gov.contract.text import Text


@frozen
class Message:
    """One notice to one address.

    ``key`` stays the same for every attempt, so that the channel can drop repetitions.
    """

    key: str
    recipient: str
    subject: str
    body: str
    case: str = ""
    created_at: int = 0
    attempt: int = 1
    drill: bool = False
    """Marked 演练: shown as such, and never sent outside."""


@frozen
class Receipt:
    """What the channel said.

    "sent" ends the matter; "later" is tried again with back-off; "refused" goes to the dead
    letters at once.
    """

    key: str
    result: Literal["sent", "later", "refused"]
    detail: str = ""


@frozen(eq=False)
class Notifier:
    """A channel.

    Args:
        id: Prefixed by the plugin.
        title: What it is called.
        send: Hands messages over, at least once each; returns one receipt per message, in any
            order. A message without a receipt is tried again.
        outside: Whether it leaves the house (a drill then sends nothing).
    """

    id: str
    title: Text
    send: Callable[[Context, tuple[Message, ...]], Awaitable[tuple[Receipt, ...]]]
    outside: bool = True
