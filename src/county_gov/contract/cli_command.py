"""Verbs of the command line: ``county-gov run county.toml <plugin>.<name> --option value``.

For example:

    async def levels(ctx: Context, options: Mapping[str, Value]) -> AsyncIterator[str]:
        for one in await ctx.read.latest(observed_property="water_level"):
            yield f"{one.datastream.thing}: {one.value} m"

    CliCommand(
        id="reservoir.levels",
        title=Text(zh="列出水位", en="List levels"),
        run=levels,
    )
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from county_gov.contract.schema import Schema, Value

if TYPE_CHECKING:
    from county_gov.contract.context import Context
    from county_gov.contract.text import Text


@frozen(eq=False)
class CliCommand:
    """A verb of a plugin on the command line.

    Args:
        id: Prefixed by the plugin; the rest is the verb.
        title: What it does.
        run: Async generator of the lines that it prints. What it raises of the core's errors is
            told in words, and the command ends with status 1.
        options: Its options, checked as a form is: each field is ``--name value``, with dashes for
            underscores; a truth is ``--name`` or ``--no-name``.
        writes: Whether it changes anything. Such a verb takes the database for itself: the server
            has to be stopped. Any other runs beside the server, and what it writes is refused.
    """

    id: str
    title: Text
    run: Callable[[Context, Mapping[str, Value]], AsyncIterator[str]]
    options: Schema = field(factory=lambda: Schema(fields=()))
    writes: bool = False
