"""Values and notices in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from county_gov.contract.text import Text
from county_gov.contract.values import EPOCH_DAY

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.parameter import Parameter
    from county_gov.contract.schema import Field, Value
    from county_gov.store.parameters import Proposal

YES = Text(zh="是", en="yes")
NO = Text(zh="否", en="no")
ENDED = Text(zh="不再有自己的值", en="no value of its own")
COUNTY = Text(zh="全县", en="Whole county")

DECISIONS = {
    "approved": Text(zh="已批准", en="Approved"),
    "rejected": Text(zh="未批准", en="Rejected"),
}


def value_words(field: Field, value: Value, timezone: ZoneInfo) -> Text:
    """A value with its unit; None is told as the end of an area's own value."""
    if value is None:
        return ENDED
    if isinstance(value, bool):
        return YES if value else NO
    chosen = dict(field.choices).get(str(value))
    if chosen is not None:
        return chosen
    shown = str(value)
    if isinstance(value, int) and field.dtype == "instant":
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
        shown = f"{moment.astimezone(timezone):%Y-%m-%d %H:%M}"
    elif isinstance(value, int | float) and field.decimals is not None:
        shown = f"{value:.{field.decimals}f}"
    return Text(zh=f"{shown} {field.unit}".strip() or "—")


def day_words(day: int) -> str:
    """A day as ISO 8601."""
    return date.fromordinal(day + EPOCH_DAY).isoformat()


def proposed_notice(
    parameter: Parameter, proposal: Proposal, area: Text, *, timezone: ZoneInfo, language: str
) -> tuple[str, str]:
    """Subject and body of what those who may approve are told."""
    title, value, where, day = _parts(parameter, proposal, area, timezone, language)
    if language.startswith("en"):
        subject = f"Waits for approval: {title}, {value}"
        body = f"{proposal.proposed_by} proposes for {title}: {value}, {where}, from {day}."
        basis = f"Document: {proposal.document} {proposal.document_number} {proposal.article}"
    else:
        subject = f"待批准：{title} {value}"
        body = f"{proposal.proposed_by} 提出{title}：{value}，{where}，自 {day} 起生效。"
        basis = f"依据：{proposal.document} {proposal.document_number} {proposal.article}"
    return subject, "\n".join(filter(None, (body, basis.strip(), proposal.reason)))


def decided_notice(
    parameter: Parameter, proposal: Proposal, area: Text, *, timezone: ZoneInfo, language: str
) -> tuple[str, str]:
    """Subject and body of what who proposed is told; the proposal is as it was decided."""
    title, value, where, day = _parts(parameter, proposal, area, timezone, language)
    decision = DECISIONS[proposal.state].in_language(language)
    subject = f"{decision}: {title}, {value}"
    body = f"{decision} by {proposal.decided_by}: {title}, {value}, {where}, from {day}."
    if not language.startswith("en"):
        subject = f"{decision}：{title} {value}"
        body = f"{proposal.decided_by} {decision}：{title} {value}，{where}，自 {day} 起。"
    return subject, "\n".join(filter(None, (body, proposal.decided_reason)))


def _parts(
    parameter: Parameter, proposal: Proposal, area: Text, timezone: ZoneInfo, language: str
) -> tuple[str, str, str, str]:
    return (
        parameter.title.in_language(language),
        value_words(parameter.field, proposal.value, timezone).in_language(language),
        area.in_language(language),
        day_words(proposal.effective_from),
    )
