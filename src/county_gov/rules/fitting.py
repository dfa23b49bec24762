"""Whether rules and alert policies fit each other and what they name; looked at once, at start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from county_gov.contract.alert import SEVERITIES
from county_gov.contract.batch import Bools
from county_gov.contract.rule import Attribute, Setting
from county_gov.errors import ContractError
from county_gov.store.observations import FLAG_NUMBERS

if TYPE_CHECKING:
    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.parameter import Parameter
    from county_gov.contract.rule import Rule
    from county_gov.contract.workflow import Workflow

PERSONAL = ("personal", "sensitive")
"""Fields of these classes can be no input: matters are judged, never people."""


def fitting_rule(policy: AlertPolicy, rules: Mapping[str, Rule]) -> Rule:
    """A policy's rule, checked against the policy.

    Raises:
        ContractError: if the rule, a condition or the order of levels is not what it must be.
    """
    place = f"alert policy {policy.id}"
    rule = rules.get(policy.rule)
    if rule is None:
        raise ContractError(f"{place}: rule {policy.rule!r}: expected one of {sorted(rules)}")
    conditions = {condition.id for condition in rule.conditions}
    for level in policy.levels:
        for name in (level.raise_when, level.clear_when):
            if name not in conditions:
                raise ContractError(
                    f"{place}: level {level.severity}: condition {name!r}: expected one of"
                    f" {sorted(conditions)} of rule {rule.id}"
                )
    if faults := _level_faults(policy, rule):
        raise ContractError(f"{place}: {faults[0]}")
    return rule


def _level_faults(policy: AlertPolicy, rule: Rule) -> list[str]:
    """What is wrong with a policy's levels and flags over a rule that has their conditions."""
    found = []
    if rule.scope != "row":
        found.append(f"rule {rule.id} has scope {rule.scope!r}: expected 'row'")
    if not policy.levels:
        found.append("levels: expected at least one")
    found += [
        f"level {level.severity}: hold_for: expected 0 or more"
        for level in policy.levels
        if level.hold_for < 0
    ]
    severities = [level.severity for level in policy.levels]
    if severities != sorted(set(severities), key=SEVERITIES.index):
        found.append(f"levels {severities}: expected each once, in rising severity")
    asked = {name for level in policy.levels for name in (level.raise_when, level.clear_when)}
    units = {one.unit for one in rule.conditions if one.id in asked and one.unit}
    if len(units) > 1:
        found.append(
            f"levels: their conditions compare {sorted(units)}: expected one unit, because an alert"
            " has one peak; make a policy for each"
        )
    unknown = sorted(set(policy.ignore_flags) - set(FLAG_NUMBERS))
    if unknown:
        known = sorted(FLAG_NUMBERS)[1:]
        found.append(f"ignore_flags: {unknown} are not flags; expected some of {known}")
    return found


def input_faults(
    rule: Rule, datasets: Mapping[str, Dataset], parameters: Mapping[str, Parameter]
) -> list[str]:
    """What is wrong with what a rule's inputs name, each with its place."""
    found = []
    for name, one in rule.joined.items():
        fault = ""
        if isinstance(one, Setting):
            fault = _setting_fault(one, datasets, parameters)
        if isinstance(one, Attribute):
            fault = _attribute_fault(one, datasets)
        if fault:
            found.append(f"rule {rule.id}: inputs[{name!r}]: {fault}")
    return found


def _setting_fault(
    one: Setting, datasets: Mapping[str, Dataset], parameters: Mapping[str, Parameter]
) -> str:
    parameter = parameters.get(one.parameter)
    if parameter is None:
        return f"parameter {one.parameter!r}: expected one of {sorted(parameters)}"
    if bool(parameter.choices) != (one.choice is not None):
        expected = "the text field that says which" if parameter.choices else "none"
        return f"choice: expected {expected}, as {one.parameter} varies, got {one.choice}"
    if one.choice is None:
        return ""
    if fault := _attribute_fault(one.choice, datasets):
        return f"choice: {fault}"
    if datasets[one.choice.dataset].schema[one.choice.field].dtype != "text":
        return f"choice: expected a text field, got {one.choice.dataset}.{one.choice.field}"
    return ""


def _attribute_fault(one: Attribute, datasets: Mapping[str, Dataset]) -> str:
    records = sorted(key for key, value in datasets.items() if value.kind == "records")
    if one.dataset not in records:
        return f"dataset {one.dataset!r}: expected one of records: {records}"
    schema = datasets[one.dataset].schema
    if one.field not in schema.names:
        return f"field {one.field!r}: expected one of {sorted(schema.names)} of {one.dataset}"
    if len(schema.key) != 1:
        return (
            f"{one.dataset} has the key {list(schema.key)}: expected a single field, that holds the"
            f" code of the {one.key}"
        )
    if schema[one.field].classification in PERSONAL:
        return f"{one.dataset}.{one.field} is personal: matters are judged, never people"
    return ""


def policy_faults(
    policy: AlertPolicy,
    policies: Mapping[str, AlertPolicy],
    rules: Mapping[str, Rule],
    workflows: Mapping[str, Workflow],
) -> list[str]:
    """What is wrong with a policy's levels, and with the policies and the event that it names."""
    place = f"alert policy {policy.id}"
    rule = rules.get(policy.rule)
    found = [f"{place}: {fault}" for fault in (_level_faults(policy, rule) if rule else ())]
    others = sorted(set(policies) - {policy.id})
    unknown = sorted(set(policy.inhibited_by) - set(policies))
    if unknown:
        found.append(f"{place}: inhibited_by: {unknown}: expected some of {others}")
    elif policy.id in _inhibiting(policy, policies):
        found.append(f"{place}: inhibited_by: it inhibits itself, by itself or in a circle")
    workflow = workflows.get(policy.workflow)
    if policy.on_cleared and workflow:
        fault = _event_fault(policy.on_cleared, workflow)
        found += [f"{place}: on_cleared: {fault}"] if fault else []
    return found


def _event_fault(event: str, workflow: Workflow) -> str:
    """Why the core cannot send an event of its own accord, or an empty text."""
    known = workflow.event(event)
    if known is None:
        events = [one.id for one in workflow.events]
        return f"event {event!r}: expected one of {events} of {workflow.id}"
    asked = [one.name for one in known.form.fields if one.required]
    if asked:
        return f"event {event!r} asks for {asked}, which nobody is there to give"
    return ""


def _inhibiting(policy: AlertPolicy, policies: Mapping[str, AlertPolicy]) -> set[str]:
    """Ids of the policies that inhibit one, and of those that inhibit these."""
    waiting, seen = list(policy.inhibited_by), set[str]()
    while waiting:
        one = waiting.pop()
        if one in policies and one not in seen:
            seen.add(one)
            waiting.extend(policies[one].inhibited_by)
    return seen


def ignored_flags(policy: AlertPolicy | None) -> Bools:
    """Which quality flags say nothing to a policy, by their number, shape (256,)."""
    ignored = np.zeros(256, np.bool_)
    if policy is not None:
        ignored[[FLAG_NUMBERS[flag] for flag in policy.ignore_flags]] = True
    return ignored
