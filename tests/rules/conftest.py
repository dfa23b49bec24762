"""A store whose tables are there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from county_gov.contract.clock import SystemClock
from county_gov.store import Store, open_database
from county_gov.store.sqlite import SqliteDatabase


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A started store that the tests of a module share; each empties what it uses."""
    path = tmp_path_factory.mktemp("store") / "county.db"
    database = open_database(f"sqlite:///{path}")
    assert isinstance(database, SqliteDatabase)
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    yield store
    store.close()
