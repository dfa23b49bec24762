"""``county-gov ingest``: replay and backfill files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from county_gov.cli.arguments import DeploymentFile
from county_gov.cli.running import with_county

if TYPE_CHECKING:
    from county_gov.contract.source import Reason
    from county_gov.deployment import County
    from county_gov.intake.files import Progress

SHOWN = 10
"""Reasons that are printed per file; the quarantine holds all."""


def ingest(
    file: DeploymentFile,
    paths: Annotated[list[Path], typer.Argument(help="CSV or NDJSON files, also gzipped.")],
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on where it stopped.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Take files in through the same door as live readings.

    An interrupted run goes on where it stopped. Rows that cannot be accepted go to the quarantine.
    """

    async def work(county: County) -> list[Progress]:
        return await ingest_files(county, paths, restart=restart, quiet=quiet)

    for progress in with_county(file, work, background=True):
        counts = ", ".join(
            f"{count:,} {words}"
            for count, words in (
                (progress.accepted, "accepted"),
                (progress.duplicate, "duplicate"),
                (progress.revised, "revised"),
                (progress.quarantined, "quarantined"),
            )
        )
        resumed = f" ({progress.resumed:,} before)" if progress.resumed else ""
        typer.echo(f"{progress.path}: {progress.rows:,} rows{resumed}: {counts}")
        for reason in progress.reasons:
            typer.echo(f"  row {reason.row}: {reason.code}: {reason.message}")


async def ingest_files(
    county: County, paths: list[Path], *, restart: bool = False, quiet: bool = False
) -> list[Progress]:
    """Take files in one after another, with a progress bar, and wait until all is judged."""
    from attrs import evolve
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from county_gov.intake.files import ingest_file

    done: list[Progress] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rows]:>9,} rows"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), disable=quiet) as bar:
        for path in paths:
            task = bar.add_task(path.name, total=path.stat().st_size, rows=0)
            reasons: list[Reason] = []
            async for progress in ingest_file(county.intake, path, restart=restart):
                bar.update(task, completed=progress.bytes_done, rows=progress.rows)
                reasons += progress.reasons[: SHOWN - len(reasons)]
                if progress.done:
                    done.append(evolve(progress, reasons=tuple(reasons)))
    await county.caught_up()
    return done
