"""The life of plugins: what the database was last started with, and what another start changes.

A plugin that is disabled or removed leaves data behind. Its cases stay readable: the names of their
states and who may read them are kept in the inventory. They cannot move until it is enabled again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec
from attrs import frozen

from county_gov import __version__
from county_gov.contract.deprecated import DEPRECATIONS
from county_gov.contract.schema import Dtype, Field, Schema
from county_gov.contract.text import Text
from county_gov.contract.workflow import State, Workflow
from county_gov.errors import DeploymentError, Problem
from county_gov.rules.episode import fingerprint
from county_gov.store import alerts, cases, inventory, migration, records_declared

if TYPE_CHECKING:
    from county_gov.contract.parameter import Parameter
    from county_gov.contract.rule import Rule
    from county_gov.deployment.county import County
    from county_gov.registry.registry import Registry
    from county_gov.store import Snapshot, Transaction

Words = tuple[str, str]
"""Chinese and English."""


class KeptPlugin(msgspec.Struct, frozen=True):
    """A plugin of an earlier start."""

    distribution: str
    version: str


class KeptField(msgspec.Struct, frozen=True):
    """A field of a case's data, as far as it is needed to show a value."""

    title: Words
    dtype: Dtype
    unit: str = ""
    decimals: int | None = None


class KeptState(msgspec.Struct, frozen=True):
    """A state of a workflow."""

    title: Words
    final: bool


class KeptWorkflow(msgspec.Struct, frozen=True):
    """A workflow as far as its cases need it to be read."""

    title: Words
    version: int
    number: str
    initial: str
    states: dict[str, KeptState]
    fields: dict[str, KeptField]
    read_permission: str
    confidential: bool
    plugin: str


class KeptRule(msgspec.Struct, frozen=True):
    """What the answers of a rule depended on: configuration and inputs by name, in words."""

    version: str
    configuration: dict[str, str]
    inputs: dict[str, str]


class Inventory(msgspec.Struct, frozen=True):
    """What a database was started with."""

    program: str = ""
    plugins: dict[str, KeptPlugin] = {}
    workflows: dict[str, KeptWorkflow] = {}
    parameters: dict[str, Words] = {}
    jobs: dict[str, Words] = {}
    rules: dict[str, Words] = {}
    editions: dict[str, KeptRule] = {}
    policies: dict[str, str] = {}
    settings: dict[str, dict[str, str]] = {}
    """What a parameter's values may be and vary by, in words."""


def inventory_of(registry: Registry) -> Inventory:
    """What a registry brings."""
    found = registry.contributions
    return Inventory(
        program=str(__version__),
        plugins={one.name: KeptPlugin(one.distribution, one.version) for one in registry.plugins},
        workflows={
            key: _kept(one, found.owner("workflows", key)) for key, one in found.workflows.items()
        },
        parameters={key: _words(one.title) for key, one in found.parameters.items()},
        jobs={key: _words(one.title) for key, one in found.jobs.items()},
        rules={key: _words(one.title) for key, one in found.rules.items()},
        editions={key: _edition(one) for key, one in found.rules.items()},
        policies={
            key: fingerprint(one, found.rules[one.rule])
            for key, one in found.alert_policies.items()
        },
        settings={key: _setting(one) for key, one in found.parameters.items()},
    )


def read_inventory(snapshot: Snapshot) -> Inventory | None:
    """What a database was last started with, or None before its first start."""
    text = inventory.read_inventory(snapshot)
    return None if text is None else msgspec.json.decode(text, type=Inventory)


@frozen(eq=False)
class Life:
    """What is kept of plugins from start to start.

    Args:
        county: Whose plugins.
    """

    county: County

    def retired(self, snapshot: Snapshot) -> Mapping[str, Workflow]:
        """The workflows that are declared no more, as far as their cases need them to be read."""
        before = read_inventory(snapshot) or Inventory()
        declared = self.county.cases.workflows
        return {
            key: _shown(key, one) for key, one in before.workflows.items() if key not in declared
        }

    def check(self, snapshot: Snapshot) -> None:
        """Refuse a start that would strand open cases.

        Raises:
            DeploymentError: if cases are open under a version of a workflow that is not declared.
        """
        problems = [
            Problem(
                f"workflow {workflow}",
                f"{count} open case{'s' if count != 1 else ''} of version {version}, and the "
                f"plugin declares {_versions(declared)}; install a version of the plugin that "
                f"has it in Workflow.earlier, or close the cases under the version before",
            )
            for (workflow, version), count in cases.open_by_version(snapshot).items()
            if (declared := self.county.cases.workflows.get(workflow)) is not None
            and declared.of_version(version) is None
        ]
        if problems:
            raise DeploymentError(problems)

    def keep(self, tx: Transaction) -> None:
        """Keep what this start brings; what only earlier ones brought stays readable."""
        before = read_inventory(tx) or Inventory()
        now = inventory_of(self.county.registry)
        kept = msgspec.structs.replace(now, workflows={**before.workflows, **now.workflows})
        text = msgspec.json.encode(kept).decode()
        if text != inventory.read_inventory(tx):
            inventory.keep_inventory(tx, text)

    def plan(self, snapshot: Snapshot) -> tuple[str, ...]:
        """What a start with these plugins would change, a line for each thing.

        Raises:
            DeploymentError: if the start would be refused.
        """
        before = read_inventory(snapshot)
        if before is None:
            return ("this database was never started: everything is new",)
        now = inventory_of(self.county.registry)
        self.check(snapshot)
        return (
            *_of_plugins(before, now),
            *self._of_workflows(snapshot, before, now),
            *_of_names("parameter", before.parameters, now.parameters, "its values stay"),
            *_of_settings(before, now),
            *_of_names("job", before.jobs, now.jobs, "its runs stay"),
            *_of_names("rule", before.rules, now.rules, "its alerts stay"),
            *self._of_rules(snapshot, before, now),
            *self.county.records.plan(snapshot),
            *self._left_datasets(snapshot),
            *(str(one) for one in DEPRECATIONS),
        )

    def _of_rules(self, snapshot: Snapshot, before: Inventory, now: Inventory) -> Iterator[str]:
        """Rules and policies that judge otherwise: what is judged anew, and what stays."""
        counts = alerts.count_by_policy(snapshot)
        policies = self.county.registry.contributions.alert_policies
        for key in sorted(set(before.editions) & set(now.editions)):
            changes = list(_differences(before.editions[key], now.editions[key]))
            if changes:
                mine = [one.id for one in policies.values() if one.rule == key]
                yield f"rule {key}: {', '.join(changes)}; {_judged_anew(counts, mine)}"
        for key in sorted(set(before.policies) & set(now.policies)):
            rule = policies[key].rule
            same_rule = before.editions.get(rule) == now.editions.get(rule)
            if before.policies[key] != now.policies[key] and same_rule:
                told = _judged_anew(counts, [key])
                yield f"alert policy {key}: levels, durations or flags changed; {told}"

    def _left_datasets(self, snapshot: Snapshot) -> Iterator[str]:
        declared = self.county.registry.contributions.datasets
        for key in sorted(set(records_declared.read_declared(snapshot)) - set(declared)):
            yield f"dataset {key}: not enabled; its records stay, and can be read"

    def _of_workflows(self, snapshot: Snapshot, before: Inventory, now: Inventory) -> Iterator[str]:
        open_cases = cases.open_by_version(snapshot)
        for key in sorted({*before.workflows, *now.workflows}):
            old, new = before.workflows.get(key), now.workflows.get(key)
            counts = {
                version: count for (flow, version), count in open_cases.items() if flow == key
            }
            running = ", ".join(
                f"{count} open under version {version}" for version, count in counts.items()
            )
            if old is None:
                yield f"workflow {key}: new, version {new.version if new else 0}"
            elif new is None and counts:
                yield f"workflow {key}: not enabled; {running}: readable, and they cannot move"
            elif new is not None and (old.version != new.version or len(counts) > 1):
                change = (
                    f"version {old.version} -> {new.version}"
                    if old.version != new.version
                    else f"version {new.version}"
                )
                yield f"workflow {key}: {change}; {running or 'no open cases'}"


def pending_migrations(county: County) -> tuple[str, ...]:
    """The steps of the program's own tables that are still to be done, a line for each."""
    return tuple(
        f"table migration {step.revision}: {step.doc}; run county-gov migrate"
        for step in migration.pending(county.store.database)
    )


def _of_plugins(before: Inventory, now: Inventory) -> Iterator[str]:
    if before.program != now.program:
        yield f"county-gov: {before.program} -> {now.program}"
    for name in sorted({*before.plugins, *now.plugins}):
        old, new = before.plugins.get(name), now.plugins.get(name)
        if old is None and new is not None:
            yield f"plugin {name}: new, {new.distribution} {new.version}"
        elif new is None and old is not None:
            yield f"plugin {name}: not enabled any more (was {old.distribution} {old.version})"
        elif old is not None and new is not None and old != new:
            yield f"plugin {name}: {old.distribution} {old.version} -> {new.version}"


def _of_names(
    kind: str, before: Mapping[str, Words], now: Mapping[str, Words], left: str
) -> Iterator[str]:
    for key in sorted(set(now) - set(before)):
        yield f"{kind} {key}: new"
    for key in sorted(set(before) - set(now)):
        yield f"{kind} {key}: removed; {left}"


def _of_settings(before: Inventory, now: Inventory) -> Iterator[str]:
    """Parameters whose values may be others, or vary by something else."""
    for key in sorted(set(before.settings) & set(now.settings)):
        changes = list(_changes(before.settings[key], now.settings[key]))
        if changes:
            yield (
                f"parameter {key}: {', '.join(changes)}; approved values stay as they are: "
                "see on its page whether they still fit"
            )


def _changes(old: Mapping[str, str], new: Mapping[str, str], what: str = "") -> Iterator[str]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{what}{name}: {old.get(name, 'none')} -> {new.get(name, 'none')}"


def _setting(parameter: Parameter) -> dict[str, str]:
    field, varies_by = parameter.field, parameter.varies_by
    return {
        "type": field.dtype,
        "unit": field.unit,
        "decimals": str(field.decimals),
        "minimum": str(field.minimum),
        "maximum": str(field.maximum),
        "varies by": varies_by
        if isinstance(varies_by, str)
        else f"choice of {', '.join(value for value, _ in varies_by)}",
        "default": str(parameter.default),
    }


def _differences(old: KeptRule, new: KeptRule) -> Iterator[str]:
    """What changed of a rule, in words."""
    if old.version != new.version:
        yield f"version {old.version} -> {new.version}"
    for what, was, is_now in (
        ("configuration", old.configuration, new.configuration),
        ("input", old.inputs, new.inputs),
    ):
        yield from _changes(was, is_now, f"{what} ")


def _judged_anew(counts: Mapping[str, tuple[int, int]], policies: list[str]) -> str:
    """What becomes of the alerts of some policies whose rule changed."""
    lasting = sum(counts.get(one, (0, 0))[0] for one in policies)
    ended = sum(counts.get(one, (0, 0))[1] for one in policies)
    return (
        f"open alerts are judged anew at the next reading: {lasting}; "
        f"ended alerts stay as they were judged: {ended}"
    )


def _edition(rule: Rule) -> KeptRule:
    return KeptRule(
        rule.version,
        {key: str(value) for key, value in rule.configuration.items()},
        {key: str(one) for key, one in rule.inputs.items()},
    )


def _versions(workflow: Workflow) -> str:
    numbers = sorted(one.version for one in (workflow, *workflow.earlier))
    return "version " + ", ".join(map(str, numbers))


def _words(text: Text) -> Words:
    return (text.zh, text.en)


def _kept(workflow: Workflow, plugin: str) -> KeptWorkflow:
    versions = (*reversed(workflow.earlier), workflow)
    fields = {
        one.name: KeptField(_words(one.title), one.dtype, one.unit, one.decimals)
        for version in versions
        for form in (version.data, *(event.form for event in version.events))
        for one in form.fields
    }
    return KeptWorkflow(
        title=_words(workflow.title),
        version=workflow.version,
        number=workflow.number,
        initial=workflow.initial,
        states={
            one.id: KeptState(_words(one.title), one.final)
            for version in versions
            for one in version.states
        },
        fields=fields,
        read_permission=workflow.read_permission,
        confidential=workflow.confidential,
        plugin=plugin,
    )


def _shown(key: str, kept: KeptWorkflow) -> Workflow:
    """A workflow without events: its cases can be read, and do not move."""
    return Workflow(
        id=key,
        title=_text(kept.title),
        version=kept.version,
        number=kept.number,
        initial=kept.initial,
        states=tuple(
            State(name, _text(one.title), final=one.final) for name, one in kept.states.items()
        ),
        events=(),
        read_permission=kept.read_permission,
        data=Schema(
            fields=tuple(
                Field(name, one.dtype, _text(one.title), unit=one.unit, decimals=one.decimals)
                for name, one in kept.fields.items()
            )
        ),
        confidential=kept.confidential,
    )


def _text(words: Words) -> Text:
    return Text(zh=words[0], en=words[1])
