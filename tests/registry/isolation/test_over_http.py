"""A page and an endpoint that misbehave in a process of their own, asked over HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import pytest
import structlog.testing
from aiohttp.test_utils import TestClient, TestServer

from county_gov.deployment import County
from county_gov.server import application
from county_gov.server.console import plugin_page
from county_gov.store.access import account_of
from tests.registry.isolation.conftest import MakeCounty
from tests.registry.isolation.visitor import PATIENCE, Visitor, overloaded

MIB = 1 << 20
MODES = {
    "hang": "no answer within 1 s",
    "wait": "no answer within 1 s",
    "cling": "no answer within 1 s",
    "exit": "exit status 3",
    "flood": "no answer within 1 s",
    "shout": "no answer within 1 s",
    "rave": "it broke the contract",
    "ask": "no answer within 1 s",
    "tell_much": "at most 8388608 are taken",
    "tell_many": "more than 200000 values",
    "threads": "can't start new thread",
}
"""Misbehaviour, and what is said of it."""


def rude(mode: str, seconds: float = 20.0) -> dict[str, object]:
    """The entry of the plugin, whose endpoint may take so long."""
    return {
        "use": "rude",
        "isolation": "process",
        "config": {"mode": mode, "seconds": seconds},
        "limits": {"seconds": 1.0, "memory_mib": 1024, "result_mib": 8},
    }


@asynccontextmanager
async def visited(county: County) -> AsyncIterator[tuple[TestClient, dict[str, str]]]:  # type: ignore[type-arg] # generic from aiohttp 3.14 on
    """The county behind a socket, and the cookies of somebody who is signed in."""
    async with TestClient(TestServer(application(county))) as client:
        row = county.store.read_now(lambda snapshot: account_of(snapshot, login="visitor"))
        assert row is not None
        number = row.number
        token = await county.store.write(lambda tx: county.access.sessions.open_in(tx, number))
        yield client, {"county_session": token}


def circuit_error(county: County, what: str) -> str:
    """What was last said of the plugin."""
    return county.gateway.circuit("rude", what).last_error


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["page", "endpoint"])
async def test_others_are_answered_meanwhile(
    mode: str, kind: str, make_county: MakeCounty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other request is answered within a second, and what happened is said."""
    seconds = 1.0 if "no answer" in MODES[mode] else 20.0
    monkeypatch.setattr(plugin_page, "SECONDS", seconds)
    with structlog.testing.capture_logs():
        county = make_county(rude(mode, seconds))
        async with visited(county) as (client, cookies), Visitor(client) as visitor:
            if kind == "page":
                async with client.get("/rude/page?lang=en", cookies=cookies) as answer:
                    text, status = await answer.text(), answer.status
            else:
                async with client.post("/rude/answer", cookies=cookies) as answer:
                    text, status = await answer.text(), answer.status
            await asyncio.to_thread(_until_it_let_go, county)

    assert visitor.asked
    assert visitor.longest <= PATIENCE or overloaded()
    if kind == "page":
        assert 200 == status
        assert "This page cannot be shown just now" in text
        assert MODES[mode] in circuit_error(county, "page rude/page")
    else:
        assert 503 == status
        assert MODES[mode] in circuit_error(county, "endpoint rude.answer")


async def test_a_long_page_is_drawn_beside_others(
    make_county: MakeCounty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tens of thousands of cells are read and drawn while others are answered."""
    monkeypatch.setattr(plugin_page, "SECONDS", 30.0)
    county = make_county(rude("draw_much"))

    async with visited(county) as (client, cookies), Visitor(client) as visitor:
        answer = await client.get("/rude/page?lang=en", cookies=cookies)
        text = await answer.text()

    assert text.count("<td") >= 38_000
    assert visitor.longest <= PATIENCE or overloaded()


async def test_a_process_that_does_not_read_holds_nobody_up(make_county: MakeCounty) -> None:
    """Megabytes that it does not read wait beside the event loop, until it is ended."""
    with structlog.testing.capture_logs():
        county = make_county(rude("hang", 1.0))
        (process,) = [one.process for one in county.registry.plugins if one.process]
        body = bytes(4 * MIB)
        async with visited(county) as (client, cookies), Visitor(client) as visitor:

            async def post() -> int:
                async with client.post(
                    "/rude/answer", data=BytesIO(body), cookies=cookies
                ) as answer:
                    return answer.status

            statuses = await asyncio.gather(*(post() for _ in range(8)))
            await asyncio.to_thread(_until_it_let_go, county)

    assert {503} == set(statuses)
    assert visitor.longest <= PATIENCE or overloaded()
    assert not process.alive


async def test_an_async_function_may_hand_work_to_a_thread(make_county: MakeCounty) -> None:
    """``asyncio.to_thread`` finds one of the threads that wait for it."""
    county = make_county(rude("work"))

    async with visited(county) as (client, cookies):
        answer = await client.post("/rude/answer", cookies=cookies)
        told = await answer.text()

    assert "worked 3" == told


def _until_it_let_go(county: County) -> None:
    """Wait until a cancelled call has ended, or its process."""
    for thread in threading.enumerate():
        if thread.name == "plugin-cancel":
            thread.join(10)
            assert not thread.is_alive()
