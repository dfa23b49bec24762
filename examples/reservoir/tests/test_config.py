"""What county.toml may say of the reservoir plugin."""

from __future__ import annotations

import pytest

from county_gov.api import DeploymentError
from county_gov.testing import configuration
from county_gov_reservoir.config import ReservoirConfig


def test_nothing_need_be_said() -> None:
    """Every setting has a default."""
    assert ReservoirConfig() == configuration(ReservoirConfig, {})


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"patrol_hours": 0}, "patrol_hours"),
        ({"patrol_hours": 2.5}, "patrol_hours"),
        ({"report_time": "8:00"}, "report_time"),
        ({"report_time": "24:00"}, "report_time"),
        ({"heavy_rain_mm": -1.0}, "heavy_rain_mm"),
        ({"chart_hour": 3}, "chart_hours"),
    ],
)
def test_mistakes_name_their_place(given: dict[str, object], place: str) -> None:
    """Each mistake names the setting, or the one that was probably meant."""
    with pytest.raises(DeploymentError, match=place):
        configuration(ReservoirConfig, given)
