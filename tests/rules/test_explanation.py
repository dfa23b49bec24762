"""An episode explains itself: value, limit, margin and citation."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.context import EpisodeView
from county_gov.contract.rule import Citation
from county_gov.rules.explanation import citation_of, explain, raising_condition
from county_gov.store.alerts import EpisodeDetail
from tests.rules.ledger import LATEST, datastream, policy_with, rule_over


def detail(peak: float, limit: float | None, citation: str = "HJ 633-2026 表3") -> EpisodeDetail:
    """An episode with a peak and a limit."""
    view = EpisodeView(
        1, "t.policy", "s1.pm25", "", "warning", 0, None, 0, peak, corrected=False, withdrawn=False
    )
    return EpisodeDetail(view, limit, "1", citation, ())


@pytest.mark.parametrize(
    ("peak", "limit", "zh", "en"),
    [
        (
            182.5,
            150.0,
            "峰值 182.5 µg/m³，高于限值 150 µg/m³，相差 32.5 µg/m³（依据：HJ 633-2026 表3）。",
            "Peak 182.5 µg/m³, above the limit of 150 µg/m³ by 32.5 µg/m³ (HJ 633-2026 表3).",
        ),
        (
            2.0,
            3.0,
            "峰值 2 µg/m³，低于限值 3 µg/m³，相差 1 µg/m³（依据：HJ 633-2026 表3）。",
            "Peak 2 µg/m³, below the limit of 3 µg/m³ by 1 µg/m³ (HJ 633-2026 表3).",
        ),
        (
            100.0,
            None,
            "峰值 100 µg/m³（依据：HJ 633-2026 表3）。",
            "Peak 100 µg/m³ (HJ 633-2026 表3).",
        ),
    ],
)
def test_figures_in_words(peak: float, limit: float | None, zh: str, en: str) -> None:
    """Both languages tell value, limit, margin and where the limit stands."""
    explained = explain(detail(peak, limit), datastream(1))

    assert (zh, en) == (explained.sentence.zh, explained.sentence.en)
    assert explained.margin == (None if limit is None else abs(peak - limit))


def test_whole_numbers_keep_their_zeros() -> None:
    """150 without decimals is not 15."""
    whole = evolve(datastream(1), decimals=0)

    assert "150 µg/m³" in explain(detail(160.0, 150.0, ""), whole).sentence.en


def test_the_citation_is_that_of_the_local_day() -> None:
    """An episode that began at 23:00 UTC on the last old day is of the first new day in Beijing."""
    rule, zone = rule_over(LATEST), ZoneInfo("Asia/Shanghai")
    change = date(2026, 3, 1)
    new = Citation("new", effective_from=change)
    old = Citation("old", effective_to=change)
    dated = evolve(
        rule, conditions=tuple(evolve(one, citation=new, earlier=(old,)) for one in rule.conditions)
    )
    midnight = (change.toordinal() - date(1970, 1, 1).toordinal()) * DAY
    condition = raising_condition(dated, policy_with().levels[0])

    assert "new" == citation_of(condition, midnight - HOUR, zone)
    assert "old" == citation_of(condition, midnight - 9 * HOUR, zone)
