"""``county-gov quarantine``: rows that could not be accepted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from county_gov.cli.arguments import LAST_NUMBER, DeploymentFile
from county_gov.cli.running import operator, reading_county, with_county
from county_gov.errors import StoreLocked

if TYPE_CHECKING:
    from county_gov.deployment import County
    from county_gov.intake.quarantine import Retried

app = typer.Typer(help="Rows that could not be accepted.", no_args_is_help=True)

Numbers = Annotated[
    list[int],
    typer.Argument(min=0, max=LAST_NUMBER, help="Numbers of the items, as the list shows them."),
]
Code = Annotated[str, typer.Option(help="Only with this reason, for example unknown_datastream.")]
PAGE = 100


@app.command("list")
def list_items(
    file: DeploymentFile,
    state: Annotated[str, typer.Option(help="open, retried or dismissed.")] = "open",
    code: Code = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = PAGE,
) -> None:
    """List items, latest first."""
    from county_gov.contract.access import Scope
    from county_gov.store.intake import QuarantineFilter

    async def work(county: County) -> None:
        items, total = await county.quarantine.find(
            Scope.everything(), QuarantineFilter(state=state, code=code), limit=limit
        )
        for item in items:
            row = "" if item.row is None else f" row {item.row}"
            typer.echo(f"{item.id}\t{item.source}{row}\t{item.code}\t{item.message}")
        typer.echo(f"{len(items)} of {total} {state} items", err=True)

    reading_county(file, work)


@app.command("look")
def look(
    file: DeploymentFile,
    number: Annotated[int, typer.Argument(min=0, max=LAST_NUMBER, help="Number of the item.")],
) -> None:
    """Print an item's raw bytes, so that they can be mended and retried with --corrected."""
    from county_gov.contract.access import Scope

    async def work(county: County) -> None:
        item = await county.quarantine.look(Scope.everything(), number)
        typer.echo(f"{item.code}: {item.message} ({item.wire_format}, {item.provenance})", err=True)
        sys.stdout.buffer.write(item.raw + b"\n")

    reading_county(file, work)


@app.command("retry")
def retry(
    file: DeploymentFile,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(
            min=0, max=LAST_NUMBER, help="Numbers of the items; with --code not needed."
        ),
    ] = None,
    code: Code = "",
    corrected: Annotated[
        Path | None, typer.Option(help="File with the mended text of the one item.")
    ] = None,
) -> None:
    """Decode items again, after a register or the text was mended.

    What is taken in is judged when the server runs next.
    """
    from county_gov.contract.access import Scope
    from county_gov.store.intake import QuarantineFilter

    chosen = list(numbers or ())
    if bool(chosen) == bool(code):
        raise typer.BadParameter("name the items, or choose them with --code")
    if corrected is not None and len(chosen) != 1:
        raise typer.BadParameter("--corrected mends exactly one item")

    async def work(county: County) -> None:
        text = corrected.read_bytes() if corrected else None
        actor, scope = operator(), Scope.everything()
        before: int | None = None
        while True:
            found = chosen
            if code:
                wanted = QuarantineFilter(code=code)
                items, _ = await county.quarantine.find(scope, wanted, limit=PAGE, before=before)
                found = [item.id for item in items]
                before = min(found, default=0)
            if not found:
                break
            _tell(await county.quarantine.retry(found, actor=actor, scope=scope, corrected=text))
            if not code:
                break

    with_county(file, work)


def _tell(retried: Retried) -> None:
    for outcome in retried.outcomes:
        typer.echo(
            f"batch {outcome.batch}: {outcome.accepted} accepted, {outcome.duplicate} duplicate, "
            f"{outcome.revised} revised, {outcome.quarantined} quarantined"
        )
    for number, reason in retried.remaining:
        typer.echo(f"{number} stays: {reason.code}: {reason.message}")
    for number, reason in retried.closed:
        typer.echo(f"{number} was not taken in: {reason.code}: {reason.message}")
    counts = f"{len(retried.resolved)} resolved, {len(retried.remaining)} remaining"
    anew = sum(one.quarantined for one in retried.outcomes)
    typer.echo(f"{counts}, {anew} bad rows quarantined anew" if anew else counts)


@app.command("dismiss")
def dismiss(
    file: DeploymentFile,
    numbers: Numbers,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit trail.")],
) -> None:
    """Close items without taking them in."""
    from county_gov.contract.access import Scope

    async def work(county: County) -> None:
        done = await county.quarantine.dismiss(
            numbers, reason=reason, actor=operator(), scope=Scope.everything()
        )
        typer.echo(f"{done} dismissed")

    with_county(file, work)


@app.command("export")
def export(
    file: DeploymentFile,
    target: Annotated[Path, typer.Argument(help="The CSV file to write.")],
    state: Annotated[str, typer.Option(help="open, retried or dismissed.")] = "open",
) -> None:
    """Write items as CSV for a spreadsheet; formulas are neutralised.

    An export is audited, so it needs the right to write: while the server runs, use its page.
    """
    from county_gov.contract.access import Scope
    from county_gov.store.intake import QuarantineFilter

    async def work(county: County) -> None:
        with target.open("w", encoding="utf-8-sig", newline="") as out:
            async for line in county.quarantine.export(
                Scope.everything(), QuarantineFilter(state=state), actor=operator()
            ):
                out.write(line)

    try:
        with_county(file, work)
    except StoreLocked as error:
        msg = f"{error}; while the server runs, export from its page /quarantine"
        raise StoreLocked(msg) from error
