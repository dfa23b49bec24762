"""One request to another server: to the addresses that were checked, within a time and a size.

The standard library's client in a few threads of its own: nothing to install, no proxies from the
environment, no redirects, no cookies, nothing unpacked.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from attrs import define, field, frozen

from county_gov.contract.context import HttpAnswer
from county_gov.errors import RequestFailed, TargetRefused
from county_gov.outbound.target import Resolve, Target, checked_addresses, resolve

if TYPE_CHECKING:
    from http.client import HTTPResponse

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
"""Headers that the client sets itself."""
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
SAFE_IN_PATH = "/%:@!$&'()*+,;=-._~?"
AT_ONCE = 16
CHUNK = 65_536


@frozen(eq=False)
class Request:
    """What is sent.

    Args:
        method: One of `METHODS`.
        target: Where to.
        headers: Beside those that the client sets itself.
        body: Its body.
        seconds: For all of it: name, connection, sending and answer.
        maximum_bytes: Longest body of an answer.

    Raises:
        TargetRefused: if a method or header is not one that can be sent.
    """

    method: str
    target: Target
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    seconds: float = 10.0
    maximum_bytes: int = 1_048_576

    def __attrs_post_init__(self) -> None:
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise TargetRefused(f"method {self.method[:20]!r}: expected one of {known}")
        for name, value in self.headers.items():
            if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
                raise TargetRefused(f"header {name[:40]!r}: cannot be sent; take it out")
            if name.lower() in OURS:
                raise TargetRefused(f"header {name}: is set by the client; take it out")


@define(eq=False)
class _Line:
    """The connection of a request: the one who waits may cut it off at any moment."""

    _lock: Lock = field(factory=Lock, init=False)
    _socket: socket.socket | None = field(default=None, init=False)
    _cut: bool = field(default=False, init=False)

    def take(self, opened: socket.socket) -> None:
        """Remember the connection.

        Raises:
            TimeoutError: if nobody waits any more.
        """
        with self._lock:
            self._socket = opened
            if self._cut:
                raise TimeoutError("cut off")

    def cut(self) -> None:
        """End whatever is waited for."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # it has ended by itself


class Client:
    """Sends requests; one for the whole county. `close` ends its threads.

    Args:
        resolver: Gives the addresses of a host.
        context: Checks certificates; the system's by default.
    """

    def __init__(
        self, *, resolver: Resolve = resolve, context: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self._given = context
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="outbound")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given or ssl.create_default_context()

    async def send(self, request: Request) -> HttpAnswer:
        """Send a request and read its answer to the end.

        Raises:
            TargetRefused: if an address of the host is not allowed.
            RequestFailed: if no answer came in time, it was too long, or it was no HTTP.
        """
        target, line = request.target, _Line()
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + request.seconds
        try:
            async with asyncio.timeout(request.seconds):
                addresses = await checked_addresses(target, self._resolver)
                return await loop.run_in_executor(
                    self._threads, lambda: self._exchange(request, addresses, deadline, line)
                )
        except TimeoutError:
            text = f"{target.host} did not answer within {request.seconds:g} s; try again later"
            raise RequestFailed(text) from None
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, RequestFailed | TargetRefused):
                raise
            text = f"{target.host} cannot be asked: {type(error).__name__}: {error}"
            raise RequestFailed(text) from error
        finally:
            line.cut()

    def close(self) -> None:
        """Take no more requests; those under way end by their own time."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _exchange(
        self, request: Request, addresses: tuple[str, ...], deadline: float, line: _Line
    ) -> HttpAnswer:
        target = request.target
        secure = urlsplit(target.url).scheme == "https"
        opened = _connect(addresses, target.port, deadline)
        try:
            if secure:
                opened = self._tls.wrap_socket(
                    opened, server_hostname=target.host, do_handshake_on_connect=False
                )
            line.take(opened)
            if isinstance(opened, ssl.SSLSocket):
                opened.do_handshake()
            kind = HTTPSConnection if secure else HTTPConnection
            connection = kind(target.host, target.port)
            connection.sock = opened
            connection.request(
                request.method, _path(target.url), request.body or None, _headers(request)
            )
            return _read(connection.getresponse(), request)
        finally:
            opened.close()


def _connect(addresses: tuple[str, ...], port: int, deadline: float) -> socket.socket:
    """A connection to the first address that takes one."""
    failure: OSError = OSError("there is no address")
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as error:
            failure = error
    raise failure


def _headers(request: Request) -> dict[str, str]:
    ours = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "county-gov"}
    if request.method in ("POST", "PUT", "PATCH"):
        ours["Content-Length"] = str(len(request.body))
    given = {name.lower() for name in request.headers}
    return {
        **{name: value for name, value in ours.items() if name.lower() not in given},
        **request.headers,
    }


def _path(url: str) -> str:
    """Path and query, with everything quoted that cannot stand in a request's first line."""
    parts = urlsplit(url)
    path = parts.path or "/"
    return quote(f"{path}?{parts.query}" if parts.query else path, safe=SAFE_IN_PATH)


def _read(response: HTTPResponse, request: Request) -> HttpAnswer:
    """The answer, if it is not too long."""
    parts: list[bytes] = []
    size = 0
    while part := response.read1(CHUNK):
        size += len(part)
        if size > request.maximum_bytes:
            text = f"more than {request.maximum_bytes} bytes; ask for less, or raise maximum_bytes"
            raise RequestFailed(f"{request.target.host} answered with {text}")
        parts.append(part)
    if response.length:
        raise RequestFailed(f"{request.target.host} broke off its answer; try again later")
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return HttpAnswer(response.status, headers, b"".join(parts))
