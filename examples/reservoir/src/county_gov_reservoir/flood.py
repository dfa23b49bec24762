"""The flood rule: level, its rise within an hour and the rain of three hours, against the limit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from attrs import frozen

from county_gov.api import (
    FAIL,
    HOUR,
    MICROSECONDS,
    PASS,
    UNKNOWN,
    AlertPolicy,
    Attribute,
    Batch,
    Condition,
    Float64s,
    Int8s,
    Judgement,
    Latest,
    Level,
    Rule,
    Setting,
    Severity,
    Text,
    Window,
)
from county_gov_reservoir.config import ReservoirConfig
from county_gov_reservoir.patrol import WORKFLOW
from county_gov_reservoir.water import FLOOD_LAW, FLOOD_LIMIT, RESERVOIRS

RULE = "reservoir.flood"
LEVEL = "water_level"
RAIN = "rainfall"
MINUTE = 60 * MICROSECONDS

TITLES: Mapping[Severity, Text] = {
    "notice": Text(zh="接近汛限且上涨快或雨大", en="Near the limit, and rising fast or heavy rain"),
    "warning": Text(zh="超过汛限", en="Above the flood limit"),
    "alarm": Text(zh="明显超汛限，或超汛限且上涨快", en="Far above, or above and rising fast"),
    "urgent": Text(zh="接近坝顶", en="Near the crest of the dam"),
}
ENDED: Mapping[Severity, Text] = {
    "notice": Text(zh="已低于接近汛限的水位", en="No longer near the limit"),
    "warning": Text(zh="已回落到汛限以下", en="Fallen below the limit"),
    "alarm": Text(zh="已不再明显超汛限", en="No longer far above the limit"),
    "urgent": Text(zh="已远离坝顶", en="No longer near the crest"),
}


def compare(values: Float64s, limits: Float64s) -> Int8s:
    """Whether values have reached limits; unknown where one of both is."""
    known = np.isfinite(values) & np.isfinite(limits)
    reached = np.where(known, values, 0.0) >= np.where(known, limits, 0.0)
    return np.where(known, np.where(reached, PASS, FAIL), UNKNOWN).astype(np.int8)


def any_of(first: Int8s, second: Int8s) -> Int8s:
    """Kleene's or: one yes is enough, two unknowns make no no."""
    yes = (first == PASS) | (second == PASS)
    no = (first == FAIL) & (second == FAIL)
    return np.where(yes, PASS, np.where(no, FAIL, UNKNOWN)).astype(np.int8)


def both_of(first: Int8s, second: Int8s) -> Int8s:
    """Kleene's and: one no is enough, two unknowns make no yes."""
    yes = (first == PASS) & (second == PASS)
    no = (first == FAIL) | (second == FAIL)
    return np.where(yes, PASS, np.where(no, FAIL, UNKNOWN)).astype(np.int8)


@frozen(eq=False)
class FloodRule:
    """Judges columns of water levels, each with what was joined to it by event time.

    Args:
        config: What counts as near, fast, heavy and far.
    """

    config: ReservoirConfig

    def rule(self) -> Rule:
        """The rule as it is registered."""
        conditions = []
        for severity in TITLES:
            limit = "" if severity == "urgent" else "limit"
            conditions.append(Condition(severity, TITLES[severity], FLOOD_LAW, "m", limit=limit))
            conditions.append(Condition(f"{severity}_ended", ENDED[severity], FLOOD_LAW, "m"))
        return Rule(
            id=RULE,
            title=Text(zh="水库水位", en="Reservoir level"),
            inputs={
                "level": Latest(LEVEL),
                "rise": Window(LEVEL, HOUR, "rise"),
                "rain": Window(RAIN, 3 * HOUR, "sum"),
                "limit": Setting(FLOOD_LIMIT.id),
                "crest": Attribute(RESERVOIRS.id, "crest"),
            },
            conditions=tuple(conditions),
            judge=self.judge,
            configuration={
                "near_limit_m": self.config.near_limit_m,
                "far_above_m": self.config.far_above_m,
                "fast_rise_m": self.config.fast_rise_m,
                "heavy_rain_mm": self.config.heavy_rain_mm,
                "freeboard_m": self.config.freeboard_m,
                "settled_m": self.config.settled_m,
            },
        )

    def policy(self) -> AlertPolicy:
        """Four levels, and a patrol that ends with the alert."""
        return AlertPolicy(
            id=RULE,
            title=Text(zh="水库汛情", en="Reservoir flood"),
            rule=RULE,
            levels=tuple(Level(one, one, f"{one}_ended") for one in TITLES),
            stale_after=HOUR,
            workflow=WORKFLOW,
            on_cleared="all_clear",
            groups_by="thing",
        )

    def judge(self, batch: Batch) -> Mapping[str, Judgement]:
        """The answers for every level and for its end."""
        config, level, limit = self.config, batch["level"], batch["limit"]
        rows = len(level)
        rising = compare(batch["rise"], np.full(rows, config.fast_rise_m))
        raining = compare(batch["rain"], np.full(rows, config.heavy_rain_mm))
        limits: Mapping[Severity, Float64s] = {
            "notice": limit - config.near_limit_m,
            "warning": limit,
            "alarm": limit + config.far_above_m,
            "urgent": batch["crest"] - config.freeboard_m,
        }
        reached = {name: compare(level, bound) for name, bound in limits.items()}
        raised = reached | {
            "notice": any_of(
                both_of(reached["notice"], any_of(rising, raining)), reached["warning"]
            ),
            "alarm": any_of(reached["alarm"], both_of(reached["warning"], rising)),
        }
        # Where a fast rise has raised it, the limit itself was passed, not the one far above.
        hurried = (raised["alarm"] == PASS) & (reached["alarm"] != PASS)
        passed = {**limits, "alarm": np.where(hurried, limits["warning"], limits["alarm"])}
        ends = {**limits, "alarm": limits["warning"]}
        found: dict[str, Judgement] = {}
        for name in TITLES:
            found[name] = _judgement(raised[name], level, passed[name])
            end = ends[name] - config.settled_m
            found[f"{name}_ended"] = _judgement(compare(end, level), level, end)
        return found


def _judgement(outcomes: Int8s, values: Float64s, limits: Float64s) -> Judgement:
    known = outcomes != UNKNOWN
    return Judgement(outcomes, np.where(known, values, np.nan), np.where(known, limits, np.nan))
