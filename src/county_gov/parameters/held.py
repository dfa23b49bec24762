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

Values = Mapping[str, tuple["Proposal", ...]]
"""Area's code ("" for the county) to what was approved, one for each day, by day."""

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
        latest: dict[str, dict[str, dict[int, Proposal]]] = {}
        for one in sorted(approved, key=lambda one: one.approval or 0):
            latest.setdefault(one.parameter, {}).setdefault(one.area, {})[one.effective_from] = one
        return cls(
            version,
            {
                parameter: {
                    area: tuple(days[day] for day in sorted(days)) for area, days in areas.items()
                }
                for parameter, areas in latest.items()
            },
        )

    def of_area(self, parameter: str, area: str) -> tuple[Proposal, ...]:
        """An area's own values by the day from which they hold."""
        return self.values.get(parameter, NOTHING).get(area, ())

    def in_force(self, parameter: str, area: str, day: int) -> Proposal | None:
        """What was approved last for an area itself by a day; it may end the area's own value."""
        own = self.of_area(parameter, area)
        begun = bisect_right(own, day, key=_first_day)
        return own[begun - 1] if begun else None

    def after(self, parameter: str, area: str, day: int) -> tuple[Proposal, ...]:
        """What comes later for an area itself, by day."""
        own = self.of_area(parameter, area)
        return own[bisect_right(own, day, key=_first_day) :]

    def value(
        self, parameter: Parameter, area: str, day: int, areas: Areas
    ) -> ParameterValue | None:
        """The value that holds for an area on a day.

        The nearest area upward that has a value counts, then the whole county's, then the default.

        Args:
            parameter: As its plugin declares it now.
            area: Code of the area; empty for the whole county.
            day: Local day, days since 1970-01-01.
            areas: The register, for the areas above.

        Returns:
            None where there is none, or where what was approved does not fit the field any more:
            then it cannot be determined, and nothing else takes its place.
        """
        for code in self._way_up(parameter, area, day, areas):
            found = self.in_force(parameter.id, code, day)
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

    def _way_up(self, parameter: Parameter, area: str, day: int, areas: Areas) -> Sequence[str]:
        own = self.values.get(parameter.id, NOTHING)
        if not (area and parameter.per_area and any(own)):
            return ("",)
        return (area, *areas.ancestors(area, day), "")


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
    )


def _first_day(proposal: Proposal) -> int:
    return proposal.effective_from
