"""Loops of a county: a source goes on whatever it delivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from county_gov.contract.access import Scope
from county_gov.contract.clock import HOUR
from county_gov.contract.source import Decoded, Delivery, Outcome, Source, Things
from county_gov.contract.text import Text
from county_gov.deployment.background import pull
from county_gov.intake.intake import Intake
from county_gov.intake.quarantine import Quarantine
from county_gov.store.observations import Observations
from tests.intake.bad_inputs import DATASTREAM, RECEIVED_AT
from tests.intake.sample_registers import SampleRegisters, put_registers

if TYPE_CHECKING:
    from county_gov.contract.context import Context
    from county_gov.store import Store
    from tests.store_fixtures import StandingClock


async def test_what_cannot_be_read_holds_up_nothing(store: Store, clock: StandingClock) -> None:
    """A delivery without a cursor that is no document is quarantined; the next is taken in."""
    clock.instant = RECEIVED_AT
    put_registers(store)
    observations = Observations(store)
    observations.start()
    intake = Intake(store, observations, SampleRegisters.of, clock)
    outcomes: list[Outcome] = []
    over = asyncio.Event()

    async def acknowledge(outcome: Outcome) -> None:
        outcomes.append(outcome)

    async def deliver(_context: Context) -> AsyncIterator[Delivery]:
        good = f"datastream,time,value\n{DATASTREAM},{RECEIVED_AT - HOUR},1\n".encode()
        for raw, wire_format in ((b"{", "application/json"), (b"x", "a/b"), (good, "text/csv")):
            yield Delivery(raw, wire_format, "box", RECEIVED_AT, acknowledge=acknowledge)
        over.set()
        await asyncio.Event().wait()

    def decode(_delivery: Delivery, _things: Things) -> Decoded:
        raise NotImplementedError

    source = Source("test.box", "test.data", Text(zh="盒"), decode, deliver)
    running = asyncio.create_task(pull(intake, source, context=None))  # type: ignore[arg-type]
    waiting = asyncio.create_task(over.wait())
    await asyncio.wait({running, waiting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert over.is_set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(0, 1), (0, 1), (1, 0)] == [(one.accepted, one.quarantined) for one in outcomes]
    items, _ = await Quarantine(intake).find(Scope.everything())
    assert [("unsupported_wire_format", b"x"), ("unreadable", b"{")] == [
        (one.code, one.raw) for one in items
    ]
