"""Observations for tests, on SQLite and on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from county_gov.store.observations import Observations

if TYPE_CHECKING:
    from county_gov.store import Store


@pytest.fixture
def observations(store: Store) -> Observations:
    """Give started observations on SQLite; a landing table is full after 40 rows."""
    made = Observations(store, most_rows=40)
    made.start()
    return made


@pytest.fixture
def any_observations(any_store: Store) -> Observations:
    """Give started observations, one test run for each kind of database."""
    made = Observations(any_store, most_rows=40)
    made.start()
    return made
