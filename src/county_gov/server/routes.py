"""The table of routes: one entry per address, from which all else about it follows.

The router, the permission check, the OpenAPI document and ``docs/reference/http.md`` are made from
or compared with this table. A route that does not say who may call it refuses the start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from county_gov.contract.text import Text
from county_gov.errors import DeploymentError, Problem

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.server.call import Call

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "*"]
Kind = Literal["api", "page", "asset"]
"""How problems are answered: as problem+json under "api", else as a page."""


@frozen
class Access:
    """Who may call a route; every way in that is open is enough.

    Args:
        public: Anybody.
        signed_in: Anybody with a session; what they see is narrowed by their scopes.
        device: A device that signs its request.
        loopback: Requests from this machine that no proxy has passed on.
        permission: Holders of this permission.
    """

    public: bool = False
    signed_in: bool = False
    device: bool = False
    loopback: bool = False
    permission: str = ""

    @property
    def words(self) -> str:
        """In words, for the documentation."""
        ways = [
            "anybody" if self.public else "",
            "anybody signed in" if self.signed_in else "",
            "a device's signature" if self.device else "",
            "this machine" if self.loopback else "",
            f"`{self.permission}`" if self.permission else "",
        ]
        return " or ".join(way for way in ways if way)


PUBLIC = Access(public=True)
SIGNED_IN = Access(signed_in=True)


def permitted(permission: str) -> Access:
    """Holders of a permission."""
    return Access(permission=permission)


def device_or(permission: str) -> Access:
    """Devices that sign their requests, or holders of a permission."""
    return Access(device=True, permission=permission)


def loopback_or(permission: str) -> Access:
    """Requests from this machine, or holders of a permission."""
    return Access(loopback=True, permission=permission)


@frozen
class Parameter:
    """A query parameter.

    Args:
        name: In the address.
        kind: "instant" is RFC 3339 with an offset, or integer microseconds UTC; "fields" stands
            for ``name[field]=value``, once for each field.
        title: What it does.
        minimum, maximum: Inclusive bounds of a whole number.
        choices: The only values allowed.
    """

    name: str
    kind: Literal["text", "whole", "instant", "truth", "fields"]
    title: str
    required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()


PAGE = Text(zh="页面", en="Page")
Handler = Callable[["Call"], Awaitable["web.StreamResponse"]]


@frozen(eq=False)
class Route:
    """One address and what happens there.

    Args:
        method: GET also answers HEAD.
        path: With ``{names}`` as aiohttp writes them.
        handler: Async function of the call.
        access: Who may call it; None refuses the start.
        summary: What it is for.
        kind: How problems are answered.
        parameters: Query parameters of an API route; others are refused there.
        headers: Request headers that it reads: name and meaning.
        media: Media types that its body may have.
        reads: Type of its JSON body.
        answers: Type of its JSON answer.
        answer_media: Media type of its answer.
        other_media: Media types that its answer may have instead.
        failures: Statuses that it may answer beside those that every route may.
    """

    method: Method
    path: str
    handler: Handler
    access: Access | None = None
    summary: Text = PAGE
    kind: Kind = "page"
    parameters: tuple[Parameter, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    media: tuple[str, ...] = ()
    reads: type | None = None
    answers: type | None = None
    answer_media: str = "application/json"
    other_media: tuple[str, ...] = ()
    failures: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Method and path, as logs, metrics and documents name it."""
        return f"{self.method} {self.path}"

    @property
    def gate(self) -> Access:
        """Who may call it.

        Raises:
            DeploymentError: if the route does not say.
        """
        if self.access is None:
            raise DeploymentError([_silent(self)])
        return self.access


def check_routes(routes: Iterable[Route], permissions: Mapping[str, object]) -> list[Problem]:
    """Problems that refuse the start: silent routes, unknown permissions, the same route twice."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for route in routes:
        if route.access is None or route.access == Access():
            problems.append(_silent(route))
        elif route.access.permission and route.access.permission not in permissions:
            problems.append(_unknown(route, route.access.permission, permissions))
        if route.name in seen:
            problems.append(Problem(f"route {route.name}", "is declared twice; remove one"))
        seen.add(route.name)
    return problems


def _silent(route: Route) -> Problem:
    text = "declares no access; say PUBLIC, SIGNED_IN, permitted(…) or device_or(…)"
    return Problem(f"route {route.name}", text)


def _unknown(route: Route, permission: str, permissions: Iterable[str]) -> Problem:
    near = get_close_matches(permission, list(permissions), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "; declare it with a plugin's permissions()"
    return Problem(f"route {route.name}", f"there is no permission {permission!r}{hint}")
