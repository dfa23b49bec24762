"""Running jobs: what is due becomes a row, the row is claimed, and its end is written down."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from attrs import frozen

from county_gov.contract.clock import DAY, MICROSECONDS
from county_gov.contract.job import JobRun
from county_gov.errors import ContractError, NotFound, StoreBusy
from county_gov.jobs.schedule import next_after, passed
from county_gov.registry.gateway import Failed
from county_gov.store import Priority
from county_gov.store import jobs as runs
from county_gov.store.jobs import NewRun, Run

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.context import Context
    from county_gov.contract.job import Job
    from county_gov.jobs.schedule import Passed
    from county_gov.registry.gateway import Answer, Gateway
    from county_gov.store import Store, Transaction

log = structlog.get_logger(__name__)

ALL_AT_MOST = 100
"""So many missed instants are made up for under the policy "all"."""
ON_TIME = 60 * MICROSECONDS
"""An instant that is no older was not missed: a restart in between costs no run."""
FIRST_PAUSE = 30.0
LONGEST_PAUSE = 3600.0
CUT_OFF_PAUSE = 60.0
"""Seconds after which a job whose plugin is cut off is looked at again."""
LEASE_MARGIN = 30.0
"""Seconds that a lease lives longer than the run may take."""
RUNS_KEPT = 400 * DAY
LONGEST_WORDS = 500
JOURNAL = "job"
"""Kind of the journal's entries that tell of a run."""
BUSY_RETRIES = 30


@frozen(eq=False)
class JobOverview:
    """A job as it stands: its latest run, and the next instant of its schedule."""

    job: Job
    plugin: str
    last: Run | None
    next_at: int


class Jobs:
    """All jobs of a county.

    Args:
        store: Where their runs are kept.
        jobs: The jobs in use, by id.
        gateway: Calls plugins.
        owner: Gives the plugin of a job's id.
        contexts: Gives the context that a plugin's job is called with.
        timezone: The county's: "Asia/Shanghai".
    """

    def __init__(
        self,
        store: Store,
        jobs: Mapping[str, Job],
        *,
        gateway: Gateway,
        owner: Callable[[str], str],
        contexts: Callable[[str], Context],
        timezone: str,
    ) -> None:
        self.jobs = MappingProxyType(dict(jobs))
        self._store = store
        self._gateway = gateway
        self._owner = owner
        self._contexts = contexts
        self._zone = ZoneInfo(timezone)
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ticking = asyncio.Lock()
        self._ended = 0
        self.on_change: Callable[[], object] = lambda: None
        """Called on the loop when a run was asked for or has ended, so that `tick` comes soon."""

    async def tick(self) -> int | None:
        """Begin what is due, and say at which instant to come again; None where there is no job.

        Raises:
            StoreError: if the store takes no changes; what was not begun stays due.
        """
        if not self.jobs:
            return None
        async with self._ticking:
            positions = await self._plan(self._store.clock.now())
            await self._begin_due()
        free = self.jobs.keys() - self._running.keys()
        waiting = await self._store.read(lambda snapshot: runs.next_due(snapshot, free))
        coming = [
            next_after(job.schedule, positions[key], self._zone) for key, job in self.jobs.items()
        ]
        return min([*coming, *([] if waiting is None else [waiting])])

    @property
    def under_way(self) -> frozenset[str]:
        """Jobs of which a run is under way in this process."""
        return frozenset(self._running)

    async def run_due(self) -> int | None:
        """Begin what is due and wait for its end, until nothing is due; for tests and scripts.

        Returns:
            The instant at which something is due next, None where there is no job.
        """
        while True:
            before = self._ended
            due_at = await self.tick()
            await self.settled()
            if before == self._ended and (due_at is None or due_at > self._store.clock.now()):
                return due_at

    async def settled(self) -> None:
        """Return once no run is under way in this process."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def close(self) -> None:
        """Stop; what was under way waits for the next start, and the attempt does not count."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)

    async def ask(self, job: str, *, actor: Actor, key: str, request: str = "") -> Run:
        """Let a job run now, as a run of its own; the same key asks once.

        Args:
            job: Its id.
            actor: Who asks; goes into the audit trail.
            key: Idempotency key.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such job.
        """
        self._require(job)
        scope = actor.kind if actor.account is None else f"account:{actor.account}"

        def write(tx: Transaction) -> Run:
            run, new = runs.ask(tx, job, request=f"{scope}:{job}:{key}", asked_by=actor.name)
            if new:
                tx.append_audit(actor, "job.run", f"job:{job}", request=request)
            return run

        run = await self._store.write(write)
        self.on_change()
        return run

    async def overview(self) -> tuple[JobOverview, ...]:
        """Every job with its latest run and its next instant."""
        now = self._store.clock.now()
        last = await self.latest(self.jobs)
        return tuple(
            JobOverview(job, self._owner(key), last.get(key), self.next_at(key, now))
            for key, job in self.jobs.items()
        )

    async def latest(self, jobs: Iterable[str]) -> Mapping[str, Run]:
        """The run of the latest instant of each of some jobs that has any."""
        return await self._store.read(lambda snapshot: runs.last_runs(snapshot, jobs))

    def next_at(self, job: str, now: int) -> int:
        """The next instant of a job's schedule."""
        return next_after(self._require(job).schedule, now, self._zone)

    async def history(
        self, job: str, *, limit: int = 50, offset: int = 0
    ) -> tuple[tuple[Run, ...], int]:
        """A page of a job's runs, latest first, and how many there are in all.

        Raises:
            NotFound: if there is no such job.
        """
        self._require(job)
        return await self._store.read(
            lambda snapshot: runs.list_runs(snapshot, job, limit=limit, offset=offset)
        )

    async def forget_old(self) -> None:
        """Forget the runs of instants that are more than 400 days ago."""
        before = self._store.clock.now() - RUNS_KEPT
        while await self._store.write(lambda tx: runs.forget(tx, before=before), Priority.UPKEEP):
            pass

    def _require(self, job: str) -> Job:
        found = self.jobs.get(job)
        if found is None:
            raise NotFound(f"there is no job {job[:80]!r}; known: {', '.join(self.jobs) or 'none'}")
        return found

    async def _plan(self, now: int) -> dict[str, int]:
        """Make rows of the instants that have come; gives up to when each job is dealt with.

        A job that is new begins now. Where the clock has gone back, its schedule is followed from
        there again; an instant that has a row keeps it, and so runs once.
        """
        positions = await self._store.read(runs.read_positions)
        for key, job in self.jobs.items():
            position = positions.get(key)
            if position is None or position > now:
                await self._enter(job, [], now)
                positions[key] = now
                continue
            come = passed(job.schedule, position, now, self._zone, limit=ALL_AT_MOST)
            if come.count:
                await self._enter(job, _wanted(job, come, now), now)
                positions[key] = now
        return positions

    async def _enter(self, job: Job, new: list[NewRun], now: int) -> None:
        """Write the rows of what has come, and that the schedule is dealt with until now."""

        def enter(tx: Transaction) -> None:
            runs.set_position(tx, job.id, now)
            runs.add_runs(tx, job.id, new)
            if new and job.missed != "all":
                runs.overtake(tx, job.id, new[-1].at)

        await self._store.write(enter, Priority.UPKEEP)

    async def _begin_due(self) -> None:
        """Claim what is due, one run of each job at a time."""
        now = self._store.clock.now()
        free = self.jobs.keys() - self._running.keys()
        for run in await self._store.read(lambda snapshot: runs.due_runs(snapshot, free, now)):
            if run.job in self._running:
                continue
            job = self.jobs[run.job]
            claimed = await self._claim(job, run)
            if claimed is not None:
                self._running[job.id] = asyncio.create_task(
                    self._run(job, claimed), name=f"job {job.id}"
                )

    async def _claim(self, job: Job, run: Run) -> Run | None:
        def claim(tx: Transaction) -> Run | None:
            claimed = runs.claim(
                tx,
                run.id,
                self._name,
                seconds=job.seconds + LEASE_MARGIN,
                attempts=job.attempts,
            )
            if claimed is not None:
                tx.journal(JOURNAL, job.id)
            return claimed

        return await self._store.write(claim, Priority.UPKEEP)

    async def _run(self, job: Job, run: Run) -> None:
        """Make one attempt and write down how it ended."""
        try:
            answer = await self._gateway.call_async(
                self._owner(job.id),
                f"job {job.id}",
                lambda: self._call(job, run),
                seconds=job.seconds,
            )
            await self._settle(job, run, answer)
        except asyncio.CancelledError:
            self._store.submit(lambda tx: runs.give_back(tx, run), Priority.UPKEEP)
            raise
        except Exception:
            log.exception("the end of a run is not recorded", job=job.id, run=run.id)
        finally:
            self._running.pop(job.id, None)
            self._ended += 1
            self.on_change()

    async def _call(self, job: Job, run: Run) -> str:
        words: object = await job.run(self._contexts(job.id), JobRun(run.at, run.attempt))
        if not isinstance(words, str):
            raise ContractError(f"run() gave {type(words).__name__}; expected a line of text")
        return words

    async def _settle(self, job: Job, run: Run, answer: Answer[str] | Failed) -> None:
        now = self._store.clock.now()

        def settle(tx: Transaction) -> bool:
            tx.journal(JOURNAL, job.id)
            if not isinstance(answer, Failed):
                return runs.settle(tx, run, "done", _one_line(answer.value))
            words = _one_line(answer.reason)
            if not answer.called:
                due_at = now + round(CUT_OFF_PAUSE * MICROSECONDS)
                return runs.give_back(tx, run, due_at=due_at, words=words)
            if run.attempt >= job.attempts:
                return runs.settle(tx, run, "failed", words)
            due_at = now + round(pause_after(run.attempt) * MICROSECONDS)
            return runs.settle(tx, run, "waiting", words, due_at=due_at)

        for _ in range(BUSY_RETRIES):
            try:
                kept = await self._store.write(settle, Priority.UPKEEP)
            except StoreBusy as error:
                await asyncio.sleep(error.retry_after)
                continue
            if not kept:
                log.warning("a run was taken over by another worker", job=job.id, run=run.id)
            return
        log.error("the end of a run is not recorded: the store is busy", job=job.id, run=run.id)


def pause_after(attempt: int) -> float:
    """Seconds between an attempt that failed and the next: doubled each time, an hour at most."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt - 1, 60)))


def _wanted(job: Job, come: Passed, now: int) -> list[NewRun]:
    """Which of the instants that have come are run, by the job's policy for missed ones."""
    latest = come.latest[-1]
    if job.missed == "all":
        before = come.count - len(come.latest)
        first, *others = come.latest
        return [NewRun(first, before), *(NewRun(one) for one in others)]
    missed = job.missed == "skip" and latest < now - ON_TIME
    return [NewRun(latest, come.count - 1, missed=missed)]


def _one_line(words: str) -> str:
    """A job's words, fit to be stored and shown."""
    printable = "".join(one if one.isprintable() else " " for one in words)
    return " ".join(printable.split())[:LONGEST_WORDS]
