"""The quarantine: seen within a scope, retried once, dismissed with a reason, exported safely."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from county_gov.contract.access import Actor, Grant, Scope
from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.source import Delivery
from county_gov.errors import IntakeError, NotFound
from county_gov.intake.intake import Intake
from county_gov.intake.quarantine import MOST_AT_ONCE, Quarantine
from county_gov.intake.wire_format import CSV
from county_gov.store import tables
from county_gov.store.intake import QuarantineFilter
from tests.intake.bad_inputs import DATASTREAM, GOOD, INACTIVE, JSON, RECEIVED_AT
from tests.intake.sample_registers import (
    CODES,
    COUNTY,
    OTHER,
    OTHER_TOWNSHIP,
    TOWNSHIP,
    SampleRegisters,
)

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction
    from county_gov.store.observations import Observations
    from tests.intake.conftest import Current
    from tests.store_fixtures import StandingClock

ALL = Scope.everything()
OFFICER = Actor(kind="person", name="李明", account=7)
ANY_STATE = QuarantineFilter(state="")


def scope(*areas: str) -> Scope:
    """A scope of whole areas."""
    return Scope(frozenset(Grant(area=area) for area in areas))


async def put(intake: Intake, *rows: dict[str, Any], source: str = "test") -> None:
    """Take rows in, good or bad."""
    raw = json.dumps(rows).encode()
    await intake.take(Delivery(raw, JSON, "device:one", RECEIVED_AT), source=source)


async def ids(quarantine: Quarantine, wanted: QuarantineFilter | None = None) -> list[int]:
    """Ids of the items, oldest first."""
    items, _ = await quarantine.find(ALL, wanted, limit=1000)
    return [item.id for item in reversed(items)]


def audits(store: Store) -> list[tuple[str, str, str, int | None, str]]:
    """The audit's entries."""
    columns = tables.audit.c
    statement = sa.select(
        columns.action, columns.object, columns.actor, columns.account, columns.area
    ).order_by(columns.id)
    return [tuple(row) for row in store.read_now(lambda snapshot: snapshot.rows(statement))]


async def test_items_are_found_by_filter_and_page(intake: Intake, quarantine: Quarantine) -> None:
    """Filters narrow, pages follow one another, the total counts all."""
    await put(intake, *({**GOOD, "value": -number} for number in range(1, 6)))
    await put(intake, {**GOOD, "datastream": "nothing"}, source="other")
    assert 6 == (await quarantine.find(ALL, limit=1))[1]
    first, total = await quarantine.find(ALL, QuarantineFilter(code="out_of_bounds"), limit=3)
    rest, _ = await quarantine.find(
        ALL, QuarantineFilter(code="out_of_bounds"), limit=3, before=first[-1].id
    )
    assert (5, [4, 3, 2, 1, 0]) == (total, [item.row for item in (*first, *rest)])
    for wanted in (QuarantineFilter(source="other"), QuarantineFilter(datastream="nothing")):
        (item,), total = await quarantine.find(ALL, wanted)
        assert (1, "unknown_datastream", "other") == (total, item.code, item.source)
    assert ((), 0) == await quarantine.find(ALL, QuarantineFilter(state="dismissed"))
    assert {("test", "out_of_bounds"): 5, ("other", "unknown_datastream"): 1} == (
        await quarantine.count(ALL)
    )


async def test_an_item_is_seen_within_its_area(intake: Intake, quarantine: Quarantine) -> None:
    """A township sees its datastreams' items; items of no known datastream need everywhere."""
    bad = {"value": -1}
    await put(intake, GOOD | bad, GOOD | bad | {"datastream": OTHER}, GOOD | {"datastream": "x"})
    seen = {}
    for name, one in {
        "township": scope(TOWNSHIP),
        "other": scope(OTHER_TOWNSHIP),
        "county": scope(COUNTY),
        "nothing": Scope(),
        "everywhere": ALL,
    }.items():
        items, total = await quarantine.find(one)
        assert len(items) == total
        seen[name] = [item.datastream for item in items]
    assert {
        "township": [DATASTREAM],
        "other": [OTHER],
        "county": [OTHER, DATASTREAM],
        "nothing": [],
        "everywhere": ["x", OTHER, DATASTREAM],
    } == seen
    hidden = (await ids(quarantine))[1]
    for attempt in (
        quarantine.look(scope(TOWNSHIP), hidden),
        quarantine.retry([hidden], actor=OFFICER, scope=scope(TOWNSHIP)),
        quarantine.dismiss([hidden], reason="x", actor=OFFICER, scope=scope(TOWNSHIP)),
    ):
        with pytest.raises(NotFound, match=str(hidden)):
            await attempt
    assert {("test", "out_of_bounds"): 1} == await quarantine.count(scope(TOWNSHIP))


async def test_a_retry_after_a_fix_of_the_registers(
    intake: Intake,
    quarantine: Quarantine,
    current: Current,
    observations: Observations,
    store: Store,
) -> None:
    """What was unknown is taken in after it was registered, with the instant of its arrival."""
    await put(intake, {**GOOD, "datastream": "new"}, {**GOOD, "datastream": "newer"})
    chosen = await ids(quarantine)
    before = await quarantine.retry(chosen, actor=OFFICER, scope=ALL)
    assert ((), ()) == (before.outcomes, before.resolved)
    assert [(one, "unknown_datastream") for one in reversed(chosen)] == [
        (one, reason.code) for one, reason in before.remaining
    ]
    current.registers = SampleRegisters.of((*CODES, "new"), active=(*CODES, "new"))
    retried = await quarantine.retry(chosen, actor=OFFICER, scope=ALL)
    assert [chosen[0]] == list(retried.resolved)
    assert [chosen[1]] == [one for one, _ in retried.remaining]
    assert [1] == [outcome.accepted for outcome in retried.outcomes]
    item = await quarantine.look(ALL, chosen[0])
    assert ("retried", "李明", RECEIVED_AT) == (item.state, item.resolved_by, item.resolved_at)
    changes = store.read_now(lambda snapshot: observations.read(snapshot, 6, 0, 2 * RECEIVED_AT))
    assert [352] == changes.value.tolist()
    batch = store.read_now(
        lambda snapshot: snapshot.first(
            sa.select(tables.batches).where(tables.batches.c.id == item.retried_batch)
        )
    )
    assert batch is not None
    assert (RECEIVED_AT, "device:one (quarantine)") == (batch.received_at, batch.provenance)
    target = f"quarantine/{chosen[0]}"
    assert [("intake.quarantine.retry", target, "李明", 7, "")] == audits(store)


async def test_a_retry_is_idempotent_and_concurrent(
    intake: Intake, quarantine: Quarantine, current: Current, store: Store
) -> None:
    """However often and by however many, an item is taken in once, and all get its outcome."""
    await put(intake, {**GOOD, "datastream": INACTIVE})
    (one,) = await ids(quarantine)
    current.registers = SampleRegisters.of(active=CODES)
    results = await asyncio.gather(
        *(quarantine.retry([one], actor=OFFICER, scope=ALL) for _ in range(8))
    )
    results.append(await quarantine.retry([one], actor=OFFICER, scope=ALL))
    assert {(one,)} == {result.resolved for result in results}
    assert 1 == len({result.outcomes[0].batch for result in results})
    assert {1} == {result.outcomes[0].accepted for result in results}
    assert 1 == len(audits(store))
    count = sa.select(sa.func.count()).select_from(tables.batches)
    assert 2 == store.read_now(lambda snapshot: snapshot.scalar(count))


async def test_a_corrected_text_is_taken_in(intake: Intake, quarantine: Quarantine) -> None:
    """A person may mend the text of one item; what came stays as it came."""
    await put(intake, {**GOOD, "value": "35,2"})
    (one,) = await ids(quarantine)
    broken = await quarantine.retry([one], actor=OFFICER, scope=ALL, corrected=b"{")
    assert "malformed_row" == broken.remaining[0][1].code
    mended = json.dumps(GOOD).encode()
    retried = await quarantine.retry([one], actor=OFFICER, scope=ALL, corrected=mended)
    assert 1 == retried.outcomes[0].accepted
    item = await quarantine.look(ALL, one)
    assert ("retried", json.dumps({**GOOD, "value": "35,2"}).encode()) == (item.state, item.raw)
    await put(intake, {**GOOD, "value": "a"}, {**GOOD, "value": "b"})
    with pytest.raises(IntakeError, match="one item"):
        await quarantine.retry(await ids(quarantine), actor=OFFICER, scope=ALL, corrected=mended)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (["35", "-1"], ("out_of_bounds", "row 2 of the text")),
        (["-1", "-2"], ("out_of_bounds", "row 1 of the text")),
        (["-1"], ("out_of_bounds", "-1 lies outside")),
        ([], ("unreadable", "no rows")),
    ],
)
async def test_a_corrected_row_is_taken_in_whole_or_not_at_all(
    intake: Intake,
    quarantine: Quarantine,
    store: Store,
    text: list[str],
    expected: tuple[str, str],
) -> None:
    """Where one row of a corrected text is wrong, the item remains as it was, and nothing lands."""
    header = "datastream,time,value"
    raw = f"{header}\n{DATASTREAM},{RECEIVED_AT},x".encode()
    await intake.take(Delivery(raw, CSV, "box", RECEIVED_AT), source="test")
    (one,) = before = await ids(quarantine)
    lines = [f"{DATASTREAM},{RECEIVED_AT - at * HOUR},{one}" for at, one in enumerate(text)]
    corrected = "\n".join([header, *lines]).encode()
    tried = await quarantine.retry([one], actor=OFFICER, scope=ALL, corrected=corrected)
    assert ((), ()) == (tried.outcomes, tried.resolved)
    ((left, reason),) = tried.remaining
    assert (one, expected[0]) == (left, reason.code)
    assert expected[1] in reason.message
    assert before == await ids(quarantine)
    assert [] == audits(store)


async def test_of_two_corrections_the_second_is_told_of_the_first(
    intake: Intake, quarantine: Quarantine, store: Store
) -> None:
    """Only who sent the text that was taken in gets its batch, at once or later; the other's is
    not taken in, and is told who came first.
    """
    await put(intake, {**GOOD, "value": "a"})
    (one,) = await ids(quarantine)
    texts = [json.dumps({**GOOD, "value": value}).encode() for value in (35, 36)]
    names = [Actor(kind="person", name=name, account=at) for at, name in enumerate("甲乙")]
    both = await asyncio.gather(
        *(
            quarantine.retry([one], actor=actor, scope=ALL, corrected=text)
            for actor, text in zip(names, texts, strict=True)
        )
    )
    (winner,) = [at for at, tried in enumerate(both) if tried.resolved]
    first, second = both[winner], both[1 - winner]
    assert ((one,), 1, ()) == (first.resolved, len(first.outcomes), first.closed)
    assert ((), (), ()) == (second.outcomes, second.resolved, second.remaining)
    ((closed, why),) = second.closed
    assert (one, "taken_otherwise") == (closed, why.code)
    assert names[winner].name in why.message
    again = await quarantine.retry([one], actor=OFFICER, scope=ALL, corrected=texts[winner])
    assert first.outcomes[0].batch == again.outcomes[0].batch
    plain = await quarantine.retry([one], actor=OFFICER, scope=ALL)
    assert ((), "taken_otherwise") == (plain.outcomes, plain.closed[0][1].code)
    assert 1 == len(audits(store))


async def test_the_tree_of_areas_is_that_of_the_local_day(
    intake: Intake, quarantine: Quarantine, store: Store, clock: StandingClock
) -> None:
    """An area that joins another at local midnight is seen there at once."""
    await put(intake, {**GOOD, "value": -1})
    local_midnight = (RECEIVED_AT // DAY + 2) * DAY - intake.limits.day_offset

    def join(tx: Transaction) -> None:
        day = RECEIVED_AT // DAY + 2
        values = {"code": TOWNSHIP, "valid_from": day, "parent": OTHER_TOWNSHIP}
        tx.execute(sa.insert(tables.area_parents).values(**values))

    await store.write(join)
    seen = []
    for clock.instant in (local_midnight - 1, local_midnight):
        seen.append(
            (
                (await quarantine.find(scope(OTHER_TOWNSHIP)))[1],
                len(await quarantine.count(scope(OTHER_TOWNSHIP))),
            )
        )
    assert [(0, 0), (1, 1)] == seen


@pytest.mark.parametrize(
    "grant",
    [Grant(area=TOWNSHIP), Grant(area=TOWNSHIP, unit="epb"), Grant(unit="other"), Grant()],
    ids=repr,
)
async def test_a_corrected_text_cannot_leave_the_scope(
    intake: Intake, quarantine: Quarantine, observations: Observations, store: Store, grant: Grant
) -> None:
    """Whoever sees an item cannot write with it what lies outside; not even beside good rows."""
    await put(intake, {**GOOD, "value": -1})
    (one,) = await ids(quarantine)
    within = Scope(frozenset({Grant(area=TOWNSHIP), grant}))
    header = "datastream,time,value\n"
    await intake.take(
        Delivery(f"{header}{DATASTREAM},{RECEIVED_AT},x".encode(), CSV, "box", RECEIVED_AT),
        source="test",
    )
    two = (await ids(quarantine))[1]
    for item, text in (
        (one, json.dumps({**GOOD, "datastream": OTHER})),
        (two, f"{header}{DATASTREAM},{RECEIVED_AT},1\n{OTHER},{RECEIVED_AT},1"),
    ):
        tried = await quarantine.retry([item], actor=OFFICER, scope=within, corrected=text.encode())
        assert ((), ()) == (tried.outcomes, tried.resolved)
        ((left, reason),) = tried.remaining
        assert (item, "outside_area", OTHER) == (left, reason.code, reason.value)
    for number in range(1, len(CODES) + 1):
        read = partial(observations.read, datastream=number, start=0, end=2 * RECEIVED_AT)
        stored = store.read_now(read)
        assert 0 == len(stored)
    assert [] == audits(store)
    mended = await quarantine.retry(
        [one], actor=OFFICER, scope=within, corrected=json.dumps(GOOD).encode()
    )
    assert (one,) == mended.resolved


async def test_a_corrected_text_is_utf8_whatever_came(
    intake: Intake, quarantine: Quarantine, current: Current
) -> None:
    """A row that came in GB18030 is corrected in UTF-8, as a browser sends it."""
    current.registers = SampleRegisters.of((*CODES, "奥体中心"), active=(*CODES, "奥体中心"))
    text = f"datastream,time,value\n奥体中心,{RECEIVED_AT},VALUE"
    wire_format = "text/csv; charset=gb18030"
    raw = text.replace("VALUE", "一").encode("gb18030")
    await intake.take(Delivery(raw, wire_format, "box", RECEIVED_AT), source="test")
    (one,) = await ids(quarantine)
    mended = text.replace("VALUE", "1").encode()
    retried = await quarantine.retry([one], actor=OFFICER, scope=ALL, corrected=mended)
    assert [1] == [outcome.accepted for outcome in retried.outcomes]


async def test_a_whole_delivery_is_retried(intake: Intake, quarantine: Quarantine) -> None:
    """An unreadable delivery that was mended is split: good rows are taken in, bad ones kept."""
    fetched = Delivery(b"[{", JSON, "box", RECEIVED_AT, cursor="1")
    await intake.take(fetched, source="test")
    (one,) = await ids(quarantine)
    nothing = await quarantine.retry([one], actor=OFFICER, scope=ALL, corrected=b"[]")
    assert [(one, "unreadable")] == [(left, why.code) for left, why in nothing.remaining]
    mended = json.dumps([GOOD, {**GOOD, "value": -1}]).encode()
    retried = await quarantine.retry([one], actor=OFFICER, scope=ALL, corrected=mended)
    assert (1, 1) == (retried.outcomes[0].accepted, retried.outcomes[0].quarantined)
    (item,), total = await quarantine.find(ALL)
    assert (1, "out_of_bounds", 1) == (total, item.code, item.row)


async def test_a_future_time_is_judged_anew(
    intake: Intake, quarantine: Quarantine, clock: StandingClock
) -> None:
    """A reading from the future can be retried when its time has come."""
    await put(intake, {**GOOD, "time": RECEIVED_AT + DAY})
    (one,) = await ids(quarantine)
    clock.advance(seconds=86_400)
    retried = await quarantine.retry([one], actor=OFFICER, scope=ALL)
    assert (one,) == retried.resolved


async def test_dismissing_needs_a_reason_and_happens_once(
    intake: Intake, quarantine: Quarantine, store: Store
) -> None:
    """A dismissed item stays, is audited with its area, and is not retried any more."""
    await put(intake, {**GOOD, "value": -1})
    (one,) = await ids(quarantine)
    with pytest.raises(IntakeError, match="why"):
        await quarantine.dismiss([one], reason=" ", actor=OFFICER, scope=ALL)
    assert 1 == await quarantine.dismiss([one], reason="仪器故障", actor=OFFICER, scope=ALL)
    assert 0 == await quarantine.dismiss([one], reason="again", actor=OFFICER, scope=ALL)
    item = await quarantine.look(ALL, one)
    assert ("dismissed", "李明") == (item.state, item.resolved_by)
    ((closed, why),) = (await quarantine.retry([one], actor=OFFICER, scope=ALL)).closed
    assert (one, "put_aside") == (closed, why.code)
    entry = ("intake.quarantine.dismiss", f"quarantine/{one}", "李明", 7, TOWNSHIP)
    assert [entry] == audits(store)
    statement = sa.select(tables.audit.c.details)
    details = store.read_now(lambda snapshot: snapshot.scalar(statement))
    assert {"reason": "仪器故障"} == json.loads(details)


async def test_only_so_many_at_once(quarantine: Quarantine) -> None:
    """Nobody resolves nothing, or more than one change can."""
    for wrong in ([], list(range(MOST_AT_ONCE + 1))):
        with pytest.raises(IntakeError, match="at once"):
            await quarantine.retry(wrong, actor=OFFICER, scope=ALL)
        with pytest.raises(IntakeError, match="at once"):
            await quarantine.dismiss(wrong, reason="x", actor=OFFICER, scope=ALL)


async def test_the_export_neutralises_formulas(
    intake: Intake, quarantine: Quarantine, store: Store
) -> None:
    """No cell of an export begins like a formula, and every item is there."""
    starts = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1"]
    await put(intake, *({**GOOD, "datastream": f"{text}"} for text in starts))
    await put(intake, {**GOOD, "flag": "=cmd"}, {**GOOD, "value": -5})
    pages = [page async for page in quarantine.export(ALL, ANY_STATE, actor=OFFICER)]
    text = "".join(pages)
    assert text.startswith("\N{BYTE ORDER MARK}")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert len(starts) + 2 == len(rows)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r＝")]
    assert "'=1+1" in {row["datastream"] for row in rows}
    assert "'-5.0" in {row["value"] for row in rows}
    assert "2023-11-14T22:13:20+00:00" == rows[0]["received_at"]
    assert ("intake.quarantine.export", "quarantine", "李明", 7, "") == audits(store)[0]


async def test_an_export_is_as_wide_as_the_scope(intake: Intake, quarantine: Quarantine) -> None:
    """Who sees one township exports one township."""
    await put(intake, {**GOOD, "value": -1}, {**GOOD, "value": -1, "datastream": OTHER})
    pages = [page async for page in quarantine.export(scope(TOWNSHIP), actor=OFFICER)]
    rows = list(csv.DictReader(io.StringIO("".join(pages)[1:])))
    assert [DATASTREAM] == [row["datastream"] for row in rows]
