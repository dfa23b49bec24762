"""Finding the enabled plugins: only what the deployment lists is imported."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from county_gov.contract.plugin import API
from county_gov.errors import Problem
from county_gov.registry.configuration import Secrets, did_you_mean, structure
from county_gov.registry.limits import ProcessLimits

if TYPE_CHECKING:
    from county_gov.registry.isolation.process import PluginProcess

GROUP = "county_gov.plugins"


@frozen(eq=False)
class PluginRequest:
    """A plugin that the deployment lists.

    Args:
        use: Name of its entry point.
        config: What the deployment says to it.
        place: File and dotted path of the entry, for messages.
        folder: Where its relative paths begin.
        secrets: Where its secrets are read; the environment and the folder unless given.
        limits: Bounds of its process; None where it runs within the county's.
    """

    use: str
    config: dict[str, object]
    place: str
    folder: Path
    secrets: Secrets | None = None
    limits: ProcessLimits | None = None


@frozen(eq=False)
class LoadedPlugin:
    """A plugin that was imported, configured and instantiated.

    ``process`` is the process that it lives in; None where it lives in the county's own.
    """

    name: str
    instance: Any
    distribution: str
    version: str
    place: str
    process: PluginProcess | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


def available() -> dict[str, list[EntryPoint]]:
    """Installed plugins by name, without importing any."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def load_plugins(
    requests: Sequence[PluginRequest],
) -> tuple[tuple[LoadedPlugin, ...], list[Problem]]:
    """Import, configure and instantiate each requested plugin, in the order of the list.

    Returns:
        The plugins that could be loaded, and every problem of the others.
    """
    installed = available()
    loaded: list[LoadedPlugin] = []
    problems: list[Problem] = []
    for request in requests:
        if any(one.name == request.use for one in loaded):
            problems.append(Problem(f"{request.place}.use", f"{request.use!r} is listed twice"))
            continue
        plugin, found = _load(request, installed)
        problems.extend(found)
        if plugin is not None:
            loaded.append(plugin)
    return tuple(loaded), problems


def _load(
    request: PluginRequest, installed: dict[str, list[EntryPoint]]
) -> tuple[LoadedPlugin | None, list[Problem]]:
    place = f"{request.place}.use"
    points = installed.get(request.use, [])
    if not points:
        hint = did_you_mean(request.use, sorted(installed))
        return None, [Problem(place, f"no plugin {request.use!r} is installed; {hint}")]
    if len(points) > 1:
        named = " and ".join(_origin(point) for point in points)
        return None, [Problem(place, f"{request.use!r} is provided by {named}; remove one")]
    (point,) = points
    if request.limits is not None:
        from county_gov.registry.isolation.loading import load_isolated

        return load_isolated(
            request, point.value, distribution=_name(point), version=_version(point)
        )
    try:
        cls = point.load()
    except Exception as error:  # noqa: BLE001 whatever an import raises is the plugin's problem
        text = f"{_origin(point)} cannot be imported: {type(error).__name__}: {error}"
        return None, [Problem(place, text)]
    return configure(cls, request, distribution=_name(point), version=_version(point))


def configure(
    found: object, request: PluginRequest, *, distribution: str, version: str
) -> tuple[LoadedPlugin | None, list[Problem]]:
    """Check a plugin's class, structure its configuration and instantiate it."""
    place = f"{request.place}.use"
    who = f"{request.use} ({distribution} {version})"
    if not inspect.isclass(found):
        return None, [Problem(place, f"{who}: the entry point must name a class, got {found!r}")]
    cls: Any = found
    if getattr(cls, "api", None) != API:
        text = f"{who} was written for api = {getattr(cls, 'api', None)}, this county has {API}"
        return None, [Problem(place, f"{text}; install a matching version")]
    if "__eq__" in vars(cls):
        return None, [Problem(place, f"{who}: decorate the class with attrs.frozen(eq=False)")]
    config, problems = structure(
        request.config,
        cls.Config,
        place=f"{request.place}.config",
        folder=request.folder,
        secrets=request.secrets,
    )
    if problems:
        return None, problems
    try:
        instance = cls(config)
    except Exception as error:  # noqa: BLE001 whatever its constructor raises is its problem
        return None, [Problem(place, f"{who} cannot start: {type(error).__name__}: {error}")]
    return LoadedPlugin(request.use, instance, distribution, version, request.place), []


def _origin(point: EntryPoint) -> str:
    return f"{_name(point)} {_version(point)} ({point.value})"


def _name(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _version(point: EntryPoint) -> str:
    return point.dist.version if point.dist else "?"
