"""The flood rule: what raises and ends each level, and what cannot be determined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.api import FAIL, PASS, UNKNOWN, Batch
from county_gov_reservoir.config import ReservoirConfig
from county_gov_reservoir.flood import FloodRule, any_of, both_of, compare

NAN = float("nan")
RULE = FloodRule(ReservoirConfig())
OUTCOMES = st.lists(st.sampled_from((PASS, FAIL, UNKNOWN)), min_size=1, max_size=20)


def answers(
    level: float,
    *,
    rise: float = 0.0,
    rain: float = 0.0,
    limit: float = 150.0,
    crest: float = 160.0,
) -> dict[str, int]:
    """The rule's outcome for one row, by condition."""
    row = {"level": level, "rise": rise, "rain": rain, "limit": limit, "crest": crest}
    batch = Batch({name: np.array([value]) for name, value in row.items()})
    return {name: int(one.outcomes[0]) for name, one in RULE.judge(batch).items()}


@pytest.mark.parametrize(
    ("level", "rise", "rain", "expected"),
    [
        (149.0, 1.0, 99.0, ()),
        (149.6, 0.0, 0.0, ()),
        (149.6, 0.3, 0.0, ("notice",)),
        (149.6, 0.0, 30.0, ("notice",)),
        (150.0, 0.0, 0.0, ("notice", "warning")),
        (150.0, 0.3, 0.0, ("notice", "warning", "alarm")),
        (150.5, 0.0, 0.0, ("notice", "warning", "alarm")),
        (158.5, 0.0, 0.0, ("notice", "warning", "alarm", "urgent")),
    ],
)
def test_what_raises_each_level(
    level: float, rise: float, rain: float, expected: tuple[str, ...]
) -> None:
    """Each level by its own bound, or sooner where the water rises fast or much rain falls."""
    found = answers(level, rise=rise, rain=rain)
    levels = ("notice", "warning", "alarm", "urgent")
    assert expected == tuple(name for name in levels if found[name] == PASS)
    assert all(found[name] == FAIL for name in levels if name not in expected)


@pytest.mark.parametrize(
    ("missing", "unknown"),
    [
        ("limit", {"notice", "warning", "alarm"}),
        ("crest", {"urgent"}),
        ("level", {"notice", "warning", "alarm", "urgent"}),
    ],
)
def test_what_is_missing_is_unknown(missing: str, unknown: set[str]) -> None:
    """Without a limit or a crest nobody can say; the other levels are judged all the same."""
    row = {"level": 149.6, "rise": 0.0, "rain": 0.0, "limit": 150.0, "crest": 160.0, missing: NAN}
    found = answers(row.pop("level"), **row)
    levels = ("notice", "warning", "alarm", "urgent")
    assert unknown == {name for name in levels if found[name] == UNKNOWN}
    assert unknown == {name for name in levels if found[f"{name}_ended"] == UNKNOWN}


def test_a_missing_gauge_does_not_hide_a_flood() -> None:
    """Without rain and rise the limit itself still counts; near it nobody can say."""
    assert PASS == answers(150.2, rise=NAN, rain=NAN)["warning"]
    assert PASS == answers(150.2, rise=NAN, rain=NAN)["notice"]
    assert UNKNOWN == answers(149.8, rise=NAN, rain=NAN)["notice"]
    assert PASS == answers(149.8, rise=NAN, rain=40.0)["notice"]


@given(st.floats(140, 170), st.floats(-2, 2), st.floats(0, 200))
def test_no_level_is_raised_and_ended_at_once(level: float, rise: float, rain: float) -> None:
    """What a row raises the same row does not end."""
    found = answers(level, rise=rise, rain=rain)
    for name in ("notice", "warning", "alarm", "urgent"):
        assert not (found[name] == PASS and found[f"{name}_ended"] == PASS)


@given(OUTCOMES)
def test_three_values(outcomes: list[int]) -> None:
    """Kleene's tables: unknown with yes and with no, and twice the same."""
    column = np.array(outcomes, np.int8)
    yes, no = np.full_like(column, PASS), np.full_like(column, FAIL)
    assert yes.tolist() == any_of(column, yes).tolist()
    assert column.tolist() == any_of(column, no).tolist()
    assert no.tolist() == both_of(column, no).tolist()
    assert column.tolist() == both_of(column, yes).tolist()
    assert column.tolist() == both_of(column, column).tolist()


def test_the_limit_is_the_one_that_was_passed() -> None:
    """An alarm tells the flood limit where a fast rise raised it, else the one far above."""
    columns = {"level": [150.2, 150.6, 0.0], "rise": [0.4, 0.4, 0.4], "rain": [0.0] * 3}
    batch = Batch(
        {name: np.array(one) for name, one in columns.items()}
        | {"limit": np.full(3, 150.0), "crest": np.full(3, 160.0)}
    )
    alarm = RULE.judge(batch)["alarm"]
    assert [PASS, PASS, FAIL] == alarm.outcomes.tolist()
    assert [150.0, 150.5, 150.5] == alarm.limits.tolist()


def test_comparing_with_nothing() -> None:
    """A value or a limit that is not there compares with nothing."""
    values, limits = np.array([1.0, NAN, 2.0]), np.array([1.0, 1.0, NAN])
    assert [PASS, UNKNOWN, UNKNOWN] == compare(values, limits).tolist()
