"""Running something with a county whose store this process owns.

A verb that writes takes the deployment's lock, as the server does: while the server runs, it is
refused with the number of the process that holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.deployment import County

T = TypeVar("T")


def with_county(file: Path, work: Callable[[County], Awaitable[T]]) -> T:
    """Start the county of a deployment file, do something with it, and stop it."""
    from county_gov.deployment import load

    async def run() -> T:
        async with load(file) as county:
            return await work(county)

    return asyncio.run(run())


def operator() -> Actor:
    """Who sits at the terminal, for the audit trail: the machine's user, with all rights."""
    from getpass import getuser

    from county_gov.contract.access import Actor

    return Actor(kind="system", name=f"county-gov: {getuser()}")
