"""What all tests of the core share: the service and store fixtures, and Hypothesis' profile."""

from __future__ import annotations

from hypothesis import settings

from tests.services import chromium, postgresql, postgresql_database
from tests.store_fixtures import (
    any_database,
    any_store,
    clock,
    database,
    second_postgresql_database,
    store,
)

__all__ = [
    "any_database",
    "any_store",
    "chromium",
    "clock",
    "database",
    "postgresql",
    "postgresql_database",
    "second_postgresql_database",
    "store",
]

# Examples run on shared, noisy cores: how long one takes says nothing about the code.
settings.register_profile("county_gov", deadline=None, print_blob=True)
settings.load_profile("county_gov")
