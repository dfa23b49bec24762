"""``county-gov check``: is this deployment sound?"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from county_gov.cli.arguments import DeploymentFile

if TYPE_CHECKING:
    from county_gov.deployment import County
    from county_gov.registry.discovery import LoadedPlugin


def check(file: DeploymentFile) -> None:
    """Check a deployment file, its plugins and registers, and say everything that is wrong."""
    from county_gov.deployment import County, read_settings
    from county_gov.deployment.parts import check_registers
    from county_gov.registry.isolation.loading import missing_protections

    settings = read_settings(file)
    county = County(settings)
    check_registers(settings)
    _check_addresses(county)
    found = county.registry.contributions
    typer.echo(f"{settings.county.name.zh} ({settings.county.code}): {file} is sound")
    for plugin in county.registry.plugins:
        typer.echo(f"  plugin {plugin}{where_it_runs(plugin)}")
    counts = {
        "datasets": len(found.datasets),
        "sources": len(found.sources),
        "rules": len(found.rules),
        "alert policies": len(found.alert_policies),
        "workflows": len(found.workflows),
        "notifiers": len(found.notifiers),
        "parameters": len(found.parameters),
        "jobs": len(found.jobs),
        "pages": len(found.pages),
        "permissions": len(found.permissions),
    }
    typer.echo("  " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
    for caution in county.store.database.cautions():
        typer.echo(f"  {caution}")
    missing = missing_protections()
    if missing:
        typer.echo(f"  this kernel cannot close to a plugin's process: {', '.join(missing)}")
    county.plugins.end()


def _check_addresses(county: County) -> None:
    """Refuse addresses of plugins that are taken; without the server there are none."""
    if find_spec("aiohttp") is not None:
        from county_gov.server import application

        application(county)


def where_it_runs(plugin: LoadedPlugin) -> str:
    """Where a plugin runs, what is closed to it, and what could not be."""
    from county_gov.registry.isolation.loading import closed_doors, open_doors

    if plugin.process is None:
        return ""
    closed = ", ".join(one.in_language("en") for one in closed_doors(plugin.process))
    doors = ", ".join(one.in_language("en") for one in open_doors(plugin.process))
    said = f", in a process of its own, closed to it: {closed or 'nothing'}"
    return f"{said}; not closed to it: {doors}" if doors else said
