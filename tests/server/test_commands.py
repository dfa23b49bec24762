"""Commands on pages and over HTTP: done once, refused in place, and never by the wrong person."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from county_gov.contract.access import SYSTEM
from county_gov.deployment import County, read_settings
from county_gov.errors import DeploymentError
from county_gov.store import Snapshot, tables
from tests.intake.bad_inputs import BAD_INPUTS
from tests.server.conftest import NOW, Serve, Site
from tests.server.desk import Book, DeskPlugin, NoConfig, loaded, permit
from tests.store_fixtures import StandingClock

PAGE = "/desk/entries"
FORM = "application/x-www-form-urlencoded"
ENTER = f"{PAGE}/commands/desk.enter?form=enter"


@pytest.fixture
def book() -> Book:
    """What the plugin was asked."""
    return Book()


@pytest.fixture
async def desk(
    folder: Path, book: Book, clock: StandingClock, serve_county: Serve
) -> AsyncIterator[Site]:
    """A county with the desk, served."""
    permit(
        folder,
        dispatch_centre=("desk.use", "desk.read", "desk.close", "cases.case.open"),
        grid_worker=("desk.use", "desk.read"),
        department_officer=("desk.read",),
    )
    settings = read_settings(folder / "county.toml")
    plugin = loaded(DeskPlugin(NoConfig(), book=book))
    async with County(settings, clock=clock, plugins=[plugin]) as county:
        yield await serve_county(county)


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of a form."""
    form = re.search(
        rf'<form method="post" action="{re.escape(action)}".*?</form>', page, re.DOTALL
    )
    assert form, f"no form for {action}"
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))


async def read(visitor: aiohttp.ClientSession, path: str = PAGE) -> str:
    """A page's HTML."""
    async with visitor.get(path) as answer:
        assert 200 == answer.status
        return await answer.text()


async def send(visitor: aiohttp.ClientSession, path: str, form: dict[str, str]) -> tuple[int, str]:
    """Send a form and follow to where it leads."""
    async with visitor.post(path, data=form) as answer:
        return answer.status, await answer.text()


async def give(
    visitor: aiohttp.ClientSession, command: str, values: Any, key: str = "k"
) -> tuple[int, dict[str, Any]]:
    """Give a command as a program does."""
    async with visitor.post(
        f"/api/v1/commands/{command}", json={"values": values}, headers={"Idempotency-Key": key}
    ) as answer:
        return answer.status, await answer.json()


def audited(site: Site) -> list[tuple[str, str, str]]:
    """What the audit trail says of commands: object, outcome, who."""

    def rows(snapshot: Snapshot) -> list[tuple[str, str, str]]:
        table = tables.audit.c
        statement = sa.select(table.object, table.outcome, table.actor).where(
            table.action == "command.run"
        )
        return [(row[0], row[1], row[2]) for row in snapshot.rows(statement.order_by(table.id))]

    return site.county.store.read_now(rows)


async def test_a_form_is_drawn_sent_and_answered(desk: Site, book: Book) -> None:
    """The values arrive checked and typed, and the page says what the plugin said, once."""
    visitor = await desk.person("dispatch1")
    page = await read(visitor)
    form = hidden(page, ENTER)
    assert 'value="2"' in page
    typed = {"name": "王小明", "count": "3", "height": "1.85", "day": "2026-06-01"}
    status, said = await send(visitor, ENTER, {**form, **typed})
    assert 200 == status
    assert "已登记：王小明" in said
    assert "已登记：王小明" not in await read(visitor)
    assert [
        {"name": "王小明", "count": 3, "height": 1.85, "day": "2026-06-01", "place": None}
    ] == book.entries
    assert [("command:desk.enter", "done", "示范·甲")] == audited(desk)
    (context,) = book.contexts
    assert "示范·甲" == context.actor.name
    assert "Asia/Shanghai" == context.timezone


async def test_a_click_that_is_sent_twice_is_done_once(desk: Site, book: Book) -> None:
    """The same key gives the first answer again, also where both arrive at once."""
    visitor = await desk.person("dispatch1")
    form = {**hidden(await read(visitor), ENTER), "name": "李", "count": "1"}
    results = await asyncio.gather(*(send(visitor, ENTER, form) for _ in range(3)))
    assert [200, 200, 200] == [status for status, _page in results]
    assert 1 == len(book.entries)
    assert 1 == len(audited(desk))


async def test_what_is_wrong_is_said_beside_the_field(desk: Site, book: Book) -> None:
    """The form comes back with all that was typed and the reason; nothing was done."""
    visitor = await desk.person("dispatch1")
    form = hidden(await read(visitor), ENTER)
    bad = {**form, "name": "张", "count": "12", "place": "nowhere"}
    status, page = await send(visitor, ENTER, bad)
    assert 422 == status
    assert "不能大于 9" in page
    assert 'value="张"' in page
    assert form["idempotency_key"] != hidden(page, ENTER)["idempotency_key"]
    assert [] == book.entries


async def test_an_unknown_code_is_refused(desk: Site, book: Book) -> None:
    """A field that refers to an area takes only areas of the register."""
    visitor = await desk.person("dispatch1")
    wrong = {"name": "张", "count": 1, "place": "123"}
    status, said = await give(visitor, "desk.enter", wrong)
    assert 422 == status
    assert ["place"] == [one["place"] for one in said["problems"]]
    status, _said = await give(visitor, "desk.enter", {**wrong, "place": "990101001"}, "k2")
    assert 200 == status


async def test_a_refusal_is_said_in_the_plugins_words(desk: Site, book: Book) -> None:
    """`CommandRefused` comes back at the form; sent again with other values it is done."""
    visitor = await desk.person("dispatch1")
    form = hidden(await read(visitor), ENTER)
    status, page = await send(visitor, ENTER, {**form, "name": "重复", "count": "1"})
    assert 409 == status
    assert "此人已登记" in page
    assert 'value="重复"' in page
    again = {**hidden(page, ENTER), "name": "另一人", "count": "1"}
    status, page = await send(visitor, ENTER, again)
    assert (200, True) == (status, "已登记：另一人" in page)
    assert ["refused", "done"] == [outcome for _object, outcome, _actor in audited(desk)]


async def test_a_consequence_is_asked_once(desk: Site, book: Book) -> None:
    """Without the tick nothing happens; with it the command is done."""
    visitor = await desk.person("dispatch1")
    path = f"{PAGE}/commands/desk.close?form=desk.close"
    page = await read(visitor)
    assert "今天不再受理" in page
    status, page = await send(visitor, path, hidden(page, path))
    assert (409, []) == (status, book.entries)
    assert "请先勾选确认" in page
    status, page = await send(visitor, path, {**hidden(page, path), "confirmed": "yes"})
    assert (200, True) == (status, "窗口已关闭" in page)


async def test_a_plugin_that_fails_keeps_the_click(desk: Site, book: Book) -> None:
    """The form comes back with the same key, so that sending it again cannot do it twice."""
    visitor = await desk.person("dispatch1")
    form = hidden(await read(visitor), ENTER)
    status, page = await send(visitor, ENTER, {**form, "name": "坏", "count": "1"})
    assert 503 == status
    assert "无法确定" in page
    assert form["idempotency_key"] == hidden(page, ENTER)["idempotency_key"]
    assert [("command:desk.enter", "failed", "示范·甲")] == audited(desk)
    status, said = await give(visitor, "desk.hang", {})
    assert 503 == status
    assert "desk broke" not in str(said)


async def test_what_one_may_not_do_is_not_offered(desk: Site, book: Book) -> None:
    """Buttons and forms are absent without their permission, and sending them is refused."""
    worker = await desk.person("grid-zhiqiu")
    page = await read(worker)
    assert "/commands/desk.enter" in page
    assert "/commands/desk.close" not in page
    officer = await desk.person("environment1")
    assert "/commands/" not in await read(officer)
    status, _page = await send(officer, ENTER, {"name": "张", "count": "1"})
    assert 403 == status
    status, _said = await give(worker, "desk.close", {})
    assert 403 == status
    assert [] == book.entries
    assert {"refused"} == {outcome for _object, outcome, _actor in audited(desk)}


async def test_over_http_it_needs_a_key_and_known_fields(desk: Site, book: Book) -> None:
    """No key, unknown fields and unknown commands are refused; the same key answers again."""
    visitor = await desk.person("dispatch1")
    async with visitor.post("/api/v1/commands/desk.enter", json={"values": {}}) as answer:
        assert 422 == answer.status
    status, said = await give(visitor, "desk.enter", {"nam": "张", "count": 1})
    assert 422 == status
    assert {"nam", "name"} == {one["place"] for one in said["problems"]}
    assert 404 == (await give(visitor, "desk.nothing", {}))[0]
    first = await give(visitor, "desk.enter", {"name": "张", "count": 1})
    assert (200, {"said": "已登记：张"}) == first
    assert first == await give(visitor, "desk.enter", {"name": "张", "count": 1})
    assert 422 == (await give(visitor, "desk.enter", {"name": "李", "count": 1}))[0]
    assert 1 == len(book.entries)


async def test_a_case_is_opened_as_the_person_and_once(desk: Site, book: Book) -> None:
    """Who may not open cases there is refused; a click opens one case, however often it is sent."""
    visitor = await desk.person("dispatch1")
    assert 200 == (await give(visitor, "desk.file", {}))[0]
    detail = await desk.county.cases.get(SYSTEM, book.cases[0].id)
    assert "示范·甲" == detail.history[0].actor
    assert 200 == (await give(visitor, "desk.file", {}))[0]
    worker = await desk.person("grid-wangshu")
    status, _said = await give(worker, "desk.file", {}, "k3")
    assert 403 == status
    assert 1 == len(book.cases)


async def test_bad_bodies_do_nothing(desk: Site, book: Book) -> None:
    """Each class of bad input as the body of a form and of the interface: a 4xx, nothing done."""
    visitor = await desk.person("dispatch1")
    wrong: list[str] = []
    routes = ((ENTER, FORM), ("/api/v1/commands/desk.enter", "application/json"))
    for path, media in routes:
        for one in BAD_INPUTS:
            own = one.content_type.startswith(("application/json", "text"))
            headers = {
                "Content-Type": media if own else one.content_type,
                "Idempotency-Key": one.name.encode("ascii", "replace").decode()[:100],
            }
            async with visitor.post(path, data=io.BytesIO(one.body()), headers=headers) as answer:
                if not 400 <= answer.status < 500:
                    wrong.append(f"{path} {one.name}: {answer.status}")
    assert [] == wrong
    assert [] == book.entries
    assert "done" not in {outcome for _object, outcome, _actor in audited(desk)}


async def test_a_page_with_an_unknown_command_refuses_the_start(folder: Path) -> None:
    """The problem names the page, the command and what was perhaps meant."""
    permit(folder, dispatch_centre=("desk.use",))

    plugin = loaded(DeskPlugin(NoConfig(), offered=("desk.entr",)))
    words = r"no command 'desk\.entr'; did you mean 'desk\.enter'"
    with pytest.raises(DeploymentError, match=words):
        County(read_settings(folder / "county.toml"), clock=StandingClock(NOW), plugins=[plugin])
