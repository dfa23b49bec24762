"""Here the county that is browsed has reservoirs."""

from __future__ import annotations

import pytest

from tests.browser.reservoir.county import set_up_reservoirs
from tests.browser.site import Template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Set the county up once; each module serves a copy of its folder."""
    return set_up_reservoirs(tmp_path_factory.mktemp("county-with-reservoirs"))
