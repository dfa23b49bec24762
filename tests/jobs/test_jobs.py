"""Each instant runs once: through restarts, crashes, clocks that jump, and workers side by side."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from county_gov.contract.clock import DAY, HOUR, MICROSECONDS
from county_gov.contract.job import Every
from county_gov.errors import ContractError, NotFound
from county_gov.jobs import Jobs
from county_gov.jobs.jobs import ALL_AT_MOST, pause_after
from county_gov.registry.gateway import Gateway
from county_gov.store import Priority, Store, followers, tables
from county_gov.store import jobs as runs
from county_gov.store.jobs import Run
from county_gov.store.sqlite import SqliteDatabase
from tests.jobs.conftest import ASKER, PERIOD, Bench
from tests.store_fixtures import START, StandingClock


async def history(jobs: Jobs, job: str = "demo.report") -> list[Run]:
    """Give a job's runs, oldest instant first."""
    found, _total = await jobs.history(job, limit=500)
    return list(reversed(found))


async def test_each_instant_runs_once(bench: Bench, clock: StandingClock) -> None:
    """A new job begins now; then each instant, and each has its line."""
    jobs = bench.jobs()
    assert START + PERIOD == await jobs.run_due()
    for number in (1, 2):
        clock.instant = START + number * PERIOD
        await jobs.run_due()
        await jobs.run_due()
    assert [
        ("demo.report", START + PERIOD, 1),
        ("demo.report", START + 2 * PERIOD, 1),
    ] == bench.made
    (first, second) = await history(jobs)
    assert ("done", "ok", START + PERIOD, "") == (
        first.state,
        first.words,
        first.started_at,
        first.asked_by,
    )
    assert START + 2 * PERIOD == second.at


async def test_open_pages_hear_that_a_run_begins_and_ends(
    bench: Bench, clock: StandingClock
) -> None:
    """The journal tells of the job when a run is claimed, and when its end is written down."""
    jobs = bench.jobs()
    await jobs.run_due()
    clock.instant = START + PERIOD
    await jobs.run_due()
    told = await bench.store.read(
        lambda snapshot: followers.read_journal(snapshot, 0, limit=10, kinds=("job",))
    )
    assert ["demo.report", "demo.report"] == [one.ref for one in told]


async def test_without_jobs_nothing_is_read(bench: Bench) -> None:
    """There is nothing to come again for."""
    jobs = Jobs(
        bench.store,
        {},
        gateway=Gateway(bench.store.clock),
        owner=str,
        contexts=lambda _: pytest.fail("no context is needed"),
        timezone="Asia/Shanghai",
    )
    assert await jobs.tick() is None


@pytest.mark.parametrize(
    ("missed", "expected", "passed"),
    [
        ("once", [10], [9]),
        ("all", list(range(1, 11)), [0] * 10),
        ("skip", [], [9]),
    ],
)
async def test_what_was_missed_is_made_up_for_by_the_policy(
    bench: Bench, clock: StandingClock, missed: str, expected: list[int], passed: list[int]
) -> None:
    """Ten instants passed, the last of them long ago; the history tells of those left out."""
    await bench.jobs(bench.job(missed=missed, schedule=Every(HOUR))).run_due()
    first = START // HOUR * HOUR + HOUR
    clock.instant = first + 9 * HOUR + HOUR // 2
    jobs = bench.jobs(bench.job(missed=missed, schedule=Every(HOUR)))
    await jobs.run_due()
    assert [first + (number - 1) * HOUR for number in expected] == bench.instants
    found = await history(jobs)
    assert passed == [one.passed for one in found]
    assert (["missed"] if missed == "skip" else ["done"] * len(expected)) == [
        one.state for one in found
    ]


async def test_an_instant_just_passed_was_not_missed(bench: Bench, clock: StandingClock) -> None:
    """A restart of half a minute costs no run, even where missed ones are skipped."""
    jobs = bench.jobs(bench.job(missed="skip"))
    await jobs.run_due()
    clock.instant = START + 3 * PERIOD + 30 * MICROSECONDS
    await jobs.run_due()
    assert [START + 3 * PERIOD] == bench.instants


async def test_not_more_than_a_hundred_are_made_up_for(bench: Bench, clock: StandingClock) -> None:
    """The latest hundred run, and the first of them says how many did not."""
    jobs = bench.jobs(bench.job(missed="all"))
    await jobs.run_due()
    clock.instant = START + (ALL_AT_MOST + 7) * PERIOD
    await jobs.run_due()
    assert [START + number * PERIOD for number in range(8, ALL_AT_MOST + 8)] == bench.instants
    assert 7 == (await history(jobs))[0].passed


async def test_a_failure_is_tried_again_with_growing_pauses(
    bench: Bench, clock: StandingClock
) -> None:
    """After the last attempt the run has failed, with the words of why."""

    def fail(_run: object) -> str:
        raise ValueError("no\x00 data\n")

    bench.behaviour = fail
    jobs = bench.jobs(bench.job(schedule=Every(DAY)))
    await jobs.run_due()
    at = clock.instant = START // DAY * DAY + DAY
    for attempt in (1, 2):
        assert at + round(pause_after(attempt) * MICROSECONDS) == await jobs.run_due()
        (run,) = await history(jobs)
        assert ("waiting", attempt, "ValueError: no data") == (run.state, run.attempt, run.words)
        at = clock.instant = run.due_at
    await jobs.run_due()
    (run,) = await history(jobs)
    assert ("failed", 3) == (run.state, run.attempt)
    assert [1, 2, 3] == [attempt for _, _, attempt in bench.made]
    assert [30.0, 60.0, 120.0, 3600.0] == [pause_after(number) for number in (1, 2, 3, 20)]


async def test_what_a_job_gives_must_be_a_line(bench: Bench, clock: StandingClock) -> None:
    """Anything but text is a failure that says what came."""
    bench.behaviour = lambda _run: 7
    jobs = bench.jobs(bench.job(attempts=1))
    await jobs.run_due()
    clock.instant += PERIOD
    await jobs.run_due()
    (run,) = await history(jobs)
    assert ("failed", "run() gave int; expected a line of text") == (
        run.state,
        run.words,
    )


async def test_a_job_that_hangs_has_failed(bench: Bench, clock: StandingClock) -> None:
    """After its seconds the attempt is over, and another will be made."""
    bench.behaviour = lambda _run: None
    jobs = bench.jobs(bench.job(seconds=0.05))
    await jobs.run_due()
    clock.instant += PERIOD
    await jobs.run_due()
    (run,) = await history(jobs)
    assert ("waiting", "no answer within 0.05 s") == (run.state, run.words)


async def test_a_plugin_that_is_cut_off_loses_no_attempt(
    bench: Bench, clock: StandingClock
) -> None:
    """While its circuit is open the run waits, and then it is made."""

    def fail(_run: object) -> str:
        raise ValueError("down")

    bench.behaviour = fail
    jobs = bench.jobs(bench.job(attempts=2))
    jobs._gateway = Gateway(clock, limit=1)
    await jobs.run_due()
    clock.instant += PERIOD
    await jobs.run_due()
    bench.behaviour = lambda _run: "ok"
    for _ in range(6):
        clock.instant += 60 * MICROSECONDS
        await jobs.run_due()
    states = {(run.at, run.state, run.attempt) for run in await history(jobs)}
    assert ("done", 2) in {(state, attempt) for _, state, attempt in states} or (
        "done",
        1,
    ) in {(state, attempt) for _, state, attempt in states}
    assert all(attempt <= 2 for _, _, attempt in bench.made)


async def test_a_newer_instant_overtakes_one_that_waits(bench: Bench, clock: StandingClock) -> None:
    """An attempt that failed is not made after the next instant has come, unless all are wanted."""

    def fail(run: Any) -> str:
        if run.at == START + PERIOD:
            raise ValueError("down")
        return "ok"

    bench.behaviour = fail
    jobs = bench.jobs()
    await jobs.run_due()
    for number in (1, 2):
        clock.instant = START + number * PERIOD
        await jobs.run_due()
    for number in range(20):
        clock.instant = START + 2 * PERIOD + number * MICROSECONDS
        await jobs.run_due()
    found = await history(jobs)
    assert ["failed", "done"] == [one.state for one in found]


async def test_runs_of_one_job_never_overlap(bench: Bench, clock: StandingClock) -> None:
    """The next instant waits until the run before has ended."""
    bench.behaviour = lambda run: None if run.at == START + PERIOD else "ok"
    jobs = bench.jobs(bench.job(missed="all"))
    await jobs.run_due()
    for number in (1, 2):
        clock.instant = START + number * PERIOD
        await jobs.tick()
    assert [START + PERIOD] == bench.instants
    bench.release.set()
    await jobs.settled()
    await jobs.run_due()
    assert [START + PERIOD, START + 2 * PERIOD] == bench.instants


async def test_a_claim_whose_lease_ended_is_taken_over(bench: Bench, clock: StandingClock) -> None:
    """As after kill -9: the next attempt has the next number, and the old claim is not heard."""
    bench.behaviour = lambda run: None if run.attempt == 1 else "ok"
    killed = bench.jobs(bench.job(seconds=20.0))
    await killed.run_due()
    clock.instant += PERIOD
    await killed.tick()
    await asyncio.sleep(0)
    (run,) = await history(killed)
    assert ("running", 1) == (run.state, run.attempt)

    other = bench.jobs(bench.job(seconds=20.0))
    await other.run_due()
    assert 1 == len(bench.made), "the lease still lives"
    clock.instant = run.due_at
    await other.run_due()
    assert [1, 2] == [attempt for _, _, attempt in bench.made]
    (done,) = await history(other)
    assert ("done", 2, "ok", run.fence + 1) == (done.state, done.attempt, done.words, done.fence)
    late = bench.store.submit(lambda tx: runs.settle(tx, run, "failed", "late")).result()
    assert not late
    bench.release.set()
    await killed.settled()
    assert [done] == await history(other)


async def test_a_worker_that_dies_in_the_last_attempt_has_failed(
    bench: Bench, clock: StandingClock
) -> None:
    """The run does not begin for ever anew; at a start no lease is waited for."""
    bench.behaviour = lambda _run: None
    killed = bench.jobs(bench.job(attempts=1))
    await killed.run_due()
    clock.instant += PERIOD
    await killed.tick()
    await asyncio.sleep(0)
    assert 1 == bench.store.submit(runs.end_leases).result()
    other = bench.jobs(bench.job(attempts=1))
    await other.run_due()
    (run,) = await history(other)
    assert ("failed", runs.END_WORDS) == (run.state, run.words)
    assert 1 == len(bench.made)
    bench.release.set()
    await killed.settled()


async def test_stopping_costs_no_attempt(bench: Bench, clock: StandingClock) -> None:
    """What was under way when the county stopped is made after the start, as the same attempt."""
    bench.behaviour = lambda _run: None
    jobs = bench.jobs(bench.job(attempts=1))
    await jobs.run_due()
    clock.instant += PERIOD
    await jobs.tick()
    await asyncio.sleep(0)
    await jobs.close()
    bench.store.submit(lambda _tx: None, Priority.UPKEEP).result()
    bench.behaviour = lambda _run: "ok"
    again = bench.jobs(bench.job(attempts=1))
    await again.run_due()
    assert [1, 1] == [attempt for _, _, attempt in bench.made]
    assert ["done"] == [one.state for one in await history(again)]


async def test_a_clock_that_goes_back_runs_nothing_twice(
    bench: Bench, clock: StandingClock
) -> None:
    """An instant that has run has run; the schedule goes on from the clock as it is now."""
    jobs = bench.jobs()
    await jobs.run_due()
    clock.instant = START + 5 * PERIOD
    await jobs.run_due()
    clock.instant = START + 3 * PERIOD + 1
    assert START + 4 * PERIOD == await jobs.run_due()
    for number in (4, 5, 6):
        clock.instant = START + number * PERIOD
        await jobs.run_due()
    assert [START + number * PERIOD for number in (5, 4, 6)] == bench.instants


async def test_a_person_asks_for_a_run_of_its_own(bench: Bench, clock: StandingClock) -> None:
    """The same key asks once; it is audited, and the schedule is as it was."""
    jobs = bench.jobs()
    await jobs.run_due()
    asked = await jobs.ask("demo.report", actor=ASKER, key="k")
    again = await jobs.ask("demo.report", actor=ASKER, key="k")
    other = await jobs.ask("demo.report", actor=ASKER, key="k2")
    assert asked.id == again.id != other.id
    assert START + PERIOD == await jobs.run_due()
    assert [("done", "陈甲")] * 2 == [(one.state, one.asked_by) for one in await history(jobs)]
    columns = tables.audit.c
    audited = bench.store.read_now(
        lambda s: s.rows(sa.select(columns.actor, columns.action, columns.object, columns.account))
    )
    assert [("陈甲", "job.run", "job:demo.report", 1)] * 2 == [tuple(row) for row in audited]
    with pytest.raises(NotFound, match=r"known: demo\.report"):
        await jobs.ask("demo.nothing", actor=ASKER, key="k")


async def test_the_overview_names_the_last_run_and_the_next(
    bench: Bench, clock: StandingClock
) -> None:
    """With the plugin that brings the job; a job that never ran has no last run."""
    jobs = bench.jobs(bench.job(), bench.job("demo.never", schedule=Every(DAY)))
    await jobs.run_due()
    clock.instant += PERIOD
    await jobs.run_due()
    first, second = await jobs.overview()
    assert ("demo", START + 2 * PERIOD) == (first.plugin, first.next_at)
    assert first.last is not None
    assert "done" == first.last.state
    assert second.last is None


async def test_old_runs_are_forgotten(bench: Bench, clock: StandingClock) -> None:
    """After 400 days."""
    jobs = bench.jobs()
    await jobs.run_due()
    clock.instant += PERIOD
    await jobs.run_due()
    clock.instant += 400 * DAY
    await jobs.run_due()
    assert 2 == len(await history(jobs))
    await jobs.forget_old()
    assert 2 == len(await history(jobs))
    clock.instant += PERIOD
    await jobs.forget_old()
    assert 1 == len(await history(jobs))


def test_a_job_that_could_never_run_is_refused(bench: Bench) -> None:
    """With what was given."""
    for wrong in ({"attempts": 0}, {"seconds": 0.0}, {"missed": "never"}):
        with pytest.raises(ContractError, match=r"demo\.report"):
            bench.job(**wrong)


moves = st.one_of(
    st.tuples(st.just("advance"), st.integers(0, 3 * PERIOD)),
    st.tuples(st.just("advance"), st.sampled_from([PERIOD, 30 * PERIOD, -PERIOD, -10 * PERIOD])),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("two workers"), st.just(0)),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(moves, max_size=20), st.sampled_from(["skip", "once", "all"]))
def test_no_instant_runs_twice_whatever_the_clock_does(
    sequence: list[tuple[str, int]], missed: str
) -> None:
    """Instants of the grid only, each once; under "all" none of them is left out."""

    async def play(bench: Bench, clock: StandingClock) -> None:
        jobs = bench.jobs(bench.job(missed=missed))
        await jobs.run_due()
        for what, amount in sequence:
            clock.instant += amount
            if what == "restart":
                jobs = bench.jobs(bench.job(missed=missed))
            if what == "two workers":
                other = bench.jobs(bench.job(missed=missed))
                await asyncio.gather(jobs.tick(), other.tick())
                await asyncio.gather(jobs.settled(), other.settled())
            await jobs.run_due()
        assert len(set(bench.instants)) == len(bench.instants)
        assert all((at - START) % PERIOD == 0 for at in bench.instants)
        assert all(one.state in ("done", "missed") for one in await history(jobs))
        highest = max([START, *bench.instants])
        if missed == "all" and not any(amount < 0 for _, amount in sequence):
            assert list(range(START + PERIOD, highest + 1, PERIOD)) == bench.instants

    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(f"sqlite:///{Path(folder) / 'county.db'}")
        database.create_tables()
        clock = StandingClock()
        store = Store(database, clock)
        store.start()
        try:
            asyncio.run(play(Bench(store), clock))
        finally:
            store.close()
