"""Jobs: what a plugin does at set times, once per instant however many workers there are.

For example:

    async def draw(ctx: Context, run: JobRun) -> str:
        ...
        return "3 reservoirs, 1 above its limit"

    Job(
        id="reservoir.daily_report",
        title=Text(zh="水库日报", en="Daily report"),
        schedule=Daily("08:00"),
        run=draw,
        missed="once",
    )
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import ContractError

if TYPE_CHECKING:
    from county_gov.contract.context import Context
    from county_gov.contract.text import Text

SUNDAY = 6
LAST_DAY = 28
"""The last day that every month has."""
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _check_time(at: str) -> None:
    if not _TIME.fullmatch(at):
        raise ContractError(f"expected a local time like 08:00, got {at[:60]!r}")


@frozen
class Every:
    """At instants that lie a whole number of ``length`` microseconds after 1970 UTC + ``offset``.

    Raises:
        ContractError: if the length is below one second.
    """

    length: int
    offset: int = 0

    def __attrs_post_init__(self) -> None:
        if self.length < MICROSECONDS:
            raise ContractError(f"Every: expected at least one second, got {self.length} µs")


@frozen
class Daily:
    """Each day at a local time ("08:00"); where the clock jumps over it, right after the jump."""

    at: str

    def __attrs_post_init__(self) -> None:
        _check_time(self.at)


@frozen
class Weekly:
    """Each week on a day (0 is Monday) at a local time."""

    weekday: int
    at: str

    def __attrs_post_init__(self) -> None:
        _check_time(self.at)
        if not 0 <= self.weekday <= SUNDAY:
            raise ContractError(f"Weekly: expected a day of 0 (Monday) to 6, got {self.weekday}")


@frozen
class Monthly:
    """Each month on a day (at most 28) at a local time."""

    day: int
    at: str

    def __attrs_post_init__(self) -> None:
        _check_time(self.at)
        if not 1 <= self.day <= LAST_DAY:
            raise ContractError(f"Monthly: expected a day of 1 to 28, got {self.day}")


Schedule = Every | Daily | Weekly | Monthly


@frozen
class JobRun:
    """The instant that a job runs for (microseconds UTC), and which attempt it is, from 1."""

    at: int
    attempt: int = 1


@frozen(eq=False)
class Job:
    """Work at set times.

    Args:
        id: Prefixed by the plugin.
        title: What it is called.
        schedule: When.
        run: Async function of the context and the instant; returns a line for the history. It may
            be called again for the same instant after a failure or a crash, so what it writes
            carries idempotency keys made of ``run.at``.
        missed: What becomes of instants that passed while nothing ran: "skip" them all, run
            "once" for the latest, or run "all" of them (at most 100).
        seconds: After so long a run has failed.
        attempts: How often an instant is tried, with growing pauses of half a minute and more.

    Raises:
        ContractError: if nothing could ever run.
    """

    id: str
    title: Text
    schedule: Schedule
    run: Callable[[Context, JobRun], Awaitable[str]]
    missed: Literal["skip", "once", "all"] = "once"
    seconds: float = 300.0
    attempts: int = 3

    def __attrs_post_init__(self) -> None:
        if self.missed not in ("skip", "once", "all"):
            raise ContractError(f"job {self.id}: missed is {self.missed!r}; take skip, once or all")
        if self.seconds <= 0 or self.attempts < 1:
            given = f"{self.seconds:g} seconds and {self.attempts} attempts"
            raise ContractError(f"job {self.id}: expected more than nothing, got {given}")
