"""Reading the audit trail: who did what to which object, and how it ended."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING

from county_gov.access.roles import local_day
from county_gov.errors import AccessDenied
from county_gov.store.access import AuditFilter, AuditRow, read_audit

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store import Store

READ = "core.audit.read"
MOST = 1000


async def list_audit(
    store: Store, actor: Actor, wanted: AuditFilter, *, zone: tzinfo
) -> tuple[AuditRow, ...]:
    """Entries that a person may see, latest first.

    Args:
        store: Where they are kept.
        actor: Who asks; needs the permission ``core.audit.read``.
        wanted: Which entries; the next page has ``before`` = the last entry's id.
        zone: Local time, for the day whose tree of areas counts.

    Raises:
        AccessDenied: if the permission is missing.
        ValueError: if the limit is not between 1 and 1,000.
    """
    if not actor.may(READ):
        raise AccessDenied(f"{actor.name} lacks the permission {READ}")
    if not 1 <= wanted.limit <= MOST:
        msg = f"limit: expected 1 to {MOST}, got {wanted.limit}"
        raise ValueError(msg)
    day = local_day(store.clock.now(), zone)
    scope = actor.scope(READ)
    return await store.read(lambda snapshot: read_audit(snapshot, scope, wanted, day=day))
