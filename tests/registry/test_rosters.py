"""A roster that cannot say who is on duty refuses the start."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from county_gov.contract.dataset import Dataset
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.contract.workflow import Roster
from county_gov.registry.registry import Contributions
from county_gov.registry.rosters import roster_problems
from tests.cases.patrol import patrol

TITLE = Text(zh="值班", en="Duty")
DATASET = Dataset(
    "demo.roster",
    TITLE,
    Schema(
        fields=(
            Field("person", "int64", TITLE),
            Field("begins", "instant", TITLE),
            Field("ends", "instant", TITLE),
            Field("area", "text", TITLE),
        ),
        key=("person", "begins"),
    ),
    kind="records",
    read_permission="demo.read",
    write_permission="demo.write",
)
ROSTER = Roster("demo.roster", "person", "begins", "ends", area="area")


def problems(kept: Dataset = DATASET, **changes: Any) -> list[str]:
    """Give what is wrong with a roster over a dataset."""
    workflow = patrol(roster=evolve(ROSTER, **changes))
    found = Contributions(workflows={workflow.id: workflow}, datasets={kept.id: kept})
    owners, texts = [], []
    for owner, text in roster_problems(found):
        owners.append(owner)
        texts.append(text)
    assert {"workflows:demo.patrol"} >= set(owners)
    return texts


def test_a_sound_roster_has_no_problem() -> None:
    """With an area or without."""
    assert [] == problems()
    assert [] == problems(area="")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dataset": "demo.rooster"}, "there is no dataset of records 'demo.rooster'"),
        ({"begins": "begin"}, "begins: demo.roster has no field 'begin'"),
        ({"person": "area"}, "person: 'area' of demo.roster is text; expected int64"),
        ({"ends": "person"}, "ends: 'person' of demo.roster is int64; expected instant"),
        ({"area": "ends"}, "area: 'ends' of demo.roster is instant; expected text"),
    ],
)
def test_each_mistake_is_named(changes: dict[str, Any], expected: str) -> None:
    """With the place, what there is, and what is expected."""
    (text,) = problems(**changes)
    assert text.startswith(f"states[patrolling].task.roster: {expected}")


def test_a_dated_roster_is_refused() -> None:
    """A duty has its own beginning and end."""
    (text,) = problems(evolve(DATASET, dated=True))
    assert "take dated away" in text
