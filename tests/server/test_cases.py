"""Cases over HTTP and as forms: the way from dispatch to closed, and two officers at once."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from county_gov.access import Session
from county_gov.contract.access import SYSTEM
from county_gov.store.access import account_of
from tests.server.conftest import Site

AREA = "990101001001001"


def number_of(site: Site, login: str) -> int:
    """An account's number."""
    row = site.county.store.read_now(lambda snapshot: account_of(snapshot, login=login))
    assert row is not None
    return row.number


def form_in(page: str, event: str) -> dict[str, str]:
    """The hidden fields of an event's form."""
    form = re.search(
        rf'<form method="post" action="/cases/1/events/{event}".*?</form>', page, re.DOTALL
    )
    assert form, f"no form for {event}"
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    return dict(hidden)


async def test_from_dispatch_to_closed(site: Site) -> None:
    """Centre, grid worker and department each see their form and carry the case on."""
    await site.case(AREA)
    worker = str(number_of(site, "grid-zhiqiu"))
    page = ""
    steps: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("dispatch1", "dispatch", {"worker_account": worker, "dispatch_note": "请尽快"}),
        ("grid-zhiqiu", "report", {"source_found": "yes", "source_description": "工地扬尘"}),
        ("environment1", "sign_for", {}),
        ("environment1", "feed_back", {"measure_taken": "已洒水降尘"}),
        ("dispatch1", "close", {"remark": "属实", "confirmed": "yes"}),
    )
    for login, event, fields in steps:
        visitor = await site.person(login)
        async with visitor.get("/cases/1") as answer:
            page = await answer.text()
        form = {**form_in(page, event), **fields}
        async with visitor.post(f"/cases/1/events/{event}", data=form) as answer:
            page = await answer.text()
            assert 200 == answer.status, page
            assert "已提交，记录已保存" in page
    for words in ("示范·丙", "请尽快", "工地扬尘", "已洒水降尘", "已结案", "属实"):
        assert words in page
    detail = await site.county.cases.get((await someone(site)).actor, "1")
    assert "closed" == detail.view.state


async def someone(site: Site) -> Session:
    """A session of the dispatch centre."""
    return await site.county.access.sessions.look_up(await site.token("dispatch1"))


async def test_a_form_that_fails_keeps_what_was_typed(site: Site) -> None:
    """The page comes back with the error at its field, and nothing typed is lost."""
    await site.case(AREA)
    visitor = await site.person("dispatch1")
    async with visitor.get("/cases/1") as answer:
        form = form_in(await answer.text(), "dispatch")
    form |= {"worker_account": "", "dispatch_note": "一段很长的<说明>"}
    async with visitor.post("/cases/1/events/dispatch", data=form) as answer:
        page = await answer.text()
        assert 422 == answer.status
    assert "一段很长的&lt;说明&gt;" in page
    assert 'href="#action-dispatch-worker_account"' in page
    assert "必填" in page


async def test_a_conflict_in_the_form(site: Site) -> None:
    """Who comes second is told so, and what was typed stays where it still can be sent."""
    await site.case(AREA)
    worker = str(number_of(site, "grid-zhiqiu"))
    first, second = await site.person("dispatch1"), await site.person("dispatch2")
    forms = []
    for visitor in (first, second):
        async with visitor.get("/cases/1") as answer:
            forms.append({**form_in(await answer.text(), "dispatch"), "worker_account": worker})
    async with first.post("/cases/1/events/dispatch", data=forms[0]) as answer:
        assert 200 == answer.status
    async with second.post("/cases/1/events/dispatch", data=forms[1]) as answer:
        assert 409 == answer.status
        assert "该事项已有变化" in await answer.text()
    async with first.post("/cases/1/events/dispatch", data=forms[0]) as answer:
        assert 200 == answer.status, "the same form again is the same event, done once"
    detail = await site.county.cases.get((await someone(site)).actor, "1")
    assert 2 == detail.view.version


async def test_two_officers_at_once(site: Site) -> None:
    """Of two who send at the same instant one succeeds and the other gets a clear conflict."""
    worker = number_of(site, "grid-zhiqiu")
    visitors = [await site.person("dispatch1"), await site.person("dispatch2")]
    for case in range(1, 11):
        await site.case(AREA, key=str(case))

        async def dispatch(
            visitor: aiohttp.ClientSession, case: int = case
        ) -> tuple[int, dict[str, object]]:
            async with visitor.post(
                f"/api/v1/cases/{case}/events/dispatch",
                json={"data": {"worker_account": worker}, "expected_version": 1},
                headers={"Idempotency-Key": f"k{case}"},
            ) as answer:
                return answer.status, await answer.json()

        answers = await asyncio.gather(*(dispatch(one) for one in visitors))
        statuses = sorted(status for status, _said in answers)
        assert [200, 409] == statuses
        lost = next(said for status, said in answers if status == 409)
        assert ("urn:county-gov:problem:case-conflict", 2) == (lost["type"], lost["version"])


async def test_the_interface_moves_a_case(site: Site) -> None:
    """ETag, If-Match, the idempotency key, and what is missing is named."""
    await site.case(AREA)
    visitor = await site.person("dispatch1")
    async with visitor.get("/api/v1/cases/1") as answer:
        said = await answer.json()
        assert '"1"' == answer.headers["ETag"]
    assert ["dispatch", "dismiss"] == said["events"]
    path = "/api/v1/cases/1/events/dispatch"
    data: dict[str, object] = {"worker_account": number_of(site, "grid-zhiqiu")}
    body = {"data": data}
    async with visitor.post(path, json=body, headers={"If-Match": '"1"'}) as answer:
        assert 422 == answer.status
        assert "Idempotency-Key" in (await answer.json())["detail"]
    headers = {"Idempotency-Key": "one"}
    async with visitor.post(path, json=body, headers=headers) as answer:
        assert 422 == answer.status
    headers["If-Match"] = '"1"'
    for _ in range(2):
        async with visitor.post(path, json=body, headers=headers) as answer:
            said = await answer.json()
            assert (200, "on_site", 2) == (answer.status, said["state"], said["version"])
    data["dispatch_note"] = "another request under the same key"
    async with visitor.post(path, json=body, headers=headers) as answer:
        assert (422, "idempotency") == (answer.status, (await answer.json())["code"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"remark":"a"},"data":{"remark":"b"},"expected_version":1}',
        b'{"data":{"remark":NaN},"expected_version":1}',
        b'{"data":{"remark":"\\ud800"},"expected_version":1}',
        b'{"data":{"remark":1e999},"expected_version":1}',
        b'{"data":{"remark":["x"]},"expected_version":1}',
        b'{"data":{"remrak":"x"},"expected_version":1}',
        b'{"data":{"remark":"a\\u0000b"},"expected_version":1}',
        b'{"data":{"remark":"' + b"x" * 20_000 + b'"},"expected_version":1}',
        b'{"data":{"remark":"x"},"expected_version":9223372036854775808}',
        b'{"data":{"remark":"x"},"expected_version":true}',
        b'{"data":{"remark":"x"},"expected_version":1,"confirmed":true}',
        b"{" * 60_000,
        b"",
    ],
)
async def test_bad_events(site: Site, body: bytes) -> None:
    """Nothing of a bad event reaches the case."""
    await site.case(AREA)
    visitor = await site.person("dispatch1")
    headers = {"Idempotency-Key": "one", "Content-Type": "application/json"}
    async with visitor.post("/api/v1/cases/1/events/dismiss", data=body, headers=headers) as answer:
        said = await answer.json()
    assert answer.status in (400, 422)
    assert said["detail"]
    detail = await site.county.cases.get((await someone(site)).actor, "1")
    assert ("dispatch", 1) == (detail.view.state, detail.view.version)


async def test_lists_are_found_again(site: Site) -> None:
    """Filters, order and export of the list; texts that look like formulas are neutralised."""
    await site.county.cases.open(
        "sensors.pollution",
        title="=HYPERLINK(1)",
        area=AREA,
        subject="x",
        data={},
        actor=SYSTEM,
        key="formula",
    )
    visitor = await site.person("dispatch1")
    async with visitor.get("/cases?show=mine&q=HYPERLINK") as answer:
        assert "=HYPERLINK(1)" in await answer.text()
    async with visitor.get("/cases?q=nothing") as answer:
        assert "没有符合条件的事项" in await answer.text()
    async with visitor.get("/cases.csv") as answer:
        assert "text/csv" == answer.content_type
        assert "'=HYPERLINK(1)" in await answer.text()
    async with visitor.get("/api/v1/cases?mine=true&sort=-opened") as answer:
        assert 1 == (await answer.json())["total"]
