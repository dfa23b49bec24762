"""What the quarantine's pages and its interface share: whose rows may be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.access import Grant, Scope
from county_gov.intake.quarantine import Quarantine

if TYPE_CHECKING:
    from county_gov.server.call import Call

READ = "core.quarantine.read"
WRITE = "core.quarantine.write"


def quarantine_of(call: Call) -> Quarantine:
    """The county's quarantine."""
    return Quarantine(call.county.intake)


def quarantine_scope(call: Call, permission: str) -> Scope:
    """What of the quarantine who asks may see.

    Rows of unknown datastreams belong to no area: whoever sees the whole county sees them.
    """
    scope = call.actor.scope(permission)
    if Grant(area=call.county.settings.county.code) in scope.grants:
        return Scope.everything()
    return scope
