"""An intake on a store with a few datastreams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from county_gov.intake.intake import Intake
from county_gov.intake.quarantine import Quarantine
from county_gov.store.observations import Observations
from tests.intake.bad_inputs import RECEIVED_AT
from tests.intake.sample_registers import SampleRegisters, put_registers

if TYPE_CHECKING:
    from county_gov.store import Store
    from tests.store_fixtures import StandingClock


@pytest.fixture
def observations(store: Store) -> Observations:
    """Give where readings land."""
    made = Observations(store)
    made.start()
    return made


class Current:
    """Registers that a test can change."""

    def __init__(self) -> None:
        self.registers = SampleRegisters.of()

    def __call__(self) -> SampleRegisters:
        """The registers now."""
        return self.registers


@pytest.fixture
def current() -> Current:
    """Give registers that can be changed."""
    return Current()


@pytest.fixture
def intake(
    store: Store, observations: Observations, current: Current, clock: StandingClock
) -> Intake:
    """Give an intake whose clock stands at the instant of the sample inputs."""
    clock.instant = RECEIVED_AT
    put_registers(store)
    return Intake(store, observations, current, clock)


@pytest.fixture
def quarantine(intake: Intake) -> Quarantine:
    """Give the intake's quarantine."""
    return Quarantine(intake)
