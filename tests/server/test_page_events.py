"""Events of cases on pages: offered beside rows and places, made from there, refused like any."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from county_gov.api import Column, Map, Marker, PageContext, Row, Table, Text, View
from county_gov.errors import DeploymentError
from tests.server.conftest import Serve, Site
from tests.server.desk import Book, DeskPlugin, NoConfig, permit
from tests.server.test_cases import AREA, number_of, someone
from tests.server.test_endpoints import county_with
from tests.store_fixtures import StandingClock

PAGE = "/desk/entries"
OFFERED = ("sensors.pollution:dispatch", "sensors.pollution:report", "desk.close")


async def cases(ctx: PageContext) -> tuple[View, ...]:
    """A row and a marker for each case, and a row for one that there is not."""
    found = await ctx.read.cases()
    title = Text(zh="事项", en="Cases")
    rows = tuple(Row({"number": one.number}, case=one.id) for one in found)
    markers = tuple(Marker(116.0, 40.0, "warning", title, case=one.id) for one in found)
    table = Table(
        "cases",
        title,
        (Column("number", title),),
        (*rows, Row({"number": "none"}, case="4711")),
        len(rows) + 1,
        title,
    )
    return (table, Map("where", title, markers=markers))


@pytest.fixture
async def desk(folder: Path, clock: StandingClock, serve_county: Serve) -> AsyncIterator[Site]:
    """A county whose desk offers events of cases, with one case."""
    permit(folder, dispatch_centre=("desk.use", "desk.read"), grid_worker=("desk.read",))
    plugin = DeskPlugin(NoConfig(), book=Book(), offered=OFFERED, shown=cases)
    async with county_with(folder, plugin, clock) as county:
        site = await serve_county(county)
        await site.case(AREA)
        yield site


def links(page: str) -> list[str]:
    """The addresses of the events that a page offers, each once."""
    return sorted(set(re.findall(rf'href="({PAGE}/cases/[^"]+)"', page)))


async def read(visitor: aiohttp.ClientSession, path: str = PAGE) -> str:
    """A page as text."""
    async with visitor.get(path) as answer:
        assert 200 == answer.status
        return await answer.text()


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to an address."""
    form = re.search(rf'<form method="post" action="{action}".*?</form>', page, re.DOTALL)
    assert form, page
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))


async def test_an_event_is_offered_to_who_may_make_it_and_made_from_the_page(desk: Site) -> None:
    """The centre dispatches from the page; then only the worker is offered the report."""
    centre, worker = await desk.person("dispatch1"), await desk.person("grid-zhiqiu")
    event = f"{PAGE}/cases/1/events/dispatch"
    page = await read(centre)
    assert [event] == links(page)
    assert 2 == page.count(f'href="{event}"')
    assert [] == links(await read(worker))
    form = hidden(await read(centre, event), event)
    form |= {"worker_account": str(number_of(desk, "grid-zhiqiu")), "dispatch_note": "请尽快"}
    said = ""
    for _ in range(2):
        async with centre.post(event, data=form) as answer:
            said = await answer.text()
            assert (200, PAGE) == (answer.status, answer.url.path)
    assert "已提交，记录已保存" in said
    assert [] == links(said)
    assert [f"{PAGE}/cases/1/events/report"] == links(await read(worker))
    detail = await desk.county.cases.get((await someone(desk)).actor, "1")
    assert ("on_site", 2) == (detail.view.state, detail.view.version)


async def test_a_form_that_fails_comes_back_on_the_page(desk: Site) -> None:
    """What was typed is kept; a form that is stale says so and keeps it as well."""
    centre = await desk.person("dispatch1")
    event = f"{PAGE}/cases/1/events/dispatch"
    form = hidden(await read(centre, event), event)
    async with centre.post(event, data={**form, "dispatch_note": "很长的说明"}) as answer:
        assert 422 == answer.status
        assert "很长的说明" in await answer.text()
    worker = str(number_of(desk, "grid-zhiqiu"))
    async with centre.post(event, data={**form, "worker_account": worker}) as answer:
        assert 200 == answer.status
    again = {**form, "idempotency_key": "other", "worker_account": worker, "dispatch_note": "迟"}
    async with centre.post(event, data=again) as answer:
        assert 409 == answer.status
        assert "迟" in await answer.text()


@pytest.mark.parametrize(
    "path",
    ["1/events/close", "1/events/nothing", "4711/events/dispatch", "1/events/report"],
)
async def test_what_the_page_does_not_offer_is_not_there(desk: Site, path: str) -> None:
    """Another event, another case, and an event that is not possible now."""
    centre = await desk.person("dispatch1")
    async with centre.get(f"{PAGE}/cases/{path}") as answer:
        assert 404 == answer.status


async def test_an_event_that_there_is_not_refuses_the_start(
    folder: Path, clock: StandingClock
) -> None:
    """Workflow and event of a page's action are looked for, and a near one is named."""
    permit(folder, dispatch_centre=("desk.use", "desk.read"))
    for offered, words in (
        ("sensors.pollutio:close", "no workflow 'sensors.pollutio'"),
        ("sensors.pollution:clos", "no event 'clos'"),
    ):
        plugin = DeskPlugin(NoConfig(), offered=(offered,))
        with pytest.raises(DeploymentError, match=words):
            county_with(folder, plugin, clock)


async def test_a_page_that_needs_more_than_its_permission_harms_nobody(
    folder: Path, clock: StandingClock, serve_county: Serve
) -> None:
    """Who may not see the data is told so, however often, and the others see the page."""

    async def of_datasets(ctx: PageContext) -> tuple[View, ...]:
        if ctx.actor.name == "示范·丙":
            await ctx.records.find("desk.secrets")
        return await cases(ctx)

    permit(folder, dispatch_centre=("desk.use", "desk.read"), grid_worker=("desk.read",))
    plugin = DeskPlugin(NoConfig(), shown=of_datasets)
    async with county_with(folder, plugin, clock) as county:
        site = await serve_county(county)
        worker = await site.person("grid-zhiqiu")
        for _ in range(7):
            assert "您无权查看本页所需的数据" in await read(worker)
        assert "事项" in await read(await site.person("dispatch1"))
