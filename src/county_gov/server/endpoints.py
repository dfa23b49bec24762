"""Endpoints of plugins: behind the same gate as everything else, and their answers checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from county_gov.contract.endpoint import Endpoint, Request, Response
from county_gov.deployment.calling import ask
from county_gov.errors import ContractError, DeliveryTooLarge, PluginFailed, Problem
from county_gov.registry.gateway import Failed, words
from county_gov.server.api.documents import clean
from county_gov.server.headers import SECURITY
from county_gov.server.refusal import PluginUnavailable
from county_gov.server.routes import Access, Route

if TYPE_CHECKING:
    from county_gov.deployment import County
    from county_gov.server.call import Call

ANY = "*/*"
LARGEST_ANSWER = 67_108_864
"""Bytes that a plugin may answer."""
POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Whatever a plugin answers is data: shown in a browser, it runs nothing."""
CREDENTIALS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-device", "x-signature", "x-timestamp"}
)
CORE_HEADERS = frozenset(
    {one.lower() for one in SECURITY}
    | {
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "keep-alive",
        "server",
        "set-cookie",
        "strict-transport-security",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
        "x-request-id",
    }
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,4000}")
MEDIA_TYPE = re.compile(
    r"(?=.{3,200}\Z)[a-z0-9.+*-]+/[a-z0-9.+*-]+( ?; ?[a-z0-9-]+=[A-Za-z0-9._\"+-]+)*"
)
LOWEST_STATUS, HIGHEST_STATUS = 200, 599
WITHOUT_BODY = (204, 304)


def endpoint_routes(county: County) -> Iterable[Route]:
    """A route for each endpoint of the enabled plugins."""
    for endpoint in county.registry.contributions.endpoints.values():
        yield Route(
            endpoint.method,
            endpoint.path,
            partial(_answer, endpoint),
            Access(public=endpoint.public, device=endpoint.device, permission=endpoint.permission),
            endpoint.title,
            kind="api",
            media=() if endpoint.method in ("GET", "DELETE") else (ANY,),
            answer_media=ANY,
            failures=(404,),
        )


def check_endpoints(county: County, core: Iterable[Route]) -> list[Problem]:
    """Problems of endpoints whose address belongs to the core, to a page, or to each other.

    Args:
        county: Whose plugins.
        core: Routes of the core.
    """
    contributions = county.registry.contributions
    taken = {_first(route.path) for route in core}
    pages = [
        (address, f"page {path}")
        for path in contributions.pages
        for address in (
            f"/{path}",
            f"/{path}/commands/{{command}}",
            f"/{path}/cases/{{id}}/events/{{event}}",
        )
    ]
    problems: list[Problem] = []
    seen: list[Endpoint] = []
    for endpoint in contributions.endpoints.values():
        owner = contributions.owners[f"endpoints:{endpoint.id}"]
        where, who = f"{owner.place}.use", f"{owner}: endpoint {endpoint.id}"
        first = _first(endpoint.path)
        if first in taken or "{" in first or not first:
            text = f"/{first} in {endpoint.path} belongs to the core; begin with /{owner.name}"
            problems.append(Problem(where, f"{who}: {text}"))
        clashes = [
            *(words for path, words in pages if _overlap(path, endpoint.path)),
            *(
                f"endpoint {other.id}"
                for other in seen
                if other.method == endpoint.method and _overlap(other.path, endpoint.path)
            ),
        ]
        problems += [
            Problem(where, f"{who}: {endpoint.method} {endpoint.path} is the address of {clash}")
            for clash in clashes
        ]
        seen.append(endpoint)
    return problems


def _first(path: str) -> str:
    return path.split("/")[1]


def _overlap(one: str, other: str) -> bool:
    """Whether some address belongs to both paths."""
    left, right = one.split("/"), other.split("/")
    return len(left) == len(right) and all(map(_parts_overlap, left, right))


def _parts_overlap(one: str, other: str) -> bool:
    if "{" not in one and "{" not in other:
        return one == other
    (head, tail), (other_head, other_tail) = _ends(one), _ends(other)
    return (head.startswith(other_head) or other_head.startswith(head)) and (
        tail.endswith(other_tail) or other_tail.endswith(tail)
    )


def _ends(part: str) -> tuple[str, str]:
    """What stands before and after the braces of a part of a path."""
    head, brace, rest = part.partition("{")
    return (head, rest.rpartition("}")[2]) if brace else (part, part)


async def _answer(endpoint: Endpoint, call: Call) -> web.StreamResponse:
    """Ask the plugin, and answer what it says.

    Raises:
        DeliveryTooLarge: if the body is longer than the endpoint takes.
        PluginUnavailable: if the plugin failed, was too slow, or is cut off.
        CountyGovError: what a record, a case or the plugin refused.
    """
    county = call.county
    request = await _request(endpoint, call)
    owner = county.registry.contributions.owner("endpoints", endpoint.id)
    context = county.endpoint_context(endpoint.id, call.actor, call.id)

    async def attempt() -> Response:
        try:
            response = await endpoint.handler(context, request)
        except ContractError as error:  # raised, as by what it was sent; no wrong answer
            raise PluginFailed(words(error), raised=True) from error
        check_response(response)
        return response

    answer = await ask(
        county.gateway,
        owner,
        f"endpoint {endpoint.id}",
        attempt,
        seconds=endpoint.seconds,
        forgiving=endpoint.public or endpoint.device,
    )
    if isinstance(answer, Failed):
        raise PluginUnavailable(f"{endpoint.id} cannot answer just now; it was recorded")
    body = b"" if answer.status in WITHOUT_BODY else answer.body
    headers = {**call.head(), **answer.headers, "Content-Type": answer.media_type}
    headers["Content-Security-Policy"] = POLICY
    return web.Response(body=body, status=answer.status, headers=headers)


async def _request(endpoint: Endpoint, call: Call) -> Request:
    request = call.request
    body = b""
    if request.can_read_body or call.body is not None:
        body = await call.read(endpoint.maximum_bytes)
    if len(body) > endpoint.maximum_bytes:
        text = f"the body has {len(body)} bytes; at most {endpoint.maximum_bytes} are taken"
        raise DeliveryTooLarge(f"{text} at once: split it")
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        if key not in CREDENTIALS:
            headers[key] = f"{headers[key]}, {clean(value)}" if key in headers else clean(value)
    return Request(
        method=endpoint.method,
        path=clean(request.path),
        parts={name: clean(value) for name, value in request.match_info.items()},
        query={clean(name): clean(value) for name, value in request.query.items()},
        headers=headers,
        body=body,
        actor=call.actor,
    )


def check_response(response: object) -> None:
    """Refuse an answer that must not leave.

    Raises:
        ContractError: naming what is wrong with it.
    """
    if not isinstance(response, Response):
        raise ContractError(f"expected a Response, got {type(response).__name__}")
    status = response.status
    if type(status) is not int or not LOWEST_STATUS <= status <= HIGHEST_STATUS:
        raise ContractError(f"status: expected {LOWEST_STATUS} to {HIGHEST_STATUS}, got {status!r}")
    if not isinstance(response.body, bytes):
        raise ContractError(f"body: expected bytes, got {type(response.body).__name__}")
    if len(response.body) > LARGEST_ANSWER:
        raise ContractError(f"body: at most {LARGEST_ANSWER} bytes, got {len(response.body)}")
    if not MEDIA_TYPE.fullmatch(response.media_type):
        raise ContractError(f"media_type: {response.media_type[:60]!r} is no media type")
    for name, value in response.headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ContractError(f"header {name[:60]!r}: name or value cannot be sent")
        if name.lower() in CORE_HEADERS:
            raise ContractError(f"header {name}: is set by the core; leave it out")
