"""Alert policies: when a rule's verdicts become an alert, and when the alert ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from county_gov.contract.clock import HOUR
from county_gov.errors import ContractError

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

    For example, an alert of four levels about a whole reservoir, whose patrols end with it:

        AlertPolicy(
            id="reservoir.flood",
            title=Text(zh="水库汛情", en="Reservoir flood"),
            rule="reservoir.flood",
            levels=(Level("notice", "near", "far"), Level("urgent", "crest", "below_crest")),
            workflow="reservoir.patrol",
            groups_by="thing",
            inhibited_by=("reservoir.sensor_fault",),
            on_cleared="all_clear",
        )

    Args:
        id: Prefixed by the plugin.
        title: What an alert of it is called.
        rule: Id of the rule.
        levels: In rising severity; an episode holds the highest level that it reached.
        stale_after: An open episode without a reading for this long is shown as stale, never as
            resolved; a longer gap also starts a pending ``hold_for`` anew.
        workflow: Id of the workflow that a new episode opens a case of, or empty.
        ignore_flags: Readings with these quality flags neither raise nor clear, and are not joined.
        groups_by: Which open case of the workflow a later episode joins instead of opening its own:
            that of the same datastream, or that of the same thing (with other policies that open
            the same workflow and group by thing). It is also the subject of the case: the code of
            the datastream, or of the thing.
        inhibited_by: Ids of policies; while one of them has an open episode on the same thing, an
            episode of this one opens no case. Once none of them has, it does, if it still lasts.
        on_cleared: Id of an event of the workflow that the core sends to the case, as the system,
            when its last open episode has ended or was withdrawn, once per end. A case whose state
            does not allow the event stays as it is. Empty means that nothing is sent.

    Raises:
        ContractError: if ``on_cleared`` is given without a workflow.
    """

    id: str
    title: Text
    rule: str
    levels: tuple[Level, ...]
    stale_after: int = 3 * HOUR
    workflow: str = ""
    ignore_flags: tuple[str, ...] = ("faulty", "calibrating", "maintenance")
    groups_by: Literal["datastream", "thing"] = "datastream"
    inhibited_by: tuple[str, ...] = ()
    on_cleared: str = ""

    def __attrs_post_init__(self) -> None:
        if self.on_cleared and not self.workflow:
            raise ContractError(
                f"alert policy {self.id}: on_cleared {self.on_cleared!r} is an event of a workflow:"
                " name the workflow too"
            )
        if self.groups_by not in {"datastream", "thing"}:
            raise ContractError(
                f"alert policy {self.id}: groups_by: expected 'datastream' or 'thing', got"
                f" {self.groups_by!r}"
            )
