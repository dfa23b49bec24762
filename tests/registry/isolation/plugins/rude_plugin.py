"""A plugin whose page and endpoint misbehave as its configuration says."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar

from attrs import frozen

from county_gov.api import (
    Column,
    Endpoint,
    EndpointContext,
    Hooks,
    Page,
    PageContext,
    Paragraphs,
    Permission,
    Request,
    Response,
    Row,
    Table,
    Text,
    View,
    implements,
)
from county_gov.registry.isolation.channel import HEAD, LOG, RESULT, Channel

MIB = 1 << 20


@frozen
class Config:
    mode: str = "well"
    seconds: float = 20.0


async def well(_ctx: Any) -> tuple[str, ...]:
    """Answer."""
    return ("well",)


async def work(_ctx: Any) -> tuple[str, ...]:
    """Answer from another thread."""
    return (f"worked {await asyncio.to_thread(sum, (1, 2))}",)


async def hang(_ctx: Any) -> tuple[str, ...]:
    """Keep the process busy for ever; it reads nothing any more."""
    while True:
        pass


async def wait(_ctx: Any) -> tuple[str, ...]:
    """Wait for ever, and let go when told to."""
    await asyncio.Event().wait()
    return ()


async def cling(_ctx: Any) -> tuple[str, ...]:
    """Wait for ever, whatever it is told."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def leave(_ctx: Any) -> tuple[str, ...]:
    """End the process."""
    os._exit(3)


async def flood(_ctx: Any) -> tuple[str, ...]:
    """Print for ever."""
    while True:
        print("flood " * 200)  # noqa: T201 (the mistake under test)


async def shout(_ctx: Any) -> tuple[str, ...]:
    """Send answers for ever that nobody asked for."""
    (channel,) = [one for one in gc.get_objects() if isinstance(one, Channel)]
    noise = b"".join(HEAD.pack(RESULT, 10**9 + one, 1, 0) + b"\xc0" for one in range(1000))
    while True:
        os.write(channel.outgoing, noise)


async def rave(_ctx: Any) -> tuple[str, ...]:
    """Send one entry of the log that is as long as a message may be."""
    (channel,) = [one for one in gc.get_objects() if isinstance(one, Channel)]
    channel.send(LOG, 0, b"\xdd\x00\x30\x00\x00" + b"\x90" * (3 * MIB))
    await asyncio.Event().wait()
    return ()


async def ask(ctx: Any) -> tuple[str, ...]:
    """Ask for ever, hundreds of questions at once."""
    while True:
        await asyncio.gather(*(ctx.read.latest() for _ in range(300)), return_exceptions=True)


async def tell_much(_ctx: Any) -> tuple[str, ...]:
    """Return a text that is longer than a message may be."""
    return ("x" * (64 * MIB),)


async def tell_many(_ctx: Any) -> tuple[str, ...]:
    """Return more than can be read."""
    return ("x",) * 40_000


async def start_threads(_ctx: Any) -> tuple[str, ...]:
    """Start as many threads as there can be."""
    while True:
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def large_table() -> Table:
    """A table of 38,000 cells."""
    names = [f"c{number}" for number in range(95)]
    words = Text(zh="大", en="Large")
    row = Row(dict.fromkeys(names, "x"))
    columns = tuple(Column(name, words) for name in names)
    return Table("large", words, columns, (row,) * 400, 400, words, page_size=400)


MODES: dict[str, Callable[[Any], Awaitable[tuple[str, ...]]]] = {
    "well": well,
    "work": work,
    "hang": hang,
    "wait": wait,
    "cling": cling,
    "exit": leave,
    "flood": flood,
    "shout": shout,
    "rave": rave,
    "ask": ask,
    "tell_much": tell_much,
    "tell_many": tell_many,
    "threads": start_threads,
}


@frozen(eq=False)
class RudePlugin:
    config: Config
    api: ClassVar[int] = 0
    Config: ClassVar[type[Config]] = Config

    async def _views(self, ctx: PageContext) -> tuple[View, ...]:
        if self.config.mode == "draw_much":
            return (large_table(),)
        found = await MODES[self.config.mode](ctx)
        words = tuple(Text(zh=one) for one in found)
        return (Paragraphs("said", Text(zh="说", en="Said"), words),)

    async def _answer(self, ctx: EndpointContext, _request: Request) -> Response:
        found = await MODES[self.config.mode](ctx)
        headers = {str(number): "x" for number in range(3 * len(found) - 3)}
        return Response(" ".join(found).encode(), headers=headers)

    @implements(Hooks.pages)
    def pages(self) -> Iterable[Page]:
        """Its page."""
        return (Page("rude/page", Text(zh="粗鲁", en="Rude"), "rude.read", self._views),)

    @implements(Hooks.endpoints)
    def endpoints(self) -> Iterable[Endpoint]:
        """Its endpoint."""
        return (
            Endpoint(
                "rude.answer",
                Text(zh="粗鲁", en="Rude"),
                "POST",
                "/rude/answer",
                "rude.read",
                self._answer,
                maximum_bytes=4 * MIB,
                seconds=self.config.seconds,
            ),
        )

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Its permission."""
        return (Permission("rude.read", Text(zh="查看", en="Read")),)
