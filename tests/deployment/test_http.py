"""Requests of plugins: only to allowed hosts, within a time and a size, and no further."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from attrs import define, field

from county_gov.deployment import County
from county_gov.deployment.http import PluginHttp
from county_gov.deployment.settings import settings_from
from county_gov.errors import DeploymentError, RequestFailed, TargetRefused
from county_gov.outbound import Client, read_allowed


@define
class Peer:
    """A server that a test speaks for, byte by byte."""

    url: str
    seen: list[bytes] = field(factory=list)


MakePeer = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client that resolves every name to this machine."""

    async def resolve(_host: str, _port: int) -> tuple[str, ...]:
        return ("127.0.0.1",)

    found = Client(resolver=resolve)
    yield found
    found.close()


@pytest.fixture
async def peer_with() -> AsyncIterator[MakePeer]:
    """Makes a server that answers every request with some bytes, slowly or never."""
    servers: list[asyncio.Server] = []
    tasks: list[asyncio.Task[None]] = []

    async def make(answer: bytes, *, drip: float = 0.0, hang: bool = False) -> Peer:
        peer = Peer("")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.append(task)
            try:
                peer.seen.append(await _whole(reader))
                for part in (answer[n : n + 1] for n in range(len(answer))) if drip else (answer,):
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(drip)
                if hang:
                    await reader.read()
            except ConnectionError:
                return
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        peer.url = f"http://peer.example:{server.sockets[0].getsockname()[1]}"
        return peer

    yield make
    for server in servers:
        server.close()
        await server.wait_closed()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _whole(reader: asyncio.StreamReader) -> bytes:
    """A request with its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + await reader.readexactly(length)


def http(client: Client, *entries: str, drill: bool = False) -> PluginHttp:
    """What a plugin with some allowed hosts is given."""
    return PluginHttp(client, read_allowed(entries), drill=drill)


LOCAL = ("http://peer.example", "127.0.0.1")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: a\r\nX-One: b\r\n\r\nhi"


async def test_a_request_and_its_answer(client: Client, peer_with: MakePeer) -> None:
    """Method, path, headers and body arrive; status, headers and body come back."""
    peer = await peer_with(OK)
    answer = await http(client, *LOCAL).request(
        "POST", f"{peer.url}/水位?q=汛 限#x", headers={"X-Own": "1"}, body=b"body"
    )
    assert (200, b"hi") == (answer.status, answer.body)
    assert "a, b" == answer.headers["x-one"]
    (seen,) = peer.seen
    assert seen.startswith(b"POST /%E6%B0%B4%E4%BD%8D?q=%E6%B1%9B%20%E9%99%90 HTTP/1.1\r\n")
    assert b"Host: peer.example:" in seen
    assert b"X-Own: 1\r\n" in seen
    assert seen.endswith(b"\r\n\r\nbody")


async def test_redirects_are_not_followed(client: Client, peer_with: MakePeer) -> None:
    """The plugin sees the redirect; nothing else is asked."""
    peer = await peer_with(
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    )
    answer = await http(client, *LOCAL).request("GET", f"{peer.url}/")
    assert 302 == answer.status
    assert 1 == len(peer.seen)


@pytest.mark.parametrize(
    ("entries", "url", "words"),
    [
        ((), "https://api.example/", "not allowed"),
        (("api.example",), "https://other.example/", "allowed: api.example"),
        (("api.example",), "https://api.example.evil/", "not allowed"),
        (("api.example",), "http://api.example/", "expected https"),
        (("api.example",), "https://api.example@evil/", "carries a login"),
        (("api.example",), "https://a:b@api.example/", "carries a login"),
        (("api.example",), "ftp://api.example/", "expected https"),
        (("api.example",), "https://api.example:99999/", "Port"),
        (("api.example",), "https://127.0.0.1/", "not allowed"),
        (("api.example",), "https://2130706433/", "not allowed"),
        (("api.example",), "https://api.example/", "not a public address"),
        (("127.0.0.2",), "https://127.0.0.1/", "not allowed"),
        (("api.example", "10.0.0.0/8"), "https://api.example/", "not a public address"),
    ],
)
async def test_where_nothing_may_be_sent(
    client: Client, entries: tuple[str, ...], url: str, words: str
) -> None:
    """Hosts that are not named, plain HTTP, logins, and private addresses behind any name."""
    with pytest.raises(TargetRefused, match=words):
        await http(client, *entries).request("GET", url)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("TRACE", {}),
        ("GET / HTTP/1.1\r\nX: y", {}),
        ("GET", {"Host": "evil.example"}),
        ("GET", {"Content-Length": "5"}),
        ("GET", {"X-A": "a\r\nX-B: b"}),
        ("GET", {"X A": "b"}),
        ("GET", {"X-A": "\u4e2d"}),
    ],
)
async def test_what_cannot_be_sent(client: Client, method: str, headers: dict[str, str]) -> None:
    """Other methods, headers that the client sets, and line breaks."""
    with pytest.raises(TargetRefused):
        await http(client, *LOCAL).request(method, "http://peer.example/", headers=headers)


@pytest.mark.parametrize(
    ("answer", "options", "words"),
    [
        (b"", {"hang": True}, "did not answer within"),
        (OK, {"drip": 0.02}, "did not answer within"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", {}, "cannot be asked|broke off"),
        (b"SSH-2.0-OpenSSH\r\n", {}, "cannot be asked"),
        (b"", {}, "cannot be asked"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000, {}, "more than 1000 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, {}, "more than 1000"),
    ],
)
async def test_answers_that_cannot_be_used(
    client: Client,
    peer_with: MakePeer,
    answer: bytes,
    options: dict[str, object],
    words: str,
) -> None:
    """No answer, one drop after another, a broken one, one that is too long."""
    peer = await peer_with(answer, **options)
    begun = time.monotonic()
    with pytest.raises(RequestFailed, match=words):
        await http(client, *LOCAL).request("GET", f"{peer.url}/", seconds=0.4, maximum_bytes=1000)
    assert time.monotonic() - begun < 5


async def test_a_connection_that_is_refused_is_told(client: Client) -> None:
    """Nobody listens there."""
    with pytest.raises(RequestFailed, match=r"peer\.example cannot be asked"):
        await http(client, *LOCAL).request("GET", "http://peer.example:1/")


async def test_a_drill_sends_nothing_that_changes(client: Client, peer_with: MakePeer) -> None:
    """Reading goes on; a POST is refused before anything leaves."""
    peer = await peer_with(OK)
    allowed = http(client, *LOCAL, drill=True)
    assert 200 == (await allowed.request("GET", f"{peer.url}/")).status
    with pytest.raises(TargetRefused, match="drill"):
        await allowed.request("POST", f"{peer.url}/")
    assert 1 == len(peer.seen)


@pytest.mark.parametrize(
    "entry", ["", "https://api.example", "http://", "api.example/path", "*.example", "a b", "1.2.3"]
)
def test_entries_that_name_no_host(entry: str) -> None:
    """Each is refused with its place, at start."""
    data = {
        "county": {"name": "示范县", "code": "990101", "api": 0},
        "store": {"url": "sqlite:///county.db"},
        "plugin": [{"use": "sensors", "hosts": [entry]}],
    }
    with pytest.raises(DeploymentError, match=r"plugin\[0\]\.hosts"):
        settings_from(data, folder=Path())


def test_each_plugin_is_given_its_own_hosts(tmp_path: Path) -> None:
    """What one plugin may ask, another may not."""
    data = {
        "county": {"name": "示范县", "code": "990101", "api": 0},
        "store": {"url": "sqlite:///county.db"},
        "plugin": [{"use": "sensors", "hosts": ["api.example"]}],
    }
    county = County(settings_from(data, folder=tmp_path))
    hosts = {}
    for name in ("sensors", "other"):
        given = county.context(name).http
        assert isinstance(given, PluginHttp)
        hosts[name] = set(given._allowed.hosts)
    assert {"sensors": {"api.example"}, "other": set()} == hosts
