"""What plugins' own tests are given."""

from __future__ import annotations

import pytest
from attrs import frozen

from county_gov.api import DeploymentError
from county_gov.testing import SetClock, configuration


@frozen
class Config:
    limit: float


def test_a_configuration_is_checked_as_in_a_deployment() -> None:
    """Good data gives the object, a mistake is named with its place."""
    assert Config(3.0) == configuration(Config, {"limit": 3})
    with pytest.raises(DeploymentError, match=r"config\.limit: expected a number, got '3'"):
        configuration(Config, {"limit": "3"})


def test_a_set_clock_stands() -> None:
    """It tells what it was set to, until it is moved."""
    clock = SetClock(5)

    assert 5 == clock.now()
    clock.at = 6
    assert 6 == clock.now()
