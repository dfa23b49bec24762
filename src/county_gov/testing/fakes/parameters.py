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
        values: Value by parameter's id, or by "id@area" for one area.
    """

    values: Mapping[str, Value | ParameterValue] = field(factory=dict)

    async def value(
        self, parameter: str, *, area: str = "", on: date | None = None
    ) -> ParameterValue | None:
        """The value of the area, else the county's, else None."""
        found = self.values.get(f"{parameter}@{area}", self.values.get(parameter))
        if found is None or isinstance(found, ParameterValue):
            return found
        held = area if f"{parameter}@{area}" in self.values else ""
        return ParameterValue(found, date(2026, 1, 1), held, TEST, "甲", "乙")
