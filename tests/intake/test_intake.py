"""Taking in: durable, idempotent, in pieces, with cursors."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from attrs import evolve

from county_gov.contract.access import Scope
from county_gov.contract.batch import Batch, Texts
from county_gov.contract.clock import HOUR
from county_gov.contract.source import Decoded, Delivery, Outcome, Reason, Things
from county_gov.errors import ContractError, MalformedDelivery, StoreError
from county_gov.intake.intake import Intake, new_key
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.quarantine import Quarantine
from county_gov.intake.readable import ROW_FORMAT
from county_gov.intake.recoding import recode
from county_gov.store import Priority, tables
from county_gov.store.intake import read_cursor
from county_gov.store.observations import Observations
from tests.intake.bad_inputs import DATASTREAM, GOOD, JSON, NDJSON, RECEIVED_AT
from tests.intake.sample_registers import DAILY, IRREGULAR, put_registers

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction
    from county_gov.store.observations.rows import Landed, Readings
    from tests.intake.conftest import Current
    from tests.store_fixtures import StandingClock


def delivery(rows: object, **changes: Any) -> Delivery:
    """A delivery of JSON rows."""
    given = Delivery(json.dumps(rows).encode(), JSON, "device:one", RECEIVED_AT)
    return evolve(given, **changes)


def batches(store: Store) -> list[sa.RowMapping]:
    """The rows of ``batches``."""
    statement = sa.select(tables.batches).order_by(tables.batches.c.id)
    return [row._mapping for row in store.read_now(lambda snapshot: snapshot.rows(statement))]


async def test_what_is_taken_in_can_be_read(
    intake: Intake, observations: Observations, store: Store
) -> None:
    """A reading that was answered for is in the data, under its batch."""
    outcome = await intake.take(delivery([GOOD]), source="test")
    assert (1, 0, 0, 0, ()) == (
        outcome.accepted,
        outcome.duplicate,
        outcome.revised,
        outcome.quarantined,
        outcome.reasons,
    )
    assert outcome.position > 0
    stored = store.read_now(lambda snapshot: observations.read(snapshot, 1, 0, 2 * RECEIVED_AT))
    assert [352] == stored.value.tolist()
    (batch,) = batches(store)
    assert [batch["id"]] == stored.batch.tolist()
    assert (outcome.batch, "test", "device:one", JSON, 1) == (
        batch["key"],
        batch["source"],
        batch["provenance"],
        batch["wire_format"],
        batch["accepted"],
    )


async def test_a_retry_changes_nothing(intake: Intake, store: Store) -> None:
    """The same delivery again is all duplicates, another value is a revision."""
    await intake.take(delivery([GOOD]), source="test")
    again = await intake.take(delivery([GOOD]), source="test")
    assert (0, 1, 0) == (again.accepted, again.duplicate, again.revised)
    assert 0 == again.position
    changed = await intake.take(
        delivery([{**GOOD, "value": 36}], received_at=RECEIVED_AT + 1), source="test"
    )
    assert (0, 0, 1) == (changed.accepted, changed.duplicate, changed.revised)
    counts = [(row["accepted"], row["duplicate"], row["revised"]) for row in batches(store)]
    assert [(1, 0, 0), (0, 1, 0), (0, 0, 1)] == counts


async def test_a_large_delivery_takes_several_changes(intake: Intake, store: Store) -> None:
    """More rows than one change takes are one batch with the counts of all."""
    rows = [
        {"datastream": IRREGULAR, "time": RECEIVED_AT - index, "value": index}
        for index in range(25_000)
    ]
    bad = [{**rows[0], "datastream": f"nothing{index}"} for index in range(1_500)]
    changes = store.writer.changes
    outcome = await intake.take(delivery([*bad, *rows, *rows[:10]]), source="test")
    assert (25_000, 10, 0, 1_500) == (
        outcome.accepted,
        outcome.duplicate,
        outcome.revised,
        outcome.quarantined,
    )
    assert 7 == store.writer.changes - changes
    assert list(range(100)) == [reason.row for reason in outcome.reasons]
    (batch,) = batches(store)
    assert (25_000, 10, 0, 1_500) == (
        batch["accepted"],
        batch["duplicate"],
        batch["revised"],
        batch["quarantined"],
    )


async def test_counts_are_right_where_only_a_later_change_is_new(
    intake: Intake, store: Store
) -> None:
    """A batch whose first change held only duplicates counts the rows of its second."""
    rows = [
        {"datastream": IRREGULAR, "time": RECEIVED_AT - index, "value": index}
        for index in range(20_000)
    ]
    await intake.take(delivery(rows[:10_000]), source="test")
    outcome = await intake.take(delivery(rows), source="test")
    assert (10_000, 10_000) == (outcome.accepted, outcome.duplicate)
    assert (10_000, 10_000) == (batches(store)[1]["accepted"], batches(store)[1]["duplicate"])


async def test_a_delivery_of_only_bad_rows_is_a_batch(intake: Intake, store: Store) -> None:
    """A delivery without a good row is answered with its reasons."""
    outcome = await intake.take(delivery([{**GOOD, "value": None}]), source="test")
    assert (0, 1, "wrong_type") == (outcome.accepted, outcome.quarantined, outcome.reasons[0].code)
    assert 1 == len(batches(store))


async def test_a_cursor_commits_with_its_batch(intake: Intake, store: Store) -> None:
    """The cursor of a source is where its last committed delivery says."""
    assert await intake.cursor("test") is None
    await intake.take(delivery([GOOD], cursor="17"), source="test")
    await intake.take(delivery([GOOD], cursor="18"), source="test")
    assert "18" == await intake.cursor("test")


async def test_an_unreadable_delivery_is_refused_or_kept_whole(
    intake: Intake, quarantine: Quarantine
) -> None:
    """Who waits for an answer gets the error; what was fetched is quarantined and passed over."""
    broken = Delivery(b"[{]", JSON, "device:one", RECEIVED_AT)
    with pytest.raises(MalformedDelivery):
        await intake.take(broken, source="test")
    fetched = Delivery(b"[{]", JSON, "device:one", RECEIVED_AT, cursor="9")
    outcome = await intake.take(fetched, source="test")
    assert (0, 1, None) == (outcome.accepted, outcome.quarantined, outcome.reasons[0].row)
    (item,), total = await quarantine.find(Scope.everything())
    assert (1, "unreadable", b"[{]", JSON) == (total, item.code, item.raw, item.wire_format)
    assert "9" == await intake.cursor("test")


async def test_the_source_is_acknowledged_after_the_commit(intake: Intake, store: Store) -> None:
    """Acknowledge gets the outcome when the batch can be read already."""
    seen: list[tuple[Outcome, int]] = []

    async def acknowledge(outcome: Outcome) -> None:
        seen.append((outcome, len(batches(store))))

    outcome = await intake.take(delivery([GOOD], acknowledge=acknowledge), source="test")
    assert [(outcome, 1)] == seen


async def test_nothing_is_kept_of_a_change_that_fails(
    store: Store, current: Current, clock: StandingClock
) -> None:
    """Where landing fails there is no batch, no quarantine and no cursor."""

    class Failing:
        def land(self, tx: object, rows: object, *, batch: int) -> Any:
            raise StoreError(f"batch {batch} does not land")

        def land_together(self, tx: object, deliveries: object, batches: object) -> Any:
            raise StoreError("no batch lands")

        def cuts(self, rows: Any) -> list[int]:
            return [0, len(rows)]

    intake = Intake(store, Failing(), current, clock)
    rows = [GOOD, {**GOOD, "datastream": "nothing"}]
    with pytest.raises(StoreError, match="does not land"):
        await intake.take(delivery(rows, cursor="1"), source="test")
    assert [] == batches(store)
    assert await intake.cursor("test") is None
    statement = sa.select(sa.func.count()).select_from(tables.quarantine)
    assert 0 == store.read_now(lambda snapshot: snapshot.scalar(statement))


async def test_where_a_part_of_a_large_delivery_fails_none_after_it_is_written(
    store: Store, observations: Observations, current: Current, clock: StandingClock
) -> None:
    """The cursor stays where it was, and the same delivery again brings what is missing."""
    rows = [
        {"datastream": IRREGULAR, "time": RECEIVED_AT - index, "value": index}
        for index in range(12_000)
    ]

    class FailingOnce:
        parts = 0

        def land(self, tx: Transaction, rows: Readings, *, batch: int) -> Landed:
            self.parts += 1
            if self.parts == 2:
                raise StoreError("no room")
            return observations.land(tx, rows, batch=batch)

        def land_together(self, tx: object, deliveries: object, batches: object) -> Any:
            raise AssertionError

        def cuts(self, rows: Any) -> list[int]:
            return [0, 4_000, 8_000, 12_000]

    clock.instant = RECEIVED_AT
    put_registers(store)
    intake = Intake(store, FailingOnce(), current, clock)
    with pytest.raises(StoreError, match="no room"):
        await intake.take(delivery(rows, cursor="1"), source="test")
    assert [(4_000, 0)] == [(row["accepted"], row["duplicate"]) for row in batches(store)]
    assert await intake.cursor("test") is None
    outcome = await intake.take(delivery(rows, cursor="1"), source="test")
    assert (8_000, 4_000) == (outcome.accepted, outcome.duplicate)
    assert "1" == await intake.cursor("test")


async def test_rows_are_counted_from_the_first_row(intake: Intake, quarantine: Quarantine) -> None:
    """A piece of a larger whole names its rows by their place in the whole."""
    rows = [GOOD, {**GOOD, "value": "x"}]
    outcome = await intake.take(delivery(rows), source="test", first_row=500)
    assert [501] == [reason.row for reason in outcome.reasons]
    (item,), _ = await quarantine.find(Scope.everything())
    assert 501 == item.row
    whole = Delivery(b"[", JSON, "device:one", RECEIVED_AT, cursor="1")
    outcome = await intake.take(whole, source="test", first_row=500)
    assert [None] == [reason.row for reason in outcome.reasons]


def texts(*values: str) -> Texts:
    """A column of texts."""
    return np.array(values, dtype=np.object_)


def decode(given: Delivery, things: Things) -> Decoded:
    """A plugin's decoder: words of code and value; one that begins with no letter is bad."""
    lines = given.raw.split()
    good = [number for number, line in enumerate(lines) if line[:1].isalpha()]
    pairs = [lines[number].decode().split("=") for number in good]
    columns = {
        "datastream": texts(*(code for code, _ in pairs)),
        "time": np.full(len(good), given.received_at - HOUR),
        "value": np.array([float(value) for _, value in pairs], dtype=np.float64),
    }
    bad = [number for number in range(len(lines)) if number not in good]
    rejected = tuple((Reason(number, "malformed_row", "no name"), lines[number]) for number in bad)
    return Decoded(Batch(columns), np.array(good, dtype=np.int64), rejected)


async def test_a_source_may_bring_its_own_decoder(
    store: Store, observations: Observations, current: Current, clock: StandingClock, intake: Intake
) -> None:
    """Rows of a plugin's format are validated like any; each quarantined one can be retried."""
    own = Intake(store, observations, current, clock, decoders={"test.lines": decode})
    raw = b"test.pm25=1.5 7=2 test.nothing=3 test.daily=nan"
    outcome = await own.take(Delivery(raw, "text/x-lines", "box", RECEIVED_AT), source="test.lines")
    assert (1, 3) == (outcome.accepted, outcome.quarantined)
    codes = ["malformed_row", "unknown_datastream", "not_finite"]
    assert codes == [reason.code for reason in outcome.reasons]
    items, _ = await Quarantine(own).find(Scope.everything())
    assert [
        (1, b"7=2", "text/x-lines"),
        (2, b'{"datastream":"test.nothing","time":1699996400000000,"value":3.0}', ROW_FORMAT),
        (3, b'{"datastream":"test.daily","time":1699996400000000,"value":null}', ROW_FORMAT),
    ] == [(item.row, item.raw, item.wire_format) for item in reversed(items)]
    assert [DATASTREAM, DAILY] == [
        code for code in current().numbers if code in {DATASTREAM, DAILY}
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"time": np.zeros(1, np.int64), "value": np.zeros(1)}, "no column 'datastream'"),
        (
            {"datastream": texts("a"), "time": np.zeros(1), "value": np.zeros(1)},
            "'time' as float64",
        ),
        (
            {
                "datastream": texts("a"),
                "time": np.zeros(1, np.int64),
                "value": np.zeros(1),
                "x": np.zeros(1),
            },
            "unknown column 'x'",
        ),
    ],
)
def test_a_decoder_that_breaks_the_contract_is_named(columns: dict[str, Any], words: str) -> None:
    """A plugin's batch with wrong columns is an error of the contract."""
    with pytest.raises(ContractError, match=words):
        recode(Decoded(Batch(columns), np.zeros(1, np.int64)), "text/x-lines")


async def test_a_decoder_that_fails_holds_nothing_up(
    store: Store, current: Current, clock: StandingClock, intake: Intake, observations: Observations
) -> None:
    """A delivery over which a plugin's decoder stumbles is quarantined whole and passed over."""

    def failing(given: Delivery, things: Things) -> Decoded:
        raise KeyError(given.raw)

    own = Intake(store, observations, current, clock, decoders={"test.bad": failing})
    with pytest.raises(MalformedDelivery, match=r"decoder of test\.bad failed: KeyError"):
        await own.take(Delivery(b"x", "text/x", "box", RECEIVED_AT), source="test.bad")
    fetched = Delivery(b"x", "text/x", "box", RECEIVED_AT, cursor="2")
    outcome = await own.take(fetched, source="test.bad")
    assert (1, "unreadable") == (outcome.quarantined, outcome.reasons[0].code)
    assert "2" == await own.cursor("test.bad")


def test_batch_keys_are_sorted_by_their_instant() -> None:
    """A key is a UUID of version 7 that begins with its milliseconds, and none comes twice."""
    keys = [new_key(RECEIVED_AT + step * 1000, random.getrandbits(74)) for step in range(50)]
    assert keys == sorted(keys)
    assert {7} == {uuid.UUID(key).version for key in keys}
    assert {uuid.RFC_4122} == {uuid.UUID(key).variant for key in keys}
    assert RECEIVED_AT // 1000 == uuid.UUID(keys[0]).int >> 80
    assert 3 == len({new_key(0, bits) for bits in (0, 1, 2**74 - 1)})
    assert {7} == {uuid.UUID(new_key(2**48 * 1000, 2**74 - 1)).version}


async def test_large_and_small_deliveries_give_the_same(
    store: Store, observations: Observations, current: Current, clock: StandingClock, intake: Intake
) -> None:
    """Decoding on a thread gives what decoding on the event loop gives."""
    threaded = Intake(store, observations, current, clock, limits=IntakeLimits(inline_bytes=0))
    rows = [GOOD, {**GOOD, "flag": "nothing"}]
    first = await intake.take(delivery(rows), source="test")
    second = await threaded.take(delivery(rows), source="test")
    assert first.reasons == second.reasons
    assert (1, 1) == (first.accepted, second.duplicate)
    lines = Delivery(json.dumps(GOOD).encode(), NDJSON, "x", RECEIVED_AT)
    assert 1 == (await threaded.take(lines, source="test")).duplicate
    assert store.read_now(lambda snapshot: read_cursor(snapshot, "test")) is None


async def test_small_deliveries_that_wait_are_one_change(
    intake: Intake, observations: Observations, store: Store
) -> None:
    """Each has its own outcome and lineage; what one of them repeats is a duplicate."""
    rows = [{"datastream": IRREGULAR, "time": RECEIVED_AT - at, "value": at} for at in range(1, 80)]
    given = [delivery([row], provenance=f"device:{at}") for at, row in enumerate([*rows, rows[3]])]
    changes = store.writer.changes
    entered, release = threading.Event(), threading.Event()

    def hold(_tx: object) -> None:
        entered.set()
        assert release.wait(30)

    held = store.submit(hold)
    assert entered.wait(30)
    waiting = [asyncio.ensure_future(intake.take(one, source="test")) for one in given]
    await asyncio.sleep(0)
    assert len(waiting) == store.writer.waiting(Priority.INTAKE)
    release.set()
    outcomes = await asyncio.gather(*waiting)
    held.result(timeout=30)
    assert 81 == store.writer.changes - changes
    assert [(1, 0)] * 79 + [(0, 1)] == [(one.accepted, one.duplicate) for one in outcomes]
    assert 0 == outcomes[79].position
    assert len({one.position for one in outcomes}) == 3
    stored = batches(store)
    assert [one.batch for one in outcomes] == [row["key"] for row in stored]
    assert [f"device:{at}" for at in range(80)] == [row["provenance"] for row in stored]
    assert [(1, 0)] * 79 + [(0, 1)] == [(row["accepted"], row["duplicate"]) for row in stored]
    found = store.read_now(lambda snapshot: observations.read(snapshot, 3, 0, RECEIVED_AT))
    assert [row["id"] for row in stored[78::-1]] == found.batch.tolist()
