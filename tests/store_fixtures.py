"""Stores for tests: ``store`` is SQLite; ``any_store`` runs a test on every supported database.

A test that asks for ``any_store`` (or ``any_database``) runs twice: on SQLite, and, marked
``service``, on PostgreSQL. See tests/store/README.md.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from attrs import define
from sqlalchemy.pool import NullPool

from county_gov.contract.clock import MICROSECONDS
from county_gov.store import Store, open_database
from county_gov.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from county_gov.store.database import Database

__all__ = [
    "any_database",
    "any_store",
    "clock",
    "database",
    "second_postgresql_database",
    "store",
]

START = 1_700_000_000 * MICROSECONDS
"""2023-11-14T22:13:20Z, where the tests' clock stands until it is moved."""


@define
class StandingClock:
    """A clock that stands until a test moves it."""

    instant: int = START

    def now(self) -> int:
        """The instant, microseconds UTC."""
        return self.instant

    def advance(self, *, seconds: float) -> None:
        """Move the clock on."""
        self.instant += round(seconds * MICROSECONDS)


@pytest.fixture
def clock() -> StandingClock:
    """Give a clock that stands at 2023-11-14T22:13:20Z."""
    return StandingClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """Give an SQLite database with all tables."""
    made = SqliteDatabase(f"sqlite:///{tmp_path / 'county.db'}")
    made.create_tables()
    yield made
    made.close()


@pytest.fixture
def store(database: SqliteDatabase, clock: StandingClock) -> Iterator[Store]:
    """Give a started store on SQLite."""
    made = Store(database, clock)
    made.start()
    yield made
    made.close()


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)],
)
def any_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give a database with all tables, one test run for each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    made = open_database(request.getfixturevalue("postgresql_database"))
    made.create_tables()
    yield made
    made.close()


@pytest.fixture
def second_postgresql_database(postgresql: str) -> Iterator[str]:
    """Give the URL of another empty database beside ``postgresql_database``, and drop it."""
    server = sa.make_url(postgresql)
    name = f"second_{secrets.token_hex(8)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def any_store(any_database: Database, clock: StandingClock) -> Iterator[Store]:
    """Give a started store, one test run for each kind of database."""
    made = Store(any_database, clock)
    made.start()
    yield made
    made.close()
