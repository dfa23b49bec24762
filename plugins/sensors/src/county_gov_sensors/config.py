"""What ``[plugin.config]`` of the sensors plugin may say."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen, validators

from county_gov.api import Severity, Text


@frozen
class LimitConfig:
    """A limit and the document that sets it, from a day on.

    Args:
        effective_from: First local day on which it is in force; it ends where the next one begins.
        raise_above: The alert rises where the value is greater, in the datastream's unit.
        clear_below: It clears where the value is less; not greater than ``raise_above``.
        document: Name of the standard, law or decision.
        number: Its number.
        article: Clause or table.
    """

    effective_from: date
    raise_above: float
    clear_below: float
    document: str = field(validator=validators.min_len(1))
    number: str = ""
    article: str = ""

    def __attrs_post_init__(self) -> None:
        if self.clear_below > self.raise_above:
            raise ValueError(
                f"clear_below {self.clear_below} is above raise_above {self.raise_above}:"
                " expected the same or less, or the alert would clear itself at once"
            )


def _rises(_instance: object, _attribute: object, value: tuple[LimitConfig, ...]) -> None:
    if not value:
        raise ValueError("expected at least one limit")
    for earlier, later in pairwise(value):
        if later.effective_from <= earlier.effective_from:
            raise ValueError(
                f"effective_from {later.effective_from} follows {earlier.effective_from}:"
                " expected the limits in the order of their days"
            )


@frozen
class ThresholdConfig:
    """An alert where an observed property exceeds a limit.

    Args:
        id: Lower-case identifier; the rule and policy are called ``sensors.<id>``.
        title: What the alert is called.
        observed_property: Property of the datastreams that are watched, for example ``pm25``.
        limits: In the order of their days. Readings from before the first one are not judged.
        input: "latest" judges each reading, "hourly_mean" the mean of each clock hour of which at
            least three quarters were measured.
        severity: How grave the alert is.
        unit: Unit of the limits, as the datastreams have it.
        hold_minutes: How long the value must stay above the limit before the alert rises.
        stale_hours: After so long without a reading an open alert is shown as stale.
        open_case: Whether a new alert opens a case of ``sensors.pollution``.
    """

    id: str = field(validator=validators.matches_re(r"[a-z][a-z0-9_]*"))
    title: Text
    observed_property: str = field(validator=validators.min_len(1))
    limits: tuple[LimitConfig, ...] = field(validator=_rises)
    input: Literal["latest", "hourly_mean", "hourly_equivalent_level"] = "latest"
    severity: Severity = "warning"
    unit: str = "µg/m³"
    hold_minutes: int = field(default=0, validator=validators.ge(0))
    stale_hours: int = field(default=3, validator=validators.ge(1))
    open_case: bool = True


HEAVY_PM25 = ThresholdConfig(
    id="pm25_heavy",
    title=Text(zh="细颗粒物（PM2.5）重度污染", en="Heavy PM2.5 pollution"),
    observed_property="pm25",
    limits=(
        LimitConfig(
            effective_from=date(2012, 2, 29),
            raise_above=150.0,
            clear_below=115.0,
            document="环境空气质量指数（AQI）技术规定（试行）",
            number="HJ 633-2012",
            article="表1（IAQI 200）",
        ),
        LimitConfig(
            effective_from=date(2026, 3, 1),
            raise_above=150.0,
            clear_below=115.0,
            document="环境空气质量指数（AQI）技术规定",
            number="HJ 633-2026",
            article="表3（IAQI 200）",
        ),
    ),
)
"""PM2.5 above the breakpoint of IAQI 200 (heavy pollution), cleared below that of IAQI 150.

HJ 633-2012 was issued on 2012-02-29 and applied city by city until 2016-01-01; HJ 633-2026 replaced
it on 2026-03-01 and left both breakpoints as they were.
"""


def _different(_instance: object, _attribute: object, value: tuple[ThresholdConfig, ...]) -> None:
    ids = [one.id for one in value]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise ValueError(f"ids {twice} stand there twice: give each threshold its own")


def _known_zone(_instance: object, _attribute: object, value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            f"{value!r} is not a time zone: expected for example Asia/Shanghai"
        ) from error


@frozen
class SensorsConfig:
    """The plugin's configuration.

    Args:
        thresholds: The alerts.
        timezone: Zone whose midnight begins the day on which a limit comes into force.
        chart_hours: Hours that the page of stations draws.
    """

    thresholds: tuple[ThresholdConfig, ...] = field(default=(HEAVY_PM25,), validator=_different)
    timezone: str = field(default="Asia/Shanghai", validator=_known_zone)
    chart_hours: int = field(
        default=72, validator=validators.and_(validators.ge(1), validators.le(24 * 31))
    )
