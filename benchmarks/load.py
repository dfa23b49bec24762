"""The load generator, the same for every peer: keep-alive connections that send ready requests.

It runs in a process of its own and costs little, so that on two cores it takes as little as
possible away from the server.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import define, field, frozen


@frozen
class Load:
    """What a run of the load found."""

    requests: int
    seconds: float
    statuses: dict[int, int]
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which this share of requests was answered."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@define(eq=False)
class _Connection(asyncio.Protocol):
    """One keep-alive connection: the next request goes out when the answer is complete."""

    requests: Iterator[bytes]
    done: asyncio.Future[None]
    statuses: Counter[int]
    latencies: list[float]
    transport: asyncio.Transport | None = None
    buffer: bytearray = field(factory=bytearray)
    sent: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            self._next()

    def data_received(self, data: bytes) -> None:
        """Count an answer once it is complete."""
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lower = bytes(self.buffer[:head]).lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        self.statuses[int(lower[9:12])] += 1
        self.latencies.append(time.perf_counter() - self.sent)
        self.buffer.clear()
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """A lost connection ends its share of the run."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self.requests, None)
        if request is None or self.transport is None:
            if not self.done.done():
                self.done.set_result(None)
            if self.transport is not None:
                self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(request)


async def run_load(port: int, requests: Sequence[bytes], *, connections: int) -> Load:
    """Send all requests over so many connections to a port of this machine.

    Each connection sends every so-manieth request, in order, as a gateway sends its readings.
    """
    loop = asyncio.get_running_loop()
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    ended = []
    started = time.perf_counter()
    for number in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        ended.append(done)
        connection = _Connection(iter(requests[number::connections]), done, statuses, latencies)
        await loop.create_connection(lambda one=connection: one, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ended)
    seconds = time.perf_counter() - started
    return Load(sum(statuses.values()), seconds, dict(statuses), latencies)


def post(path: str, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> bytes:
    """A ready HTTP/1.1 request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
