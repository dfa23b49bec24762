"""The daily report: what each reservoir holds, drawn every morning and kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from county_gov.api import (
    DAY,
    MICROSECONDS,
    Context,
    Daily,
    EpisodeView,
    Job,
    JobRun,
    Reading,
    Record,
    Text,
)
from county_gov_reservoir.flood import LEVEL, RULE
from county_gov_reservoir.water import FLOOD_LIMIT, REPORTS, RESERVOIRS

NOTHING = "没有水库"
"""The report of a county that has not entered any reservoir yet."""


async def draw(ctx: Context, run: JobRun) -> str:
    """Write the report of the local day on which the job runs."""
    reservoirs = await ctx.records.find(RESERVOIRS.id)
    readings = {one.datastream.thing: one for one in await ctx.read.latest(observed_property=LEVEL)}
    episodes = await ctx.read.episodes(policy=RULE, open_only=True)
    alerts = {one.datastream: one for one in episodes if not one.withdrawn}
    lines, above, silent = [], 0, 0
    for reservoir in reservoirs:
        reading = readings.get(reservoir.key)
        fresh = reading is not None and run.at - reading.time < DAY
        silent += not fresh
        limit = await ctx.parameters.value(FLOOD_LIMIT.id, subject=reservoir.key)
        bound = None if limit is None or limit.value is None else float(limit.value)
        if reading is not None and fresh and bound is not None:
            above += reading.value >= bound
        lines.append(line(reservoir, reading if fresh else None, bound, alerts))
    local = datetime.fromtimestamp(run.at // MICROSECONDS, ZoneInfo(ctx.timezone))
    day = local.date().isoformat()
    await ctx.records.put(
        REPORTS.id,
        {
            "day": day,
            "reservoirs": len(reservoirs),
            "above": above,
            "silent": silent,
            "text": "\n".join(lines) or NOTHING,
        },
        idempotency_key=f"report:{run.at}:{run.attempt}",
    )
    return f"{day}: {len(reservoirs)} reservoirs, {above} above the limit, {silent} without data"


def line(
    reservoir: Record,
    reading: Reading | None,
    limit: float | None,
    alerts: Mapping[str, EpisodeView],
) -> str:
    """One reservoir's sentence; what is not known is said, never written as zero."""
    name = reservoir.values["name"]
    if reading is None:
        return f"{name}：24 小时内无水位数据。"
    said = f"{name}：水位 {reading.value:.2f} 米"
    said += "，未设汛限水位" if limit is None else f"，汛限 {limit:.2f} 米"
    episode = alerts.get(reading.datastream.code)
    return f"{said}，告警中。" if episode else f"{said}。"


def daily_report(at: str) -> Job:
    """The job.

    Args:
        at: Local time.
    """
    return Job(
        id="reservoir.daily_report",
        title=Text(zh="水库日报", en="Reservoir daily report"),
        schedule=Daily(at),
        run=draw,
        missed="once",
    )
