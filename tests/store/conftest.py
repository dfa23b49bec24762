"""Fixtures of the store's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from county_gov.contract.clock import SystemClock
from county_gov.store import Store, WriterLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from county_gov.store.sqlite import SqliteDatabase


@pytest.fixture
def limited(database: SqliteDatabase) -> Iterator[Store]:
    """Give a store of which little may wait."""
    limits = WriterLimits(waiting=3, waiting_rows=100)
    made = Store(database, SystemClock(), limits=limits)
    made.start()
    yield made
    made.close()
