"""All verbs of ``county-gov``, and how their errors are told."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from county_gov.cli import (
    accounts,
    check,
    database,
    ingest,
    outbox,
    plugins,
    quarantine,
    serve,
    upgrade,
    verbs,
)
from county_gov.errors import CountyGovError, DeploymentError, RegisterError

app = typer.Typer(
    name="county-gov",
    help="Run and look after a county's deployment.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("check")(check.check)
app.command("serve")(serve.serve)
app.command("ingest")(ingest.ingest)
app.command(
    "run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)(verbs.run_verb)
app.command("migrate")(database.migrate)
app.command("upgrade")(upgrade.upgrade)
app.command("backup")(database.backup)
app.command("restore")(database.restore)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(outbox.app, name="outbox")
app.add_typer(accounts.app, name="account")
app.add_typer(accounts.device_app, name="device")
app.add_typer(plugins.app, name="plugin")


def _version(value: bool) -> None:
    if value:
        from county_gov import __version__

        typer.echo(f"county-gov {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _version_asked: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Run and look after a county's deployment."""
    from county_gov.cli.terminal import configure_logs

    configure_logs()


def run() -> None:
    """Run the command line; an error of ours is told in words and ends with status 1."""
    try:
        app()
    except (DeploymentError, RegisterError) as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        count = len(error.problems)
        typer.echo(f"{count} problem{'' if count == 1 else 's'} found", err=True)
        sys.exit(1)
    except (CountyGovError, OSError, EOFError) as error:
        typer.echo(f"{error}" or type(error).__name__, err=True)
        sys.exit(1)
