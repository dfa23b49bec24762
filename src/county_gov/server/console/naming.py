"""What things are called on the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.alert import SEVERITIES
from county_gov.contract.text import Text
from county_gov.server.render.statuses import STATUS_WORDS

if TYPE_CHECKING:
    from county_gov.contract.context import DatastreamView
    from county_gov.contract.page import Status
    from county_gov.contract.workflow import Workflow
    from county_gov.deployment import County
    from county_gov.registers.snapshot import RegisterSnapshot

UNKNOWN = Text(zh="—", en="—")


def area_name(snapshot: RegisterSnapshot, code: str) -> Text:
    """An area's name, its code where the register does not know it."""
    row = snapshot.areas.get(code)
    return Text(zh=row.name or code, en=row.name_en) if row else Text(zh=code or "—")


def unit_name(snapshot: RegisterSnapshot, code: str) -> Text:
    """An organisation unit's name, its code where the register does not know it."""
    row = snapshot.units.get(code)
    return Text(zh=row.name or code, en=row.name_en) if row else Text(zh=code or "—")


def datastream_name(view: DatastreamView) -> Text:
    """A datastream's name."""
    return Text(zh=view.name or view.code, en=view.name_en)


def thing_name(view: DatastreamView) -> Text:
    """The name of the thing that a datastream belongs to; the datastream's where it has none."""
    if not view.thing_name:
        return datastream_name(view)
    return Text(zh=view.thing_name, en=view.thing_name_en)


def subject_name(snapshot: RegisterSnapshot, subject: str) -> Text:
    """What a case speaks of: a datastream or a thing by its name, anything else as it is."""
    datastream = datastream_of(snapshot, subject)
    if datastream is not None:
        return datastream_name(datastream)
    siblings = snapshot.datastreams_at(subject)
    return thing_name(siblings[0]) if siblings else Text(zh=subject or "—")


def datastream_of(snapshot: RegisterSnapshot, code: str) -> DatastreamView | None:
    """The datastream of a code, or None where the register does not know it."""
    number = snapshot.number(code)
    return snapshot.datastream(number) if number >= 0 else None


def policy_title(county: County, policy: str) -> Text:
    """What an alert of a policy is called; its id where its plugin is no longer enabled."""
    found = county.registry.contributions.alert_policies.get(policy)
    return found.title if found else Text(zh=policy)


def role_title(county: County, role: str) -> Text:
    """What a role is called."""
    found = county.settings.roles.get(role)
    return found.title if found else Text(zh=role)


def state_title(workflow: Workflow | None, state: str) -> Text:
    """What a case's state is called; its id where the workflow no longer has it."""
    states = workflow.states if workflow else ()
    return next((one.title for one in states if one.id == state), Text(zh=state))


def severity_word(severity: str) -> Text:
    """The reminder level in words."""
    return STATUS_WORDS[severity] if severity in SEVERITIES else Text(zh=severity)


def severity_status(severity: str) -> Status:
    """How an alert of this severity is shown."""
    return severity if severity in SEVERITIES else "unknown"
