"""Charts of datastreams: their readings, the limits that alerts are raised by, the alerts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.page import Limit, Line, Series, Shade
from county_gov.contract.text import Text
from county_gov.errors import PluginFailed
from county_gov.server.console.naming import datastream_name, policy_title, severity_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.batch import Float64s, Int64s
    from county_gov.contract.context import DatastreamView, EpisodeView, Reader
    from county_gov.contract.rule import Judgement, Rule
    from county_gov.deployment import County

MINUTE = HOUR // 60
WINDOW = 7 * DAY
MOST_POINTS = 1500
"""Where a chart's busiest hour comes faster than this many points over the whole chart, means are
shown, with the lowest and highest reading round them."""
LONG = 3 * DAY
"""Longer charts show hourly means, shorter ones means over the shortest step that fits."""
STEPS = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
BUSY = 12
"""Readings in an hour from which an alert is looked at closely, instead of with a day round it."""


def policies_for(county: County, view: DatastreamView) -> list[tuple[AlertPolicy, Rule]]:
    """The alert policies that judge a datastream, each with its rule."""
    contributions = county.registry.contributions
    pairs = [
        (policy, contributions.rules[policy.rule])
        for policy in contributions.alert_policies.values()
    ]
    return [
        (policy, rule)
        for policy, rule in pairs
        if rule.driving.observed_property == view.observed_property
    ]


async def chart_of(
    county: County,
    reader: Reader,
    view: DatastreamView,
    *,
    start: int,
    end: int,
    episodes: Sequence[EpisodeView] = (),
) -> Series:
    """A datastream's chart over [start, end).

    Args:
        county: The county.
        reader: Reads within the scope of who looks.
        view: The datastream.
        start: First instant, microseconds UTC.
        end: First instant no longer shown.
        episodes: Its alerts; those within the time are shaded.
    """
    points = await _points(reader, view, start, end)
    name, kind = datastream_name(view), points.kind()
    judged = policies_for(county, view)
    return Series(
        id=f"chart-{view.code}",
        title=Text(zh=f"{name.zh} {kind.zh}", en=f"{name.in_language('en')}, {kind.en}"),
        unit=view.unit,
        lines=(Line(name, points.times, points.values, points.low, points.high),),
        limits=await limits_of(county, view, judged, end),
        shades=tuple(
            Shade(
                one.started_at, one.ended_at, policy_title(county, one.policy),
                severity_status(one.severity),
            )
            for one in episodes
            if one.started_at < end and (one.ended_at is None or one.ended_at >= start)
        ),
        decimals=view.decimals,
        live=(view.code,),
    )  # fmt: skip


async def chart_of_alert(
    county: County, reader: Reader, view: DatastreamView, episode: EpisodeView
) -> Series:
    """The chart of what raised an alert, with some time before and after it."""
    last = episode.ended_at if episode.ended_at is not None else episode.last_reading_at
    lasted = last - episode.started_at
    hours = await reader.hourly(view.code, episode.started_at - HOUR, last + HOUR)
    busy = int(np.max(hours["count"], initial=0)) > BUSY
    margin = min(max(lasted, HOUR), DAY) if busy else DAY
    start, end = episode.started_at - margin, last + margin
    return await chart_of(county, reader, view, start=start, end=end, episodes=(episode,))


@frozen(eq=False)
class Points:
    """What a chart draws: readings, or means over ``step`` with the lowest and highest."""

    times: Int64s
    values: Float64s
    low: Float64s | None = None
    high: Float64s | None = None
    step: int = 0

    def kind(self) -> Text:
        """What the values are, in words."""
        if not self.step:
            return Text(zh="监测值", en="readings")
        if self.step == HOUR:
            return Text(
                zh="小时均值，浅色为最低至最高", en="hourly mean, shaded from lowest to highest"
            )
        minutes = self.step // MINUTE
        return Text(
            zh=f"{minutes} 分钟均值，浅色为最低至最高",
            en=f"{minutes}-minute mean, shaded from lowest to highest",
        )


async def _points(reader: Reader, view: DatastreamView, start: int, end: int) -> Points:
    """The readings with gaps, or their means where there are more than a chart can show."""
    hours = await reader.hourly(view.code, start, end)
    busiest = int(np.max(hours["count"], initial=0))
    if busiest * ((end - start) / HOUR) <= MOST_POINTS:
        batch = await reader.observations(view.code, start, end)
        times, values = with_gaps(batch["time"], batch["value"], step=view.period or HOUR)
        return Points(times, values)
    if end - start > LONG:
        return _means(hours["time"], hours["mean"], hours["minimum"], hours["maximum"], HOUR)
    batch = await reader.observations(view.code, start, end)
    step = next(step for step in STEPS if (end - start) // step <= MOST_POINTS)
    times, values = batch["time"], batch["value"]
    slots, begins, counts = np.unique(times // step, return_index=True, return_counts=True)
    return _means(
        slots * step,
        np.add.reduceat(values, begins) / counts,
        np.minimum.reduceat(values, begins),
        np.maximum.reduceat(values, begins),
        step,
    )


def _means(times: Int64s, mean: Float64s, low: Float64s, high: Float64s, step: int) -> Points:
    spaced, values = with_gaps(times, mean, step)
    return Points(
        spaced, values, with_gaps(times, low, step)[1], with_gaps(times, high, step)[1], step
    )


def with_gaps(times: Int64s, values: Float64s, step: int) -> tuple[Int64s, Float64s]:
    """The points with a NaN wherever more than one and a half steps lie between two of them."""
    holes = np.flatnonzero(np.diff(times) > step + step // 2)
    if not len(holes):
        return times, values
    return (
        np.insert(times, holes + 1, times[holes] + step),
        np.insert(values, holes + 1, np.nan),
    )


async def limits_of(
    county: County,
    view: DatastreamView,
    judged: Sequence[tuple[AlertPolicy, Rule]],
    at: int,
) -> tuple[Limit, ...]:
    """The limits in force at an instant, as the rules themselves say them."""
    found: dict[float, Limit] = {}
    answers = await asyncio.gather(*(_asked(county, rule, view, at) for _policy, rule in judged))
    for (policy, rule), answer in zip(judged, answers, strict=True):
        for level in policy.levels:
            ways = [(level.raise_when, False)]
            if len(policy.levels) == 1:
                ways.append((level.clear_when, True))
            for condition_id, clears in ways:
                judgement = answer.get(condition_id)
                value = float(judgement.limits[0]) if judgement else float("nan")
                if not np.isfinite(value) or value in found:
                    continue
                title = next(one.title for one in rule.conditions if one.id == condition_id)
                status = "neutral" if clears else severity_status(level.severity)
                found[value] = Limit(value, title, status)
    return tuple(found.values())


async def _asked(
    county: County, rule: Rule, view: DatastreamView, at: int
) -> Mapping[str, Judgement]:
    """A rule's answers for one row of no particular value; none where it fails or hangs."""
    time, value = np.array([at], np.int64), np.zeros(1)
    batch = await county.store.read(
        lambda snapshot: county.judging.rows(snapshot, rule.id, view, time, value)
    )
    try:
        return await county.gateway.aside(lambda: rule.judge(batch))
    except PluginFailed:  # the gateway has recorded it; the chart does without its limits
        return {}
