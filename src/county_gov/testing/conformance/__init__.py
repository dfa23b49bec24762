"""The conformance suite: does a plugin keep the contract?

::

    @pytest.mark.parametrize("check", checks(ReservoirPlugin, CONFIG))
    def test_conformance(check: Check) -> None:
        check()

It needs the extra ``county-gov[testing]``.
"""

from county_gov.testing.conformance.check import Check as Check
from county_gov.testing.conformance.check import Nonconformity as Nonconformity
from county_gov.testing.conformance.check import Result as Result
from county_gov.testing.conformance.check import run as run
from county_gov.testing.conformance.suite import checks as checks
from county_gov.testing.conformance.suite import suite as suite
