"""Parameters: values that the county sets, from a day on, under a document number.

A value that one person proposes holds only once a second one has approved it:

    Parameter(
        id="reservoir.flood_limit",
        title=Text(zh="汛限水位", en="Flood limit level"),
        field=Field("level", "float64", Text(zh="水位", en="Level"), unit="m", decimals=2),
        permission="reservoir.limits.propose",
        approval_permission="reservoir.limits.approve",
        varies_by="thing",
    )

A limit that differs by class, such as the functional zones of noise, varies by a choice:

    Parameter(
        id="noise.night_limit",
        title=Text(zh="夜间噪声限值", en="Night limit of noise"),
        field=Field("level", "float64", Text(zh="等效声级", en="L_eq"), unit="dB(A)", decimals=1),
        permission="noise.limits.propose",
        approval_permission="noise.limits.approve",
        varies_by=(("1", Text(zh="1类", en="Zone 1")), ("2", Text(zh="2类", en="Zone 2"))),
    )
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

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
        varies_by: What may have a value of its own: "area", of which the nearest one upward
            counts; "thing", before its areas; or one of some choices, each with its words. Empty
            for one value in the whole county.
        default: Value before any is approved; None means that there is none, and what needs it
            cannot be determined.
        citation: Where the default comes from.
        read_permission: Who is shown its values by pages, commands and endpoints, beside who may
            propose or approve them: for the areas that it reaches and all above. Empty: everybody
            with an account. Where the field is classified "public", anybody.

    Raises:
        ContractError: if a permission is missing, or it varies by nothing that is known.
    """

    id: str
    title: Text
    field: Field
    permission: str
    approval_permission: str
    varies_by: Literal["", "area", "thing"] | tuple[tuple[str, Text], ...] = ""
    default: Value = None
    citation: Citation | None = None
    read_permission: str = ""

    def __attrs_post_init__(self) -> None:
        if not (self.permission and self.approval_permission):
            raise ContractError(f"parameter {self.id}: name permission and approval_permission")
        if isinstance(self.varies_by, str) and self.varies_by not in {"", "area", "thing"}:
            raise ContractError(
                f"parameter {self.id}: varies_by: expected 'area', 'thing' or choices, got"
                f" {self.varies_by!r}"
            )
        values = [value for value, _ in self.choices]
        if not all(values) or len(values) != len(set(values)):
            raise ContractError(
                f"parameter {self.id}: varies_by: expected each choice once: {values}"
            )

    @property
    def by_area(self) -> bool:
        """Whether areas may have values of their own."""
        return self.varies_by in {"area", "thing"}

    @property
    def choices(self) -> tuple[tuple[str, Text], ...]:
        """The choices by which it varies, with their words."""
        return () if isinstance(self.varies_by, str) else self.varies_by


@frozen(eq=False)
class ParameterValue:
    """A value that holds.

    Args:
        value: The value.
        effective_from: First local day on which it holds; None for a default.
        area: Area that it was set for; empty for the whole county.
        subject: Thing or choice that it was set for; empty for all.
        citation: Document, number and article that it was set by.
        proposed_by, approved_by: Who did.
    """

    value: Value
    effective_from: date | None
    area: str
    citation: Citation
    proposed_by: str = ""
    approved_by: str = ""
    subject: str = ""


class ParameterReader(Protocol):
    """What holds, where and when."""

    async def value(
        self, parameter: str, *, area: str = "", subject: str = "", on: date | None = None
    ) -> ParameterValue | None:
        """The value that holds on a local day, or None where none does.

        Args:
            parameter: Id of a parameter of any enabled plugin.
            area: Code of the area that is asked for; empty means the whole county.
            subject: For a parameter that varies by thing the thing's code, whose area need not be
                given; for one that varies by a choice the choice.
            on: The local day; None means today.

        Raises:
            NotFound: if there is no such parameter, or not for who reads.
        """
        ...
