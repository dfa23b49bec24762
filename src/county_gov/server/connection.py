"""What cannot be read as a request never reaches the gate: refused here, in the same form."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import BadStatusLine, InvalidHeader, LineTooLong

from county_gov.server.call import REQUEST_ID
from county_gov.server.identifiers import ulid
from county_gov.server.problems import MEDIA, Failure, failure_of
from county_gov.server.service import SERVER

if TYPE_CHECKING:
    from county_gov.server.service import Service

log = structlog.get_logger("county_gov.requests")

UNREADABLE = "unreadable"
"""Stands for the route in metrics and logs."""
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (LineTooLong, "its address or a header is too long; keep each below 8,190 bytes"),
    (BadStatusLine, "its first line is no request of HTTP/1.1; is this address meant for HTTPS?"),
    (InvalidHeader, "a header's name or value has characters that may not stand there"),
)
OTHERWISE = "its head or the length of its body breaks HTTP/1.1"


class Connection(web.RequestHandler):
    """A connection whose unreadable requests are refused as problem+json.

    The words of aiohttp's own errors quote the request, whose secrets do not belong into a log.
    """

    __slots__ = ("service",)

    service: Service

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp could not read, or what failed outside of the gate, and hang up.

        Raises:
            ConnectionError: if an answer had begun already.
        """
        number = ulid(self.service.county.clock.now())
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            failure = Failure(status, _reason(exc), "unreadable-request")
            log.info("request", request=number, route=UNREADABLE, status=status, error=_name(exc))
        else:
            failure = failure_of(exc if isinstance(exc, Exception) else RuntimeError(status))
            log.error("unexpected failure", request=number, route=UNREADABLE, exc_info=exc)
        self.service.metrics.record(UNREADABLE, failure.status, 0.0)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        response = web.Response(
            body=failure.document(number, self.service.language),
            status=failure.status,
            content_type=MEDIA,
            headers={
                "Server": SERVER,
                REQUEST_ID: number,
                "Cache-Control": "no-store",
                **self.service.headers,
                **failure.headers,
            },
        )
        response.force_close()
        return response


class Connections(web.Server):
    """Makes connections of ours."""

    service: Service

    def __call__(self) -> Connection:
        """A new connection."""
        connection = Connection(self, loop=self._loop, **self._kwargs)
        connection.service = self.service
        return connection


class Runner(web.AppRunner):
    """Aiohttp's runner with connections of ours.

    Args:
        app: The application.
        service: Whose metrics and headers it uses.
        options: As of `aiohttp.web.AppRunner`.
    """

    __slots__ = ("_service",)

    def __init__(self, app: web.Application, service: Service, **options: Any) -> None:
        super().__init__(app, **options)
        self._service = service

    async def _make_server(self) -> Connections:
        made = await super()._make_server()
        connections = Connections(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,  # noqa: SLF001 (handed on to the one that takes its place)
            **made._kwargs,  # noqa: SLF001
        )
        connections.service = self._service
        return connections


async def go_on(request: web.Request) -> None:
    """Let a client go on that asks before it sends its body; ignore whatever else it expects.

    RFC 9110, section 10.1.1, allows it.
    """
    expected = request.headers.get("Expect", "").lower()
    if request.version >= HttpVersion11 and expected == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _reason(error: BaseException | None) -> str:
    words = next((words for kind, words in REASONS if isinstance(error, kind)), OTHERWISE)
    return f"this cannot be read as a request: {words}"


def _name(error: BaseException | None) -> str:
    return "" if error is None else type(error).__name__
