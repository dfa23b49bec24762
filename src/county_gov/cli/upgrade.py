"""``county-gov upgrade``: what a new program or new plugins change, and doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from county_gov.cli.arguments import DeploymentFile
from county_gov.cli.running import with_county

if TYPE_CHECKING:
    from county_gov.deployment import County

FITS = "the database fits this program and these plugins"


def upgrade(
    file: DeploymentFile,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would change.")] = False,
) -> None:
    """Bring the database to this program and these plugins; make a backup before."""
    from county_gov.deployment import load
    from county_gov.store import migration

    county = load(file)
    if plan:
        try:
            lines = plan_of(county)
        finally:
            county.plugins.end()
            county.store.close()
        for line in lines or (FITS,):
            typer.echo(line)
        return
    for revision in migration.upgrade(county.store.database):
        typer.echo(f"done: {revision}")

    async def work(_county: County) -> None:
        typer.echo(FITS)

    with_county(file, work, made=county)


def plan_of(county: County) -> tuple[str, ...]:
    """What would change, a line for each thing.

    Raises:
        DeploymentError: if the start would be refused.
    """
    from county_gov.deployment.life import Life, pending_migrations

    steps = pending_migrations(county)
    if steps:
        return (*steps, "what plugins change is told once the tables are migrated")
    county.store.start_reading()
    return county.store.read_now(Life(county).plan)
