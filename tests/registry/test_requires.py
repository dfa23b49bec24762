"""What plugins require of each other: every way in which it does not hold is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from county_gov.registry.discovery import LoadedPlugin
from county_gov.registry.registry import build_registry
from county_gov.registry.requirements import check_requirements

INSTALLED = ("sensors", "reservoir", "grid_tasks")


def plugin(
    name: str, requires: object = None, version: str = "1.0", place: int = 0
) -> LoadedPlugin:
    """A plugin with its requirements, as discovery gives it."""
    body: dict[str, Any] = {} if requires is None else {"requires": requires}
    cls = type(f"{name.title()}Plugin", (), body)
    where = f"county.toml: plugin[{place}]"
    return LoadedPlugin(name, cls(), f"county-gov-{name}", version, where)


def told(*plugins: LoadedPlugin, listed: tuple[str, ...] = ()) -> list[str]:
    """The problems of some plugins, in their order."""
    found = check_requirements(plugins, listed=listed, installed=lambda: INSTALLED)
    return [str(one) for one in found]


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ("", "0.1.0.dev0"),
        (">=1,<2", "1.0"),
        (">=1,<2", "1.9.3"),
        (">=0.1.0.dev0", "0.1.0.dev0"),
        ("~=1.4", "1.5"),
        ("==1.*", "1.7"),
    ],
)
def test_a_fitting_version_is_taken(versions: str, found: str) -> None:
    """Any PEP 440 specifier; an empty one takes every version, development ones included."""
    first, second = plugin("sensors", version=found), plugin("reservoir", {"sensors": versions})
    assert [] == told(first, second)


@pytest.mark.parametrize(
    ("plugins", "listed", "words"),
    [
        (
            (plugin("reservoir", {"sensors": ">=1"}),),
            (),
            "requires 'sensors', which is not enabled; add [[plugin]] use = \"sensors\" before it",
        ),
        (
            (plugin("reservoir", {"sensor": ">=1"}),),
            (),
            "requires 'sensor', which is not installed; install and enable it "
            "(did you mean 'sensors'?)",
        ),
        (
            (plugin("reservoir", {"sensors": ">=1"}), plugin("sensors", place=1)),
            (),
            "requires 'sensors', which is listed further down; put 'sensors' before it",
        ),
        (
            (plugin("sensors", version="2.1"), plugin("reservoir", {"sensors": ">=1,<2"})),
            (),
            "requires 'sensors' >=1,<2, and found sensors (county-gov-sensors 2.1); "
            "install a fitting version",
        ),
        (
            (plugin("sensors", version="?"), plugin("reservoir", {"sensors": ">=1,<2"})),
            (),
            "whose version says nothing",
        ),
        (
            (plugin("sensors"), plugin("reservoir", {"sensors": "1 or so"})),
            (),
            "in the versions '1 or so', which is no specifier",
        ),
        ((plugin("reservoir", {"sensors": 1}),), (), "requires: expected names with versions"),
        ((plugin("reservoir", ("sensors",)),), (), "requires: expected names with versions"),
    ],
)
def test_what_does_not_hold_is_told(
    plugins: tuple[LoadedPlugin, ...], listed: tuple[str, ...], words: str
) -> None:
    """The problem names file, plugin, what was found and the way out."""
    (problem,) = told(*plugins, listed=listed)
    assert words in problem
    assert problem.startswith("county.toml: plugin[0].use: reservoir (county-gov-reservoir 1.0)")


def test_circles_are_told_once_each() -> None:
    """Two plugins that require each other, and one that requires itself."""
    both = told(plugin("sensors", {"reservoir": ""}), plugin("reservoir", {"sensors": ""}))
    assert 1 == len(both)
    assert "'sensors' requires 'reservoir' requires 'sensors'" in both[0]
    alone = told(plugin("sensors", {"sensors": ""}))
    assert 1 == len(alone)
    assert "'sensors' requires 'sensors'" in alone[0]


def test_a_circle_hides_no_other_problem() -> None:
    """A third plugin that requires one of the circle in a wrong version is told too."""
    found = told(
        plugin("sensors", {"reservoir": ""}),
        plugin("reservoir", {"sensors": ""}),
        plugin("grid_tasks", {"sensors": ">=3"}),
    )
    assert 2 == len(found)


def test_a_plugin_that_could_not_be_loaded_is_told_once() -> None:
    """Its own problem is enough: those that require it say nothing more."""
    assert [] == told(plugin("reservoir", {"sensors": ">=1"}), listed=("sensors",))


def test_the_registry_asks() -> None:
    """The start is refused with it, beside all other problems."""
    requires: Mapping[str, str] = {"nowhere": ">=1"}
    _registry, problems = build_registry([plugin("reservoir", requires)])
    assert any("requires 'nowhere'" in str(one) for one in problems)
