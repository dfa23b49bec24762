"""The outbox for people and programs: what could not be delivered, and sending it again."""

from __future__ import annotations

import sqlalchemy as sa

from county_gov.store import Transaction, tables
from tests.server.conftest import Site


async def bury(site: Site, case: int | None = None) -> int:
    """A dead letter."""

    def put(tx: Transaction) -> int:
        tx.append_outbox(
            key="k", notifier="core.log", recipient="张三", subject="催办<b>", body="b", case=case
        )
        outbox = tables.outbox.c
        dead = {"state": "dead", "attempts": 10, "detail": "no such number"}
        tx.execute(sa.update(tables.outbox).where(outbox.key == "k").values(dead))
        return int(tx.scalar(sa.select(outbox.id).where(outbox.key == "k")))

    return await site.county.store.write(put)


async def test_a_dead_letter_is_seen_and_sent_again(site: Site) -> None:
    """The page names recipient, reason and case; its button makes the letter due; it is audited."""
    case = await site.case()
    number = await bury(site, int(case.id))
    visitor = await site.person("dispatch1")
    async with visitor.get("/outbox", params={"lang": "en"}) as answer:
        page = await answer.text()
    for words in (
        "张三",
        "催办&lt;b&gt;",
        "no such number",
        f'href="/cases/{case.id}"',
        "Send again",
    ):
        assert words in page
    async with visitor.get("/", params={"lang": "zh"}) as answer:
        assert 'href="/outbox"' in await answer.text()

    async with visitor.post(f"/outbox/{number}/requeue") as answer:
        page = await answer.text()
    assert (200, False) == (answer.status, "no such number" in page)
    audited = site.county.store.read_now(
        lambda snapshot: snapshot.rows(
            sa.select(tables.audit.c.object).where(tables.audit.c.action == "notice.requeue")
        )
    )
    assert [f"notice:{number}"] == [row.object for row in audited]
    async with visitor.post(f"/outbox/{number}/requeue") as answer:
        assert 404 == answer.status


async def test_the_interface_lists_and_sends_again(site: Site) -> None:
    """Counts by channel and state, the letter without its body, and a requeue that works once."""
    number = await bury(site)
    visitor = await site.person("dispatch1")
    async with visitor.get("/api/v1/outbox") as answer:
        page = await answer.json()
    assert 1 == page["total"]
    assert {"channel": "core.log", "state": "dead", "count": 1} in page["counts"]
    (row,) = page["rows"]
    assert (number, "张三", 10, "no such number") == (
        row["id"],
        row["recipient"],
        row["attempts"],
        row["detail"],
    )
    assert "body" not in row
    for expected in (200, 404):
        async with visitor.post(f"/api/v1/outbox/{number}/requeue") as answer:
            assert expected == answer.status


async def test_who_may_not_sees_nothing_of_it(site: Site) -> None:
    """Without the permission there is no page, no entry of the navigation and no requeue."""
    number = await bury(site)
    visitor = await site.person("grid-zhiqiu")
    for path in ("/outbox", "/api/v1/outbox"):
        async with visitor.get(path) as answer:
            assert 403 == answer.status
        async with visitor.post(f"{path}/{number}/requeue") as answer:
            assert 403 == answer.status
    async with visitor.get("/") as answer:
        assert 'href="/outbox"' not in await answer.text()
