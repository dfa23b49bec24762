"""Whether rules and alert policies fit each other and what they name; looked at once, at start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from county_gov.contract.alert import SEVERITIES
from county_gov.contract.batch import Bools
from county_gov.contract.rule import Attribute, Setting
from county_gov.errors import ContractError
from county_gov.store.observations import FLAG_NUMBERS

if TYPE_CHECKING:
    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.rule import Rule
    from county_gov.rules.dated import DatedSources

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
    if rule.scope != "row":
        raise ContractError(f"{place}: rule {rule.id} has scope {rule.scope!r}: expected 'row'")
    conditions = {condition.id for condition in rule.conditions}
    if not policy.levels:
        raise ContractError(f"{place}: levels: expected at least one")
    for level in policy.levels:
        for name in (level.raise_when, level.clear_when):
            if name not in conditions:
                raise ContractError(
                    f"{place}: level {level.severity}: condition {name!r}: expected one of"
                    f" {sorted(conditions)} of rule {rule.id}"
                )
        if level.hold_for < 0:
            raise ContractError(f"{place}: level {level.severity}: hold_for: expected 0 or more")
    severities = [level.severity for level in policy.levels]
    if severities != sorted(set(severities), key=SEVERITIES.index):
        raise ContractError(f"{place}: levels {severities}: expected each once, in rising severity")
    return rule


def check_inputs(rule: Rule, dated: DatedSources) -> None:
    """Check that what a rule's inputs name is declared.

    Raises:
        ContractError: naming the first input that is not.
    """
    for name, one in rule.joined.items():
        place = f"rule {rule.id}: inputs[{name!r}]"
        if isinstance(one, Setting) and one.parameter not in dated.parameters:
            known = sorted(dated.parameters)
            raise ContractError(f"{place}: parameter {one.parameter!r}: expected one of {known}")
        if isinstance(one, Attribute):
            _check_attribute(place, one, dated)


def _check_attribute(place: str, one: Attribute, dated: DatedSources) -> None:
    datasets = {key: value for key, value in dated.datasets.items() if value.kind == "records"}
    dataset = datasets.get(one.dataset)
    if dataset is None:
        raise ContractError(
            f"{place}: dataset {one.dataset!r}: expected one of records: {sorted(datasets)}"
        )
    if one.field not in dataset.schema.names:
        known = sorted(dataset.schema.names)
        raise ContractError(f"{place}: {dataset.id} has no field {one.field!r}: expected {known}")
    if len(dataset.schema.key) != 1:
        raise ContractError(
            f"{place}: {dataset.id} has the key {dataset.schema.key}: expected a single field, that"
            f" holds the code of the {one.key}"
        )
    if dataset.schema[one.field].classification in PERSONAL:
        raise ContractError(
            f"{place}: {dataset.id}.{one.field} is personal: matters are judged, never people"
        )


def check_inhibitions(policies: Sequence[AlertPolicy]) -> None:
    """Check that policies are inhibited by others that exist, and not in a circle.

    Raises:
        ContractError: naming the policy.
    """
    by_id = {policy.id: policy for policy in policies}
    for policy in policies:
        waiting, seen = list(policy.inhibited_by), set[str]()
        while waiting:
            one = waiting.pop()
            if one not in by_id:
                raise ContractError(
                    f"alert policy {policy.id}: inhibited_by {one!r}: expected some of"
                    f" {sorted(set(by_id) - {policy.id})}"
                )
            if one == policy.id:
                raise ContractError(f"alert policy {policy.id}: inhibited_by: it inhibits itself")
            if one not in seen:
                seen.add(one)
                waiting.extend(by_id[one].inhibited_by)


def ignored_flags(policy: AlertPolicy | None) -> Bools:
    """Which quality flags say nothing to a policy, by their number, shape (256,).

    Raises:
        ContractError: if the policy names a flag that there is not.
    """
    ignored = np.zeros(256, np.bool_)
    if policy is None:
        return ignored
    unknown = sorted(set(policy.ignore_flags) - set(FLAG_NUMBERS))
    if unknown:
        raise ContractError(
            f"alert policy {policy.id}: ignore_flags: {unknown} are not flags;"
            f" expected some of {sorted(FLAG_NUMBERS)[1:]}"
        )
    ignored[[FLAG_NUMBERS[flag] for flag in policy.ignore_flags]] = True
    return ignored
