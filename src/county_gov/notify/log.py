"""The channel ``core.log``: a line in the log for each notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.notifier import Message, Notifier, Receipt
from county_gov.contract.text import Text

if TYPE_CHECKING:
    from county_gov.contract.context import Context


def log_notifier() -> Notifier:
    """A channel that stays in the house: key, recipient and subject, never the body."""
    return Notifier(id="core.log", title=Text(zh="运行日志", en="Log"), send=_send, outside=False)


async def _send(ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
    for message in messages:
        ctx.log.info(
            "notice",
            key=message.key,
            recipient=message.recipient,
            subject=message.subject,
            case=message.case,
            attempt=message.attempt,
            drill=message.drill,
        )
    return tuple(Receipt(key=message.key, result="sent") for message in messages)
