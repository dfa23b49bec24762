"""What plugins require of each other: that it is there, comes first, and has a fitting version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from county_gov.errors import Problem
from county_gov.registry.configuration import did_you_mean

if TYPE_CHECKING:
    from county_gov.registry.discovery import LoadedPlugin

Requirements = Mapping[str, Mapping[str, str]]
"""Versions by required plugin, by the plugin that requires them."""


def check_requirements(
    plugins: Sequence[LoadedPlugin],
    *,
    listed: Collection[str] = (),
    installed: Callable[[], Collection[str]],
) -> list[Problem]:
    """Problems of plugins whose ``requires`` does not hold.

    Args:
        plugins: Those that were loaded, in the order of the deployment.
        listed: Names in the deployment file; one that could not be loaded has its own problem.
        installed: Gives the names of all installed plugins, for the way out.
    """
    problems: list[Problem] = []
    wanted: dict[str, Mapping[str, str]] = {}
    for plugin in plugins:
        found = getattr(type(plugin.instance), "requires", {})
        if _is_sound(found):
            wanted[plugin.name] = found
        else:
            text = f"requires: expected names with versions, got {found!r}"
            problems.append(Problem(f"{plugin.place}.use", f"{plugin}: {text}"))
    cycles = list(_cycles(wanted))
    order = {plugin.name: number for number, plugin in enumerate(plugins)}
    for plugin in plugins:
        for name, versions in wanted.get(plugin.name, {}).items():
            if name not in order:
                text = "" if name in listed else _missing(name, installed())
            elif any({plugin.name, name} <= set(cycle) for cycle in cycles):
                text = ""
            elif order[name] > order[plugin.name]:
                text = f"requires {name!r}, which is listed further down; put {name!r} before it"
            else:
                text = _misfit(plugins[order[name]], versions)
            if text:
                problems.append(Problem(f"{plugin.place}.use", f"{plugin}: {text}"))
    for cycle in cycles:
        first = plugins[order[cycle[0]]]
        way = " requires ".join(repr(name) for name in (*cycle, cycle[0]))
        text = f"{way}: one of them has to do without the other"
        problems.append(Problem(f"{first.place}.use", f"{first}: {text}"))
    return problems


def _is_sound(requires: object) -> bool:
    return isinstance(requires, Mapping) and all(
        isinstance(name, str) and isinstance(versions, str) for name, versions in requires.items()
    )


def _missing(name: str, installed: Collection[str]) -> str:
    """Why a plugin that is not in the list is not there."""
    if name in installed:
        return f'requires {name!r}, which is not enabled; add [[plugin]] use = "{name}" before it'
    hint = did_you_mean(name, sorted(installed))
    return f"requires {name!r}, which is not installed; install and enable it ({hint})"


def _misfit(found: LoadedPlugin, versions: str) -> str:
    """Why the version of a plugin does not fit, or an empty text."""
    try:
        wanted = SpecifierSet(versions)
    except InvalidSpecifier:
        return f"requires {found.name!r} in the versions {versions!r}, which is no specifier"
    if not versions.strip():
        return ""
    try:
        version = Version(found.version)
    except InvalidVersion:
        return f"requires {found.name!r} {versions}, and found {found}, whose version says nothing"
    if wanted.contains(version, prereleases=True):
        return ""
    return f"requires {found.name!r} {versions}, and found {found}; install a fitting version"


def _cycles(wanted: Requirements) -> Iterator[tuple[str, ...]]:
    """Each circle of plugins that require each other, once, from its first in the order."""
    done: set[str] = set()
    for start in wanted:
        way = _way_back(start, wanted, done)
        if way:
            done.update(way)
            yield way


def _way_back(start: str, wanted: Requirements, done: Collection[str]) -> tuple[str, ...]:
    """The shortest way from a plugin over what is required back to itself."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start, *done}
    for way in ways:
        for name in wanted.get(way[-1], {}):
            if name == start:
                return way
            if name not in seen and name in wanted:
                seen.add(name)
                ways.append((*way, name))
    return ()
