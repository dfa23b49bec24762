"""Whether a task's roster names a dataset and fields that can say who is on duty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from county_gov.registry.configuration import did_you_mean

if TYPE_CHECKING:
    from county_gov.contract.workflow import Roster
    from county_gov.registry.registry import Contributions


def roster_problems(contributions: Contributions) -> Iterator[tuple[str, str]]:
    """Whose roster is wrong ("workflows:<id>"), and what is wrong with it."""
    for workflow in contributions.workflows.values():
        for state in workflow.states:
            if state.task is not None and state.task.roster is not None:
                place = f"states[{state.id}].task.roster"
                for text in _problems(state.task.roster, contributions):
                    yield f"workflows:{workflow.id}", f"{place}: {text}"


def _problems(roster: Roster, contributions: Contributions) -> Iterator[str]:
    records = {one.id: one for one in contributions.datasets.values() if one.kind == "records"}
    dataset = records.get(roster.dataset)
    if dataset is None:
        hint = did_you_mean(roster.dataset, sorted(records))
        yield f"there is no dataset of records {roster.dataset!r}; {hint}"
        return
    if dataset.dated:
        yield f"{dataset.id} is dated, and a duty has its own beginning and end; take dated away"
    wanted = [
        ("person", roster.person, "int64"),
        ("begins", roster.begins, "instant"),
        ("ends", roster.ends, "instant"),
    ]
    if roster.area:
        wanted.append(("area", roster.area, "text"))
    fields = {one.name: one.dtype for one in dataset.schema.fields}
    for attribute, name, dtype in wanted:
        if name not in fields:
            hint = did_you_mean(name, sorted(fields))
            yield f"{attribute}: {dataset.id} has no field {name!r}; {hint}"
        elif fields[name] != dtype:
            yield f"{attribute}: {name!r} of {dataset.id} is {fields[name]}; expected {dtype}"
