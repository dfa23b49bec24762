"""A plugin of noise meters, whose limit depends on the zone in which a meter stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from attrs import frozen

from county_gov.api import (
    FAIL,
    PASS,
    UNKNOWN,
    AlertPolicy,
    Attribute,
    Batch,
    Citation,
    Condition,
    Dataset,
    Field,
    Hooks,
    Hourly,
    Input,
    Judgement,
    Level,
    Parameter,
    Permission,
    Rule,
    Schema,
    Setting,
    Text,
    implements,
)

USE = "zones.use"
ZONES = (("1", Text(zh="1类", en="Zone 1")), ("2", Text(zh="2类", en="Zone 2")))
METERS = Dataset(
    id="zones.meters",
    title=Text(zh="噪声监测点", en="Meters"),
    kind="records",
    schema=Schema(
        fields=(
            Field("code", "text", Text(zh="编码"), maximum=64, refers="thing"),
            Field("zone", "text", Text(zh="功能区"), choices=ZONES),
        ),
        key=("code",),
    ),
    read_permission=USE,
    write_permission=USE,
)


def limit_of(name: str, varies_by: object) -> Parameter:
    """A limit in decibels."""
    field = Field("level", "float64", Text(zh="等效声级"), unit="dB(A)", decimals=1)
    return Parameter(name, Text(zh="限值"), field, USE, USE, varies_by=varies_by)  # type: ignore[arg-type]


@frozen
class NoConfig:
    """Nothing to say."""


def judge(batch: Batch) -> Mapping[str, Judgement]:
    """Above the zone's limit, or above the meter's own where it has one."""
    level = batch["level"]
    limit = np.where(np.isfinite(batch["own"]), batch["own"], batch["limit"])
    known = np.isfinite(limit)
    values, limits = np.where(known, level, np.nan), np.where(known, limit, np.nan)
    above = np.where(known, np.where(level > limit, PASS, FAIL), UNKNOWN).astype(np.int8)
    below = np.where(known, np.where(level <= limit, PASS, FAIL), UNKNOWN).astype(np.int8)
    return {"above": Judgement(above, values, limits), "below": Judgement(below, values, limits)}


@frozen(eq=False)
class ZonesPlugin:
    """Hourly equivalent levels, with a limit for each zone and one that a meter may have itself."""

    config: NoConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """One."""
        return (Permission(USE, Text(zh="使用")),)

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """The meters."""
        return (METERS,)

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """Two limits."""
        return limit_of("zones.limit", ZONES), limit_of("zones.own", "thing")

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """The rule."""
        citation = Citation("声环境质量标准", "GB 3096-2008", "表1")
        inputs: Mapping[str, Input] = {
            "level": Hourly("laeq", "equivalent_level", coverage=0.5),
            "limit": Setting("zones.limit", choice=Attribute(METERS.id, "zone")),
            "own": Setting("zones.own"),
        }
        conditions = (
            Condition("above", Text(zh="超过限值"), citation, "dB(A)", limit="limit"),
            Condition("below", Text(zh="未超过限值"), citation, "dB(A)"),
        )
        return (Rule("zones.noise", Text(zh="噪声"), inputs, conditions, judge),)

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """The alert."""
        level = Level("warning", "above", "below")
        return (AlertPolicy("zones.noise", Text(zh="噪声超标"), "zones.noise", (level,)),)
