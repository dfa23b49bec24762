"""What the server itself refuses, each with the status that it is answered with."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar

from county_gov.errors import CountyGovError, Problem


class Refusal(CountyGovError):
    """A request that is refused before or beside what it is about."""

    status: ClassVar[int] = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BodyStalled(Refusal):
    """The body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT


class MediaNotSupported(Refusal):
    """The body's type or encoding is not one that the route takes."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class OriginRefused(Refusal):
    """A request that changes something comes from another site's page."""

    status = HTTPStatus.FORBIDDEN


class TooManyRequests(Refusal):
    """A rate limit; ``retry_after`` says in how many seconds to try again."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class RequestInvalid(Refusal):
    """Parameters or body can be read and break their description; ``problems`` names each."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class NoSuchAddress(Refusal):
    """Nothing is served there."""

    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(Refusal):
    """The address exists, with other methods."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, message: str, *, allowed: Sequence[str]) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


class PluginUnavailable(Refusal):
    """The plugin behind an address failed, was too slow, or is cut off."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class Stopping(Refusal):
    """The server is stopping and takes no new requests."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
