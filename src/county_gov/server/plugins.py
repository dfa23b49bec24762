"""What the page of plugins and their interface share: who may look, who may have events told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.access import Grant
from county_gov.contract.values import clean_key
from county_gov.errors import AccessDenied, Problem
from county_gov.server.refusal import RequestInvalid

if TYPE_CHECKING:
    from county_gov.server.call import Call

READ = "core.plugins.read"
WRITE = "core.plugins.write"
NUMBER = "{id:[0-9]{1,18}}"
NAME = "{name:[a-z][a-z0-9_]{0,63}}"


def sees_plugins(call: Call, permission: str) -> bool:
    """Whether who asks has a permission for the whole county: a plugin belongs to no area."""
    scope = call.actor.scope(permission)
    return scope.everywhere or Grant(area=call.county.settings.county.code) in scope.grants


def require_plugins(call: Call, permission: str) -> None:
    """Let nobody pass whose permission does not reach the whole county.

    Raises:
        AccessDenied: if it does not.
    """
    if not sees_plugins(call, permission):
        raise AccessDenied("the plugins are for those who see the whole county")


async def deliver_again(call: Call, key: str, *, place: str) -> int:
    """Have the missed event that the address names delivered again, or all of a plugin.

    The same key asks once, and it goes into the audit trail.

    Returns:
        For how many events the key has asked.

    Raises:
        AccessDenied: if who asks may not, in the whole county.
        RequestInvalid: if the key is none.
        NotFound: if there is no such event or plugin.
    """
    require_plugins(call, WRITE)
    if problems := list(clean_key(key)):
        raise RequestInvalid([Problem(place, problems[0].message)])
    events, parts = call.county.missed_events, call.request.match_info
    if "id" in parts:
        await events.ask(int(parts["id"]), actor=call.actor, key=key, request=call.id)
        return 1
    return await events.ask_all(parts["name"], actor=call.actor, key=key, request=call.id)
