"""Episodes across the day on which one standard replaces another."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.contract.text import Text
from county_gov.rules.judging import Judging
from county_gov.store import Store, tables
from tests.rules.ledger import Memory, Row, SetClock, Streams, Told, empty_tables

pytest.importorskip("county_gov_sensors", reason="the sensors plugin is not installed")

from county_gov_sensors.config import LimitConfig, ThresholdConfig
from county_gov_sensors.thresholds import policy_of, rule_of

MIDNIGHT = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=8)))
CHANGE = int(MIDNIGHT.timestamp()) * MICROSECONDS
THRESHOLD = ThresholdConfig(
    id="pm25_day",
    title=Text("细颗粒物"),
    observed_property="pm25",
    limits=(
        LimitConfig(date(2016, 1, 1), 75.0, 75.0, "环境空气质量标准", "GB 3095-2012"),
        LimitConfig(date(2026, 3, 1), 60.0, 50.0, "环境空气质量标准", "GB 3095-2026"),
    ),
)


@pytest.mark.parametrize("late", [False, True])
def test_each_reading_is_judged_by_the_limit_of_its_day(shared_store: Store, late: bool) -> None:
    """70 is allowed before midnight and not after it, also where the readings come late."""
    empty_tables(shared_store)
    memory, streams, rule = Memory(), Streams(), rule_of(THRESHOLD, "Asia/Shanghai")
    judging = Judging([policy_of(THRESHOLD)], {rule.id: rule}, memory, lambda: streams, SetClock())
    values = [80, 70, 70, 70, 70, 55, 45]
    rows = [Row(1, CHANGE + (at - 3) * HOUR, value * 10) for at, value in enumerate(values)]
    for part in (rows[5:], rows[:5]) if late else (rows[:2], rows[2:]):
        payload = memory.land(part)
        plan = shared_store.read_now(lambda s, one=payload: judging.plan(s, [Told(one)]))  # type: ignore[misc]
        shared_store.submit(lambda tx, one=plan: judging.apply(tx, one)).result()  # type: ignore[misc]

    table = tables.episodes
    statement = table.select().where(table.c.withdrawn == 0).order_by(table.c.started_at)
    found = shared_store.read_now(lambda s: s.rows(statement))
    assert [
        (-3, -2, 75.0, 80.0, "环境空气质量标准 GB 3095-2012"),
        (0, 3, 60.0, 70.0, "环境空气质量标准 GB 3095-2026"),
    ] == [
        (
            (one.started_at - CHANGE) // HOUR,
            (one.ended_at - CHANGE) // HOUR,
            one.limit_value,
            one.peak,
            one.citation,
        )
        for one in found
    ]
    assert {rule.edition} == {one.rule_version for one in found}
