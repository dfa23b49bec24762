"""The frame round a page, and drawing it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
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


WHY: Mapping[int, Text] = MappingProxyType(
    {
        401: Text(zh="登录已过期，或尚未登录。", en="The session has ended, or there was none."),
        403: Text(zh="您的岗位不包含这项权限。", en="Your posts do not include this permission."),
        404: Text(zh="地址有误，或内容不在您的辖区。", en="Nothing is there for you to see."),
        409: Text(
            zh="您打开之后，别人已先办理，或当前环节不允许这样做。",
            en="Somebody acted first, or its present step does not allow this.",
        ),
        413: Text(zh="超过了一次可提交的大小。", en="It is more than is taken at once."),
        429: Text(zh="短时间内请求太多。", en="There were too many in a short time."),
        500: Text(zh="错误已记录。", en="The failure was recorded."),
        503: Text(zh="系统正在停止或存储空间不足。", en="It is stopping, or its disk is full."),
    }
)
UNCLEAR = Text(zh="提交的内容不符合要求。", en="It is not what this page expects.")
HOME = Text(zh="返回首页", en="Go to the overview")


async def draw_failure(call: Call, failure: Failure) -> web.StreamResponse:
    """The page that tells a person what happened, why, and what to do."""
    words = failure.words
    sheet = ProblemSheet(
        status=failure.status,
        what=words.what,
        why=failure.why or WHY.get(failure.status, UNCLEAR),
        next_step=words.next_step,
        href="/",
        link=HOME,
    )
    return await draw(call, "problem.html", title=words.what, status=failure.status, problem=sheet)
