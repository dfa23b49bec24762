"""``county-gov plugin``: which plugins are there?"""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Plugins.", no_args_is_help=True)


@app.command("list")
def list_plugins(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the installed plugins; none of them is imported."""
    import msgspec

    from county_gov.registry.discovery import available

    rows = [
        {
            "name": name,
            "distribution": point.dist.name if point.dist else "",
            "version": point.dist.version if point.dist else "",
            "entry_point": point.value,
        }
        for name, points in sorted(available().items())
        for point in points
    ]
    if json:
        typer.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        typer.echo("{name}  {distribution} {version}  {entry_point}".format(**row))
    if not rows:
        typer.echo("no plugin is installed; for example: pip install county-gov-sensors")
