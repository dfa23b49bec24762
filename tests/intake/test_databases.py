"""The whole way of a delivery on every supported database."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from county_gov.contract.access import SYSTEM, Scope
from county_gov.contract.source import Delivery
from county_gov.intake.intake import Intake
from county_gov.intake.quarantine import Quarantine
from county_gov.store.observations import Observations
from tests.intake.bad_inputs import GOOD, INACTIVE, JSON, RECEIVED_AT
from tests.intake.sample_registers import CODES, SampleRegisters, put_registers

if TYPE_CHECKING:
    from county_gov.store import Store
    from tests.store_fixtures import StandingClock


async def test_a_delivery_is_taken_quarantined_and_retried(
    any_store: Store, clock: StandingClock
) -> None:
    """Good rows land once, a bad one waits, and two people who retry it take it in once.

    What a stranger put into a header is no reason for the database to refuse the batch.
    """
    clock.instant = RECEIVED_AT
    put_registers(any_store)
    observations = Observations(any_store)
    observations.start()
    registers = [SampleRegisters.of()]
    intake = Intake(any_store, observations, lambda: registers[0], clock)
    raw = json.dumps([GOOD, GOOD, {**GOOD, "datastream": INACTIVE, "value": 1}]).encode()
    for expected in ((1, 1, 1), (0, 2, 1)):
        delivery = Delivery(raw, f"{JSON}; x=\udcff", "device:\0one", RECEIVED_AT, cursor="1")
        outcome = await intake.take(delivery, source="test")
        assert expected == (outcome.accepted, outcome.duplicate, outcome.quarantined)
    quarantine = Quarantine(intake)
    items, total = await quarantine.find(Scope.everything())
    assert (1, INACTIVE) == (total, items[0].datastream)
    registers[0] = SampleRegisters.of(active=CODES)
    ids = [item.id for item in items]
    both = await asyncio.gather(
        *(quarantine.retry(ids, actor=SYSTEM, scope=Scope.everything()) for _ in range(2))
    )
    assert {tuple(sorted(ids))} == {tuple(sorted(one.resolved)) for one in both}
    assert [(1, 0)] * 2 == [(one.outcomes[0].accepted, one.outcomes[0].duplicate) for one in both]
    stored = any_store.read_now(lambda snapshot: observations.read(snapshot, 5, 0, 2 * RECEIVED_AT))
    assert [10] == stored.value.tolist()
