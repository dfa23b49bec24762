"""The values that hold: immutable, at one version, looked up without reading anything."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import structlog
from attrs import frozen

from county_gov.contract.parameter import ParameterValue
from county_gov.contract.rule import Citation
from county_gov.contract.values import EPOCH_DAY, ValueRefused, check_value

if TYPE_CHECKING:
    from county_gov.contract.parameter import Parameter
    from county_gov.parameters.authority import Areas
    from county_gov.store.parameters import Proposal

log = structlog.get_logger(__name__)

Target = tuple[str, str]
"""Area's code ("" for the county), and the thing or choice ("" for all)."""
COUNTY: Target = ("", "")
Values = Mapping[Target, tuple["Proposal", ...]]
"""What a value is for, to what was approved, one for each day, by day."""

NOTHING: Values = {}


@frozen(eq=False)
class Held:
    """All approved values at one version.

    Args:
        version: How many approvals there were.
        values: Parameter's id to its values.
    """

    version: int
    values: Mapping[str, Values]

    @classmethod
    def of(cls, version: int, approved: Iterable[Proposal]) -> Held:
        """Lay approved proposals out; of several for the same day the one approved last counts."""
        latest: dict[str, dict[Target, dict[int, Proposal]]] = {}
        for one in sorted(approved, key=lambda one: one.approval or 0):
            own = latest.setdefault(one.parameter, {}).setdefault(target_of(one), {})
            own[one.effective_from] = one
        return cls(
            version,
            {
                parameter: {
                    target: tuple(days[day] for day in sorted(days))
                    for target, days in targets.items()
                }
                for parameter, targets in latest.items()
            },
        )

    def own(self, parameter: str, target: Target) -> tuple[Proposal, ...]:
        """The values of a target itself, by the day from which they hold."""
        return self.values.get(parameter, NOTHING).get(target, ())

    def in_force(self, parameter: str, target: Target, day: int) -> Proposal | None:
        """What was approved last for a target itself by a day; it may end its own value."""
        own = self.own(parameter, target)
        begun = bisect_right(own, day, key=_first_day)
        return own[begun - 1] if begun else None

    def after(self, parameter: str, target: Target, day: int) -> tuple[Proposal, ...]:
        """What comes later for a target itself, by day."""
        own = self.own(parameter, target)
        return own[bisect_right(own, day, key=_first_day) :]

    def value(
        self, parameter: Parameter, target: Target, day: int, areas: Areas
    ) -> ParameterValue | None:
        """The value that holds for a target on a day.

        The thing's or the choice's own value counts, then that of the nearest area upward that has
        one, then the whole county's, then the default.

        Args:
            parameter: As its plugin declares it now.
            target: The area, and the thing or choice.
            day: Local day, days since 1970-01-01.
            areas: The register, for the areas above.

        Returns:
            None where there is none, or where what was approved does not fit the field any more:
            then it cannot be determined, and nothing else takes its place.
        """
        for one in self._way_up(parameter, target, day, areas):
            found = self.in_force(parameter.id, one, day)
            if found is not None and found.value is not None:
                if (wrong := misfit(parameter, found)) is not None:
                    log.warning(
                        "parameter cannot be determined",
                        parameter=parameter.id,
                        proposal=found.number,
                        problem=wrong,
                    )
                    return None
                return approved_value(found)
        if parameter.default is None:
            return None
        citation = parameter.citation or Citation("")
        return ParameterValue(parameter.default, None, "", citation)

    def _way_up(
        self, parameter: Parameter, target: Target, day: int, areas: Areas
    ) -> Sequence[Target]:
        area, subject = target
        own = self.values.get(parameter.id, NOTHING)
        found = [("", subject)] if subject and ("", subject) in own else []
        if area and parameter.by_area and any(code for code, _ in own):
            found += [(code, "") for code in (area, *areas.ancestors(area, day))]
        return (*found, COUNTY)


def target_of(proposal: Proposal) -> Target:
    """What a proposed value is for."""
    return proposal.area, proposal.subject


def misfit(parameter: Parameter, proposal: Proposal) -> str | None:
    """Why a proposed value does not fit the parameter's field as it is declared now, or None."""
    field = parameter.field
    if proposal.value is None:
        return None
    if proposal.unit != field.unit:
        return f"was set in {proposal.unit or 'no unit'}, and is now asked for in {field.unit!r}"
    try:
        check_value(field, proposal.value)
    except ValueRefused as refused:
        return str(refused)
    return None


def approved_value(proposal: Proposal) -> ParameterValue:
    """An approved proposal as plugins see it."""
    first = date.fromordinal(proposal.effective_from + EPOCH_DAY)
    return ParameterValue(
        value=proposal.value,
        effective_from=first,
        area=proposal.area,
        citation=Citation(
            document=proposal.document,
            number=proposal.document_number,
            article=proposal.article,
            effective_from=first,
            jurisdiction=proposal.area,
        ),
        proposed_by=proposal.proposed_by,
        approved_by=proposal.decided_by,
        subject=proposal.subject,
    )


def _first_day(proposal: Proposal) -> int:
    return proposal.effective_from
