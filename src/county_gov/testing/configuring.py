"""A plugin's configuration and a plugin, as a deployment makes them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from county_gov.errors import DeploymentError
from county_gov.registry.configuration import structure
from county_gov.registry.discovery import GROUP, LoadedPlugin, PluginRequest, configure
from county_gov.registry.registry import DECLARATIONS

C = TypeVar("C")


def configuration(
    cls: type[C], data: Mapping[str, object], *, folder: Path | str = ".", place: str = "config"
) -> C:
    """A plugin's configuration from plain data, checked as the deployment file is.

    Raises:
        DeploymentError: with every mistake at once.
    """
    made, problems = structure(data, cls, place=place, folder=Path(folder))
    if made is None:
        raise DeploymentError(problems)
    return made


def loaded(
    plugin: type[Any],
    config: Mapping[str, object] | None = None,
    *,
    name: str = "",
    folder: Path | str = ".",
) -> LoadedPlugin:
    """A plugin as a deployment loads it, without being installed.

    Args:
        plugin: Its class.
        config: What ``[plugin.config]`` says.
        name: Its name; found out where it is left empty.
        folder: Where relative paths of the configuration begin.

    Raises:
        DeploymentError: with every mistake at once.
    """
    request = PluginRequest(name or plugin.__name__, dict(config or {}), "test", Path(folder))
    made, problems = configure(plugin, request, distribution=plugin.__module__, version="0")
    if made is None:
        raise DeploymentError(problems)
    called = name or plugin_name(plugin, made.instance)
    return LoadedPlugin(called, made.instance, plugin.__module__, "0", called)


def plugin_name(plugin: type[Any], instance: object) -> str:
    """What a plugin is called: its entry point, else what its contributions' ids begin with."""
    package = plugin.__module__.partition(".")[0]
    for point in entry_points(group=GROUP):
        if point.module.partition(".")[0] == package and point.attr == plugin.__name__:
            return point.name
    for kind in DECLARATIONS:
        declare = getattr(instance, kind, None)
        for item in declare() if callable(declare) else ():
            found = str(getattr(item, "id", "") or getattr(item, "path", ""))
            return found.replace("/", ".").partition(".")[0]
    return package.removeprefix("county_gov_")
