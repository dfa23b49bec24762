"""What a value can be for: the county, an area, a thing or a choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.errors import Problem
from county_gov.parameters.authority import area_of

if TYPE_CHECKING:
    from county_gov.contract.parameter import Parameter
    from county_gov.parameters.authority import Areas
    from county_gov.store.parameters import Draft


def target_problems(parameter: Parameter, draft: Draft, areas: Areas, day: int) -> list[Problem]:
    """Why a value cannot be set for what a draft names.

    Args:
        parameter: As its plugin declares it now.
        draft: What is proposed, or was and waits to be approved.
        areas: The register.
        day: Local day on which the area has to exist, days since 1970-01-01.
    """
    problems: list[Problem] = []
    area, subject = draft.area, draft.subject
    if area and not parameter.by_area:
        problems.append(Problem("area", "this parameter has no values for areas; leave it empty"))
    elif area and not (area in areas.areas and areas.exists(area, day)):
        text = f"{area[:40]!r} is not an area of the register, or is no more"
        problems.append(Problem("area", text))
    problems += subject_problems(parameter, subject, areas)
    if area and subject:
        problems.append(Problem("area", "name a thing or an area, not both"))
    if draft.value is None and not (area or subject):
        text = "choose whose own value ends; the whole county has none above it"
        problems.append(Problem("area" if parameter.by_area else "subject", text))
    return problems


def subject_problems(parameter: Parameter, subject: str, areas: Areas) -> list[Problem]:
    """Why a thing or choice is none by which a parameter varies; an empty one is for all."""
    if not subject:
        return []
    if parameter.varies_by == "thing":
        if areas.datastreams_at(subject):
            return []
        text = f"{subject[:40]!r} is no thing of the register that measures something"
    elif parameter.choices:
        choices = [value for value, _ in parameter.choices]
        if subject in choices:
            return []
        text = f"{subject[:40]!r} is no choice of the parameter: {', '.join(choices)[:200]}"
    else:
        text = "this parameter varies by no thing and no choice; leave it empty"
    return [Problem("subject", text)]


def asked_problems(parameter: Parameter, area: str, subject: str, areas: Areas) -> list[Problem]:
    """Why the value that holds cannot be told for an area, and a thing or choice.

    Args:
        parameter: As its plugin declares it now.
        area: Code of the area; empty for the whole county, or for that of the thing.
        subject: The thing or choice; empty for all.
        areas: The register.
    """
    problems = subject_problems(parameter, subject, areas)
    if area and area not in areas.areas:
        problems.append(Problem("area", f"{area[:40]!r} is not an area of the register"))
    elif area and subject and parameter.varies_by == "thing" and not problems:
        stands = area_of(areas, subject)
        if area != stands:
            text = f"{subject[:40]!r} stands in {stands!r}; name that area, or none"
            problems.append(Problem("area", text))
    return problems
