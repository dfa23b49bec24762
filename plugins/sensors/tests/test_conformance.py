"""The bundled plugin keeps the contract."""

from __future__ import annotations

import pytest

from county_gov.testing.conformance import Check, checks
from county_gov_sensors import SensorsPlugin


@pytest.mark.parametrize("check", checks(SensorsPlugin))
def test_conformance(check: Check) -> None:
    """Each contribution, asked each question."""
    check()
