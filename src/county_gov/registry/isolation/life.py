"""One process of a plugin from its start to its end, and the calls that it was given."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import Future, InvalidStateError
from typing import Any

from attrs import define, field

from county_gov.errors import PluginFailed
from county_gov.registry.isolation.channel import Channel
from county_gov.registry.isolation.sender import MOST_ANSWERS, Sender
from county_gov.registry.isolation.service import Service


@define(eq=False)
class Call:
    """A call under way.

    Args:
        number: Its number.
        service: Answers what its context asks for.
        items: Where what an async generator yields is put.
        loop: Event loop that its caller runs on; None for a sync call.
    """

    number: int
    service: Service | None = None
    items: asyncio.Queue[Any] | None = None
    loop: asyncio.AbstractEventLoop | None = None
    answer: Future[Any] = field(factory=Future, init=False)
    wanted: int = field(default=1, init=False)
    """Items that were asked for and have not come."""

    def __attrs_post_init__(self) -> None:
        # A caller that gives up does not end the call: only the process can say that it ended.
        self.answer.set_running_or_notify_cancel()

    def settle(self, value: object) -> None:
        """Give its caller a value or an error; only the first counts."""
        with contextlib.suppress(InvalidStateError):
            self.answer.set_result(value)


@define(eq=False)
class Life:
    """One process.

    Args:
        name: Name of the plugin.
        popen: The process.
        channel: To it and from it.
        seconds: How long it may take to read a message.
    """

    name: str
    popen: subprocess.Popen[bytes]
    channel: Channel
    seconds: float
    hello: Future[Mapping[str, Any]] = field(factory=Future, init=False)
    started: float = field(factory=time.monotonic, init=False)
    reason: str = field(default="", init=False)
    """Why it was ended, empty where it ended by itself."""
    closed: Mapping[str, int] | None = field(default=None, init=False)
    """What the kernel closed to it, as told before the plugin was imported."""
    things: int = field(default=-1, init=False)
    """Version of the snapshot of things that it was told."""
    sound: bool = field(default=False, init=False)
    sender: Sender = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sender = Sender(self.channel, self.seconds, self.end, self.name)

    def end(self, reason: str) -> None:
        """End the process; returns at once."""
        self.reason = self.reason or reason
        with contextlib.suppress(ProcessLookupError):
            self.popen.kill()

    def tell(self, kind: int, number: int, value: object = None) -> None:
        """Send what is not a call; where it cannot be sent, the process is ended."""

        def refused(error: PluginFailed) -> None:
            self.end(str(error))

        try:
            self.sender.put(kind, number, value, refused=refused, most=MOST_ANSWERS)
        except PluginFailed as error:
            refused(error)

    def close(self) -> None:
        """Release what is left of a process that has ended."""
        self.sender.close()
        self.channel.close()
