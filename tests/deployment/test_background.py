"""Loops of a county: a source goes on whatever it delivers, and what is old is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from county_gov.contract.access import Scope
from county_gov.contract.clock import HOUR
from county_gov.contract.source import Decoded, Delivery, Outcome, Source, Things
from county_gov.contract.text import Text
from county_gov.deployment.background import forget_old, pull
from county_gov.intake.intake import Intake
from county_gov.intake.quarantine import Quarantine
from county_gov.store import outbox, tables
from county_gov.store.observations import Observations
from tests.deployment.listening import AREA, listening_county
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


@pytest.mark.parametrize(("days", "forgotten"), [(8, 0), (200, 1)])
async def test_what_a_plugin_has_done_under_a_key_stays_done(
    tmp_path: Path, clock: StandingClock, days: int, forgotten: int
) -> None:
    """Cases and notices come once for ever; a person's request may be repeated for a week."""
    county = listening_county(tmp_path, clock)
    await county.start(background=False)
    ctx = county.context("dam.job")

    async def write() -> str:
        case = await ctx.open_case(
            "dam.watch", title="一", area=AREA, subject="L1", data={}, idempotency_key="L1:expired"
        )
        await ctx.notify("keeper", subject="一", body="", idempotency_key="L1:expired")
        return case.id

    async def count(table: str) -> int:
        rows = tables.metadata.tables[table]
        return len(await county.store.read(lambda snapshot: snapshot.rows(rows.select())))

    first = await write()
    await county.store.write(
        lambda tx: tx.insert(
            tables.idempotency_keys,
            scope="account:7",
            key="k",
            fingerprint="",
            result="{}",
            at=tx.at,
        )
    )
    keys = await count("idempotency_keys")
    await county.store.write(
        lambda tx: outbox.settle(
            tx, [outbox.Verdict(one.id, 0, "sent", "") for one in outbox.list_letters(tx)[0]]
        )
    )
    letters = await count("outbox")
    clock.advance(seconds=days * 86_400)
    await forget_old(county.store)
    again = await write()
    left = await count("outbox")
    kept = await count("idempotency_keys")
    await county.stop()

    assert (first, 1) == (again, letters)
    assert (letters - forgotten, keys - 1 + forgotten) == (left, kept)
