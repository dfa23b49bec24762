"""Plugins are told of every event, in order; what they fail on is held up, missed, told again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from county_gov.api import SYSTEM, Actor, NotFound
from county_gov.deployment import County
from county_gov.deployment.events import EventState, pause_after
from county_gov.rules.judging import decode_change
from county_gov.store import missed_events, tables
from county_gov.store.followers import JournalRow
from county_gov.store.missed_events import Waiting
from tests.deployment.listening import AREA, EarPlugin, follower_of, listening_county, opened
from tests.store_fixtures import StandingClock

DAY_SECONDS = 86_400.0
ADMINISTRATOR = Actor("person", "管理员", 7)


@pytest.fixture
def ear() -> EarPlugin:
    """A plugin that listens."""
    return EarPlugin()


@pytest.fixture
def other() -> EarPlugin:
    """Another one."""
    return EarPlugin()


@pytest.fixture
async def county(
    tmp_path: Path, clock: StandingClock, ear: EarPlugin, other: EarPlugin
) -> AsyncIterator[County]:
    """A county with both, which follows only when a test says so."""
    made = listening_county(tmp_path, clock, ear=ear, other=other)
    await made.start(background=False)
    yield made
    await made.stop()


async def try_again(county: County, clock: StandingClock, *, seconds: float = 301) -> None:
    """Let time pass, and the plugin be told of what it may be told of now."""
    clock.advance(seconds=seconds)
    await follower_of(county, "ear").catch_up()


async def state(county: County) -> EventState:
    """How the plugin's events stand."""
    return (await county.event_states())["ear"]


async def miss(county: County, clock: StandingClock, ear: EarPlugin, title: str) -> int:
    """Let the plugin miss an event; gives its number."""
    ear.deaf.add(title)
    await opened(county, title)
    for _ in range(5):
        await try_again(county, clock)
    await try_again(county, clock, seconds=DAY_SECONDS)
    found, _total = await county.missed_events.list_open()
    return found[-1].id


async def test_what_a_plugin_fails_on_holds_up_its_own_events_only(
    county: County, clock: StandingClock, ear: EarPlugin, other: EarPlugin
) -> None:
    """The next event waits for it, another plugin hears both, and it says how far it lags."""
    ear.deaf.add("一")
    await opened(county, "一")
    await opened(county, "二")
    await follower_of(county, "other").catch_up()
    await try_again(county, clock, seconds=10)
    held = await state(county)

    assert ["一", "二"] == other.heard
    assert ["一"] == ear.called
    assert (2, 10.0, 0) == (
        held.waiting.events,
        held.oldest_seconds(clock.now()),
        held.missed,
    )
    assert held.delay is not None
    assert "ConnectionError: cannot tell of 一" == held.delay.reason

    ear.deaf.clear()
    await try_again(county, clock)

    assert ["一", "二"] == ear.heard
    after = await state(county)
    assert (Waiting(), None, 0) == (after.waiting, after.delay, after.missed)


async def test_after_a_day_an_event_is_missed_with_its_reason_and_the_next_comes(
    county: County, clock: StandingClock, ear: EarPlugin
) -> None:
    """What the plugin cannot take is kept; what comes after it is told."""
    ear.deaf.add("一")
    await opened(county, "一")
    for _ in range(20):
        await try_again(county, clock)
    assert 0 == (await state(county)).missed
    await opened(county, "二")
    await try_again(county, clock, seconds=DAY_SECONDS)
    await try_again(county, clock)

    found, total = await county.missed_events.list_open()

    assert ["二"] == ear.heard
    assert 1 == total
    assert ("ear", "case", "missed") == (found[0].plugin, found[0].event.kind, found[0].state)
    assert "ConnectionError: cannot tell of 一" == found[0].reason
    assert 21 == found[0].attempts
    assert (None, 1) == ((await state(county)).delay, (await state(county)).missed)


async def test_a_plugin_that_fails_for_days_loses_nothing_and_piles_up_no_day_for_each(
    county: County, clock: StandingClock, ear: EarPlugin
) -> None:
    """While it has failed for a day on everything, a call is enough; in the end none is needed."""
    await miss(county, clock, ear, "一")
    ear.deaf.add("*")
    for title in "二三四五":
        await opened(county, title)
    await try_again(county, clock)
    calls, missed_soon = len(ear.called), (await state(county)).missed
    await try_again(county, clock, seconds=2 * DAY_SECONDS)

    found, total = await county.missed_events.list_open()

    assert (2, 5) == (missed_soon, total)
    assert calls + 1 == len(ear.called)
    assert [*"一二三四五"] == [
        (await county.cases.moved(one.event.position, one.event.payload or b"")).case.title
        for one in found
    ]
    assert 0 == (await state(county)).waiting.events


async def test_a_county_that_did_not_run_does_not_count_as_failing(
    tmp_path: Path, clock: StandingClock
) -> None:
    """After two days without power the first failure is no reason to give an event up."""
    deaf = EarPlugin(deaf={"一"})
    first = listening_county(tmp_path, clock, ear=deaf)
    await first.start(background=False)
    await opened(first, "一")
    await follower_of(first, "ear").catch_up()
    await first.stop()
    clock.advance(seconds=2 * DAY_SECONDS)
    second = listening_county(tmp_path, clock, ear=deaf)
    await second.start(background=False)
    await follower_of(second, "ear").catch_up()
    held = await state(second)
    await second.stop()

    assert ["一", "一"] == deaf.called
    assert held.delay is not None
    assert (2, 0) == (held.delay.attempts, held.missed)


async def test_a_missed_event_is_delivered_again_once_for_each_key(
    county: County, clock: StandingClock, ear: EarPlugin
) -> None:
    """The same request asks once, another one again; it is audited, and delivered it is gone."""
    number = await miss(county, clock, ear, "一")
    calls = len(ear.called)
    ask = county.missed_events.ask

    clock.advance(seconds=301)
    await ask(number, actor=ADMINISTRATOR, key="k1")
    await county.missed_events.deliver("ear")
    again = await ask(number, actor=ADMINISTRATOR, key="k1")
    await county.missed_events.deliver("ear")
    assert ("missed", calls + 1) == (again.state, len(ear.called))

    ear.deaf.clear()
    clock.advance(seconds=400)
    asked = await ask(number, actor=ADMINISTRATOR, key="k2")
    twice = await ask(number, actor=ADMINISTRATOR, key="k3")
    due_at = await county.missed_events.deliver("ear")
    later = await ask(number, actor=ADMINISTRATOR, key="k4")

    assert ["asked", "asked", "delivered"] == [asked.state, twice.state, later.state]
    assert (["一"], None) == (ear.heard, due_at)
    assert ([], 0) == await county.missed_events.list_open()
    assert ["event.deliver", "event.deliver"] == await audited(county, f"event:ear:{number}")


async def audited(county: County, target: str) -> list[str]:
    """What was done to something, by the audit trail."""
    audit = tables.audit
    rows = await county.store.read(
        lambda snapshot: snapshot.rows(audit.select().where(audit.c.object == target))
    )
    return [row.action for row in rows]


async def test_what_is_asked_for_waits_while_the_plugin_is_cut_off(
    county: County, clock: StandingClock, ear: EarPlugin
) -> None:
    """It stays asked for, and comes once the plugin may be called again."""
    number = await miss(county, clock, ear, "一")
    ear.deaf.clear()
    county.gateway.circuit("ear", "case_moved").breaker.trip("hung")
    await county.missed_events.ask(number, actor=ADMINISTRATOR, key="k")
    due_at = await county.missed_events.deliver("ear")
    assert (clock.now() + 60_000_000, []) == (due_at, ear.heard)
    clock.advance(seconds=301)
    await county.missed_events.deliver("ear")

    assert ["一"] == ear.heard


async def test_an_unknown_number_is_refused(county: County) -> None:
    """There is nothing to deliver."""
    with pytest.raises(NotFound, match="no missed event 12"):
        await county.missed_events.ask(12, actor=SYSTEM, key="k")


async def test_a_plugin_that_is_gone_is_asked_for_nothing(county: County) -> None:
    """Its missed event stays as it is, and who asks is told why."""
    row = JournalRow(300, "case", "1", 1, b"{}")
    await county.store.write(lambda tx: missed_events.add(tx, "gone", row, attempts=1, reason="x"))
    found, _total = await county.missed_events.list_open()
    with pytest.raises(
        NotFound, match=r"no plugin 'gone' listens to events; known: dam, ear, other"
    ):
        await county.missed_events.ask(found[0].id, actor=ADMINISTRATOR, key="k")
    after, _total = await county.missed_events.list_open()

    assert "missed" == after[0].state


async def test_what_one_plugin_missed_does_not_wait_for_another(
    county: County, clock: StandingClock, ear: EarPlugin, other: EarPlugin
) -> None:
    """One is still being told when the other is asked for, told and done."""
    number = await miss(county, clock, ear, "一")
    ear.deaf.clear()
    clock.advance(seconds=301)
    missed = await county.store.read(lambda snapshot: missed_events.read_missed(snapshot, number))
    assert missed is not None
    event = missed.event
    await county.store.write(
        lambda tx: missed_events.add(tx, "other", event, attempts=1, reason="x")
    )
    ear.slow = asyncio.Event()
    await county.missed_events.ask(number, actor=ADMINISTRATOR, key="k1")
    slow = asyncio.create_task(county.missed_events.deliver("ear"))
    await ear.reached.wait()
    await county.missed_events.ask_all("other", actor=ADMINISTRATOR, key="k2")
    async with asyncio.timeout(20):
        await county.missed_events.deliver("other")
    heard = [*other.heard], [*ear.heard]
    ear.slow.set()
    await slow

    assert (["一"], []) == heard
    assert ["一"] == ear.heard


async def test_an_event_that_cannot_be_read_is_put_off_then_missed(
    county: County, clock: StandingClock, ear: EarPlugin
) -> None:
    """Another release wrote it: the next event comes, and the reason is kept."""
    await county.store.write(lambda tx: tx.journal("case", "1", b'{"matter":"1"}'))
    await opened(county, "二")
    for _ in range(5):
        await try_again(county, clock)
    held = await state(county)
    await try_again(county, clock, seconds=DAY_SECONDS)
    await try_again(county, clock)
    found, _total = await county.missed_events.list_open()

    assert held.delay is not None
    assert "the event cannot be read: KeyError: 'case'" == held.delay.reason
    assert ["二"] == ear.heard
    assert [held.delay.reason] == [one.reason for one in found if one.plugin == "ear"]


async def test_a_running_county_does_not_wait_for_a_plugin_that_fails(
    tmp_path: Path, clock: StandingClock
) -> None:
    """Whoever waits for the followers is not held up; the plugin gets its events by itself."""
    ear = EarPlugin(deaf={"一"})
    async with listening_county(tmp_path, clock, ear=ear) as county:
        await opened(county, "一")
        async with asyncio.timeout(30):
            await county.caught_up()
        assert ["一"] == ear.called[:1]
        ear.deaf.clear()
        async with asyncio.timeout(30):
            await ear.told.wait()

    assert ["一"] == ear.heard


DYING = """
import asyncio, pathlib, sys
from tests.deployment.listening import EarPlugin, listening_county, opened
from tests.store_fixtures import StandingClock

async def main():
    ear = EarPlugin(deadly=sys.argv[2])
    async with listening_county(pathlib.Path(sys.argv[1]), StandingClock(), ear=ear) as county:
        for title in "abc":
            await opened(county, title)
        await county.caught_up()
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("title", ["a", "b", "c"])
async def test_a_process_that_is_killed_while_it_tells_loses_nothing(
    tmp_path: Path, clock: StandingClock, title: str
) -> None:
    """The next start tells of that event and of all after it."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-W", "error", "-c", DYING, str(tmp_path), title]
    died = await asyncio.to_thread(
        subprocess.run, command, cwd=root, capture_output=True, timeout=120, check=False
    )
    assert -9 == died.returncode, died.stderr.decode()
    ear = EarPlugin()
    async with listening_county(tmp_path, clock, ear=ear) as county:
        await county.caught_up()

    assert list("abc"["abc".index(title) :]) == ear.heard[-("abc"[::-1].index(title) + 1) :]
    assert {*"abc"} - set(ear.heard) <= set("abc"[: "abc".index(title)])


async def test_a_delivery_that_was_under_way_at_the_end_is_due_at_the_next_start(
    tmp_path: Path, clock: StandingClock, county: County, ear: EarPlugin
) -> None:
    """Whoever had claimed it has ended."""
    number = await miss(county, clock, ear, "一")
    await county.missed_events.ask(number, actor=ADMINISTRATOR, key="k")
    await county.store.write(
        lambda tx: missed_events.claim(tx, "ear", lease_until=clock.now() + 10**12)
    )
    await county.stop()
    healthy = EarPlugin()
    second = listening_county(tmp_path, clock, ear=healthy, other=EarPlugin())
    await second.start(background=False)
    await second.missed_events.deliver("ear")
    await second.stop()

    assert ["一"] == healthy.heard


def test_pauses_grow_to_ten_minutes() -> None:
    """Doubled each time."""
    assert [1.0, 2.0, 4.0, 512.0, 600.0, 600.0] == [
        pause_after(attempts) for attempts in (1, 2, 3, 10, 11, 10_000)
    ]


def test_an_alert_of_another_release_is_read_as_far_as_it_is_known() -> None:
    """What is not known here is left out, what may be missing is, and what may not is told."""
    episode = {
        "id": 1,
        "policy": "dam.high",
        "datastream": "dam.gauge",
        "area": AREA,
        "severity": "urgent",
        "started_at": 1,
        "ended_at": None,
        "last_reading_at": 1,
        "peak": 1.0,
        "corrected": False,
        "withdrawn": False,
    }

    def told(values: dict[str, object]) -> bytes:
        return msgspec.json.encode({"change": "raised", "episode": values})

    change, read, details = decode_change(told({**episode, "later": 1}))

    assert ("raised", 1, "", {}) == (change, read.id, read.case, details)
    with pytest.raises(TypeError, match="peak"):
        decode_change(told({name: one for name, one in episode.items() if name != "peak"}))
