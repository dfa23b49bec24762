"""``county-gov plugin test``: does a plugin keep the contract?"""

from __future__ import annotations

import importlib
import inspect
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from county_gov.errors import DeploymentError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from county_gov.testing.conformance import Result


def check_plugin(
    plugin: Annotated[
        str, typer.Argument(help="An installed plugin's name, or module or module:Class.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(help="A deployment file, or a TOML file of the plugin's settings alone."),
    ] = None,
    only: Annotated[
        str, typer.Option(help="Only checks with this in their id, for example rule:.")
    ] = "",
    expect: Annotated[
        list[str] | None,
        typer.Option(help="A check that is expected to fail, and why: ID=REASON; repeatable."),
    ] = None,
) -> None:
    """Ask each contribution of a plugin whether it keeps the contract; status 1 where one does not.

    It imports the plugin and calls what it contributes, with nothing there and with nonsense.
    """
    if find_spec("hypothesis") is None:
        way_out = "install the extra: pip install 'county-gov[testing]'"
        raise DeploymentError([Problem("county-gov plugin test", f"needs Hypothesis; {way_out}")])
    from county_gov.testing.conformance import run, suite

    name, cls = find(plugin)
    expected = dict(_expected(one) for one in expect or ())
    settings = config_in(config, name or plugin) if config else {}
    folder = config.parent if config else Path()
    found = suite(cls, settings, name=name, expected_failures=expected, folder=folder)
    results = [run(one) for one in found if only in one.id]
    if not results:
        raise DeploymentError([Problem("--only", f"no check has {only!r} in its id")])
    tell(results)
    if not all(one.ok for one in results):
        raise typer.Exit(1)


def find(plugin: str) -> tuple[str, type[Any]]:
    """A plugin's name (empty where it is to be found out) and class.

    Args:
        plugin: An installed plugin's name, or a module, or a module and a class in it.

    Raises:
        DeploymentError: if there is none.
    """
    from county_gov.registry.configuration import did_you_mean
    from county_gov.registry.discovery import available

    installed = available()
    if plugin in installed:
        point = installed[plugin][0]
        return plugin, _imported(point.module, point.attr)
    module, _, attribute = plugin.partition(":")
    if find_spec(module.partition(".")[0]) is None:
        hint = did_you_mean(plugin, sorted(installed))
        message = f"no plugin or module {plugin!r} is installed; {hint}"
        raise DeploymentError([Problem("PLUGIN", message)])
    return "", _imported(module, attribute)


def _imported(module: str, attribute: str) -> type[Any]:
    try:
        made = importlib.import_module(module)
    except ImportError as error:
        raise DeploymentError([Problem("PLUGIN", f"{module}: {error}")]) from error
    found = [
        one
        for name, one in inspect.getmembers(made, inspect.isclass)
        if (name == attribute if attribute else hasattr(one, "api") and hasattr(one, "Config"))
    ]
    if len(found) != 1:
        names = ", ".join(one.__name__ for one in found) or "none"
        message = f"expected one plugin class in {module}, found {names}; write module:Class"
        raise DeploymentError([Problem("PLUGIN", message)])
    return found[0]


def _expected(text: str) -> tuple[str, str]:
    key, equals, reason = text.partition("=")
    if not (equals and reason.strip()):
        raise DeploymentError([Problem("--expect", f"expected ID=REASON, got {text!r}")])
    return key.strip(), reason.strip()


def tell(results: Iterable[Result]) -> None:
    """Print results, one line for each contribution and more for what fails."""
    results = list(results)
    by_place: dict[str, list[Result]] = {}
    for one in results:
        by_place.setdefault(one.check.id.rpartition(":")[0], []).append(one)
    for place, members in by_place.items():
        bad = [one for one in members if not one.ok]
        expected = [one for one in members if one.outcome == "expected"]
        word = f"{len(bad)} FAILED" if bad else "ok"
        count = f"{len(members)} check{'' if len(members) == 1 else 's'}"
        said = f"{place}  {count}  {word}"
        typer.echo(said + (f", {len(expected)} expected to fail" if expected else ""))
        for one in bad:
            typer.echo(f"    {one.check.id}: {one.check.question}")
            for line in one.message.splitlines():
                typer.echo(f"        {line}")
    failed = sum(not one.ok for one in results)
    typer.echo(f"{len(results)} checks: {len(results) - failed} as they should be, {failed} not")


def config_in(file: Path, plugin: str) -> dict[str, Any]:
    """What a deployment file says to a plugin; a file without plugins is the configuration.

    Raises:
        DeploymentError: if the file cannot be read, or does not name the plugin.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeploymentError([Problem(str(file), f"cannot be read: {error}")]) from error
    if "plugin" not in data and "county" not in data:
        return data
    for one in data.get("plugin", ()):
        if one.get("use") == plugin:
            return dict(one.get("config", {}))
    raise DeploymentError([Problem(str(file), f"has no [[plugin]] with use = {plugin!r}")])
