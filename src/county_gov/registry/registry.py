"""The registry: what all enabled plugins contribute, checked against the contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import pluggy
from attrs import field, frozen

from county_gov.contract.access import Permission
from county_gov.contract.alert import AlertPolicy
from county_gov.contract.cli_command import CliCommand
from county_gov.contract.command import Command
from county_gov.contract.dataset import Dataset
from county_gov.contract.endpoint import Endpoint
from county_gov.contract.job import Job
from county_gov.contract.notifier import Notifier
from county_gov.contract.page import Page
from county_gov.contract.parameter import Parameter
from county_gov.contract.plugin import PROJECT, Hooks
from county_gov.contract.rule import Rule
from county_gov.contract.source import Source
from county_gov.contract.workflow import Workflow
from county_gov.errors import ContractError, Problem
from county_gov.registry.configuration import LONGEST_WORD, did_you_mean
from county_gov.registry.discovery import LoadedPlugin, available
from county_gov.registry.instructions import commands_of
from county_gov.registry.references import check_references
from county_gov.registry.requirements import check_requirements
from county_gov.registry.shape import SHOWN

C = TypeVar("C")

DECLARATIONS: Mapping[str, type] = {
    "datasets": Dataset,
    "sources": Source,
    "rules": Rule,
    "alert_policies": AlertPolicy,
    "workflows": Workflow,
    "notifiers": Notifier,
    "pages": Page,
    "parameters": Parameter,
    "jobs": Job,
    "commands": Command,
    "endpoints": Endpoint,
    "cli_commands": CliCommand,
    "permissions": Permission,
}
EVENTS = ("case_moved", "alert_changed")
REFUSED_OPTIONS = ("hookwrapper", "wrapper", "tryfirst", "trylast", "optionalhook")


class PluginManager(pluggy.PluginManager):
    """Pluggy's manager without wrappers and without an order other than the deployment's."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Refuse what the gateway does not do.

        Raises:
            ContractError: if an implementation asks for a place of its own in the order, has
                keyword-only arguments or defaults, or has the wrong colour.
        """
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None:
            return None
        for option in REFUSED_OPTIONS:
            if options.get(option):
                raise ContractError(f"{name}: the option {option} is not available here")
        function = inspect.getattr_static(plugin, name)
        hook = getattr(Hooks, options.get("specname") or name, None)
        if hook is None:
            hint = did_you_mean(name, [*DECLARATIONS, *EVENTS])
            raise ContractError(f"{name}: there is no such hook; {hint}")
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
                raise ContractError(f"{name}: {parameter.name} must be a plain argument")
            if parameter.default is not parameter.empty:
                raise ContractError(f"{name}: {parameter.name} must not have a default")
        if inspect.iscoroutinefunction(function) != inspect.iscoroutinefunction(hook):
            colour = "async def" if inspect.iscoroutinefunction(hook) else "def"
            raise ContractError(f"{name}: must be written as {colour}")
        return options


@frozen(eq=False)
class Contributions:
    """Everything that is contributed, by id, with the plugin that contributed it."""

    datasets: Mapping[str, Dataset] = field(factory=dict)
    sources: Mapping[str, Source] = field(factory=dict)
    rules: Mapping[str, Rule] = field(factory=dict)
    alert_policies: Mapping[str, AlertPolicy] = field(factory=dict)
    workflows: Mapping[str, Workflow] = field(factory=dict)
    notifiers: Mapping[str, Notifier] = field(factory=dict)
    pages: Mapping[str, Page] = field(factory=dict)
    parameters: Mapping[str, Parameter] = field(factory=dict)
    jobs: Mapping[str, Job] = field(factory=dict)
    commands: Mapping[str, Command] = field(factory=dict)
    endpoints: Mapping[str, Endpoint] = field(factory=dict)
    cli_commands: Mapping[str, CliCommand] = field(factory=dict)
    permissions: Mapping[str, Permission] = field(factory=dict)
    owners: Mapping[str, LoadedPlugin] = field(factory=dict)
    """Plugin by "<kind>:<id>"."""

    def owner(self, kind: str, contribution: str) -> str:
        """Name of the plugin that contributed it, or "core"."""
        plugin = self.owners.get(f"{kind}:{contribution}")
        return plugin.name if plugin else "core"


@frozen(eq=False)
class Registry:
    """The enabled plugins and what they contribute."""

    plugins: tuple[LoadedPlugin, ...]
    contributions: Contributions

    def listeners_of(self, plugin: LoadedPlugin) -> dict[str, Callable[..., Any]]:
        """A plugin's async methods by the event that they listen to."""
        found = {event: implementation(plugin.instance, event) for event in EVENTS}
        return {event: function for event, function in found.items() if function is not None}


def implementation(instance: object, hook: str) -> Callable[..., Any] | None:
    """A plugin's method that implements a hook, or None."""
    for name in dir(type(instance)):
        static = inspect.getattr_static(instance, name)
        options = getattr(static, f"{PROJECT}_impl", None)
        if options is not None and (options.get("specname") or name) == hook:
            return getattr(instance, name)  # type: ignore[no-any-return]
    return None


def build_registry(
    plugins: Sequence[LoadedPlugin],
    core: Mapping[str, Iterable[Any]] | None = None,
    *,
    place: str = "",
    listed: Collection[str] = (),
) -> tuple[Registry, list[Problem]]:
    """Register plugins with pluggy, call their declarations once and check the results.

    Args:
        plugins: In the order of the deployment.
        core: The core's own contributions, by hook name.
        place: File, for problems that belong to no plugin.
        listed: Names of all plugins that the deployment lists, those included that could not be
            loaded.

    Returns:
        The registry, and every problem found; a registry with problems must not be used.
    """
    problems = _register(plugins)
    problems += check_requirements(plugins, listed=listed, installed=available)
    collected: dict[str, dict[str, Any]] = {kind: {} for kind in DECLARATIONS}
    owners: dict[str, LoadedPlugin] = {}
    for kind, items in (core or {}).items():
        collected[kind].update({_id(item): item for item in items})
    for plugin in plugins:
        for kind in DECLARATIONS:
            function = implementation(plugin.instance, kind)
            for item in _declared(plugin, kind, function, problems) if function else ():
                problem = _refusal(plugin, kind, item, owners, collected[kind])
                if problem:
                    problems.append(Problem(f"{plugin.place}.use", f"{plugin}: {problem}"))
                    continue
                collected[kind][_id(item)] = item
                owners[f"{kind}:{_id(item)}"] = plugin
    for source in collected["sources"].values():
        for command in commands_of(source):
            collected["commands"][command.id] = command
            if (owner := owners.get(f"sources:{source.id}")) is not None:
                owners[f"commands:{command.id}"] = owner
    contributions = Contributions(**collected, owners=owners)
    problems.extend(check_references(contributions, place))
    return Registry(tuple(plugins), contributions), problems


def _register(plugins: Sequence[LoadedPlugin]) -> list[Problem]:
    manager = PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    problems = []
    for plugin in plugins:
        try:
            manager.register(plugin.instance, name=plugin.name)
            manager.check_pending()
        except (ContractError, pluggy.PluginValidationError, ValueError) as error:
            problems.append(Problem(f"{plugin.place}.use", f"{plugin}: {error}"))
    return problems


def _declared(
    plugin: LoadedPlugin, kind: str, function: Callable[[], Any], problems: list[Problem]
) -> tuple[Any, ...]:
    try:
        return tuple(function())
    except Exception as error:  # noqa: BLE001 whatever a plugin raises is its problem
        text = f"{plugin}: {kind}() raised {type(error).__name__}: {error}"
        problems.append(Problem(f"{plugin.place}.use", text))
        return ()


def _refusal(
    plugin: LoadedPlugin,
    kind: str,
    item: object,
    owners: Mapping[str, LoadedPlugin],
    known: Mapping[str, Any],
) -> str:
    """Why a contribution cannot be taken, or an empty text."""
    cls = DECLARATIONS[kind]
    if not isinstance(item, cls):
        return f"{kind}() must return {cls.__name__} objects, got {type(item).__name__}"
    key = _id(item)
    if len(key) > LONGEST_WORD:
        text = f"{key[:SHOWN]!r}… in {kind}() has {len(key)} characters"
        return f"the id {text}; at most {LONGEST_WORD} are taken"
    separator = "/" if kind == "pages" else "."
    if not key.startswith(plugin.name + separator):
        return f"the id {key!r} in {kind}() must begin with {plugin.name + separator!r}"
    if key in known:
        return f"{key!r} in {kind}() is already provided by {owners.get(f'{kind}:{key}', 'core')}"
    return ""


def _id(item: Any) -> str:
    return str(item.path if isinstance(item, Page) else item.id)
