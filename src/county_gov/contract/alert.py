"""Alert policies: when a rule's verdicts become an alert, and when the alert ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from county_gov.contract.clock import HOUR

if TYPE_CHECKING:
    from county_gov.contract.text import Text

Severity = Literal["notice", "warning", "alarm", "urgent"]
"""Reminder levels 提示, 关注, 警戒, 紧急. A warning colour is a government act: never set here."""

SEVERITIES: tuple[Severity, ...] = ("notice", "warning", "alarm", "urgent")
"""In rising order."""


@frozen(eq=False)
class Level:
    """One level of an alert; durations are microseconds of event time.

    Args:
        severity: How grave.
        raise_when: Id of the rule's condition that raises the level where it passes.
        clear_when: Id of the condition that clears it where it passes (lower than the raise
            limit: hysteresis). Unknown verdicts and gaps neither raise nor clear.
        hold_for: How long ``raise_when`` must have passed without a contrary reading.
    """

    severity: Severity
    raise_when: str
    clear_when: str
    hold_for: int = 0


@frozen(eq=False)
class AlertPolicy:
    """Makes episodes out of a rule's verdicts. The state belongs to the core.

    Args:
        id: Prefixed by the plugin.
        title: What an alert of it is called.
        rule: Id of the rule.
        levels: In rising severity; an episode holds the highest level that it reached.
        stale_after: An open episode without a reading for this long is shown as stale, never as
            resolved; a longer gap also starts a pending ``hold_for`` anew.
        workflow: Id of the workflow that a new episode opens a case of, or empty.
        ignore_flags: Readings with these quality flags neither raise nor clear.
    """

    id: str
    title: Text
    rule: str
    levels: tuple[Level, ...]
    stale_after: int = 3 * HOUR
    workflow: str = ""
    ignore_flags: tuple[str, ...] = ("faulty", "calibrating", "maintenance")
