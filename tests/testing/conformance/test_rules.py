"""The checks of rules: each bad habit fails the check that is made for it, and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from county_gov.api import FAIL, PASS, Batch, Judgement
from tests.testing.conformance.gauges import GaugesPlugin, failing, judge, plugin_with

Judge = Callable[[Batch], Mapping[str, Judgement]]


def changed(batch: Batch, **columns: Any) -> Mapping[str, Judgement]:
    """The good answer with another column."""
    good = judge(batch)["above"]
    parts: dict[str, Any] = {
        "outcomes": good.outcomes,
        "values": good.values,
        "limits": good.limits,
        **columns,
    }
    return {"above": Judgement(**parts)}


def is_raising(batch: Batch) -> Mapping[str, Judgement]:
    """Fails where something is missing."""
    if np.isnan(batch["level"]).any():
        raise KeyError("level")
    return judge(batch)


def answers_another_question(batch: Batch) -> Mapping[str, Judgement]:
    """Calls the condition otherwise."""
    return {"higher": judge(batch)["above"]}


def needs_rows(batch: Batch) -> Mapping[str, Judgement]:
    """Looks at the first row."""
    batch["level"][0]
    return judge(batch)


def is_scalar(batch: Batch) -> Mapping[str, Judgement]:
    """Gives one limit for all rows."""
    if not batch.rows:
        return judge(batch)
    return changed(batch, limits=np.array([5.0]))


def is_float(batch: Batch) -> Mapping[str, Judgement]:
    """Gives outcomes as numpy made them."""
    return changed(batch, outcomes=judge(batch)["above"].outcomes.astype(np.int64))


def is_infinite(batch: Batch) -> Mapping[str, Judgement]:
    """Divides by zero."""
    return changed(batch, limits=np.full(batch.rows, np.inf))


def is_two(batch: Batch) -> Mapping[str, Judgement]:
    """Knows a fourth answer."""
    outcomes = judge(batch)["above"].outcomes
    return changed(batch, outcomes=np.where(outcomes == PASS, 2, outcomes).astype(np.int8))


def takes_unknown_for_no(batch: Batch) -> Mapping[str, Judgement]:
    """Compares with NaN."""
    outcomes = np.where(batch["level"] > 5.0, PASS, FAIL).astype(np.int8)
    return changed(batch, outcomes=outcomes)


def remembers() -> Judge:
    """Answers otherwise each time."""
    calls: list[int] = []

    def judge_with_memory(batch: Batch) -> Mapping[str, Judgement]:
        calls.append(1)
        return changed(batch, limits=np.full(batch.rows, float(len(calls))))

    return judge_with_memory


def writes(batch: Batch) -> Mapping[str, Judgement]:
    """Works in place."""
    batch["level"][:] = 0.0
    return judge(batch)


def writes_by_force(batch: Batch) -> Mapping[str, Judgement]:
    """Works in place although it is told not to."""
    good = judge(batch)["above"]
    answer = Judgement(good.outcomes, good.values.copy(), good.limits)
    rise = batch["rise"]
    rise.flags.writeable = True
    rise[:] = 7.0
    return {"above": answer}


def subtracts_the_mean(batch: Batch) -> Mapping[str, Judgement]:
    """Compares with the other rows."""
    level = batch["level"]
    mean = np.sort(level[np.isfinite(level)]).sum()
    return changed(batch, values=np.where(np.isnan(level), np.nan, level - mean))


def counts_rows(batch: Batch) -> Mapping[str, Judgement]:
    """Depends on where a row stands."""
    return changed(batch, limits=np.arange(batch.rows, dtype=np.float64))


@pytest.mark.parametrize(
    ("judgement", "expected"),
    [
        (is_raising, {"judges"}),
        (answers_another_question, {"conditions"}),
        (needs_rows, {"empty"}),
        (is_scalar, {"length"}),
        (is_float, {"dtype"}),
        (is_infinite, {"finite"}),
        (is_two, {"finite"}),
        (takes_unknown_for_no, {"unknown"}),
        (remembers(), {"repeatable"}),
        (writes, {"unmutated"}),
        (writes_by_force, {"unmutated"}),
        (subtracts_the_mean, {"split"}),
        (counts_rows, {"order", "split"}),
    ],
)
def test_a_bad_habit_fails_its_check(judgement: Judge, expected: set[str]) -> None:
    """And only that one, so that the message leads to the mistake."""
    found = failing(plugin_with(rules={"judge": judgement}), "rule:")
    assert expected == set(found), found


def test_a_good_rule_passes() -> None:
    """Nothing is said against it."""
    assert {} == failing(GaugesPlugin, "rule:")


def test_rows_of_a_cohort_may_depend_on_each_other() -> None:
    """A rule of scope "cohort" is not asked about order and split."""
    plugin = plugin_with(rules={"judge": subtracts_the_mean, "scope": "cohort"})

    assert {} == failing(plugin, "rule:")


def test_a_failure_shows_the_smallest_batch() -> None:
    """The message holds what the rule was given."""
    found = failing(plugin_with(rules={"judge": is_raising}), "rule:gauges.high:judges")

    assert "level: [nan]" in found["judges"]
    assert "KeyError" in found["judges"]
