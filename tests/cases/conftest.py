"""The county in which the tests of cases take place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cases.world import World, fill, make_cases

if TYPE_CHECKING:
    from county_gov.store import Store


@pytest.fixture
def world(store: Store) -> World:
    """Give the test county on SQLite."""
    store.submit(fill).result()
    return World(store=store, cases=make_cases(store))


@pytest.fixture
def any_world(any_store: Store) -> World:
    """Give the test county on each supported database."""
    any_store.submit(fill).result()
    return World(store=any_store, cases=make_cases(any_store))
