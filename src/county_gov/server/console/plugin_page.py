"""Pages of plugins: their views, drawn like all others; a page that fails harms no other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog

from county_gov.contract.page import Paragraphs, Series, Table, View
from county_gov.contract.text import Text
from county_gov.deployment.calling import ask
from county_gov.errors import AccessDenied, NotFound
from county_gov.registry.gateway import Failed
from county_gov.registry.results import check_headline, check_views
from county_gov.server import cookies
from county_gov.server.console import commands, page_events
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import csv_answer, table_rows
from county_gov.server.console.records_names import named
from county_gov.server.problems import failure_of
from county_gov.server.render import Flash, FormSheet
from county_gov.server.routes import Route, permitted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiohttp import web

    from county_gov.contract.context import PageContext
    from county_gov.contract.page import Page
    from county_gov.deployment import County
    from county_gov.server.call import Call

log = structlog.get_logger(__name__)

SECONDS = 10.0
"""How long a page's views may take."""
FORM = "application/x-www-form-urlencoded"
EVENT = Text(zh="办理页面上的事项", en="Make an event of a case that a page offers")


def plugin_routes(county: County) -> Iterable[Route]:
    """The routes of each page: to look at it, to send its forms, and to make events of cases."""
    for page in county.registry.contributions.pages.values():
        access = permitted(page.permission)
        yield Route("GET", f"/{page.path}", partial(_show, page), access, page.title)
        yield Route(
            "POST",
            f"/{page.path}/commands/{{command:[a-z0-9_.-]{{1,100}}}}",
            partial(_send, page),
            access,
            Text(zh="办理页面上的操作", en="Do what a page offers"),
            media=(FORM,),
            failures=(404, 409),
        )
        if page_events.events_of(page):
            address = f"/{page.path}/cases/{page_events.ADDRESS}"
            show = partial(page_events.show_event, page)
            yield Route("GET", address, show, access, EVENT, failures=(404,))
            yield Route(
                "POST",
                address,
                partial(page_events.post_event, page),
                access,
                EVENT,
                media=(FORM,),
                failures=(404, 409),
            )


async def _show(page: Page, call: Call) -> web.StreamResponse:
    return await _draw(page, call)


async def _send(page: Page, call: Call) -> web.StreamResponse:
    """A form that fails comes back with all that was typed; after the rest, what was done."""
    form = dict(await call.form())
    tried = await commands.send(call, form)
    if tried is not None:
        return await _draw(page, call, tried)
    key = form.get("idempotency_key", "")
    known = commands.KEY.fullmatch(key)
    return call.redirect(f"/{page.path}", flash=f"{commands.SAID}{key}" if known else "done")


async def _draw(page: Page, call: Call, tried: commands.Tried | None = None) -> web.StreamResponse:
    county = call.county
    owner = county.registry.contributions.owner("pages", page.path)
    context = county.page_context(owner, call.actor, dict(call.request.query))
    what = f"page {page.path}"

    check = check_views(page.path)

    async def look() -> tuple[View, ...]:
        views = await page.views(context)
        check(views)
        commands.check_forms(call, views)
        page_events.check_cases(views)
        return tuple(views)

    async def answer_in_words(make: Callable[[PageContext], Awaitable[Text]]) -> Text:
        said = await make(context)
        check_headline(said)
        return said

    headline = None
    try:
        answer = await ask(county.gateway, owner, what, look, seconds=SECONDS)
        views = (_failed(),) if isinstance(answer, Failed) else answer
        if page.headline is not None and not isinstance(answer, Failed):
            make = page.headline
            said = await ask(
                county.gateway,
                owner,
                f"{what} headline",
                lambda: answer_in_words(make),
                seconds=SECONDS,
            )
            headline = None if isinstance(said, Failed) else said
    except (AccessDenied, NotFound) as refused:
        log.info("page refused", page=page.path, problem=str(refused), request=call.id)
        views = (_not_yours(),)
    wanted = call.request.query.get("export", "")
    for view in views:
        if wanted and isinstance(view, Table) and view.id == wanted:
            return csv_answer(view.id, table_rows(call, view))
    views = tuple([await named(call, one) if isinstance(one, Table) else one for one in views])
    drawn, actions = await commands.offered(call, page, views, tried)
    return await draw(
        call,
        "plugin.html",
        title=page.title,
        headline=headline,
        refresh_on=page.refresh_on,
        status=failure_of(tried.error).status if tried else 200,
        flash=await _flash(call),
        views=drawn,
        actions=actions,
        forms=(*(one.action for one in drawn if isinstance(one, FormSheet)), *actions),
        offers=await page_events.offers(call, page, views),
        charts=any(isinstance(one, Series) for one in views),
    )


async def _flash(call: Call) -> Flash | None:
    """What the plugin said after the form that was sent just now."""
    said = await commands.said_before(call, call.request.cookies.get(cookies.FLASH, ""))
    return Flash(said) if said else None


def _not_yours() -> Paragraphs:
    return Paragraphs(
        "refused",
        Text(zh="您无权查看本页所需的数据", en="This page needs data that you may not see"),
        (
            Text(
                zh="页面可以打开，其中的数据另需权限。请联系系统管理员为您的角色增加权限。",
                en="You may open the page; what it shows needs a further permission. Ask the "
                "system administrator to give it to your role.",
            ),
        ),
    )


def _failed() -> Paragraphs:
    return Paragraphs(
        "failed",
        Text(zh="本页暂时无法显示", en="This page cannot be shown just now"),
        (
            Text(
                zh="提供本页的插件出错，已记录；其他页面不受影响。请稍后再试。",
                en="The plugin behind it failed, which was recorded. Other pages are not "
                "affected; try again later.",
            ),
        ),
    )
