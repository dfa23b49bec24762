"""``county-gov check``: is this deployment sound?"""

from __future__ import annotations

import typer

from county_gov.cli.arguments import DeploymentFile


def check(file: DeploymentFile) -> None:
    """Check a deployment file, its plugins and registers, and say everything that is wrong."""
    from county_gov.deployment import County, read_settings
    from county_gov.deployment.parts import check_registers

    settings = read_settings(file)
    county = County(settings)
    check_registers(settings)
    found = county.registry.contributions
    typer.echo(f"{settings.county.name.zh} ({settings.county.code}): {file} is sound")
    for plugin in county.registry.plugins:
        typer.echo(f"  plugin {plugin}")
    counts = {
        "datasets": len(found.datasets),
        "sources": len(found.sources),
        "rules": len(found.rules),
        "alert policies": len(found.alert_policies),
        "workflows": len(found.workflows),
        "notifiers": len(found.notifiers),
        "pages": len(found.pages),
        "permissions": len(found.permissions),
    }
    typer.echo("  " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
