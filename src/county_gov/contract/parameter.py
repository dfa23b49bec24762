"""Parameters: values that the county sets, from a day on, under a document number.

A value that one person proposes holds only once a second one has approved it:

    Parameter(
        id="reservoir.flood_limit",
        title=Text(zh="汛限水位", en="Flood limit level"),
        field=Field("level", "float64", Text(zh="水位", en="Level"), unit="m", decimals=2),
        permission="reservoir.limits.propose",
        approval_permission="reservoir.limits.approve",
        per_area=True,
    )
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from county_gov.contract.rule import Citation
from county_gov.errors import ContractError

if TYPE_CHECKING:
    from county_gov.contract.schema import Field, Value
    from county_gov.contract.text import Text


@frozen(eq=False)
class Parameter:
    """Something that the county sets; the core makes its settings page.

    Seasonal limits are values entered ahead: one from the first of June, the next from the first
    of September.

    Args:
        id: Prefixed by the plugin.
        title: What it is called.
        field: Type, unit, bounds and decimals of its value.
        permission: Who may propose a value.
        approval_permission: Who may approve it; never the person who proposed it.
        per_area: Whether areas may have values of their own; the nearest area upward counts.
        default: Value before any is approved; None means that there is none, and what needs it
            cannot be determined.
        citation: Where the default comes from.
        read_permission: Who is shown its values by pages, commands and endpoints, beside who may
            propose or approve them: for the areas that it reaches and all above. Empty: everybody
            with an account. Where the field is classified "public", anybody.

    Raises:
        ContractError: if a permission is missing.
    """

    id: str
    title: Text
    field: Field
    permission: str
    approval_permission: str
    per_area: bool = False
    default: Value = None
    citation: Citation | None = None
    read_permission: str = ""

    def __attrs_post_init__(self) -> None:
        if not (self.permission and self.approval_permission):
            raise ContractError(f"parameter {self.id}: name permission and approval_permission")


@frozen(eq=False)
class ParameterValue:
    """A value that holds.

    Args:
        value: The value.
        effective_from: First local day on which it holds; None for a default.
        area: Area that it was set for; empty for the whole county.
        citation: Document, number and article that it was set by.
        proposed_by, approved_by: Who did.
    """

    value: Value
    effective_from: date | None
    area: str
    citation: Citation
    proposed_by: str = ""
    approved_by: str = ""


class ParameterReader(Protocol):
    """What holds, where and when."""

    async def value(
        self, parameter: str, *, area: str = "", on: date | None = None
    ) -> ParameterValue | None:
        """The value that holds in an area on a local day, or None where none does.

        Args:
            parameter: Id of a parameter of any enabled plugin.
            area: Code of the area that is asked for; empty means the whole county.
            on: The local day; None means today.

        Raises:
            NotFound: if there is no such parameter, or not for who reads.
        """
        ...
