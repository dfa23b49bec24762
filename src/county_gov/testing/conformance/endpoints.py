"""Checks of endpoints: bad bodies are answered, never raised as faults of the program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from county_gov.contract.endpoint import Endpoint, Request, Response
from county_gov.testing.conformance.check import Check, Subject, require
from county_gov.testing.conformance.running import (
    PERSON,
    attempt,
    empty_context,
    end_when_cancelled,
)

BODIES = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{",
    b'{"a":1}',
    b'{"id":{}}',
    b"\xff\xfe",
    b"\x00" * 10,
    b"x" * 5000,
    b"[" * 5000,
)
TYPES = ("application/json", "application/xml", "text/plain", "")
PARTS = ("x", "1", "../x", "汉", "%00", "a" * 300)
FIRST_STATUS, LAST_STATUS, SERVER_FAULT = 100, 599, 500


def endpoint_checks(subject: Subject) -> Iterator[Check]:
    """Checks of each endpoint."""
    for endpoint in subject.declared("endpoints"):
        for name, (question, look) in CHECKS.items():
            yield Check(
                f"endpoint:{endpoint.id}:{name}", question, partial(look, subject, endpoint)
            )


def request_of(
    endpoint: Endpoint, body: bytes = b"", *, media_type: str = "application/json", part: str = "x"
) -> Request:
    """A request to an endpoint."""
    names = re.findall(r"\{(\w+)[^}]*\}", endpoint.path)
    return Request(
        method=endpoint.method,
        path=re.sub(r"\{[^}]*\}", lambda _found: part, endpoint.path),
        parts=dict.fromkeys(names, part),
        query={},
        headers={"content-type": media_type},
        body=body,
        actor=PERSON,
    )


def _asked(subject: Subject, endpoint: Endpoint, request: Request) -> Response | None:
    """The answer; None where the request was refused with an error of the contract."""
    shown = f"{request.method} {request.path[:60]} {request.body[:30]!r}"
    found: object = attempt(lambda: endpoint.handler(empty_context(subject), request))
    if found is None:
        return None
    require(isinstance(found, Response), f"{shown}: gave {type(found).__name__}, no Response")
    return found if isinstance(found, Response) else None


def _answers(subject: Subject, endpoint: Endpoint) -> None:
    for part in PARTS:
        found = _asked(subject, endpoint, request_of(endpoint, part=part))
        if found is None:
            continue
        require(
            FIRST_STATUS <= found.status <= LAST_STATUS,
            f"the status {found.status} lies outside 100 to 599",
        )
        require(isinstance(found.body, bytes), f"the body is {type(found.body).__name__}")
        lines = [one for pair in found.headers.items() for one in (*pair, found.media_type)]
        require(not any("\n" in one or "\r" in one for one in lines), "a header holds a line break")


def _bad_bodies(subject: Subject, endpoint: Endpoint) -> None:
    for body in BODIES:
        for media_type in TYPES:
            request = request_of(endpoint, body, media_type=media_type)
            found = _asked(subject, endpoint, request)
            require(
                found is None or found.status < SERVER_FAULT,
                f"the body {body[:30]!r} is answered with {found.status if found else ''}:"
                " a bad request is no fault of the server",
            )


def _cancellation(subject: Subject, endpoint: Endpoint) -> None:
    async def start(context: Any) -> object:  # noqa: ANN401 (a stalling context)
        return await endpoint.handler(context, request_of(endpoint, b"{}"))

    end_when_cancelled(start, empty_context(subject))


CHECKS: dict[str, tuple[str, Callable[[Subject, Endpoint], None]]] = {
    "answers": ("Does it answer with a sound Response while there is no data?", _answers),
    "bad_bodies": ("Are bad bodies answered, not raised as faults?", _bad_bodies),
    "cancellation": ("Does it end when who asks goes away?", _cancellation),
}
