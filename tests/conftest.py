"""What all tests of the core share: the service fixtures and Hypothesis' profile."""

from __future__ import annotations

from hypothesis import settings

from tests.services import chromium, postgresql, postgresql_database

__all__ = ["chromium", "postgresql", "postgresql_database"]

# Examples run on shared, noisy cores: how long one takes says nothing about the code.
settings.register_profile("county_gov", deadline=None, print_blob=True)
settings.load_profile("county_gov")
