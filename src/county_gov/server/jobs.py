"""What the pages of jobs and their interface share: who may look, who may let one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.access import Grant
from county_gov.contract.values import clean_key
from county_gov.errors import AccessDenied
from county_gov.server.refusal import RequestInvalid

if TYPE_CHECKING:
    from county_gov.server.call import Call
    from county_gov.store.jobs import Run

READ = "core.jobs.read"
RUN = "core.jobs.run"
JOB = "{id:[a-z0-9_.-]{1,100}}"


def sees_jobs(call: Call, permission: str) -> bool:
    """Whether who asks has a permission for the whole county: a job belongs to no area."""
    scope = call.actor.scope(permission)
    return scope.everywhere or Grant(area=call.county.settings.county.code) in scope.grants


def require_jobs(call: Call, permission: str) -> None:
    """Let nobody pass whose permission does not reach the whole county.

    Raises:
        AccessDenied: if it does not.
    """
    if not sees_jobs(call, permission):
        raise AccessDenied("jobs are for those who see the whole county")


async def run_now(call: Call, job: str, key: str, *, place: str) -> Run:
    """Let a job run now; the same key asks once, and it goes into the audit trail.

    Raises:
        AccessDenied: if who asks may not, in the whole county.
        RequestInvalid: if the key is none.
        NotFound: if there is no such job.
    """
    require_jobs(call, RUN)
    if problems := list(clean_key(key)):
        raise RequestInvalid([type(problems[0])(place, problems[0].message)])
    return await call.county.jobs.ask(job, actor=call.actor, key=key, request=call.id)
