"""The store fixtures give what they promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store import Store
    from tests.store_fixtures import StandingClock


def test_a_store_writes_and_reads(any_store: Store) -> None:
    """What was written is read."""
    row = {"plugin": "sensors", "key": "seen", "value": "1"}
    any_store.submit(lambda tx: tx.execute(sa.insert(tables.plugin_notes), [row])).result(30)
    expected = [("sensors", "seen", "1")]
    rows = any_store.read_now(lambda snapshot: snapshot.rows(sa.select(tables.plugin_notes)))
    assert expected == [tuple(row) for row in rows]


def test_the_clock_gives_a_change_its_instant(store: Store, clock: StandingClock) -> None:
    """A commit's instant comes from the clock that the test moves."""
    clock.advance(seconds=1)
    assert clock.instant == store.submit(lambda tx: tx.at).result(30)
