"""A few datastreams, in memory and as rows of the registers' tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.batch import Bools, Float64s, Int64s
from county_gov.contract.clock import DAY, HOUR
from county_gov.store import tables
from tests.intake.bad_inputs import DATASTREAM, INACTIVE

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction

DAILY = "test.daily"
"""A datastream with a period of a day and two decimals."""

IRREGULAR = "test.irregular"
"""A datastream without a period, with no decimals and open bounds."""

OTHER = "test.other"
"""As `DATASTREAM`, in the other township."""

TOWNSHIP, OTHER_TOWNSHIP, COUNTY = "990101001", "990101002", "990101"
CODES = (DATASTREAM, DAILY, IRREGULAR, OTHER, INACTIVE)


@frozen(eq=False)
class SampleRegisters:
    """The datastreams numbered from 1 in the order of ``codes``."""

    numbers: Mapping[str, int]
    period: Int64s
    decimals: Int64s
    minimum: Float64s
    maximum: Float64s
    active: Bools
    version: int = 1

    @classmethod
    def of(
        cls, codes: tuple[str, ...] = CODES, *, active: tuple[str, ...] = CODES[:4]
    ) -> SampleRegisters:
        """Make them; a code that is none of this module's is hourly with one decimal."""
        period = {DAILY: DAY, IRREGULAR: 0}
        decimals = {DAILY: 2, IRREGULAR: 0}
        bounded = [code != IRREGULAR for code in codes]
        return cls(
            numbers={code: number for number, code in enumerate(codes, 1)},
            period=np.array([0, *(period.get(code, HOUR) for code in codes)]),
            decimals=np.array([0, *(decimals.get(code, 1) for code in codes)]),
            minimum=np.array([-np.inf, *(0.0 if one else -np.inf for one in bounded)]),
            maximum=np.array([np.inf, *(1000.0 if one else np.inf for one in bounded)]),
            active=np.array([False, *(code in active for code in codes)]),
        )

    def number(self, code: str) -> int:
        """The number, or -1."""
        return self.numbers.get(code, -1)

    def datastreams_of(self, thing: str) -> Mapping[str, str]:
        """Nothing is known of things here."""
        return {}


def put_registers(store: Store) -> None:
    """Put the datastreams into the tables, `OTHER` in another township than the rest."""
    samples = SampleRegisters.of()

    def put(tx: Transaction) -> None:
        for code, parent in ((COUNTY, None), (TOWNSHIP, COUNTY), (OTHER_TOWNSHIP, COUNTY)):
            tx.execute(sa.insert(tables.areas).values(code=code, kind="township", name=code))
            values = {"code": code, "valid_from": 0, "parent": parent}
            tx.execute(sa.insert(tables.area_parents).values(**values))
        for number, area in ((1, TOWNSHIP), (2, OTHER_TOWNSHIP)):
            thing = {"number": number, "code": f"thing{number}", "name": "站", "unit": "epb"}
            tx.execute(sa.insert(tables.things).values(**thing, area=area))
        for number, code in enumerate(CODES, 1):
            tx.execute(
                sa.insert(tables.datastreams).values(
                    number=number,
                    code=code,
                    thing=2 if code == OTHER else 1,
                    observed_property="pm25",
                    name=code,
                    unit_symbol="ug/m3",
                    period=samples.period.item(number),
                    decimals=samples.decimals.item(number),
                )
            )

    store.submit(put).result(timeout=30)
