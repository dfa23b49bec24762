"""Running something with a county at a terminal.

A verb that writes takes the deployment's lock, as the server does: while the server runs, it is
refused with the number of the process that holds it. A verb that reads takes no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from county_gov.contract.access import Actor
    from county_gov.deployment import County

T = TypeVar("T")


def with_county(
    file: Path,
    work: Callable[[County], Awaitable[T]],
    *,
    background: bool = False,
    made: County | None = None,
) -> T:
    """Start the county of a deployment file, do something with it, and stop it.

    Args:
        file: The deployment file.
        work: What to do.
        background: Whether readings are judged and notices sent meanwhile, as the server does.
        made: The county, where it was made from the file already.
    """
    from county_gov.deployment import load

    async def run() -> T:
        county = made or load(file)
        await county.start(background=background)
        try:
            tell_passwords(county.new_passwords)
            return await work(county)
        finally:
            await county.stop()

    return asyncio.run(run())


def reading_county(
    file: Path, work: Callable[[County], Awaitable[T]], *, made: County | None = None
) -> T:
    """Read a county, whether its server runs or not; nothing can be written."""
    from county_gov.deployment import load

    async def run() -> T:
        county = made or load(file)
        await county.start_reading()
        try:
            return await work(county)
        finally:
            await county.stop()

    return asyncio.run(run())


def tell_passwords(passwords: Mapping[str, str]) -> None:
    """Show the passwords of accounts that a start has made, once, on the error stream.

    They are plain lines of their own, never part of a log.
    """
    if not passwords:
        return
    typer.echo("New accounts; each password is shown this once and kept nowhere:", err=True)
    for login, password in passwords.items():
        typer.echo(f"  {login}: {password}", err=True)


def operator() -> Actor:
    """Who sits at the terminal, for the audit trail: the machine's user, with all rights."""
    from getpass import getuser

    from county_gov.contract.access import Actor

    return Actor(kind="system", name=f"county-gov: {getuser()}")
