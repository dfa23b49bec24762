"""One request on its way: who asks, in which language, with what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from attrs import define, field
from multidict import istr

from county_gov.contract.access import Actor
from county_gov.errors import AuthenticationFailed, MalformedDelivery, Problem
from county_gov.server import cookies
from county_gov.server.address import client_address
from county_gov.server.body import read_body
from county_gov.server.refusal import MediaNotSupported, RequestInvalid
from county_gov.server.service import SERVER

if TYPE_CHECKING:
    from county_gov.access import Session
    from county_gov.contract.text import Text
    from county_gov.deployment import County
    from county_gov.server.routes import Route
    from county_gov.server.service import Service

T = TypeVar("T")

NOBODY = Actor(kind="person", name="")
"""Who has not said who they are; holds no permission."""

REQUEST_ID = istr("X-Request-Id")
LANGUAGES = ("zh", "en")
SMALL_BODY = 65_536
"""Bytes of a form or of a JSON body that is not a delivery."""
ENCODER = msgspec.json.Encoder(decimal_format="number")
FORM = "application/x-www-form-urlencoded"
FIELDS = 200


def _once(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object that gives a key twice: readers would disagree about which one counts."""
    seen: set[str] = set()
    for name, _value in pairs:
        if name in seen:
            raise ValueError(f"the key {name[:60]!r} is given twice")
        seen.add(name)


@define(eq=False)
class Call:
    """One request.

    Args:
        service: The server.
        request: The request as aiohttp has it.
        route: Which route it is for.
        id: Its id, in logs and answers.
        now: Instant of its arrival, microseconds UTC.
        actor: Who asks.
        session: The session that it came with, if it is valid.
        device: Code of the device that signed it.
        body: The body, where it was read to check a signature.
    """

    service: Service
    request: web.Request
    route: Route
    id: str
    now: int
    actor: Actor = NOBODY
    session: Session | None = None
    device: str = ""
    body: bytes | None = None
    _language: str = field(default="", init=False)

    @property
    def county(self) -> County:
        """The county that is served."""
        return self.service.county

    @property
    def language(self) -> str:
        """The language of the answer: as the address asks, as was chosen, or the county's."""
        if not self._language:
            asked = self.request.query.get("lang", "")
            chosen = self.request.cookies.get(cookies.LANGUAGE, "")
            known = [one for one in (asked, chosen) if one in LANGUAGES]
            self._language = known[0] if known else self.service.language
        return self._language

    def choose_language(self, language: str) -> None:
        """Answer in this language from now on."""
        self._language = language

    @property
    def secure(self) -> bool:
        """Whether cookies are sent over HTTPS only."""
        return self.county.settings.server.secure_cookies

    @property
    def address(self) -> str:
        """The address of who asks, behind the proxies that the deployment trusts."""
        remote = self.request.remote or ""
        if not self.service.proxies:
            return remote
        forwarded = self.request.headers.getall("X-Forwarded-For", [])
        return client_address(remote, forwarded, self.service.proxies)

    @property
    def path(self) -> str:
        """Path and query as they came."""
        return self.request.path_qs

    def words(self, text: Text) -> str:
        """A text in the answer's language."""
        return text.in_language(self.language)

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    @property
    def account(self) -> int:
        """Number of the account that asks.

        Raises:
            AuthenticationFailed: if nobody is signed in.
        """
        if self.actor.account is None:
            raise AuthenticationFailed("sign in first")
        return self.actor.account

    async def read(self, limit: int = SMALL_BODY) -> bytes:
        """The body; see `read_body` for what it refuses."""
        if self.body is None:
            seconds = self.county.settings.server.body_seconds
            self.body = await read_body(self.request, limit=limit, seconds=seconds)
        return self.body

    async def json(self, kind: type[T]) -> T:
        """The JSON body, strictly of a type.

        Raises:
            MediaNotSupported: if the body is of another media type.
            MalformedDelivery: if it is not JSON.
            RequestInvalid: if it is not of the type.
        """
        if self.request.content_type != "application/json":
            raise MediaNotSupported("expected Content-Type: application/json")
        raw = await self.read()
        try:
            value = msgspec.json.decode(raw, type=kind)
            json.loads(raw, object_pairs_hook=_once)
            return value
        except msgspec.ValidationError as error:
            raise RequestInvalid([Problem("body", str(error))]) from error
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise MalformedDelivery(str(error), place="body") from error

    async def form(self) -> Mapping[str, str]:
        """The fields of a posted form; the last of equal names counts.

        Raises:
            MediaNotSupported: if the body is no form.
            MalformedDelivery: if it is not UTF-8, or has too many fields.
        """
        if self.request.content_type != FORM:
            raise MediaNotSupported(f"expected Content-Type: {FORM}")
        raw = await self.read()
        try:
            pairs = parse_qsl(
                raw.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=FIELDS,
            )
        except ValueError as error:
            raise MalformedDelivery(f"expected a form in UTF-8: {error}", place="body") from error
        return dict(pairs)

    def head(self) -> dict[str, str]:
        """Headers of every answer, for one that is begun before the gate can set them."""
        return {
            "Server": SERVER,
            REQUEST_ID: self.id,
            "Cache-Control": "no-store",
            **self.service.headers,
        }

    def answer(self, value: object, *, status: int = 200) -> web.Response:
        """A JSON answer, with all its headers: the gate need not set them one by one."""
        headers = self.service.answer_headers
        response = web.Response(body=ENCODER.encode(value), status=status, headers=headers)
        response.headers[REQUEST_ID] = self.id
        return response

    def redirect(self, location: str, *, flash: str = "") -> web.Response:
        """Send the browser on after a form; ``flash`` says what was done."""
        response = web.Response(status=303, headers={"Location": location})
        if flash:
            cookies.set_flash(response, flash, secure=self.secure)
        return response
