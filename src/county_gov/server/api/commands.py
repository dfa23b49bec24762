"""Commands of plugins over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.errors import Problem
from county_gov.server.parameters import read_parameters
from county_gov.server.refusal import RequestInvalid
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.server.call import Call


class CommandValues(Struct, forbid_unknown_fields=True):
    """The values of a command's form, by field."""

    values: dict[str, Value] = {}


class CommandAnswer(Struct):
    """What the plugin said afterwards, in the language of the request."""

    said: str


async def give_command(call: Call) -> web.StreamResponse:
    """Do what a command says; the same idempotency key does it once."""
    read_parameters(call.request.query, ())
    key = call.request.headers.get("Idempotency-Key", "")
    body = await call.json(CommandValues)
    if not key:
        text = "is needed, so that sending it again does it once"
        raise RequestInvalid([Problem("header: Idempotency-Key", text)])
    said = await call.county.commands.run(
        call.actor, call.part("command"), body.values, key=key, request=call.id
    )
    return call.answer(CommandAnswer(call.words(said)))


ROUTES = (
    Route(
        "POST",
        "/api/v1/commands/{command:[a-z0-9_.-]{1,100}}",
        give_command,
        SIGNED_IN,
        Text(zh="办理插件的操作", en="Do what a plugin offers"),
        "api",
        headers=(("Idempotency-Key", "The same key does it once"),),
        media=("application/json",),
        reads=CommandValues,
        answers=CommandAnswer,
        failures=(404, 409),
    ),
)
