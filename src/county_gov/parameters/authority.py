"""Who may see, propose and approve the values of a parameter, and where.

A value for the whole county needs a permission that reaches the whole county. A grant that is
narrowed to a unit or to a person reaches no value: a parameter knows of neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from county_gov.contract.access import Actor, Scope
    from county_gov.contract.context import DatastreamView
    from county_gov.contract.parameter import Parameter

READ_PERMISSION = "core.parameters.read"
"""Sees every parameter, as far as it reaches."""


class Areas(Protocol):
    """What is asked of the register of areas and units."""

    @property
    def areas(self) -> Mapping[str, object]:
        """The areas by code."""
        ...

    @property
    def units(self) -> Mapping[str, object]:
        """The organisation units by code."""
        ...

    def datastreams_at(self, thing: str) -> Sequence[DatastreamView]:
        """The datastreams of a thing; none of an unknown one."""
        ...

    def exists(self, code: str, day: int) -> bool:
        """Whether an area exists on a day (since 1970-01-01)."""
        ...

    def ancestors(self, code: str, day: int) -> tuple[str, ...]:
        """The areas above one on a day, nearest first, without itself."""
        ...

    def lies_within(self, code: str, area: str, day: int) -> bool:
        """Whether an area is another or lies below it on a day."""
        ...


@frozen(eq=False)
class Authority:
    """Decides about actors, by the tree of areas of one day.

    Args:
        areas: The register.
        county: The county's code, which stands for the whole county.
        day: Local day whose tree of areas counts, days since 1970-01-01.
    """

    areas: Areas
    county: str
    day: int

    def place(self, parameter: Parameter, area: str, subject: str) -> str:
        """The area that a value for a target reaches: its thing's, or its own ("" for all)."""
        if parameter.varies_by == "thing" and subject:
            return area_of(self.areas, subject)
        return area

    def may_propose(self, actor: Actor, parameter: Parameter, area: str) -> bool:
        """Whether an actor may propose a value for an area ("" for the county)."""
        return _is_person(actor) and self._reaches(actor.scope(parameter.permission), area)

    def may_approve(self, actor: Actor, parameter: Parameter, area: str) -> bool:
        """Whether an actor may approve or reject a value that somebody else proposed."""
        return _is_person(actor) and self._reaches(actor.scope(parameter.approval_permission), area)

    def reads(self, actor: Actor, parameter: Parameter, area: str) -> bool:
        """Whether a plugin may show an actor what holds in an area ("" for the county)."""
        if actor.kind == "system" or parameter.field.classification == "public":
            return True
        permission = parameter.read_permission
        if not permission:
            return _is_person(actor)
        reached = not area or self._touches(actor.scope(permission), area)
        return (actor.may(permission) and reached) or self.sees(actor, parameter, area)

    def sees_any(self, actor: Actor, parameter: Parameter) -> bool:
        """Whether an actor may know of a parameter."""
        return any(actor.may(one) for one in _reading(parameter))

    def sees(self, actor: Actor, parameter: Parameter, area: str) -> bool:
        """Whether an actor may see an area's values.

        What holds for the whole county, or for an area above one's own, holds for everybody below.
        """
        return any(
            actor.may(one) and (not area or self._touches(actor.scope(one), area))
            for one in _reading(parameter)
        )

    def _reaches(self, scope: Scope, area: str) -> bool:
        code = area or self.county
        return scope.everywhere or any(
            self.areas.lies_within(code, one, self.day) for one in _plain(scope)
        )

    def _touches(self, scope: Scope, area: str) -> bool:
        above = any(self.areas.lies_within(one, area, self.day) for one in _plain(scope))
        return above or self._reaches(scope, area)


def area_of(areas: Areas, thing: str) -> str:
    """The area in which a thing stands; empty for an unknown one."""
    return next((one.area for one in areas.datastreams_at(thing)), "")


def _reading(parameter: Parameter) -> tuple[str, str, str]:
    return READ_PERMISSION, parameter.permission, parameter.approval_permission


def _is_person(actor: Actor) -> bool:
    """The system and devices set nothing: two persons answer for each value."""
    return actor.kind == "person" and actor.account is not None


def _plain(scope: Scope) -> list[str]:
    """The areas of the grants that reach all that is in an area."""
    return [
        one.area
        for one in scope.grants
        if one.area is not None and one.unit is None and one.person is None
    ]
