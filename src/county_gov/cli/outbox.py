"""``county-gov outbox``: notices that could not be delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from county_gov.cli.arguments import LAST_NUMBER, DeploymentFile
from county_gov.cli.running import operator, reading_county, with_county

if TYPE_CHECKING:
    from county_gov.deployment import County

app = typer.Typer(help="Notices that could not be delivered.", no_args_is_help=True)


@app.command("list")
def list_letters(
    file: DeploymentFile,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
) -> None:
    """List dead letters, latest first, and count all letters by channel and state."""

    async def work(county: County) -> None:
        letters, total = await county.outbox.dead(limit=limit)
        for one in letters:
            typer.echo(
                f"{one.id}\t{one.notifier}\t{one.recipient}\t{one.subject}"
                f"\t{one.attempts} attempts\t{one.detail}"
            )
        for (channel, state), count in (await county.outbox.counts()).items():
            typer.echo(f"{channel}: {count} {state}", err=True)
        typer.echo(f"{len(letters)} of {total} dead letters", err=True)

    reading_county(file, work)


@app.command("requeue")
def requeue(
    file: DeploymentFile,
    numbers: Annotated[
        list[int],
        typer.Argument(
            min=0, max=LAST_NUMBER, help="Numbers of the dead letters, as the list shows them."
        ),
    ],
) -> None:
    """Make dead letters due again; they are sent when the server runs next."""

    async def work(county: County) -> None:
        found = await county.outbox.requeue(numbers, actor=operator())
        typer.echo(f"{len(found)} of {len(set(numbers))} will be sent again")

    with_county(file, work)
