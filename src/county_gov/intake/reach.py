"""Within whose reach readings lie: what a person may write, and on which day's tree of areas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from county_gov.contract.clock import DAY
from county_gov.store.registers import first_outside

if TYPE_CHECKING:
    from county_gov.contract.access import Scope
    from county_gov.intake.intake import Intake
    from county_gov.store.observations.rows import Readings


def today(intake: Intake) -> int:
    """The county's local day, days since 1970-01-01."""
    return (intake.clock.now() + intake.limits.day_offset) // DAY


async def outside_of(scope: Scope, readings: Readings, intake: Intake) -> str:
    """Code of a datastream that readings name and a scope does not reach; empty if there is none.

    It costs one look-up for all rows of a datastream.

    Args:
        scope: What the actor may write.
        readings: Validated rows.
        intake: Whose registers and day count.
    """
    if scope.everywhere or not len(readings):
        return ""
    numbers = np.unique(readings.datastream).tolist()
    find = partial(first_outside, scope=scope, numbers=numbers, day=today(intake))
    return await intake.store.read(find)
