"""The plugin keeps the rules of the house."""

from __future__ import annotations

import pytest

from county_gov.testing.conformance import Check, checks
from county_gov_reservoir import ReservoirPlugin


@pytest.mark.parametrize("check", checks(ReservoirPlugin))
def test_conformance(check: Check) -> None:
    """Each contribution, asked each question."""
    check()
