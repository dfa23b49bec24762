"""``county-gov serve``: run the server."""

from __future__ import annotations

from typing import Annotated

import typer

from county_gov.cli.arguments import DeploymentFile
from county_gov.cli.running import tell_passwords


def serve(
    file: DeploymentFile,
    host: Annotated[str, typer.Option(help="Listen here instead of [server] host.")] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Listen here instead of [server] port.")
    ] = None,
) -> None:
    """Run the county and its server until it is told to stop (SIGTERM or Ctrl-C)."""
    from county_gov.deployment import County, read_settings
    from county_gov.server import serve as run

    settings = read_settings(file)
    county = County(settings.with_server(host=host, port=port))
    run(county, tell_passwords=tell_passwords)
