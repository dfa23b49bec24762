"""Commands: actions of a page that are no event of a case.

For example:

    async def take_over(ctx: CommandContext, values: Mapping[str, Value]) -> Text:
        if not await ctx.records.count("reservoir.reservoirs"):
            raise CommandRefused(Text(zh="请先登记水库", en="Enter a reservoir first"))
        await ctx.records.put("reservoir.roster", values, idempotency_key=ctx.key)
        return Text(zh="已登记", en="Entered")

    Command(
        id="reservoir.take_over",
        title=Text(zh="接班", en="Take over"),
        permission="reservoir.roster.write",
        form=Schema((Field("until", "instant", Text(zh="至", en="Until")),)),
        run=take_over,
    )

A page names the commands that it offers in ``actions``; a `Form` among its views is the same with
the form open. Programs send it to ``POST /api/v1/commands/{id}``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from county_gov.contract.schema import Schema, Value

if TYPE_CHECKING:
    from county_gov.contract.context import CommandContext
    from county_gov.contract.text import Text

Run = Callable[["CommandContext", Mapping[str, Value]], Awaitable["Text"]]


@frozen(eq=False)
class Command:
    """Something that a person may do on a page.

    Args:
        id: Prefixed by the plugin.
        title: The button: a verb.
        permission: Who may do it.
        run: Async function of the context and the form's checked values; returns what is said
            afterwards. It raises `CommandRefused` to say why not; the form then comes back with
            all that was typed. It may run again for the same click, after a crash for instance;
            what it writes carries keys that count within the click, such as ``ctx.key``.
        form: Fields that the person fills in.
        consequence: What cannot be undone, asked once before.
        seconds: After so long it has failed.
    """

    id: str
    title: Text
    permission: str
    run: Run
    form: Schema = field(factory=lambda: Schema(fields=()))
    consequence: Text | None = None
    seconds: float = 30.0
