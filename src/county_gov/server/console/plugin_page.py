"""Pages of plugins: their views, drawn like all others; a page that fails harms no other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from county_gov.contract.page import Paragraphs, Series, Table, View
from county_gov.contract.text import Text
from county_gov.registry.gateway import Answer
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import csv_answer, table_rows
from county_gov.server.routes import Route, permitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from county_gov.contract.page import Page
    from county_gov.deployment import County
    from county_gov.server.call import Call

SECONDS = 10.0
"""How long a page's views may take."""


def plugin_routes(county: County) -> Iterable[Route]:
    """A route for each page of the enabled plugins."""
    for page in county.registry.contributions.pages.values():
        yield Route(
            "GET", f"/{page.path}", partial(_show, page), permitted(page.permission), page.title
        )


async def _show(page: Page, call: Call) -> web.StreamResponse:
    county = call.county
    owner = county.registry.contributions.owner("pages", page.path)
    context = county.page_context(call.actor, dict(call.request.query))
    what = f"page {page.path}"
    answer = await county.gateway.call_async(
        owner, what, lambda: page.views(context), seconds=SECONDS
    )
    views: tuple[View, ...] = tuple(answer.value) if isinstance(answer, Answer) else (_failed(),)
    headline = None
    if page.headline is not None and isinstance(answer, Answer):
        make = page.headline
        said = await county.gateway.call_async(
            owner, f"{what} headline", lambda: make(context), seconds=SECONDS
        )
        headline = said.value if isinstance(said, Answer) else None
    wanted = call.request.query.get("export", "")
    for view in views:
        if wanted and isinstance(view, Table) and view.id == wanted:
            return csv_answer(view.id, table_rows(call, view))
    template = "dashboard.html" if any(isinstance(one, Series) for one in views) else "list.html"
    return await draw(
        call,
        template,
        title=page.title,
        headline=headline,
        refresh_on=page.refresh_on,
        views=views,
        filters=(),
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
