"""Rules and alert policies refuse at once what cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from county_gov.contract.alert import AlertPolicy, Level
from county_gov.contract.batch import Batch
from county_gov.contract.clock import HOUR
from county_gov.contract.rule import (
    Attribute,
    Hourly,
    Input,
    Judgement,
    Latest,
    Rule,
    Setting,
    Window,
)
from county_gov.contract.text import Text
from county_gov.errors import ContractError


def judge(_batch: Batch) -> Mapping[str, Judgement]:
    """No opinion."""
    return {}


def rule(**inputs: Input) -> Rule:
    """A rule over some inputs."""
    return Rule("t.rule", Text("试验"), inputs, (), judge)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "rule t.rule: inputs: name at least one"),
        ({"time": Latest("level")}, "'time': expected an identifier other than datastream and"),
        ({"a b": Latest("level")}, "'a b': expected an identifier"),
        ({"rain": Window("rain", HOUR, "sum")}, r"inputs\['rain'\]: the first input gives the row"),
        ({"level": Latest("level", -1)}, "within: expected 0 or more, got -1"),
        ({"level": Hourly("level", "sum", lateness=-1)}, "lateness: expected 0 microseconds"),
        ({"level": Hourly("level", coverage=0.0)}, "coverage: expected a share above 0"),
        ({"level": Latest("level"), "rain": Latest("rain")}, r"inputs\['rain'\]: within"),
        ({"level": Latest("level"), "rain": Hourly("rain", coverage=1.5)}, "got 1.5"),
        ({"level": Latest("level"), "rain": Window("rain", 0, "sum")}, "length: expected micro"),
        ({"level": Latest("level"), "rain": Window("rain", 1, "median")}, "got 'median'"),  # type: ignore[arg-type]
        ({"level": Latest("level"), "rain": Window("rain", 1, "sum", 2.0)}, "a coverage from 0"),
        ({"level": Latest("level"), "rain": Window("rain", 1, "rise", within=-1)}, "within of 0"),
        ({"level": Latest("level"), "crest": Attribute("t.dams", "crest", "unit")}, "got 'unit'"),  # type: ignore[arg-type]
    ],
)
def test_an_input_that_means_nothing_is_refused(inputs: dict[str, Input], words: str) -> None:
    """The message names rule, input, what was expected and what came."""
    with pytest.raises(ContractError, match=words):
        rule(**inputs)


def test_the_first_input_drives_and_the_others_are_joined() -> None:
    """In the order in which they are written."""
    inputs: dict[str, Input] = {
        "level": Latest("level"),
        "rise": Window("level", HOUR, "rise"),
        "limit": Setting("t.limit"),
    }
    made = rule(**inputs)

    assert ("level", Latest("level")) == (made.driving_name, made.driving)
    assert ["rise", "limit"] == list(made.joined)


def test_a_rise_tolerates_a_quarter_of_its_length_unless_it_says_more() -> None:
    """How old the readings at both ends may be."""
    assert HOUR // 4 == Window("level", HOUR, "rise").tolerance
    assert 5 == Window("level", HOUR, "rise", within=5).tolerance


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"on_cleared": "over"}, "on_cleared 'over' is an event of a workflow: name the workflow"),
        ({"groups_by": "area"}, "groups_by: expected 'datastream' or 'thing', got 'area'"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(fields: dict[str, str], words: str) -> None:
    """The message names the policy."""
    levels = (Level("notice", "above", "below"),)
    with pytest.raises(ContractError, match=f"alert policy t.policy: {words}"):
        AlertPolicy("t.policy", Text("试验"), "t.rule", levels, **fields)  # type: ignore[arg-type]
