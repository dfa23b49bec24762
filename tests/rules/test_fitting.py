"""Rules and policies against what they name."""

from __future__ import annotations

import pytest
from attrs import evolve

from county_gov.contract.alert import AlertPolicy
from county_gov.contract.dataset import Dataset
from county_gov.contract.parameter import Parameter
from county_gov.contract.rule import Attribute, Input, Latest, Rule, Setting
from county_gov.contract.schema import Classification, Field, Schema
from county_gov.contract.text import Text
from county_gov.contract.workflow import Event, State, Workflow
from county_gov.rules.fitting import input_faults, policy_faults
from tests.rules.ledger import policy_with, rule_over

NAME = Text("试验")


def dataset(key: tuple[str, ...] = ("code",), grade: Classification = "internal") -> Dataset:
    """Records of dams."""
    fields = (
        Field("code", "text", NAME),
        Field("part", "text", NAME),
        Field("crest", "int64", NAME, decimals=1, classification=grade),
    )
    return Dataset(
        "t.dams", NAME, Schema(fields, key), "records", read_permission="r", write_permission="w"
    )


def faults(one: Input, declared: Dataset) -> list[str]:
    """What is wrong with one joined input."""
    rule: Rule = evolve(rule_over(Latest("level")), inputs={"level": Latest("level"), "one": one})
    limit = Parameter("t.limit", NAME, Field("limit", "float64", NAME), "p", "a")
    return input_faults(rule, {declared.id: declared}, {limit.id: limit})


@pytest.mark.parametrize(
    ("one", "declared", "words"),
    [
        (Setting("t.other"), dataset(), "parameter 't.other': expected one of ['t.limit']"),
        (Attribute("t.other", "crest"), dataset(), "dataset 't.other': expected one of records"),
        (Attribute("t.dams", "height"), dataset(), "field 'height': expected one of ['code',"),
        (Attribute("t.dams", "crest"), dataset(("code", "part")), "has the key ['code', 'part']"),
        (Attribute("t.dams", "crest"), dataset(grade="personal"), "t.dams.crest is personal"),
    ],
)
def test_an_input_names_what_is_declared(one: Input, declared: Dataset, words: str) -> None:
    """Otherwise the fault says where, what and what there is."""
    (fault,) = faults(one, declared)
    assert fault.startswith("rule t.rule: inputs['one']: ")
    assert words in fault


@pytest.mark.parametrize("one", [Setting("t.limit"), Attribute("t.dams", "crest", key="area")])
def test_what_is_declared_has_no_fault(one: Input) -> None:
    """A parameter, and a field of records with a single key."""
    assert [] == faults(one, dataset())


def policies(**inhibited_by: tuple[str, ...]) -> dict[str, AlertPolicy]:
    """Policies by id, each with those that inhibit it."""
    return {
        name: evolve(policy_with(), id=name, inhibited_by=others)
        for name, others in inhibited_by.items()
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (policies(a=("b",)), "inhibited_by: ['b']: expected some of []"),
        (policies(a=("a",)), "inhibited_by: it inhibits itself"),
        (policies(a=("b",), b=("c",), c=("a",)), "in a circle"),
    ],
)
def test_policies_do_not_inhibit_in_circles(given: dict[str, AlertPolicy], words: str) -> None:
    """Nor by what there is not."""
    (fault,) = policy_faults(given["a"], given, {}, {})
    assert words in fault


def test_a_chain_of_inhibition_is_sound() -> None:
    """Only the ends of a circle meet."""
    given = policies(a=("b", "c"), b=("c",), c=())
    assert [] == [fault for one in given.values() for fault in policy_faults(one, given, {}, {})]


def test_the_event_at_the_end_is_one_that_nobody_fills_in() -> None:
    """It exists, and asks for nothing."""
    form = Schema((Field("why", "text", NAME), Field("note", "text", NAME, required=False)))
    events = (
        Event("over", NAME, ("open",), "done", "p"),
        Event("told", NAME, ("open",), "done", "p", form=form),
    )
    workflow = Workflow("t.case", NAME, 1, "{serial}", "open", (State("open", NAME),), events, "p")
    policy = policy_with()

    def fault(event: str) -> list[str]:
        one = evolve(policy, on_cleared=event)
        return policy_faults(one, {one.id: one}, {}, {workflow.id: workflow})

    assert [] == fault("over")
    assert ["alert policy t.policy: on_cleared: event 'told' asks for ['why'], which nobody is"
            " there to give"] == fault("told")  # fmt: skip
    assert "event 'gone': expected one of ['over', 'told'] of t.case" in fault("gone")[0]


def test_levels_compare_one_quantity() -> None:
    """An alert has one peak, and it is told in one unit."""
    rule = rule_over(Latest("level"))
    high, over, *others = rule.conditions
    mixed = evolve(rule, conditions=(evolve(high, unit="m"), evolve(over, unit="mm"), *others))
    policy = policy_with()

    assert [] == policy_faults(policy, {policy.id: policy}, {rule.id: rule}, {})
    (fault,) = policy_faults(policy, {policy.id: policy}, {rule.id: mixed}, {})
    assert "levels: their conditions compare ['m', 'mm']: expected one unit" in fault
