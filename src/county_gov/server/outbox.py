"""What the outbox's page and its interface share: who may look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.access import Grant
from county_gov.errors import AccessDenied, NotFound

if TYPE_CHECKING:
    from county_gov.server.call import Call

READ = "core.outbox.read"
WRITE = "core.outbox.write"


def sees_outbox(call: Call, permission: str) -> bool:
    """Whether who asks has a permission for the whole county: a notice belongs to no area."""
    scope = call.actor.scope(permission)
    return scope.everywhere or Grant(area=call.county.settings.county.code) in scope.grants


def require_outbox(call: Call, permission: str) -> None:
    """Let nobody pass whose permission does not reach the whole county.

    Raises:
        AccessDenied: if it does not.
    """
    if not sees_outbox(call, permission):
        raise AccessDenied("the outbox is for those who see the whole county")


async def send_again(call: Call, number: int) -> None:
    """Make a dead letter due again; goes into the audit trail.

    Raises:
        AccessDenied: if who asks may not, in the whole county.
        NotFound: if there is no dead letter of that number.
    """
    require_outbox(call, WRITE)
    if not await call.county.outbox.requeue([number], actor=call.actor, request=call.id):
        raise NotFound(f"there is no dead letter {number}; what waits or was sent needs nothing")
