"""The frame round a page, and drawing it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from county_gov.contract.text import Text
from county_gov.server import cookies
from county_gov.server.console.flashes import FLASHES
from county_gov.server.console.naming import area_name
from county_gov.server.console.navigation import handles_cases, navigation_of
from county_gov.server.render import Chrome, Flash, Person, ProblemSheet

if TYPE_CHECKING:
    from county_gov.server.call import Call
    from county_gov.server.problems import Failure

LIVE = ("observations", "alert", "case")


async def draw(
    call: Call,
    template: str,
    *,
    title: Text,
    headline: Text | None = None,
    refresh_on: tuple[str, ...] = (),
    status: int = HTTPStatus.OK,
    flash: Flash | None = None,
    **values: object,
) -> web.Response:
    """Draw a page, or with ``?fragment=1`` only its content."""
    fragment = call.request.query.get("fragment") == "1"
    said = "" if fragment else call.request.cookies.get(cookies.FLASH, "")
    chrome = Chrome(
        county_name=call.county.settings.county.name,
        title=title,
        headline=headline,
        path=call.path,
        now=call.now,
        navigation=navigation_of(call),
        area_scope=_area_scope(call),
        person=_person(call),
        search="/cases" if call.session and handles_cases(call) else "",
        events="/events" if call.session else "",
        refresh_on=refresh_on,
        flash=flash or FLASHES.get(said),
        timezone=call.county.settings.county.timezone,
        attributions=call.county.settings.county.attributions,
        request_id=call.id,
    )
    renderer, language = call.service.renderer, call.language
    html = await asyncio.to_thread(
        lambda: renderer.page(
            template, language=language, chrome=chrome, fragment=fragment, **values
        )
    )
    response = web.Response(text=html, status=status, content_type="text/html")
    if said:
        cookies.drop_flash(response, secure=call.secure)
    return response


def _area_scope(call: Call) -> Text | None:
    areas = list(dict.fromkeys(post.area for post in call.actor.posts))
    if not areas:
        return None
    names = [area_name(call.county.registers.snapshot, code) for code in areas]
    return Text(
        zh="、".join(name.zh for name in names),
        en=", ".join(name.in_language("en") for name in names),
    )


def _person(call: Call) -> Person | None:
    if call.session is None:
        return None
    known = call.county.settings.roles
    roles = dict.fromkeys(post.role for post in call.actor.posts)
    return Person(
        Text(zh=call.actor.name, en=call.actor.name_en),
        tuple(known[role].title if role in known else Text(zh=role) for role in roles),
    )


HOME = Text(zh="返回首页", en="Go to the overview")


async def draw_failure(call: Call, failure: Failure) -> web.StreamResponse:
    """The page that tells a person what happened, why, and what to do."""
    words = failure.words
    sheet = ProblemSheet(
        status=failure.status,
        what=words.what,
        why=failure.why or words.why,
        next_step=words.next_step,
        href="/",
        link=HOME,
    )
    return await draw(call, "problem.html", title=words.what, status=failure.status, problem=sheet)
