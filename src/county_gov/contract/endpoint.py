"""Endpoints: a protocol of its own over HTTP, without the HTTP library.

For example:

    async def level(ctx: EndpointContext, request: Request) -> Response:
        found = await ctx.read.latest(observed_property="water_level")
        return Response.json({one.datastream.thing: one.value for one in found})

    Endpoint(
        id="reservoir.levels",
        title=Text(zh="水位", en="Levels"),
        method="GET",
        path="/reservoir/v1/levels",
        permission="reservoir.read",
        handler=level,
    )
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from county_gov.errors import ContractError

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.context import EndpointContext
    from county_gov.contract.text import Text

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
METHODS: tuple[Method, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")
NAMES = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
LETTERS = r"[A-Za-z0-9._~!$'()*,;=@-]*"
PART = re.compile(rf"{LETTERS}({NAMES.pattern}{LETTERS})?")
"""One part of a path; the text between two slashes can be read in one way only."""
LONGEST_PATH = 200
"""Characters of a path."""


@frozen(eq=False)
class Request:
    """One request, read to its end.

    Args:
        method: Its method.
        path: Its path, as it was sent.
        parts: The parts of the path that the endpoint's ``{braces}`` name.
        query: Its query parameters; of repeated ones the last.
        headers: Its headers, names in lower case. Cookies and credentials are left out.
        body: Its body.
        actor: Who asks.
    """

    method: str
    path: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    actor: Actor


@frozen(eq=False)
class Response:
    """An answer. Security headers, request id and length are added by the core.

    Args:
        body: Its bytes, at most 64 MiB.
        status: HTTP status, 200 to 599.
        media_type: Its media type.
        headers: Further headers; those that the core sets are refused, ``Cache-Control`` and
            ``Set-Cookie`` among them.
    """

    body: bytes = b""
    status: int = 200
    media_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(factory=dict)

    @classmethod
    def json(cls, value: object, *, status: int = 200) -> Response:
        """An answer in JSON."""
        raw = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return cls(raw.encode(), status=status, media_type="application/json")


@frozen(eq=False)
class Endpoint:
    """An address that a plugin answers itself.

    Args:
        id: Prefixed by the plugin.
        title: What it is for.
        method: Its method.
        path: Begins with "/", at most 200 characters; ``{name}`` stands for one part, or for what
            is left of it, as in ``/Things({name})``. Its first part must be free: none of the
            core's, such as ``/api``, ``/static`` or ``/cases``. A GET also answers HEAD.
        permission: Who may call it; empty only where it is ``public``. It opens the endpoint and
            nothing else: what ``ctx`` reads and writes is for each kind of thing's own permission
            to say.
        handler: Async function of the context, which reads and acts as who asks, and the request.
        device: Whether devices that sign their requests may call it too.
        public: Whether anybody may call it without signing in; such a caller reads what is public
            (see `EndpointContext`) and has neither name nor account.
        maximum_bytes: Longest body that is taken.
        seconds: After so long it has failed.

    Raises:
        ContractError: if the path is none, or the permission is missing.
    """

    id: str
    title: Text
    method: Method
    path: str
    permission: str
    handler: Callable[[EndpointContext, Request], Awaitable[Response]]
    device: bool = False
    public: bool = False
    maximum_bytes: int = 1_048_576
    seconds: float = 30.0

    def __attrs_post_init__(self) -> None:
        if len(self.path) > LONGEST_PATH:
            text = f"the path has {len(self.path)} characters; at most {LONGEST_PATH} are taken"
            raise ContractError(f"endpoint {self.id}: {text}")
        names = NAMES.findall(self.path)
        first, *parts = self.path.split("/")
        sound = not first and parts and all(map(PART.fullmatch, parts))
        if not sound or len(set(names)) < len(names):
            text = f"the path {self.path!r} must be like /reservoir/v1/levels/{{code}}"
            raise ContractError(f"endpoint {self.id}: {text}")
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise ContractError(f"endpoint {self.id}: the method must be one of {known}")
        if bool(self.permission) == self.public:
            text = "name its permission, or say public=True; never both"
            raise ContractError(f"endpoint {self.id}: {text}")
