"""Thresholds: a rule and an alert policy for each one that is configured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from itertools import zip_longest
from zoneinfo import ZoneInfo

import numpy as np
from attrs import frozen

from county_gov.api import (
    FAIL,
    HOUR,
    MICROSECONDS,
    PASS,
    UNKNOWN,
    AlertPolicy,
    Batch,
    Bools,
    Citation,
    Condition,
    Driving,
    Float64s,
    Hourly,
    Int64s,
    Judgement,
    Latest,
    Level,
    Rule,
    Text,
)
from county_gov_sensors.config import ThresholdConfig
from county_gov_sensors.pollution import WORKFLOW

ABOVE = "above"
BELOW = "below"
MINUTE = 60 * MICROSECONDS


@frozen(eq=False)
class DatedLimits:
    """Limits in columns, each from an instant on.

    Args:
        begins: int64 microseconds UTC, rising, shape (k,).
        raise_above: float64, shape (k,).
        clear_below: float64, shape (k,).
    """

    begins: Int64s
    raise_above: Float64s
    clear_below: Float64s

    @classmethod
    def of(cls, threshold: ThresholdConfig, timezone: str) -> DatedLimits:
        """The limits of a threshold; a day begins at local midnight."""
        zone = ZoneInfo(timezone)
        begins = [
            int(datetime.combine(one.effective_from, time(), zone).timestamp()) * MICROSECONDS
            for one in threshold.limits
        ]
        return cls(
            np.array(begins, np.int64),
            np.array([one.raise_above for one in threshold.limits], np.float64),
            np.array([one.clear_below for one in threshold.limits], np.float64),
        )

    def judge(self, batch: Batch) -> Mapping[str, Judgement]:
        """Whether each value is above the raising limit, and below the clearing limit.

        A value from before the first limit, or that is not a number, cannot be judged.
        """
        values = batch["value"]
        period = np.searchsorted(self.begins, batch["time"], "right") - 1
        known = (period >= 0) & np.isfinite(values)
        raise_above = np.where(known, self.raise_above[period], np.nan)
        clear_below = np.where(known, self.clear_below[period], np.nan)
        return {
            ABOVE: _judgement(values > raise_above, known, values, raise_above),
            BELOW: _judgement(values < clear_below, known, values, clear_below),
        }


def _judgement(passed: Bools, known: Bools, values: Float64s, limits: Float64s) -> Judgement:
    outcomes = np.where(known, np.where(passed, PASS, FAIL), UNKNOWN).astype(np.int8)
    return Judgement(outcomes, np.where(known, values, np.nan), limits)


def rule_of(threshold: ThresholdConfig, timezone: str) -> Rule:
    """The rule of a threshold; its edition changes with its limits."""
    observed = threshold.observed_property
    kinds: Mapping[str, Driving] = {
        "latest": Latest(observed),
        "hourly_mean": Hourly(observed),
        "hourly_equivalent_level": Hourly(observed, "equivalent_level"),
    }
    citations = _citations(threshold)
    conditions = tuple(
        Condition(name, title, citations[-1], threshold.unit, tuple(reversed(citations[:-1])))
        for name, title in (
            (ABOVE, Text(zh="超过限值", en="Above the limit")),
            (BELOW, Text(zh="低于解除值", en="Below the clearing value")),
        )
    )
    return Rule(
        id=f"sensors.{threshold.id}",
        title=threshold.title,
        inputs={"value": kinds[threshold.input]},
        conditions=conditions,
        judge=DatedLimits.of(threshold, timezone).judge,
        configuration={
            f"from {one.effective_from}": f"above {one.raise_above:g}, below {one.clear_below:g}"
            for one in threshold.limits
        },
    )


def _citations(threshold: ThresholdConfig) -> list[Citation]:
    return [
        Citation(
            document=one.document,
            number=one.number,
            article=one.article,
            effective_from=one.effective_from,
            effective_to=following.effective_from if following else None,
        )
        for one, following in zip_longest(threshold.limits, threshold.limits[1:])
        if one is not None
    ]


def policy_of(threshold: ThresholdConfig) -> AlertPolicy:
    """The alert policy of a threshold."""
    level = Level(threshold.severity, ABOVE, BELOW, threshold.hold_minutes * MINUTE)
    return AlertPolicy(
        id=f"sensors.{threshold.id}",
        title=threshold.title,
        rule=f"sensors.{threshold.id}",
        levels=(level,),
        stale_after=threshold.stale_hours * HOUR,
        workflow=WORKFLOW if threshold.open_case else "",
    )
