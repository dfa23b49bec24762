"""Thresholds: dated and cited limits, the same answer for a row in whatever batch it comes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from county_gov.api import FAIL, HOUR, PASS, UNKNOWN, Batch, Hourly, Latest, Rule, Text
from county_gov_sensors import SensorsPlugin
from county_gov_sensors.config import HEAVY_PM25, LimitConfig, SensorsConfig, ThresholdConfig
from county_gov_sensors.thresholds import policy_of, rule_of

ZONE = "Asia/Shanghai"
BEIJING = timezone(timedelta(hours=8))
STRICTER = ThresholdConfig(
    id="pm10_day",
    title=Text("可吸入颗粒物"),
    observed_property="pm10",
    limits=(
        LimitConfig(date(2016, 1, 1), 150.0, 150.0, "环境空气质量标准", "GB 3095-2012"),
        LimitConfig(date(2026, 3, 1), 120.0, 100.0, "环境空气质量标准", "GB 3095-2026"),
    ),
)
RULES = [rule_of(one, ZONE) for one in (HEAVY_PM25, STRICTER)]


def micros(text: str) -> int:
    """An instant of Beijing time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp()) * 1_000_000


def batch(times: list[int], values: list[float]) -> Batch:
    """A batch of one datastream."""
    return Batch(
        {
            "datastream": np.ones(len(times), np.int64),
            "time": np.array(times, np.int64),
            "value": np.array(values, np.float64),
        }
    )


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Any times of a century and any values, NaN among them."""
    rows = draw(st.integers(0, 30))
    first, last = datetime(1950, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
    times = st.integers(int(first.timestamp()), int(last.timestamp())).map(lambda one: one * 10**6)
    values = st.one_of(st.floats(-10, 1000), st.just(float("nan")), st.sampled_from([150.0, 120.0]))
    return batch(
        draw(st.lists(times, min_size=rows, max_size=rows)),
        draw(st.lists(values, min_size=rows, max_size=rows)),
    )


def answers(rule: Rule, rows: Batch) -> dict[str, list[list[float]]]:
    """All columns of all judgements."""
    return {
        name: [
            np.nan_to_num(column.astype(np.float64), nan=-9.0).tolist()
            for column in (one.outcomes, one.values, one.limits)
        ]
        for name, one in rule.judge(rows).items()
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@given(rows=batches(), data=st.data())
def test_a_rows_answer_does_not_depend_on_the_others(
    rule: Rule, rows: Batch, data: st.DataObject
) -> None:
    """Shuffled or cut into parts, the same rows get the same answers."""
    order = np.array(data.draw(st.permutations(range(rows.rows))), np.int64)
    cut = data.draw(st.integers(0, rows.rows))
    whole = answers(rule, rows)
    shuffled = answers(rule, rows.take(order))
    parts = [
        answers(rule, rows.take(np.arange(rows.rows)[one]))
        for one in (slice(0, cut), slice(cut, None))
    ]

    for name, columns in whole.items():
        for number, column in enumerate(columns):
            assert [column[row] for row in order] == shuffled[name][number]
            assert column == parts[0][name][number] + parts[1][name][number]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@given(rows=batches())
def test_answers_keep_the_contract(rule: Rule, rows: Batch) -> None:
    """Every condition, the right dtypes and lengths, and never pass or fail without a value."""
    judged = rule.judge(rows)

    assert {one.id for one in rule.conditions} == set(judged)
    for one in judged.values():
        assert ["int8", "float64", "float64"] == [
            column.dtype.name for column in (one.outcomes, one.values, one.limits)
        ]
        assert (rows.rows,) == one.outcomes.shape == one.values.shape == one.limits.shape
        assert np.isfinite(one.values[one.outcomes != UNKNOWN]).all()
        assert set(np.unique(one.outcomes)) <= {PASS, FAIL, UNKNOWN}


@given(hnp.arrays(np.float64, 4, elements=st.floats(0, 1000)))
def test_above_and_below_exclude_each_other(values: np.ndarray) -> None:
    """No value both raises and clears, and the limit itself does neither."""
    rows = batch([micros("2026-04-01")] * 4, values.tolist())
    judged = RULES[1].judge(rows)

    both = (judged["above"].outcomes == PASS) & (judged["below"].outcomes == PASS)
    assert not both.any()
    edge = RULES[0].judge(batch([micros("2020-01-01")] * 2, [150.0, 115.0]))
    assert [FAIL, FAIL] == edge["above"].outcomes.tolist()
    assert [FAIL, FAIL] == edge["below"].outcomes.tolist()


def test_the_limit_changes_at_local_midnight() -> None:
    """130 µg/m³ passes the limit of 2026 and not that of 2012, by the day of the observation."""
    rows = batch(
        [
            micros("2015-12-31T23:59:59"),
            micros("2016-01-01T00:00:00"),
            micros("2026-02-28T23:59:59"),
            micros("2026-03-01T00:00:00"),
        ],
        [130.0] * 4,
    )
    above = RULES[1].judge(rows)["above"]

    assert [UNKNOWN, FAIL, FAIL, PASS] == above.outcomes.tolist()
    assert [150.0, 150.0, 120.0] == above.limits[1:].tolist()
    assert np.isnan(above.limits[0])


def test_the_citation_is_that_of_the_day() -> None:
    """Each day cites the document in force on it."""
    condition = RULES[0].conditions[0]

    assert "HJ 633-2012" == condition.citation_on(date(2026, 2, 28)).number
    assert "HJ 633-2026" == condition.citation_on(date(2026, 3, 1)).number


def test_input_and_policy_follow_the_configuration() -> None:
    """Input, hold, staleness and workflow are taken over; other limits make another edition."""
    other = evolve(STRICTER, input="hourly_mean", hold_minutes=60, stale_hours=5, open_case=False)
    policy = policy_of(other)

    assert {"value": Latest("pm10")} == RULES[1].inputs
    assert {"value": Hourly("pm10")} == rule_of(other, ZONE).inputs
    assert (HOUR, 5 * HOUR, "") == (policy.levels[0].hold_for, policy.stale_after, policy.workflow)
    assert "sensors.pollution" == policy_of(STRICTER).workflow
    changed = evolve(STRICTER, limits=STRICTER.limits[:1])
    assert rule_of(changed, ZONE).edition != rule_of(STRICTER, ZONE).edition
    assert rule_of(other, ZONE).version == rule_of(STRICTER, ZONE).version


def test_the_plugin_contributes_what_it_says() -> None:
    """Without configuration: the air's dataset, one threshold, one workflow, one page."""
    plugin = SensorsPlugin(SensorsConfig())

    assert ["sensors.air"] == [one.id for one in plugin.datasets()]
    assert ["sensors.pm25_heavy"] == [one.id for one in plugin.rules()]
    assert ["sensors.pm25_heavy"] == [one.id for one in plugin.alert_policies()]
    assert ["sensors.pollution"] == [one.id for one in plugin.workflows()]
    assert ["sensors/stations"] == [one.path for one in plugin.pages()]
    verbs = {one.id.rpartition(".")[2] for one in plugin.permissions()}
    assert {"read", "dispatch", "report", "handle", "close"} == verbs
