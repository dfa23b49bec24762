"""A plugin with settings, for the tests of their pages and interface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from attrs import frozen

from county_gov.api import Citation, Field, Hooks, Parameter, Permission, Text, implements
from county_gov.registry.discovery import LoadedPlugin

PROPOSE, APPROVE = "dam.limits.propose", "dam.limits.approve"
LIMIT = Parameter(
    "dam.limit",
    Text("汛限水位", "Flood limit"),
    Field(
        "level",
        "float64",
        Text("水位", "Level"),
        Text("1985 国家高程基准", "Above the 1985 datum"),
        unit="m",
        minimum=0,
        maximum=200,
        decimals=2,
    ),
    PROPOSE,
    APPROVE,
    varies_by="area",
    default=40.5,
    citation=Citation("示例规程", "SL 1-2020", "3.1"),
)
MODE = Parameter(
    "dam.mode",
    Text("调度方式", "Mode of operation"),
    Field(
        "mode",
        "text",
        Text("方式", "Mode"),
        choices=(("keep", Text("蓄水", "Keep")), ("spill", Text("泄洪", "Spill"))),
    ),
    PROPOSE,
    APPROVE,
)


@frozen
class NoConfig:
    """A plugin without settings of its own."""


@frozen(eq=False)
class DamPlugin:
    """A flood limit for each area, and a mode for the whole county."""

    config: NoConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """What the county sets."""
        return LIMIT, MODE

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Who proposes, and who approves."""
        return (
            Permission(PROPOSE, Text("提出水位限值", "Propose limits")),
            Permission(APPROVE, Text("批准水位限值", "Approve limits")),
        )


def dam() -> LoadedPlugin:
    """The plugin as discovery gives it."""
    return LoadedPlugin(
        "dam", DamPlugin(NoConfig()), "county-gov-dam", "1.0", "county.toml: plugin[1]"
    )
