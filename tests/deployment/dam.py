"""A plugin for tests: a dam's level judged with rain, a limit that is set and the dam's crest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from attrs import frozen

from county_gov.api import (
    FAIL,
    HOUR,
    PASS,
    UNKNOWN,
    AlertChanged,
    AlertPolicy,
    Attribute,
    Batch,
    Bools,
    Citation,
    Condition,
    Context,
    Dataset,
    Event,
    Field,
    Float64s,
    Hooks,
    Judgement,
    Latest,
    Level,
    Parameter,
    Permission,
    Rule,
    Schema,
    Setting,
    State,
    Text,
    Window,
    Workflow,
    implements,
)

NAME = Text(zh="大坝", en="Dam")
USE = "dam.use"
APPROVE = "dam.approve"


def answer(known: Bools, passed: Bools, values: Float64s, limits: Float64s) -> Judgement:
    """Unknown wherever something that was needed is."""
    outcomes = np.where(known, np.where(passed, PASS, FAIL), UNKNOWN).astype(np.int8)
    return Judgement(outcomes, np.where(known, values, np.nan), np.where(known, limits, np.nan))


def judge_flood(batch: Batch) -> Mapping[str, Judgement]:
    """Above the limit that is set; urgent within a metre of the crest, or with heavy rain."""
    level, limit, crest = batch["level"], batch["limit"], batch["crest"]
    rain = np.where(np.isnan(batch["rain"]), 0.0, batch["rain"])
    known = np.isfinite(level) & np.isfinite(limit)
    high = known & ((level > crest - 1) | ((level > limit) & (rain > 50)))
    return {
        "above": answer(known, level > limit, level, limit),
        "below": answer(known, level < limit, level, limit),
        "high": answer(known, high, level, limit),
    }


def judge_fault(batch: Batch) -> Mapping[str, Judgement]:
    """A gauge that reads below nothing is broken, and a pool below its mark is empty."""
    level = batch["level"]
    known = np.isfinite(level)
    zero = np.zeros(len(level))
    return {
        "broken": answer(known, level < 0, level, zero),
        "sound": answer(known, level >= 0, level, zero),
    }


def conditions(*names: str) -> tuple[Condition, ...]:
    """Conditions without much to say."""
    return tuple(Condition(name, NAME, Citation("防洪法"), "m") for name in names)


FLOOD = Rule(
    "dam.flood",
    NAME,
    {
        "level": Latest("level"),
        "rain": Window("rain", 3 * HOUR, "sum"),
        "limit": Setting("dam.limit"),
        "crest": Attribute("dam.dams", "crest"),
    },
    conditions("above", "below", "high"),
    judge_flood,
)
FAULT = Rule(
    "dam.fault", NAME, {"level": Latest("gauge")}, conditions("broken", "sound"), judge_fault
)
POOL = Rule("dam.pool", NAME, {"level": Latest("pool")}, conditions("broken", "sound"), judge_fault)
POLICIES = (
    AlertPolicy(
        "dam.pool",
        NAME,
        "dam.pool",
        (Level("notice", "broken", "sound"),),
        workflow="dam.watch",
        groups_by="thing",
        on_cleared="over",
    ),
    AlertPolicy(
        "dam.flood",
        NAME,
        "dam.flood",
        (Level("warning", "above", "below"), Level("urgent", "high", "below")),
        workflow="dam.watch",
        groups_by="thing",
        inhibited_by=("dam.fault",),
        on_cleared="over",
    ),
    AlertPolicy(
        "dam.fault",
        NAME,
        "dam.fault",
        (Level("notice", "broken", "sound"),),
        workflow="dam.repair",
        groups_by="thing",
    ),
)
CREST = Field("crest", "int64", NAME, unit="m", decimals=1, required=False)
DAMS = Dataset(
    "dam.dams",
    NAME,
    Schema((Field("code", "text", NAME, maximum=32), CREST), key=("code",)),
    kind="records",
    read_permission=USE,
    write_permission=USE,
    dated=True,
)
LIMIT = Parameter("dam.limit", NAME, Field("limit", "float64", NAME, decimals=1), USE, APPROVE)


def workflow(name: str) -> Workflow:
    """A case that is watched, and over or taken up again."""
    return Workflow(
        id=f"dam.{name}",
        title=NAME,
        version=1,
        number=f"{name[0].upper()}{{county}}{{year}}{{serial}}",
        data=Schema(()),
        initial="watched",
        states=(
            State("watched", NAME),
            State("quiet", NAME),
            State("closed", NAME, final=True),
        ),
        events=(
            Event("over", NAME, ("watched",), "quiet", USE),
            Event("again", NAME, ("quiet",), "watched", USE),
            Event("close", NAME, ("quiet", "watched"), "closed", USE),
        ),
        read_permission=USE,
    )


@frozen
class NoConfig:
    """Nothing to configure."""


@frozen(eq=False)
class DamPlugin:
    """The plugin."""

    config: NoConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig
    told: ClassVar[list[tuple[str, str]]] = []

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """Flood, fault and pool."""
        return (FLOOD, FAULT, POOL)

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """One each."""
        return POLICIES

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """One each."""
        return workflow("watch"), workflow("repair")

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """The dams."""
        return (DAMS,)

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """The limit."""
        return (LIMIT,)

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """To use, and to approve."""
        return Permission(USE, NAME), Permission(APPROVE, NAME)

    @implements(Hooks.alert_changed)
    async def alert_changed(self, event: AlertChanged, ctx: Context) -> None:
        """Remember what was told."""
        self.told.append((event.change, event.episode.severity))
