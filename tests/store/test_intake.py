"""Batches, cursors and the quarantine on every supported database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import sqlalchemy as sa
from attrs import evolve

from county_gov.contract.access import Grant, Scope
from county_gov.contract.clock import HOUR
from county_gov.store import tables
from county_gov.store.intake import (
    BatchRow,
    QuarantineFilter,
    QuarantineRow,
    count_by_code,
    count_quarantined,
    find_quarantined,
    insert_batch,
    insert_quarantine,
    read_batch,
    read_cursor,
    resolve,
    set_counts,
    set_cursor,
    still_open,
)

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction
    from tests.store_fixtures import StandingClock

ALL = Scope.everything()
BATCH = BatchRow("018b", "core.http", "application/json", "device:a", 5, accepted=3, quarantined=2)
ROW = QuarantineRow(4, "out_of_bounds", "为负", "value", "-1", "d1", b"\x00\xff{}", "text/csv")


def put(store: Store, *rows: QuarantineRow) -> int:
    """A batch with quarantined rows; gives its number."""

    def change(tx: Transaction) -> int:
        number = insert_batch(tx, evolve(BATCH, key=str(uuid4())))
        insert_quarantine(tx, number, BATCH, rows)
        return number

    return store.submit(change).result(timeout=30)


def find(store: Store, scope: Scope = ALL, **wanted: str) -> list[int]:
    """Ids of the items of a filter within a scope."""
    chosen = QuarantineFilter(**wanted)
    items = store.read_now(
        lambda snapshot: find_quarantined(snapshot, scope, chosen, day=0, limit=100)
    )
    total = store.read_now(lambda snapshot: count_quarantined(snapshot, scope, chosen, day=0))
    assert total == len(items)
    return [item.id for item in items]


def test_a_batch_is_read_back(any_store: Store) -> None:
    """Numbers differ, counts can be set once more, the instant is the commit's."""
    first = any_store.submit(lambda tx: insert_batch(tx, BATCH)).result(timeout=30)
    second = any_store.submit(lambda tx: insert_batch(tx, evolve(BATCH, key="b"))).result(
        timeout=30
    )
    assert first != second
    assert BATCH == any_store.read_now(lambda snapshot: read_batch(snapshot, first))
    any_store.submit(lambda tx: set_counts(tx, first, accepted=1, duplicate=1, revised=1)).result(
        timeout=30
    )
    expected = evolve(BATCH, accepted=1, duplicate=1, revised=1)
    assert expected == any_store.read_now(lambda snapshot: read_batch(snapshot, first))
    assert any_store.read_now(lambda snapshot: read_batch(snapshot, 999)) is None


def test_a_cursor_is_replaced(any_store: Store) -> None:
    """A source has one cursor: the last one set."""
    assert any_store.read_now(lambda snapshot: read_cursor(snapshot, "a")) is None
    for cursor in ("1", "2"):
        any_store.submit(partial(set_cursor, source="a", cursor=cursor)).result(timeout=30)
    assert "2" == any_store.read_now(lambda snapshot: read_cursor(snapshot, "a"))


def test_a_quarantined_row_is_read_back(any_store: Store) -> None:
    """Everything of a row comes back as it was put in, any bytes included."""
    number = put(any_store, ROW)
    (item,) = any_store.read_now(
        lambda snapshot: find_quarantined(
            snapshot, ALL, QuarantineFilter(), day=0, limit=9, raw_bytes=-1
        )
    )
    assert ROW == QuarantineRow(
        item.row,
        item.code,
        item.message,
        item.field,
        item.value,
        item.datastream,
        item.raw,
        item.wire_format,
    )
    assert (number, "core.http", "device:a", 5) == (
        item.batch,
        item.source,
        item.provenance,
        item.received_at,
    )
    assert ("open", None, "", None, None) == (
        item.state,
        item.retried_batch,
        item.resolved_by,
        item.resolved_at,
        item.area,
    )


def test_a_list_gives_the_beginning_of_raw_texts(any_store: Store) -> None:
    """Long raw texts are cut in lists; an item without a row number is allowed."""
    put(any_store, evolve(ROW, raw=b"x" * 10_000, row=None))
    (item,) = any_store.read_now(
        lambda snapshot: find_quarantined(
            snapshot, ALL, QuarantineFilter(), day=0, limit=9, raw_bytes=7
        )
    )
    assert (b"x" * 7, None) == (item.raw, item.row)


def test_filters_and_counts(any_store: Store) -> None:
    """Each filter narrows; counts go by source and code."""
    put(any_store, ROW, evolve(ROW, code="unknown_flag"), evolve(ROW, datastream="d2"))
    first, second, third = sorted(find(any_store))
    assert [second] == find(any_store, code="unknown_flag")
    assert [third] == find(any_store, datastream="d2")
    assert [] == find(any_store, source="other")
    assert [] == find(any_store, state="retried")
    counts = any_store.read_now(lambda snapshot: count_by_code(snapshot, ALL, day=0))
    assert {("core.http", "out_of_bounds"): 2, ("core.http", "unknown_flag"): 1} == counts
    older = any_store.read_now(
        lambda snapshot: find_quarantined(
            snapshot, ALL, QuarantineFilter(), day=0, limit=1, before=third
        )
    )
    assert [second] == [item.id for item in older]
    assert first < second


def test_an_open_row_is_kept_once(any_store: Store) -> None:
    """What is sent again while it is open is the same item; another row or reason is another."""
    put(any_store, ROW, evolve(ROW, row=5))
    first, second = sorted(find(any_store))
    put(any_store, ROW, evolve(ROW, row=5), evolve(ROW, code="unknown_flag"))
    found = sorted(find(any_store))
    assert [first, second] == found[:2]
    assert 3 == len(found)
    any_store.submit(lambda tx: resolve(tx, [first], "dismissed", by="x")).result(timeout=30)
    put(any_store, ROW)
    assert 3 == len(find(any_store))
    assert [first] == find(any_store, state="dismissed")


def test_items_are_resolved_once(any_store: Store, clock: StandingClock) -> None:
    """What is resolved is no longer open, and says by whom, when and in which batch."""
    put(any_store, ROW, evolve(ROW, row=5))
    second, first = find(any_store)

    def change(tx: Transaction) -> frozenset[int]:
        opened = still_open(tx, [first, second, 999])
        resolve(tx, [first], "retried", by="李明", batch=8)
        return opened

    assert {first, second} == any_store.submit(change).result(timeout=30)
    assert [second] == find(any_store)
    assert [first] == find(any_store, state="retried")
    left = any_store.submit(lambda tx: still_open(tx, [first, second])).result(timeout=30)
    assert {second} == left
    (item,) = any_store.read_now(
        lambda snapshot: find_quarantined(
            snapshot, ALL, QuarantineFilter(), day=0, limit=1, ids=[first]
        )
    )
    assert (8, "李明", clock.now()) == (item.retried_batch, item.resolved_by, item.resolved_at)


@pytest.mark.parametrize(("area", "expected"), [("1", 2), ("11", 1), ("12", 1), ("13", 0)])
def test_items_lie_in_the_area_of_their_datastream(
    any_store: Store, area: str, expected: int
) -> None:
    """A scope reaches the items of the datastreams below its areas, and none of an unknown one."""

    def registers(tx: Transaction) -> None:
        for code, parent in (("1", None), ("11", "1"), ("12", "1"), ("13", "1")):
            values = {"code": code, "valid_from": 0, "parent": parent}
            tx.execute(sa.insert(tables.area_parents).values(**values))
        for number in (1, 2):
            thing = {"number": number, "code": f"t{number}", "name": "站", "unit": "u"}
            tx.execute(sa.insert(tables.things).values(**thing, area=f"1{number}"))
            tx.execute(
                sa.insert(tables.datastreams).values(
                    number=number,
                    code=f"d{number}",
                    thing=number,
                    observed_property="pm25",
                    name="x",
                    unit_symbol="ug/m3",
                    period=HOUR,
                    decimals=1,
                )
            )

    any_store.submit(registers).result(timeout=30)
    put(any_store, ROW, evolve(ROW, datastream="d2"), evolve(ROW, datastream="nothing"))
    scope = Scope(frozenset({Grant(area=area)}))
    assert expected == len(find(any_store, scope))
    assert 3 == len(find(any_store))
    counts = any_store.read_now(lambda snapshot: count_by_code(snapshot, scope, day=0))
    assert expected == sum(counts.values())
