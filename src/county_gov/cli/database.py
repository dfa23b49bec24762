"""``county-gov migrate``, ``backup`` and ``restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from county_gov.cli.arguments import DeploymentFile

if TYPE_CHECKING:
    from county_gov.store.database import Database


def migrate(
    file: DeploymentFile,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL instead.")] = False,
) -> None:
    """Bring the database to this program's version; make a backup before."""
    from county_gov.deployment import read_settings
    from county_gov.store import migration, open_database

    if plan and sql:
        raise typer.BadParameter("choose one of --plan and --sql")
    database = open_database(read_settings(file).store_url())
    try:
        if plan:
            typer.echo(migration.plan(database), nl=False)
            for line in _datasets_plan(file, database):
                typer.echo(f"  {line}")
        elif sql:
            typer.echo(migration.sql(database), nl=False)
        else:
            done = migration.upgrade(database)
            for revision in done:
                typer.echo(f"done: {revision}")
            typer.echo(f"{len(done)} step{'' if len(done) == 1 else 's'} done")
    finally:
        database.close()


def _datasets_plan(file: Path, database: Database) -> tuple[str, ...]:
    """What the next start would do with the tables of the plugins' datasets."""
    from county_gov.deployment import County, read_settings
    from county_gov.store import migration

    if migration.pending(database):
        return ("the next start makes and changes the datasets' tables as well",)
    return database.read(County(read_settings(file)).records.plan)


def backup(
    file: DeploymentFile,
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or does not exist yet.")],
) -> None:
    """Write a consistent copy of the database into a folder; the server may go on writing."""
    from county_gov.deployment import read_settings
    from county_gov.store import backup as copying
    from county_gov.store import open_database

    database = open_database(read_settings(file).store_url())
    try:
        manifest = copying.backup(database, folder)
    finally:
        database.close()
    typer.echo(f"{folder}: {sum(manifest.rows.values())} rows of {len(manifest.rows)} tables")


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder that backup has written.")],
    file: DeploymentFile,
) -> None:
    """Read a backup into the empty database of a deployment, and compare it with its manifest."""
    from county_gov.deployment import read_settings
    from county_gov.store import backup as copying

    manifest = copying.restore(folder, read_settings(file).store_url())
    typer.echo(f"{sum(manifest.rows.values())} rows of {len(manifest.rows)} tables restored")
