"""Parameters with the values that a test gives them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from attrs import define, field

from county_gov.contract.parameter import ParameterValue
from county_gov.contract.rule import Citation
from county_gov.contract.schema import Value

TEST = Citation("测试文件", "测〔2026〕1号")


@define(eq=False)
class FakeParameters:
    """What holds, whenever it is asked for.

    Args:
        values: Value by parameter's id, or by "id@code" for one area, thing or choice.
    """

    values: Mapping[str, Value | ParameterValue] = field(factory=dict)

    async def value(
        self, parameter: str, *, area: str = "", subject: str = "", on: date | None = None
    ) -> ParameterValue | None:
        """The value of the thing or choice, else the area's, else the county's, else None."""
        keys = [f"{parameter}@{code}" for code in (subject, area) if code]
        key = next((one for one in (*keys, parameter) if self.values.get(one) is not None), "")
        found = self.values.get(key)
        if found is None or isinstance(found, ParameterValue):
            return found
        own = key.removeprefix(parameter).removeprefix("@")
        of_area, of_subject = (own, "") if own == area else ("", own)
        return ParameterValue(found, date(2026, 1, 1), of_area, TEST, "甲", "乙", of_subject)
