"""Commands out of what sources can tell their things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from county_gov.contract.command import Command
from county_gov.contract.schema import Field, Schema
from county_gov.contract.source import Instructed
from county_gov.contract.text import Text
from county_gov.errors import CommandRefused

if TYPE_CHECKING:
    from county_gov.contract.command import Run
    from county_gov.contract.context import CommandContext
    from county_gov.contract.schema import Value
    from county_gov.contract.source import Instruction, Source

THING = Field("thing", "text", Text(zh="设备", en="Thing"), maximum=64, refers="thing")


def commands_of(source: Source) -> Iterator[Command]:
    """A command for each instruction of a source; its form asks for the thing first."""
    for one in source.instructions:
        yield Command(
            id=f"{source.id}.{one.id}",
            title=one.title,
            permission=one.permission,
            form=Schema((THING, *one.form.fields)),
            run=_telling(source, one),
            consequence=one.consequence,
            seconds=one.seconds,
        )


def _telling(source: Source, instruction: Instruction) -> Run:
    async def tell(ctx: CommandContext, values: Mapping[str, Value]) -> Text:
        thing = str(values["thing"])
        if thing not in {one.thing for one in await ctx.read.datastreams()}:
            raise CommandRefused(
                Text(
                    zh=f"您的辖区内没有设备 {thing}",
                    en=f"there is no thing {thing} in your area",
                )
            )
        rest = {name: value for name, value in values.items() if name != "thing"}
        if source.command is None:
            raise CommandRefused(Text(zh="此来源不能下发指令", en="this source tells nothing"))
        return await source.command(ctx, thing, Instructed(instruction.id, rest, ctx.key))

    return tell
