"""``county-gov plugin list``: which plugins are there, and how does a deployment use them?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from attrs import asdict, define, field

if TYPE_CHECKING:
    from county_gov.errors import Problem
    from county_gov.registry.discovery import LoadedPlugin


@define(eq=False)
class PluginRow:
    """A plugin as the list shows it.

    Args:
        name: Its name.
        distribution, version: What brought it; empty for one that is not installed.
        entry_point: Where its class is.
        summary: What its distribution says of itself.
        enabled: Its place in the deployment file; None where it is not enabled there.
        api: Version of the contract that it was written for; None where it was not imported.
        isolation: Where the deployment runs it.
        contributions: How many it contributes, by kind.
        problems: What keeps the deployment from starting with it.
    """

    name: str
    distribution: str = ""
    version: str = ""
    entry_point: str = ""
    summary: str = ""
    enabled: int | None = None
    api: int | None = None
    isolation: str = ""
    contributions: dict[str, int] = field(factory=dict)
    problems: list[str] = field(factory=list)


def list_plugins(
    file: Annotated[
        Path | None,
        typer.Argument(help="A deployment file: the plugins that it enables are imported."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the installed plugins; only those that a deployment file enables are imported."""
    import msgspec

    rows = installed_rows()
    if file is not None:
        _look_into(file, rows)
    if json:
        typer.echo(msgspec.json.encode([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        _tell(row, deployed=file is not None)
    if not rows:
        typer.echo("no plugin is installed; for example: pip install county-gov-sensors")


def installed_rows() -> list[PluginRow]:
    """The installed plugins by name; none is imported."""
    from county_gov.registry.discovery import available

    return [
        PluginRow(
            name,
            point.dist.name if point.dist else "",
            point.dist.version if point.dist else "",
            point.value,
            str(point.dist.metadata.json.get("summary", "")) if point.dist else "",
        )
        for name, points in sorted(available().items())
        for point in points
    ]


def _look_into(file: Path, rows: list[PluginRow]) -> None:
    """Add to the rows how a deployment uses them, and rows for what it lacks."""
    from county_gov.deployment import read_settings
    from county_gov.deployment.permissions import CORE_PERMISSIONS
    from county_gov.registry.discovery import load_plugins
    from county_gov.registry.registry import build_registry

    settings = read_settings(file)
    loaded, problems = load_plugins(settings.plugin_requests())
    try:
        core = {"permissions": CORE_PERMISSIONS}
        registry, more = build_registry(loaded, core, place=settings.name)
        counts = {one.name: _counts(one, registry.contributions.owners) for one in loaded}
    finally:
        for one in loaded:
            if one.process is not None:
                one.process.close()
    by_name = {row.name: row for row in rows}
    for number, enabled in enumerate(settings.plugin):
        row = by_name.get(enabled.use)
        if row is None:
            row = by_name[enabled.use] = PluginRow(enabled.use)
            rows.append(row)
        row.enabled = number if row.enabled is None else row.enabled
        row.isolation = enabled.isolation
        row.problems += _of_place([*problems, *more], f"{settings.name}: plugin[{number}]")
    for plugin in loaded:
        row = by_name[plugin.name]
        row.api = getattr(type(plugin.instance), "api", None)
        row.contributions = counts[plugin.name]


def _counts(plugin: LoadedPlugin, owners: Any) -> dict[str, int]:  # noqa: ANN401 (plugin by key)
    kinds = [key.partition(":")[0] for key, owner in owners.items() if owner is plugin]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def _of_place(problems: list[Problem], place: str) -> list[str]:
    return [str(one) for one in problems if one.place.startswith(place)]


def _tell(row: PluginRow, *, deployed: bool) -> None:
    said = f"{row.name}  {row.distribution} {row.version}  {row.entry_point}"
    if not row.distribution:
        said = f"{row.name}  is not installed"
    if deployed:
        said += "  not enabled" if row.enabled is None else f"  enabled as plugin[{row.enabled}]"
    if row.api is not None:
        said += f", api {row.api}, isolation {row.isolation}"
    typer.echo(said)
    if row.summary:
        typer.echo(f"    {row.summary}")
    if row.contributions:
        counts = (f"{count} {kind.replace('_', ' ')}" for kind, count in row.contributions.items())
        typer.echo(f"    {', '.join(counts)}")
    for problem in row.problems:
        typer.echo(f"    problem: {problem}")
