"""Server-sent events: they arrive, go on where they stopped, and end with the session."""

from __future__ import annotations

import asyncio
import json

import aiohttp
from attrs import define, field

from county_gov.contract.clock import HOUR
from county_gov.server.live import MOST_STREAMS
from tests.server.conftest import HOUR_START, STREAM, Site

PATIENCE = 20.0


@define(eq=False)
class Stream:
    """One page's event stream."""

    answer: aiohttp.ClientResponse
    seen: list[tuple[int, str, dict[str, str]]] = field(factory=list)

    async def next(self) -> tuple[int, str, dict[str, str]]:
        """The next event: position, kind, data."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            while True:
                line = (await self.answer.content.readline()).decode()
                assert line, "the stream has ended"
                if line == "\n" and "data" in fields:
                    event = int(fields["id"]), fields["event"], json.loads(fields["data"])
                    self.seen.append(event)
                    return event
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value

    async def end(self) -> None:
        """Return once the stream has ended."""
        async with asyncio.timeout(PATIENCE):
            await self.answer.content.read()


async def listen(visitor: aiohttp.ClientSession, after: int | None = None) -> Stream:
    """Open the stream, after a position."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    answer = await visitor.get("/events", headers=headers)
    assert 200 == answer.status
    assert "text/event-stream" == answer.content_type
    assert "no-store" == answer.headers["Cache-Control"]
    assert b"retry: 2000\n" == await answer.content.readline()
    return Stream(answer)


async def send(site: Site, hour: int, value: float = 1.0) -> None:
    """One reading."""
    await site.send([{"datastream": STREAM, "time": HOUR_START - hour * HOUR, "value": value}])


async def test_events_arrive(site: Site) -> None:
    """A page hears of readings and cases, by kind and never with their content."""
    visitor = await site.person("dispatch1")
    stream = await listen(visitor)
    await asyncio.sleep(0)
    await send(site, 1)
    _position, kind, data = await stream.next()
    assert "observations" == kind
    assert {} == data
    await site.case()
    assert "case" == (await stream.next())[1]
    stream.answer.close()


async def test_a_stream_goes_on(site: Site) -> None:
    """Who comes back with the last position is told what was missed, once and in order."""
    visitor = await site.person("dispatch1")
    stream = await listen(visitor)
    await send(site, 1)
    first, _kind, _data = await stream.next()
    stream.answer.close()
    await send(site, 2)
    await send(site, 3)
    await site.county.caught_up()
    again = await listen(visitor, first)
    positions = [(await again.next())[0] for _ in range(2)]
    assert sorted(set(positions)) == positions
    assert positions[0] > first
    again.answer.close()


async def test_what_was_forgotten_resets_the_page(site: Site) -> None:
    """A position from before this process remembers leads to a page drawn anew."""
    visitor = await site.person("dispatch1")
    await send(site, 1)
    await site.county.caught_up()
    stream = await listen(visitor)
    await send(site, 2)
    await stream.next()
    stream.answer.close()
    old = await listen(visitor, 0)
    kinds = {(await old.next())[1]}
    assert kinds <= {"reset", "observations"}
    old.answer.close()


async def test_logging_out_ends_the_stream(site: Site) -> None:
    """The stream ends when its session does."""
    visitor = await site.person("dispatch1")
    stream = await listen(visitor)
    async with visitor.delete("/api/v1/session") as answer:
        assert 200 == answer.status
    await stream.end()


async def test_streams_of_one_account_are_bounded(site: Site) -> None:
    """A program that forgets to close its streams is told so, and others are not harmed."""
    visitor = await site.person("dispatch1")
    open_streams = [await listen(visitor) for _ in range(MOST_STREAMS)]
    async with visitor.get("/events") as answer:
        assert 429 == answer.status
    other = await listen(await site.person("environment1"))
    for stream in (*open_streams, other):
        stream.answer.close()


async def test_stopping_ends_the_stream(site: Site) -> None:
    """A server that stops does not wait for its pages."""
    visitor = await site.person("dispatch1")
    stream = await listen(visitor)
    before = asyncio.get_running_loop().time()
    await site.runner.cleanup()
    await stream.end()
    assert asyncio.get_running_loop().time() - before < PATIENCE
