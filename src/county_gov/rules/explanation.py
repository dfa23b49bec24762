"""Why an alert rose: value, limit, margin, and where the limit stands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.contract.text import Text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.alert import Level
    from county_gov.contract.context import DatastreamView
    from county_gov.contract.parameter import ParameterValue
    from county_gov.contract.rule import Condition, Rule
    from county_gov.store.alerts import EpisodeDetail


@frozen
class Explanation:
    """An episode in figures and words.

    Args:
        value: The most extreme value, in the datastream's unit.
        limit: The limit of the highest level reached, None where the rule has none.
        margin: How far the value went beyond it (always positive), None without a limit.
        unit: Unit of the three.
        citation: Where the limit stands.
        rule_version: Version of the rule that judged.
        sentence: The same as one sentence.
    """

    value: float
    limit: float | None
    margin: float | None
    unit: str
    citation: str
    rule_version: str
    sentence: Text


def raising_condition(rule: Rule, level: Level) -> Condition:
    """The condition that raises a level."""
    return next(one for one in rule.conditions if one.id == level.raise_when)


def citation_of(condition: Condition, at: int, zone: ZoneInfo) -> str:
    """The citation of a condition on the local day of an instant."""
    day = datetime.fromtimestamp(at // MICROSECONDS, zone).date()
    return str(condition.citation_on(day))


def source_of_limit(value: ParameterValue) -> str:
    """Under which document a limit was approved, and from when on it holds."""
    day = f"（{value.effective_from} 起）" if value.effective_from else ""
    return f"{value.citation}{day}"


def explain(detail: EpisodeDetail, datastream: DatastreamView) -> Explanation:
    """Explain a stored episode, as it was judged then.

    Args:
        detail: The episode as `store.alerts.get_episode` gives it.
        datastream: Gives unit and decimals.
    """
    value, limit = detail.view.peak, detail.limit
    margin = None if limit is None else abs(value - limit)

    def figure(number: float) -> str:
        text = f"{number:.{datastream.decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def measured(number: float) -> str:
        return f"{figure(number)} {datastream.unit}".rstrip()

    if limit is None or margin is None:
        zh, en = f"峰值 {measured(value)}", f"Peak {measured(value)}"
    else:
        zh_way, en_way = ("高于", "above") if value >= limit else ("低于", "below")
        zh = f"峰值 {measured(value)}，{zh_way}限值 {measured(limit)}，相差 {measured(margin)}"
        en = (
            f"Peak {measured(value)}, {en_way} the limit of {measured(limit)} by {measured(margin)}"
        )
    if detail.citation:
        zh += f"（依据：{detail.citation}）"
        en += f" ({detail.citation})"
    sentence = Text(zh=f"{zh}。", en=f"{en}.")
    return Explanation(
        value,
        limit,
        margin,
        datastream.unit,
        detail.citation,
        detail.rule_version,
        sentence,
    )
