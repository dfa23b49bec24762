"""The writer's queues: fair between priorities, bounded, and left by who gives up."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_all
from typing import TYPE_CHECKING, Any

import pytest

from county_gov.contract.clock import SystemClock
from county_gov.errors import StoreBusy
from county_gov.store import Priority, Store, WriterLimits
from county_gov.store.changes import Queues
from county_gov.store.sqlite import SqliteDatabase
from tests.store.changes_of_writer import PATIENCE, Gate, keys_of, note

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.store import Transaction


def test_people_go_before_intake_and_intake_before_upkeep(store: Store) -> None:
    """Of what waits, each next change is the most urgent; within a queue the oldest."""
    ran: list[str] = []

    def run(name: str) -> Callable[[Transaction], None]:
        return lambda _: ran.append(name)

    gate = Gate(store)
    futures = [
        store.submit(run(f"{priority.name}{number}"), priority)
        for number in range(3)
        for priority in (Priority.UPKEEP, Priority.INTAKE, Priority.PERSON)
    ]
    gate.open()
    wait_for_all(futures, PATIENCE)
    people = ["PERSON0", "PERSON1", "PERSON2"]
    assert people == ran[:3]
    assert ["INTAKE0", "INTAKE1", "INTAKE2"] == [name for name in ran if name[0] == "I"]
    assert ["UPKEEP0", "UPKEEP1", "UPKEEP2"] == [name for name in ran if name[0] == "U"]


def test_a_person_does_not_wait_for_a_batch_that_is_next(store: Store) -> None:
    """A commit that has a person's change in it takes no more of intake."""
    gate = Gate(store)
    person = store.submit(lambda tx: tx.at)
    seen = store.submit(lambda tx: person.done(), Priority.INTAKE)
    gate.open()
    assert seen.result(PATIENCE)


@pytest.mark.parametrize("busy", [Priority.PERSON, Priority.INTAKE])
@pytest.mark.parametrize("patient", [Priority.INTAKE, Priority.UPKEEP])
def test_no_queue_starves(database: SqliteDatabase, busy: Priority, patient: Priority) -> None:
    """While a more urgent queue never empties, the less urgent runs all the same."""
    store = Store(database, SystemClock(), limits=WriterLimits(gather=0.001))
    store.start()
    stop = threading.Event()

    def again(tx: Transaction) -> None:
        if not stop.is_set():
            store.submit(again, busy)

    for _ in range(3):
        store.submit(again, busy)
    waiting = [store.submit(lambda tx: None, patient) for _ in range(5)]
    assert not wait_for_all(waiting, PATIENCE).not_done
    stop.set()
    store.close()


def test_a_share_of_the_time_is_kept() -> None:
    """A queue that always waits gets its share of a busy writer's time, to a few percent."""
    queues = Queues(WriterLimits(upkeep_share=0.25))
    share = queues._shares[Priority.UPKEEP]
    used = total = 0.0
    for _ in range(2000):
        share.used = 0.014 if share.due else 0.0
        used += share.used
        seconds = 0.015 + share.used
        total += seconds
        share.account(seconds, waiting=True)
    assert 0.24 < used / total < 0.26


def test_too_many_waiting_changes_are_refused(limited: Store) -> None:
    """A queue that is full says when to come again, and takes more once there is room."""
    gate = Gate(limited)
    futures = [limited.submit(note(str(number)), Priority.INTAKE) for number in range(3)]
    with pytest.raises(StoreBusy, match="try again") as refused:
        limited.submit(note("too many"), Priority.INTAKE)
    assert 0 < refused.value.retry_after
    person = limited.submit(note("person"))
    gate.open()
    wait_for_all([*futures, person], PATIENCE)
    assert ["person", "0", "1", "2"] == keys_of(limited)
    limited.submit(note("room"), Priority.INTAKE).result(PATIENCE)


def test_too_many_waiting_rows_are_refused(limited: Store) -> None:
    """Rows are bounded as well as changes; one large change alone always finds room."""
    gate = Gate(limited)
    large = limited.submit(note("large"), Priority.INTAKE, rows=1000)
    with pytest.raises(StoreBusy, match="1000 rows"):
        limited.submit(note("small"), Priority.INTAKE, rows=1)
    assert {Priority.PERSON: 0, Priority.INTAKE: 1000, Priority.UPKEEP: 0} == (
        limited.writer.figures().waiting_rows
    )
    gate.open()
    large.result(PATIENCE)
    limited.submit(note("small"), Priority.INTAKE, rows=100).result(PATIENCE)


def test_a_cancelled_change_that_waits_is_not_run(store: Store) -> None:
    """Who gave up before its turn changes nothing, and the writer goes on."""
    gate = Gate(store)
    cancelled = store.submit(note("cancelled"))
    kept = store.submit(note("kept"))
    assert cancelled.cancel()
    gate.open()
    kept.result(PATIENCE)
    with pytest.raises(CancelledError):
        cancelled.result(PATIENCE)
    assert ["kept"] == keys_of(store)


def test_a_change_that_runs_cannot_be_cancelled(store: Store) -> None:
    """Once begun, a change ends one way or the other, and says which."""
    future: list[Future[Any]] = []
    ready = threading.Event()

    def change(tx: Transaction) -> bool:
        assert ready.wait(PATIENCE)
        return future[0].cancel()

    future.append(store.submit(change))
    ready.set()
    assert future[0].result(PATIENCE) is False


async def test_a_cancelled_awaiter_harms_nobody(store: Store) -> None:
    """A client that hangs up leaves the writer and the other awaiters alone."""
    gate = Gate(store)
    tasks = [asyncio.create_task(store.write(note(str(number)))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    gate.open()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert ["0", "2"] == [results[0], results[2]] == keys_of(store)


def test_an_event_loop_that_closed_harms_nobody(store: Store) -> None:
    """Results for a loop that is gone are dropped, and the writer goes on."""
    gate = Gate(store)

    async def leave() -> None:
        task = asyncio.get_running_loop().create_task(store.write(note("left")))
        await asyncio.sleep(0)
        abandoned.append(task)

    abandoned: list[asyncio.Task[str]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    gate.open()
    store.submit(note("after")).result(PATIENCE)
    assert ["left", "after"] == keys_of(store)
    abandoned[0].get_coro().close()
    abandoned[0]._log_destroy_pending = False  # type: ignore[attr-defined]
