"""Readings land only as the registers say at that moment, whatever was so when they arrived."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from county_gov.contract.source import Delivery
from county_gov.errors import StoreBusy
from county_gov.intake.intake import Intake
from county_gov.registers import RegisterFile, Registers
from county_gov.store.observations import Observations
from county_gov.store.registers import RegisterChanges, read_contents, write_changes
from tests.intake.bad_inputs import JSON, RECEIVED_AT

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction
    from tests.store_fixtures import StandingClock

FILES = {
    "areas": "code,kind,name,parent,valid_from,valid_to\n990101,county,示范县,,2013-01-01,\n",
    "units": "code,name,kind,area\nenvironment,生态环境局,department,990101\n",
    "things": (
        "code,name,area,unit,longitude,latitude\nstation,监测站,990101,environment,116,40\n"
    ),
    "datastreams": (
        "code,thing,observed_property,name,unit,period_seconds,decimals,minimum,maximum\n"
        "station.pm25,station,pm25,细颗粒物,µg/m³,1,1,0,1000\n"
        "station.pm10,station,pm10,颗粒物,µg/m³,1,1,0,1000\n"
    ),
}


def delivery(datastream: str, count: int) -> Delivery:
    """Readings of 35.2, a second apart."""
    rows = [
        {"datastream": datastream, "time": RECEIVED_AT - second * 1_000_000, "value": 35.2}
        for second in range(count)
    ]
    return Delivery(json.dumps(rows).encode(), JSON, "device:one", RECEIVED_AT)


@pytest.fixture
async def registers(any_store: Store, clock: StandingClock) -> Registers:
    """Give registers of a station with two datastreams."""
    clock.instant = RECEIVED_AT
    made = Registers(any_store)
    await made.import_files(
        [RegisterFile(name, f"{name}.csv", text.encode()) for name, text in FILES.items()]
    )
    return made


@pytest.mark.parametrize("count", [1, 20, 600])
async def test_a_datastream_redefined_on_the_way_is_not_landed_in_its_old_scale(
    any_store: Store, registers: Registers, clock: StandingClock, count: int
) -> None:
    """Checked before a change of the decimals and landed after it, a delivery is put off; what
    another datastream sent meanwhile is taken in, and sent again the first is scaled anew.
    """
    observations = Observations(any_store)
    observations.start()
    intake = Intake(any_store, observations, lambda: registers.snapshot, clock)
    entered, release = threading.Event(), threading.Event()

    def hold(_tx: object) -> None:
        entered.set()
        assert release.wait(30)

    def redefine(tx: Transaction) -> None:
        row = read_contents(tx).datastreams["station.pm25"]
        changed = evolve(row, decimals=3)
        write_changes(tx, RegisterChanges(datastreams=[changed]))

    held = any_store.submit(hold)
    assert entered.wait(30)
    waiting = [
        asyncio.ensure_future(intake.take(delivery(code, count), source="test"))
        for code in ("station.pm25", "station.pm10")
    ]
    await asyncio.sleep(0)
    redefined = any_store.submit(redefine)
    release.set()
    first, second = await asyncio.gather(*waiting, return_exceptions=True)
    held.result(timeout=30)
    redefined.result(timeout=30)

    assert isinstance(first, StoreBusy)
    assert "station.pm25" in str(first)
    assert not isinstance(second, BaseException)
    assert count == second.accepted
    await registers.refresh()
    again = await intake.take(delivery("station.pm25", count), source="test")
    assert count == again.accepted
    number = registers.snapshot.number("station.pm25")
    found = any_store.read_now(
        lambda snapshot: observations.read(snapshot, number, 0, 2 * RECEIVED_AT)
    )
    assert [35_200] * count == found.value.tolist()
