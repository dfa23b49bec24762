"""The pages of records, as browsers without JavaScript see them."""

from __future__ import annotations

import re

import aiohttp
import pytest
from yarl import URL

from county_gov.contract.dataset import VALID_FROM
from county_gov.deployment import County
from tests.server.conftest import Site
from tests.server.records.conftest import OTHER, PUMP, put

LIST = "/records/depot.pumps"
HIDDEN_FIELD = re.compile(r'name="(idempotency_key|expected_version)" value="([^"]*)"')


async def look(visitor: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    """A page, answered so."""
    async with visitor.get(URL(path, encoded=True)) as answer:
        text = await answer.text()
        assert status == answer.status, text[:3000]
        return text


async def send(
    visitor: aiohttp.ClientSession, path: str, data: dict[str, str], status: int = 303
) -> str:
    """Post a form; where it leads to, else the page."""
    address = URL(path, encoded=True)
    async with visitor.post(address, data=data, allow_redirects=False) as answer:
        text = await answer.text()
        assert status == answer.status, text[:3000]
        return answer.headers.get("Location", "") or text


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the page's form."""
    return dict(HIDDEN_FIELD.findall(page))


def typed(**changes: str) -> dict[str, str]:
    """A pump as a form sends it."""
    form = {
        "code": "P1",
        "name": "一号泵",
        "area": "990101001",
        "unit": "",
        "flow": "350.5",
        "state": "new",
        "bought": "2020-05-01",
        "checked_at": "2023-07-22T12:26",
        "keeper": "张三丰",
        "remark": "",
    }
    return form | changes


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_is_drawn(site: Site, county: County, language: str) -> None:
    """In both languages, whole and as a part."""
    await put(county, "depot.pumps", PUMP)
    await put(
        county, "depot.tariffs", {"pump": "P1", "hour": 8, "price": 1, VALID_FROM: "2023-01-01"}
    )
    visitor = await site.person("store-head")
    for path in (
        "/records",
        LIST,
        f"{LIST}/fields",
        f"{LIST}/new",
        f"{LIST}/import",
        f"{LIST}/rows/P1",
        f"{LIST}/rows/P1/edit",
        "/records/depot.tariffs",
        "/records/depot.tariffs/rows/P1%2F8",
        "/records/depot.tariffs/rows/P1%2F8%2F2023-01-01/edit",
        "/records/depot.tariffs/new?like=P1%2F8%2F2023-01-01",
        "/records/depot.ministry",
    ):
        mark = "&" if "?" in path else "?"
        assert "<!doctype html>" in await look(visitor, f"{path}{mark}lang={language}")
        assert "<!doctype html>" not in await look(visitor, f"{path}{mark}fragment=1")


async def test_a_row_is_added_changed_and_removed(site: Site) -> None:
    """The form leads to the row, the row to its form, and its removal to the list."""
    visitor = await site.person("store-head")
    form = hidden(await look(visitor, f"{LIST}/new"))
    place = await send(visitor, f"{LIST}/new", typed(ready="yes") | form)
    assert place == await send(visitor, f"{LIST}/new", typed(ready="yes") | form)
    page = await look(visitor, place)
    for words in ("一号泵", "350.5 m³/h", "知秋街道", "全新", "2023-07-22 12:26", "新增"):
        assert words in page
    form = hidden(await look(visitor, f"{place}/edit"))
    assert "1" == form["expected_version"]
    changed = typed(flow="99", ready="") | form
    del changed["code"], changed["ready"]
    assert place == await send(visitor, f"{place}/edit", changed)
    page = await look(visitor, place)
    assert "350.5 m³/h → 99.0 m³/h" in page
    assert "是 → 否" in page
    assert LIST == await send(visitor, f"{place}/remove", hidden(page))
    assert "已删除" in await look(visitor, place)
    assert "一号泵" not in await look(visitor, LIST)


async def test_a_mistake_comes_back_with_all_that_was_typed(site: Site) -> None:
    """Errors stand beside their fields, in Chinese, and nothing is lost."""
    visitor = await site.person("store-head")
    form = hidden(await look(visitor, f"{LIST}/new"))
    wrong = typed(flow="-1", bought="2020-13-01", name="", remark="写了很多") | form
    page = await send(visitor, f"{LIST}/new", wrong, 422)
    for words in ("不能小于 0", "应为日期", "必填", "写了很多", 'value="-1"', 'value="2020-13-01"'):
        assert words in page
    assert 'aria-describedby="action-add-flow-error"' in page


async def test_a_conflict_says_who_and_what(site: Site, county: County) -> None:
    """Somebody else's change is told beside the field; saving again takes mine."""
    await put(county, "depot.pumps", PUMP)
    mine, theirs = await site.person("store-head"), await site.person("store-zhiqiu")
    first = hidden(await look(mine, f"{LIST}/rows/P1/edit"))
    other = hidden(await look(theirs, f"{LIST}/rows/P1/edit"))
    place = f"{LIST}/rows/P1/edit"
    await send(theirs, place, typed(flow="111.5", keeper="张**", ready="yes") | other)
    page = await send(mine, place, typed(flow="222", ready="yes") | first, 409)
    for words in ("示范·库", "第 2 版", "现在的内容：111.5", 'value="222"'):
        assert words in page
    again = typed(flow="222", ready="yes") | hidden(page)
    await send(mine, place, again)
    page = await look(mine, f"{LIST}/rows/P1")
    assert ("222.0 m³/h" in page, "张三丰" in page) == (True, True)


async def test_a_row_that_is_gone_keeps_what_was_typed(site: Site, county: County) -> None:
    """Who changes what somebody has removed can add it anew."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-head")
    form = hidden(await look(visitor, f"{LIST}/rows/P1/edit"))
    await send(visitor, f"{LIST}/rows/P1/remove", hidden(await look(visitor, f"{LIST}/rows/P1")))
    page = await send(visitor, f"{LIST}/rows/P1/edit", typed(remark="要紧的话") | form, 409)
    assert ("要紧的话" in page, "已被别人删除" in page) == (True, True)


async def test_a_removal_of_a_changed_row_is_asked_again(site: Site, county: County) -> None:
    """An old page does not remove what somebody has changed since."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-head")
    old = hidden(await look(visitor, f"{LIST}/rows/P1"))
    await put(county, "depot.pumps", {**PUMP, "flow": 7.0})
    page = await send(visitor, f"{LIST}/rows/P1/remove", old, 409)
    assert "别人已先修改" in page


async def test_a_key_that_exists_is_told(site: Site, county: County) -> None:
    """A new row never overwrites another."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-head")
    form = hidden(await look(visitor, f"{LIST}/new"))
    assert "已经存在" in await send(visitor, f"{LIST}/new", typed(name="别的") | form, 409)


async def test_dated_rows_show_all_their_days(site: Site, county: County) -> None:
    """The row of today, what held before and what will; a change from another day on."""
    await put(county, "depot.pumps", PUMP)
    for day, price in (("2023-01-01", 1.5), ("2023-06-01", 2.5), ("2030-01-01", 9.5)):
        await put(
            county, "depot.tariffs", {"pump": "P1", "hour": 8, "price": price, VALID_FROM: day}
        )
    visitor = await site.person("store-head")
    page = await look(visitor, "/records/depot.tariffs/rows/P1%2F8")
    for words in ("自 2023-06-01 起有效", "1.50 CNY", "9.50 CNY", "一号泵 · 8"):
        assert words in page
    page = await look(visitor, "/records/depot.tariffs/rows/P1%2F8%2F2030-01-01")
    assert "将自 2030-01-01 起有效" in page
    page = await look(visitor, "/records/depot.tariffs/new?like=P1%2F8%2F2023-06-01")
    assert ('value="2.50"' in page, "2023-06-01" in page.split("<form", 3)[-1]) == (True, False)
    listed = await look(visitor, "/records/depot.tariffs?on=2023-02-01")
    assert ("1.5" in listed, "2.5" in listed) == (True, False)


@pytest.mark.parametrize(
    ("query", "found", "missing"),
    [
        ("f.area=990101002", "二号泵", "一号泵"),
        ("q=%E4%BA%8C%E5%8F%B7", "二号泵", "一号泵"),
        ("f.state=worn", "没有符合条件", "一号泵"),
        ("f.ready=no", "没有符合条件", "一号泵"),
        ("f.area=990101", "一号泵", "没有符合条件"),
    ],
)
async def test_the_list_is_narrowed(
    site: Site, county: County, query: str, found: str, missing: str
) -> None:
    """By area with those below it, by text, by choice; the export keeps the same address."""
    await put(county, "depot.pumps", PUMP, OTHER)
    page = await look(await site.person("store-head"), f"{LIST}?{query}")
    table = page.split('class="views"', 1)[1]
    assert (True, False) == (found in table, missing in table)


@pytest.mark.parametrize("text", ["%00", "%ED%A0%80", "%FF", "x" * 300, "'", "%E2%80%AE"])
@pytest.mark.parametrize("name", ["q", "f.area", "f.state", "f.ready", "on", "sort.rows"])
async def test_filters_take_any_text(site: Site, name: str, text: str) -> None:
    """What no row can have matches nothing; the page is drawn all the same."""
    visitor = await site.person("store-head")
    for path in (LIST, "/records/depot.tariffs"):
        await look(visitor, f"{path}?{name}={text}")


async def test_a_file_is_looked_at_and_taken(site: Site, county: County) -> None:
    """Upload, preview, confirm; the rejected rows come back as a file that says why."""
    await put(county, "depot.pumps", PUMP)
    visitor = await site.person("store-head")
    text = "编号,名称,所在区域,流量,状况\nP1,一号泵,990101001,99.5,磨损\nP8,,990101001,x,坏\n"
    form = aiohttp.FormData()
    form.add_field("file", text.encode("gb18030"), filename="pumps.csv", content_type="text/csv")
    async with visitor.post(f"{LIST}/import", data=form, allow_redirects=False) as answer:
        assert 303 == answer.status, await answer.text()
        place = answer.headers["Location"]
    page = await look(visitor, place)
    for words in (
        "pumps.csv：可导入 1 行，1 行有误",
        "350.5 m³/h → 99.5 m³/h",
        "只能是全新、磨损之一",
        "必填",
    ):
        assert words in page, words
    assert "350.5" in await look(visitor, LIST)
    assert place == await send(visitor, f"{place}/apply", {})
    assert "99.5" in await look(visitor, LIST)
    page = await look(visitor, place)
    assert ("已导入" in page, "导入 1 行" in page) == (True, False)
    async with visitor.get(f"{place}/rejected.csv") as answer:
        back = (await answer.read()).decode("utf-8-sig").splitlines()
    assert (2, True) == (len(back), "必填" in back[1])


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0", b"a,b\n1,2\n"])
async def test_a_file_that_cannot_be_read_says_so(site: Site, raw: bytes) -> None:
    """The page comes back with the reason beside the field."""
    visitor = await site.person("store-head")
    form = aiohttp.FormData()
    form.add_field("file", raw, filename="x.csv")
    async with visitor.post(f"{LIST}/import", data=form) as answer:
        assert 400 <= answer.status < 500
        assert "upload-error" in await answer.text()


async def test_what_one_may_not_do_is_absent(site: Site, county: County) -> None:
    """A reader sees no form, no import, no other datasets; nobody else sees the page at all."""
    await put(county, "depot.pumps", PUMP, OTHER)
    reader = await site.person("store-reader")
    page = await look(reader, LIST)
    for words in (f"{LIST}/new", f"{LIST}/import"):
        assert words not in page
    for path in (f"{LIST}/new", f"{LIST}/import", f"{LIST}/rows/P1/edit"):
        await look(reader, path, 403)
    assert "depot.secret" not in await look(reader, "/records")
    for path in ("", "/fields", "/new", "/import", "/rows/K", "/export.csv", "/template.csv"):
        await look(reader, f"/records/depot.secret{path}", 404)
    own = await site.person("store-zhiqiu")
    assert "二号泵" not in await look(own, LIST)
    await look(own, f"{LIST}/rows/P2", 404)
    grid = await site.person("grid-zhiqiu")
    assert 'href="/records"' not in await look(grid, "/")
    head = await site.person("store-head")
    page = await look(head, "/records/depot.ministry")
    assert ("/new" in page, "/records/depot.ministry/import" in page) == (False, True)


async def test_a_row_of_another_area_cannot_be_written(site: Site) -> None:
    """The form offers one's own areas only, and another one is refused with words."""
    visitor = await site.person("store-zhiqiu")
    page = await look(visitor, f"{LIST}/new")
    assert ('value="990101001"' in page, 'value="990101002"' in page) == (True, False)
    page = await send(visitor, f"{LIST}/new", typed(area="990101002") | hidden(page), 403)
    assert ("请选择您负责的区域" in page, 'value="350.5"' in page) == (True, True)


async def test_files_are_neutral_and_masked(site: Site, county: County) -> None:
    """An export has the rows of the list, no formulas, and personal fields as they are seen."""
    await put(county, "depot.pumps", {**PUMP, "name": "=1+1"}, OTHER)
    visitor = await site.person("store-zhiqiu")
    async with visitor.get(f"{LIST}/export.csv") as answer:
        text = (await answer.read()).decode("utf-8-sig")
    assert (True, True, False) == ("'=1+1" in text, "张**" in text, "二号泵" in text)
    page = await look(visitor, LIST)
    assert f"{LIST}/export.xlsx" in page
    assert "保管人" not in page.split("<thead", 1)[1].split("</thead>")[0]
    assert "已脱敏" in await look(visitor, f"{LIST}/rows/P1")


@pytest.mark.parametrize(
    ("file", "zh", "en"),
    [
        (b'code,name\n1,"a\n', "第 2 行：引号没有成对", "line 2: is not CSV"),
        ("编码".encode("utf-16"), "编码是 UTF-16", "UTF-16"),
        (b"\n", "文件是空的", "the file is empty"),
    ],
)
async def test_a_file_that_cannot_be_read_is_told_in_both_languages(
    site: Site, file: bytes, zh: str, en: str
) -> None:
    """With the place, what is wrong and what to do."""
    visitor = await site.person("store-head")
    for language, words in (("zh", zh), ("en", en)):
        body = aiohttp.FormData()
        body.add_field("file", file, filename="x.csv")
        async with visitor.post(f"{LIST}/import?lang={language}", data=body) as answer:
            assert words in await answer.text()


async def test_a_list_is_narrowed_by_days_and_by_what_is_empty(site: Site, county: County) -> None:
    """Both days are counted in; an empty choice is one of the choices."""
    await put(county, "depot.pumps", PUMP, {**OTHER, "unit": None})
    visitor = await site.person("store-head")
    page = await look(visitor, f"{LIST}?f.unit=-")
    assert ("二号泵" in page, "一号泵" in page) == (True, False)
    for query, found in (
        ("from.bought=2020-05-01&to.bought=2020-05-01", True),
        ("from.bought=2020-05-02", False),
        ("to.bought=2020-04-30", False),
    ):
        assert found == ("一号泵" in await look(visitor, f"{LIST}?{query}"))
