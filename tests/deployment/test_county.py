"""A county as a whole: what comes in is judged, opens a case, and survives a restart."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from county_gov.contract.access import SYSTEM, Actor, Scope
from county_gov.contract.batch import Batch
from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.deployment import County, read_settings
from county_gov.deployment.live import LiveEvent
from county_gov.errors import DeploymentError, MigrationPending, NotFound, StoreError
from county_gov.store.access import holders
from county_gov.testing import SetClock

DEMO = Path("examples/demo_county")
START = 1_760_000_400 * MICROSECONDS
STREAM = "aotizhongxin.pm25"
EVERYTHING = Scope.everything()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The demonstration's deployment file, in a folder of this test's own."""
    shutil.copytree(DEMO / "registers", tmp_path / "registers")
    text = (DEMO / "county.toml").read_text(encoding="utf-8")
    cheap = "[access]\npassword_memory_kib = 8192\npassword_passes = 1\n\n[secrets]"
    (tmp_path / "county.toml").write_text(text.replace("[secrets]", cheap), encoding="utf-8")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "device-master.key").write_text("m" * 40, encoding="utf-8")
    return tmp_path / "county.toml"


@pytest.fixture
async def county(file: Path) -> AsyncIterator[County]:
    """A running county whose clock stands."""
    clock = SetClock(START + 100 * HOUR)
    async with County(read_settings(file), clock=clock) as running:
        yield running


def readings(*values: float, stream: str = STREAM, start: int = START) -> Batch:
    """One reading an hour."""
    count = len(values)
    return Batch(
        {
            "datastream": np.array([stream] * count, dtype=object),
            "time": start + np.arange(count) * HOUR,
            "value": np.array(values, np.float64),
        }
    )


async def actor_for(county: County, role: str, area: str = "990101001") -> Actor:
    """The first who holds a role for an area."""
    found = await county.store.read(
        lambda snapshot: holders(snapshot, role, area, county.cases.today())
    )
    return await county.store.read(
        lambda snapshot: county.access.actor(snapshot, found[0].account, county.clock.now())
    )


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop go on until something holds."""
    while not holds():  # noqa: ASYNC110 (a page says nothing when it begins to listen)
        await asyncio.sleep(0)


async def test_a_high_reading_opens_an_episode_a_case_and_notices(county: County) -> None:
    """All of it follows from one ingest, and the newest value is known."""
    outcome = await county.ingest(readings(20, 160, 170, 100, 30))
    await county.caught_up()

    assert (5, 0, 0, 0) == (
        outcome.accepted, outcome.duplicate, outcome.revised, outcome.quarantined,
    )  # fmt: skip
    reader = county.reader(EVERYTHING)
    (episode,) = await reader.episodes()
    assert (START + HOUR, START + 3 * HOUR, 170.0) == (
        episode.started_at, episode.ended_at, episode.peak,
    )  # fmt: skip
    (case,) = await reader.cases()
    assert episode.case == case.id
    assert ("sensors.pollution", "dispatch", STREAM) == (case.workflow, case.state, case.subject)
    assert {("core.log", "pending"): 2} == dict(await county.outbox.counts()) or {
        ("core.log", "sent"): 2
    } == dict(await county.outbox.counts())
    (latest,) = await reader.latest()
    assert (30.0, START + 4 * HOUR) == (latest.value, latest.time)


async def test_the_same_readings_again_change_nothing(county: County) -> None:
    """A retry is counted as duplicates; no second episode, case or notice comes of it."""
    await county.ingest(readings(20, 160, 170, 100, 30))
    await county.caught_up()
    again = await county.ingest(readings(20, 160, 170, 100, 30))
    await county.caught_up()

    assert (0, 5) == (again.accepted, again.duplicate)
    reader = county.reader(EVERYTHING)
    assert 1 == len(await reader.episodes())
    assert 1 == await reader.count_cases()


async def test_later_episodes_join_the_open_case_of_their_datastream(county: County) -> None:
    """While a case is open no second one is opened; once it is closed the next episode does."""
    await county.ingest(readings(160, 100))
    await county.ingest(readings(160, 100, start=START + 10 * HOUR))
    await county.caught_up()
    reader = county.reader(EVERYTHING)
    (case,) = await reader.cases()
    assert {case.id} == {episode.case for episode in await reader.episodes()}

    await county.cases.send_event(
        case.id, "dismiss", data={"remark": "演练"}, actor=SYSTEM, expected_version=1, key="close"
    )
    await county.ingest(readings(160, 100, start=START + 20 * HOUR))
    await county.caught_up()

    assert 2 == await reader.count_cases()


async def test_what_was_not_judged_before_a_stop_is_judged_after_the_start(file: Path) -> None:
    """A county that stops right after an ingest loses no alert."""
    clock = SetClock(START + 100 * HOUR)
    async with County(read_settings(file), clock=clock) as first:
        await first.ingest(readings(20, 160, 170))
    async with County(read_settings(file), clock=clock) as second:
        await second.caught_up()
        reader = second.reader(EVERYTHING)
        assert 1 == len(await reader.episodes(open_only=True))
        assert 1 == await reader.count_cases()
        assert {} == dict(second.new_passwords)


async def test_a_township_reads_its_own_datastreams_only(county: County) -> None:
    """The reader of a grid worker knows neither other streams nor their episodes."""
    await county.ingest(readings(160, 170))
    await county.ingest(readings(160, 170, stream="dongsi.pm25"))
    await county.caught_up()
    reader = county.reader(await actor_for(county, "grid_worker"))

    assert {"aotizhongxin"} == {view.thing for view in await reader.datastreams()}
    assert {STREAM} == {one.datastream for one in await reader.episodes()}
    assert {STREAM} == {case.subject for case in await reader.cases()}
    with pytest.raises(NotFound, match="lies outside your area"):
        await reader.observations("dongsi.pm25", START, START + HOUR)


async def test_pages_hear_of_changes_and_of_what_they_missed(county: County) -> None:
    """A listening page gets an event; one that comes back with its position gets the rest."""
    heard: list[LiveEvent] = []
    events = county.live.listen(None)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await until(lambda: county.live.pages == 1)
        await county.ingest(readings(20))
        heard.append(await waiting)
        await county.ingest(readings(30, start=START + 50 * HOUR))
        heard.append(await anext(events))
        back = county.live.listen(heard[0].position)
        assert heard[1].position == (await anext(back)).position
    await events.aclose()
    await back.aclose()

    assert ["observations", "observations"] == [event.kind for event in heard]


async def test_it_says_when_it_is_not_ready(county: County) -> None:
    """A running county is ready; a stopped one is not, and takes no more."""
    assert [] == county.ready()

    await county.stop()

    assert ["the county is not running"] == county.ready()
    with pytest.raises(StoreError):
        await county.ingest(readings(20))


def test_an_older_database_refuses_the_start(file: Path) -> None:
    """Only a deployment that says so migrates by itself."""
    text = file.read_text(encoding="utf-8").replace("migrate = true", "migrate = false")
    file.write_text(text, encoding="utf-8")

    with pytest.raises(MigrationPending, match="county-gov migrate"):
        asyncio.run(County(read_settings(file)).start())


def test_unknown_channels_and_permissions_are_told_together(file: Path) -> None:
    """What refers to plugins is checked once they are known, all at once."""
    text = (
        file.read_text(encoding="utf-8")
        .replace('channels = ["core.log"]', 'channels = ["core.lgo"]')
        .replace('"core.outbox.write"', '"core.outbox.wriet"')
    )
    file.write_text(text, encoding="utf-8")

    with pytest.raises(DeploymentError) as caught:
        County(read_settings(file))

    places = {problem.place for problem in caught.value.problems}
    assert places == {
        "county.toml: notify.channels[0]",
        "county.toml: roles.dispatch_centre.permissions[6]",
    }


async def test_a_case_can_be_given_to_another_worker(county: County) -> None:
    """Where the named worker cannot go, the centre names another, who then has the task."""
    await county.ingest(readings(160))
    await county.caught_up()
    (case,) = await county.reader(EVERYTHING).cases()
    actors = {role: await actor_for(county, role) for role in ("dispatch_centre", "grid_worker")}
    centre, worker = actors["dispatch_centre"], actors["grid_worker"]
    data = {"worker_account": worker.account, "dispatch_note": None}
    moved = await county.cases.send_event(
        case.id, "dispatch", data=data, actor=centre, expected_version=1, key="a"
    )

    again = await county.cases.send_event(
        case.id, "reassign", data=data, actor=centre, expected_version=moved.version, key="b"
    )
    detail = await county.cases.get(EVERYTHING, case.id)

    assert ("on_site", 3) == (again.state, again.version)
    assert detail.task is not None
    assert worker.account == detail.task.account
    assert {"report", "return_to_centre"} <= {
        event.id for event in county.cases.actions(detail, worker)
    }
