"""A plugin with a night rule, for the test beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from attrs import frozen

from county_gov.api import (
    FAIL,
    PASS,
    AlertPolicy,
    Batch,
    Citation,
    Condition,
    Hooks,
    Input,
    Judgement,
    Latest,
    Level,
    LocalTime,
    Rule,
    Text,
    implements,
)


@frozen
class NoConfig:
    """Nothing to say."""


def judge(batch: Batch) -> Mapping[str, Judgement]:
    """45 dB(A) from ten in the evening to six, 55 by day."""
    hour, level = batch["hour"], batch["laeq"]
    limit = np.where((hour >= 22) | (hour < 6), 45.0, 55.0)
    above = np.where(level > limit, PASS, FAIL).astype(np.int8)
    below = np.where(level <= limit, PASS, FAIL).astype(np.int8)
    return {"above": Judgement(above, level, limit), "below": Judgement(below, level, limit)}


@frozen(eq=False)
class NightPlugin:
    """One rule over sound levels."""

    config: NoConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @staticmethod
    def rule(inputs: Mapping[str, Input]) -> Rule:
        """The rule with some inputs."""
        citation = Citation(document="声环境质量标准", number="GB 3096-2008", article="表1")
        conditions = (
            Condition("above", Text(zh="超过限值", en="Above"), citation, "dB(A)"),
            Condition("below", Text(zh="未超过限值", en="Not above"), citation, "dB(A)"),
        )
        return Rule("night.noise", Text(zh="噪声", en="Noise"), inputs, conditions, judge)

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """The rule."""
        return (self.rule({"laeq": Latest("laeq"), "hour": LocalTime("hour")}),)

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """The alert."""
        level = Level("warning", "above", "below")
        return (AlertPolicy("night.noise", Text(zh="噪声超标"), "night.noise", (level,)),)
