"""The county in which the tests of parameters take place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parameters.county import Town, town_of

if TYPE_CHECKING:
    from county_gov.store import Store


@pytest.fixture
async def town(any_store: Store) -> Town:
    """Give the test county on each supported database."""
    return await town_of(any_store)
