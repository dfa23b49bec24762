"""Whether the codes and numbers in a form stand for anything: areas, units, things, persons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.errors import Problem
from county_gov.store.cases import accounts_by_number

if TYPE_CHECKING:
    from county_gov.contract.schema import Field, Schema, Value
    from county_gov.registers import RegisterSnapshot
    from county_gov.store import Store


@frozen(eq=False)
class References:
    """Looks up what the fields of a form refer to.

    Args:
        store: Where accounts are kept.
        registers: Gives the registers as they are now.
        has_record: Whether a dataset has a row of a key.
    """

    store: Store
    registers: Callable[[], RegisterSnapshot]
    has_record: Callable[[str, str], Awaitable[bool]]

    async def problems(self, form: Schema, values: Mapping[str, Value]) -> list[Problem]:
        """A problem for each value that stands for nothing."""
        return [
            Problem(one.name, f"{str(values[one.name])[:60]!r} is not known: choose from the list")
            for one in form.fields
            if one.refers
            and values.get(one.name) is not None
            and not await self._is_known(one, values[one.name])
        ]

    async def _is_known(self, one: Field, value: Value) -> bool:
        registers = self.registers()
        if one.refers == "area":
            return value in registers.areas
        if one.refers == "unit":
            return value in registers.units
        if one.refers == "thing":
            return any(view is not None and view.thing == value for view in registers.views)
        if one.refers == "person":
            number = value if isinstance(value, int) else -1
            return await self.store.read(lambda row: number in accounts_by_number(row, [number]))
        return await self.has_record(one.refers, str(value))
