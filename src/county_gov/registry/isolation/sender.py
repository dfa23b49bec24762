"""Sends a plugin's process what it is told; who tells it never waits for it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

import structlog
from attrs import frozen

from county_gov.errors import ContractError, PluginFailed
from county_gov.registry.isolation.channel import Channel, Closed, TooLong
from county_gov.registry.isolation.wire import Packer

log = structlog.get_logger(__name__)

MOST_WAITING = 256
"""Messages that may wait to be sent."""
MOST_ANSWERS = 1024
"""The same for all but calls, which keep their place when no further call is taken."""


@frozen(eq=False)
class _Message:
    """What is to be sent; ``refused`` is told where it cannot be."""

    kind: int
    number: int
    value: object
    refused: Callable[[PluginFailed], None]


class Sender:
    """Packs and writes messages on a thread of its own, in order.

    Args:
        channel: Where they are written.
        seconds: How long one may take to be read.
        unheard: Told why, once, where the process does not read any more.
        name: Name of the plugin.
    """

    def __init__(
        self, channel: Channel, seconds: float, unheard: Callable[[str], None], name: str
    ) -> None:
        self._channel = channel
        self._seconds = seconds
        self._unheard = unheard
        self._waiting: queue.SimpleQueue[_Message | None] = queue.SimpleQueue()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=f"sender-{name}", daemon=True)
        self._thread.start()

    def put(
        self,
        kind: int,
        number: int,
        value: object,
        *,
        refused: Callable[[PluginFailed], None],
        most: int = MOST_WAITING,
    ) -> None:
        """Let a message be sent after those that wait; returns at once.

        Args:
            kind: What it is.
            number: Number of its call.
            value: What it holds; nobody may change it any more.
            refused: Called on the sending thread where the value cannot cross.
            most: How many messages may wait before this one is not taken.

        Raises:
            PluginFailed: if too many wait, or the process does not read any more.
        """
        if self._ended:
            raise PluginFailed("its process does not listen any more")
        if self._waiting.qsize() >= most:
            raise PluginFailed(f"its process has not yet read {most} earlier messages")
        self._waiting.put(_Message(kind, number, value, refused))

    def close(self) -> None:
        """Send nothing more, and wait for the thread; the process must have ended."""
        self._ended = True
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None and not self._ended:
            try:
                self._send(message)
            except (TimeoutError, Closed) as error:
                self._ended = True
                self._unheard(str(error))
                return

    def _send(self, message: _Message) -> None:
        packer = Packer()
        try:
            tree = packer.message(message.value)
            self._channel.send(
                message.kind, message.number, tree, packer.buffers, seconds=self._seconds
            )
        except (ContractError, TooLong) as error:
            self._refuse(message, f"it cannot be given that: {error}")
        except (TimeoutError, Closed):
            raise
        except Exception as error:
            log.exception("a message to a plugin's process could not be made")
            self._refuse(message, f"it cannot be given that: {type(error).__name__}")

    def _refuse(self, message: _Message, reason: str) -> None:
        with contextlib.suppress(PluginFailed):
            message.refused(PluginFailed(reason))
