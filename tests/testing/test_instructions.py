"""What a source can tell its things, from the declaration to the thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import pytest
from attrs import frozen

from county_gov.api import (
    CommandContext,
    CommandInvalid,
    CommandRefused,
    ContractError,
    Dataset,
    Decoded,
    Delivery,
    Field,
    Hooks,
    Instructed,
    Instruction,
    Permission,
    Schema,
    Source,
    Text,
    Things,
    implements,
)
from county_gov.testing import Role, Scenario, Thing

TOLD: list[tuple[str, Instructed]] = []
SET_CLOCK = Instruction(
    "set_clock",
    Text(zh="校时", en="Set the clock"),
    "loggers.tell",
    Schema((Field("offset", "int64", Text(zh="偏差", en="Offset"), minimum=-60, maximum=60),)),
)


def decode(_delivery: Delivery, _things: Things) -> Decoded:
    """Never called here."""
    raise AssertionError


async def tell(ctx: CommandContext, thing: str, given: Instructed) -> Text:
    """Remember what was told."""
    await ctx.plugin.notes.set(f"clock:{thing}", str(ctx.clock.now()))
    TOLD.append((thing, given))
    return Text(zh=f"{thing} 已校时", en=f"{thing} has set its clock")


@frozen
class NoConfig:
    """Nothing to say."""


@frozen(eq=False)
class LoggersPlugin:
    """A source that can tell its things one thing."""

    config: NoConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """What it measures."""
        schema = Schema((Field("value", "float64", Text(zh="值", en="Value")),))
        return (Dataset(id="loggers.levels", title=Text(zh="水位", en="Levels"), schema=schema),)

    @implements(Hooks.sources)
    def sources(self) -> Iterable[Source]:
        """The loggers."""
        title = Text(zh="记录仪", en="Loggers")
        return (
            Source(
                "loggers.http",
                "loggers.levels",
                title,
                decode,
                instructions=(SET_CLOCK,),
                command=tell,
            ),
        )

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Who may tell a logger something."""
        return (Permission("loggers.tell", Text(zh="下发指令", en="Tell loggers")),)


def scenario() -> Scenario:
    """A county with two loggers in two townships, and somebody of the first one."""
    read = ("core.observations.read", "loggers.tell")
    return Scenario(
        LoggersPlugin,
        areas=["990101002"],
        things=[Thing("far", "990101002")],
        datastreams=["near.level", "far.level"],
        roles={"keeper": Role(read, area="990101001"), "reader": Role(read[:1])},
    )


async def test_a_thing_is_told_once_per_key() -> None:
    """The source gets thing, values and key; the same key again gives the first answer."""
    TOLD.clear()
    async with scenario() as s:
        run, actor = s.county.commands.run, await s.actor("keeper")
        data = {"thing": "near", "offset": 3}
        for _ in range(2):
            said = await run(actor, "loggers.http.set_clock", data, key="k1")
            assert "near 已校时" == said.zh
        ((thing, given),) = TOLD
        assert ("near", "set_clock", {"offset": 3}) == (thing, given.instruction, given.values)
        assert str(s.now) == await s.context().notes.get("clock:near")


@pytest.mark.parametrize(
    ("who", "data", "error"),
    [
        ("keeper", {"thing": "nowhere", "offset": 3}, CommandInvalid),
        ("keeper", {"thing": "far", "offset": 3}, CommandRefused),
        ("keeper", {"thing": "near", "offset": 61}, CommandInvalid),
        ("keeper", {"offset": 3}, CommandInvalid),
        ("reader", {"thing": "near", "offset": 3}, PermissionError),
    ],
)
async def test_who_may_tell_what(who: str, data: dict[str, object], error: type[Exception]) -> None:
    """Only a thing that one sees, only with the permission, only what the form allows."""
    TOLD.clear()
    async with scenario() as s:
        with pytest.raises(error):
            await s.county.commands.run(
                await s.actor(who), "loggers.http.set_clock", data, key="k2"
            )
    assert [] == TOLD


def test_instructions_need_a_command() -> None:
    """A source that can tell nothing cannot offer to."""
    title = Text(zh="记录仪")
    with pytest.raises(ContractError, match="command"):
        Source("loggers.http", "loggers.levels", title, decode, instructions=(SET_CLOCK,))
