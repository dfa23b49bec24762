"""What contributions refer to by id: each rule, permission, command or dataset has to be there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from county_gov.errors import Problem
from county_gov.registry.configuration import LONGEST_WORD, did_you_mean
from county_gov.registry.rosters import roster_problems

if TYPE_CHECKING:
    from county_gov.contract.schema import Schema
    from county_gov.registry.registry import Contributions

REGISTERS = ("area", "unit", "thing", "person")
"""What a field may refer to beside the records of a dataset."""
ADDRESS = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)+")
IDENTIFIER = re.compile(r"[a-z0-9_]+(\.[a-z0-9_-]+)+")

Reference = tuple[str, str, str, Iterable[str]]
"""Whose it is ("<kind>:<id>"), what kind of thing is meant, its id, and the ids that there are."""


def check_references(contributions: Contributions, place: str) -> list[Problem]:
    """Problems of contributions that refer to others by id.

    Args:
        contributions: Of all enabled plugins.
        place: File, for problems that belong to no plugin.
    """
    problems: list[Problem] = []

    def tell(owner: str, text: str) -> None:
        plugin = contributions.owners.get(owner)
        where = f"{plugin.place}.use" if plugin else place
        problems.append(Problem(where, f"{owner.split(':', 1)[1]}: {text}"))

    for owner, kind, target, known in _references(contributions):
        names = sorted(known)
        if target and target not in names:
            hint = did_you_mean(target, names)
            tell(owner, f"there is no {kind} {target[:LONGEST_WORD]!r}; {hint}")
    for owner, text in roster_problems(contributions):
        tell(owner, text)
    for path in contributions.pages:
        if not ADDRESS.fullmatch(path):
            tell(f"pages:{path}", "the path must be like sensors/stations")
    for command in contributions.commands:
        if not IDENTIFIER.fullmatch(command):
            tell(f"commands:{command}", "the id must be like reservoir.take_over")
    return problems


def _references(contributions: Contributions) -> Iterator[Reference]:
    for source in contributions.sources.values():
        yield f"sources:{source.id}", "dataset", source.dataset, contributions.datasets
    yield from _of_policies(contributions)
    yield from _permissions(contributions)
    for page in contributions.pages.values():
        owner = f"pages:{page.path}"
        for action in page.actions:
            workflow, colon, event = action.partition(":")
            if not colon:
                yield owner, "command", action, contributions.commands
                continue
            yield owner, "workflow", workflow, contributions.workflows
            if (found := contributions.workflows.get(workflow)) is not None:
                versions = (found, *found.earlier)
                yield owner, "event", event, {one.id for each in versions for one in each.events}
    for owner, form in _forms(contributions):
        records = [one.id for one in contributions.datasets.values() if one.kind == "records"]
        for one in form.fields:
            yield owner, "register or dataset of records", one.refers, (*REGISTERS, *records)


def _of_policies(contributions: Contributions) -> Iterator[Reference]:
    for policy in contributions.alert_policies.values():
        owner = f"alert_policies:{policy.id}"
        yield owner, "rule", policy.rule, contributions.rules
        yield owner, "workflow", policy.workflow, contributions.workflows
        rule = contributions.rules.get(policy.rule)
        if rule is not None:
            known = [condition.id for condition in rule.conditions]
            for level in policy.levels:
                yield owner, "condition", level.raise_when, known
                yield owner, "condition", level.clear_when, known


def _permissions(contributions: Contributions) -> Iterator[Reference]:
    named = (
        ("pages", contributions.pages, ("permission",)),
        ("commands", contributions.commands, ("permission",)),
        ("endpoints", contributions.endpoints, ("permission",)),
        (
            "parameters",
            contributions.parameters,
            ("permission", "approval_permission", "read_permission"),
        ),
        ("workflows", contributions.workflows, ("read_permission",)),
        (
            "datasets",
            contributions.datasets,
            ("read_permission", "write_permission", "unmasked_permission"),
        ),
    )
    known = contributions.permissions
    for kind, items, names in named:
        for key, item in items.items():
            for name in names:
                yield f"{kind}:{key}", "permission", getattr(item, name), known
    for workflow in contributions.workflows.values():
        for version in (workflow, *workflow.earlier):
            for event in version.events:
                yield f"workflows:{workflow.id}", "permission", event.permission, known


def _forms(contributions: Contributions) -> Iterator[tuple[str, Schema]]:
    for command in contributions.commands.values():
        yield f"commands:{command.id}", command.form
    for dataset in contributions.datasets.values():
        yield f"datasets:{dataset.id}", dataset.schema
    for workflow in contributions.workflows.values():
        yield f"workflows:{workflow.id}", workflow.data
        for event in workflow.events:
            yield f"workflows:{workflow.id}", event.form
