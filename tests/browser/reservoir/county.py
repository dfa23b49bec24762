"""A county with reservoirs: it has rained for five hours, and a patrol was sent twice."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from county_gov.contract.access import SYSTEM, Actor
from county_gov.contract.batch import Batch
from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.deployment import County, read_settings
from county_gov.store.access import account_of
from county_gov.testing.clock import SetClock
from county_gov.testing.driving import Driver
from tests.browser.site import DEMO, DEVICE, Template

LEVEL = "luye.water_level"
RAIN = "luye.rainfall"
CALM = "tingtao.water_level"
DAM = "990101102"
"""The township of the reservoir that rises."""
LIMIT = 150.0
CREST = 160.0
KEEPER = "keeper-luye"
"""On duty now."""
NIGHT_KEEPER = "keeper-night"
"""On duty until an hour ago: has done the first patrol."""
MINUTE = 60 * MICROSECONDS
BEGAN = 5 * HOUR
"""So long before the county is served the rain began."""

THINGS = """\
luye,鹿野水库,Luye Reservoir,116.3300,39.8700,990101102,water
tingtao,听涛水库,Tingtao Reservoir,116.3600,40.1200,990101100,water
"""
DATASTREAMS = """\
luye.water_level,luye,water_level,鹿野水库 水位,Luye water level,m,0,2,-500,9000
luye.rainfall,luye,rainfall,鹿野水库 雨量,Luye rainfall,mm,0,1,0,500
tingtao.water_level,tingtao,water_level,听涛水库 水位,Tingtao water level,m,0,2,-500,9000
"""
UNITS = "water,示范县水利局,Water Bureau,department,990101\n"
ACCOUNTS = """\
flood1,示范·丑,Demo Chou,flood_office,water,990101
engineer1,示范·寅,Demo Yin,county_engineer,water,990101
keeper-luye,示范·卯,Demo Mao,dam_keeper,luye-office,990101102
keeper-night,示范·辰,Demo Chen,dam_keeper,luye-office,990101102
"""
ROLES = """\
[roles.dam_keeper]
title = { zh = "巡坝员", en = "Dam keeper" }
reach = "area"
permissions = [
    "core.observations.read", "core.alerts.read",
    "reservoir.read", "reservoir.patrol", "reservoir.roster.write",
]

[roles.flood_office]
title = { zh = "防汛办", en = "Flood office" }
reach = "area"
permissions = [
    "core.observations.read", "core.alerts.read", "core.sources.read", "core.plugins.read",
    "core.jobs.read", "core.jobs.run", "core.quarantine.read", "core.outbox.read",
    "reservoir.read", "reservoir.write", "reservoir.direct", "reservoir.roster.write",
    "reservoir.limits.propose",
]

[roles.county_engineer]
title = { zh = "县水利工程师", en = "County engineer" }
reach = "area"
permissions = [
    "core.observations.read", "core.alerts.read", "reservoir.read", "reservoir.limits.approve",
]

[[plugin]]
use = "reservoir"

[plugin.config]
chart_hours = 12

"""


def set_up_reservoirs(folder: Path) -> Template:
    """Make the county in a folder, with five hours of rain and a limit that is passed."""
    shutil.copytree(DEMO / "registers", folder / "registers")
    additions = {
        "things": THINGS,
        "datastreams": DATASTREAMS,
        "units": UNITS,
        "accounts": ACCOUNTS,
    }
    for name, rows in additions.items():
        file = folder / "registers" / f"{name}.csv"
        file.write_text(file.read_text(encoding="utf-8") + rows, encoding="utf-8")
    text = (DEMO / "county.toml").read_text(encoding="utf-8")
    text = text.replace("[server]\n", "[server]\nrequests_per_second = 10000.0\n", 1)
    text = text.replace("[[plugin]]\n", f"{ROLES}[[plugin]]\n", 1)
    (folder / "county.toml").write_text(text, encoding="utf-8")
    (folder / "var").mkdir()
    (folder / "var" / "device-master.key").write_text("r" * 40, encoding="utf-8")
    # Playwright's own event loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_set_up(folder))).result()


async def _set_up(folder: Path) -> Template:
    now = _microseconds(datetime.now(UTC))
    clock = SetClock(now - BEGAN - HOUR)
    county = County(read_settings(folder / "county.toml"), clock=clock)
    await county.start(background=False)
    try:
        key = await county.store.write(
            lambda tx: county.access.devices.issue_device_key(tx, DEVICE, actor=SYSTEM)
        )
        driver = Driver(county, clock)
        await _prepare(county, now)
        await driver.settle()
        await _rain(county, driver, now)
        return Template(folder, dict(county.new_passwords), bytes.fromhex(key))
    finally:
        await county.stop()


async def _prepare(county: County, now: int) -> None:
    """Two reservoirs with their crests, a roster, and a limit that two people have set."""
    zone = ZoneInfo(county.settings.county.timezone)
    day = datetime.fromtimestamp(now // MICROSECONDS, zone).date() - timedelta(days=30)
    for code, name, area in (("luye", "鹿野水库", DAM), ("tingtao", "听涛水库", "990101100")):
        await county.records.put(
            SYSTEM,
            "reservoir.reservoirs",
            {
                "code": code,
                "name": name,
                "area": area,
                "crest": CREST,
                "capacity": 2350.0,
                "valid_from": day.isoformat(),
            },
            idempotency_key=f"reservoir-{code}",
        )
    shifts = (
        (NIGHT_KEEPER, now - 12 * HOUR, now - HOUR),
        (KEEPER, now - HOUR, now + 11 * HOUR),
    )
    for login, begins, ends in shifts:
        await county.records.put(
            SYSTEM,
            "reservoir.roster",
            {
                "area": DAM,
                "begins": begins,
                "ends": ends,
                "person": (await _person(county, login)).account,
                "phone": "13800000000",
            },
            idempotency_key=f"shift-{login}",
        )
    proposal = await county.parameters.propose(
        await _person(county, "flood1"),
        "reservoir.flood_limit",
        value=LIMIT,
        effective_from=day,
        document="主汛期调度运用计划",
        number="示水〔2026〕3号",
        reason="主汛期",
        area="",
        key="limit",
    )
    await county.parameters.approve(
        await _person(county, "engineer1"), proposal.id, reason="同意", key="approve"
    )


async def _rain(county: County, driver: Driver, now: int) -> None:
    """Rain and a rising level, near the limit at last; the other reservoir stays calm."""
    began = now - BEGAN
    series = {
        RAIN: [(20 * step, 12.0 + step % 3) for step in range(12)],
        LEVEL: [(20 * step, 149.1 + 0.06 * step) for step in range(14)],
        CALM: [(30 * step, 141.3 + 0.01 * step) for step in range(10)],
    }
    found = sorted(
        (began + minutes * MINUTE, datastream, value)
        for datastream, rows in series.items()
        for minutes, value in rows
    )
    for at, datastream, value in found:
        await driver.advance(at)
        await county.ingest(_batch([(datastream, at, value)]))
        await driver.settle()
        await _patrol(county, driver)


async def _patrol(county: County, driver: Driver) -> None:
    """Once the patrol is asked for, whoever is on duty in the night does it."""
    found, _count = await county.cases.find(SYSTEM, limit=1)
    case = next(iter(found), None)
    if case is None or case.task is None or case.task.occurrence != 1:
        return
    await county.cases.send_event(
        case.view.id,
        "report",
        data={"finding": "sound", "where": ""},
        actor=await _person(county, NIGHT_KEEPER),
        expected_version=case.view.version,
        key="first-patrol",
    )
    await driver.settle()


def _batch(rows: Iterable[tuple[str, int, float]]) -> Batch:
    datastreams, times, values = zip(*rows, strict=True)
    return Batch(
        {
            "datastream": np.array(datastreams, object),
            "time": np.array(times, np.int64),
            "value": np.array(values, np.float64),
        }
    )


async def _person(county: County, login: str) -> Actor:
    row = await county.store.read(lambda snapshot: account_of(snapshot, login=login))
    assert row is not None
    return await county.store.read(
        lambda snapshot: county.access.actor(snapshot, row.number, county.clock.now())
    )


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
