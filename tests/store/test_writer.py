"""The writer: durable before it answers, fair between queues, and unharmed by whatever fails."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_all
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from county_gov.contract.clock import SystemClock
from county_gov.errors import StoreBusy, StoreClosed, StoreError
from county_gov.store import Priority, Store, WriterLimits, tables
from county_gov.store.changes import ROWS_TOGETHER, Change, Queues
from county_gov.store.sqlite import SqliteDatabase
from county_gov.store.writer import SLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from county_gov.store import Transaction

PATIENCE = 30


def _note(key: str, value: str = "") -> Callable[[Transaction], str]:
    def change(tx: Transaction) -> str:
        tx.insert(tables.plugin_notes, plugin="test", key=key, value=value)
        return key

    return change


def _keys(store: Store) -> list[str]:
    """What other connections see: only what was committed."""
    statement = sa.select(tables.plugin_notes.c.key).order_by(sa.text("rowid"))
    return [row.key for row in store.read_now(lambda snapshot: snapshot.rows(statement))]


class Gate:
    """Holds the writer inside a change until it is opened, so that others are sure to wait."""

    def __init__(self, store: Store) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()
        self.future = store.submit(self._hold)
        assert self.entered.wait(PATIENCE)

    def _hold(self, tx: Transaction) -> None:
        self.entered.set()
        assert self._open.wait(PATIENCE)

    def open(self) -> None:
        """Let the writer go on."""
        self._open.set()
        self.future.result(PATIENCE)


@pytest.fixture
def limited(database: SqliteDatabase) -> Iterator[Store]:
    """Give a store of which little may wait."""
    limits = WriterLimits(waiting=3, waiting_rows=100)
    made = Store(database, SystemClock(), limits=limits)
    made.start()
    yield made
    made.close()


def test_a_result_comes_after_the_commit(store: Store) -> None:
    """Whoever hears of a success finds the row through another connection."""
    for number in range(20):
        key = store.submit(_note(f"{number:02}")).result(PATIENCE)
        assert key == _keys(store)[-1]


def test_changes_of_one_group_share_a_commit(store: Store) -> None:
    """What waited together is committed together, under one instant."""
    gate = Gate(store)
    before = store.writer.commits
    futures = [store.submit(lambda tx: tx.at) for _ in range(50)]
    gate.open()
    assert 1 == len({future.result(PATIENCE) for future in futures})
    assert store.writer.commits - before <= 2


def test_a_failure_is_told_after_the_commit_too(store: Store) -> None:
    """A failure may rest on a change before it, so it is not told before that one is durable."""
    told: Future[list[str]] = Future()

    def conflict(tx: Transaction) -> None:
        raise ValueError(len(tx.rows(sa.select(tables.plugin_notes))))

    gate = Gate(store)
    store.submit(_note("first"))
    failing = store.submit(conflict)
    failing.add_done_callback(lambda _: told.set_result(_keys(store)))
    gate.open()
    with pytest.raises(ValueError, match="1"):
        failing.result(PATIENCE)
    assert ["first"] == told.result(PATIENCE)


class Stop(BaseException):
    """Stands for what is not an Exception: a keyboard interrupt, an exit."""


OUTCOMES = st.sampled_from(["done", "error", "base", "sql", "twice"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.tuples(OUTCOMES, st.sampled_from(list(Priority))), min_size=1, max_size=12))
def test_a_failing_change_costs_no_other(
    plan: list[tuple[str, Priority]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever fails, and however, the others are kept, in order within their priority."""
    store = _new_store(tmp_path_factory.mktemp("writer"))
    undone: list[int] = []
    gate = Gate(store)
    futures = [
        store.submit(_planned(number, outcome, undone), priority)
        for number, (outcome, priority) in enumerate(plan)
    ]
    gate.open()
    wait_for_all(futures, PATIENCE)
    kept = [number for number, (outcome, _) in enumerate(plan) if outcome == "done"]
    failed = [number for number in range(len(plan)) if number not in kept]
    assert kept == [number for number, future in enumerate(futures) if not future.exception()]
    assert sorted(failed) == sorted(undone)
    order = [int(key) for key in _keys(store)]
    assert kept == sorted(order)
    for priority in Priority:
        expected = [number for number in kept if plan[number][1] is priority]
        assert expected == [number for number in order if plan[number][1] is priority]
    positions = store.read_now(lambda snap: snap.rows(sa.select(tables.journal.c.position)))
    assert list(range(1, len(kept) + 1)) == [row.position for row in positions]
    store.close()


def _new_store(folder: Path) -> Store:
    database = SqliteDatabase(f"sqlite:///{folder / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    return store


def _planned(number: int, outcome: str, undone: list[int]) -> Callable[[Transaction], None]:
    def change(tx: Transaction) -> None:
        tx.on_rollback(lambda: undone.append(number))
        tx.journal("case", str(number))
        tx.insert(tables.plugin_notes, plugin="test", key=f"{number:02}", value="")
        if outcome == "error":
            raise ValueError(number)
        if outcome == "base":
            raise Stop(number)
        if outcome == "sql":
            tx.connection.exec_driver_sql("SELECT * FROM nowhere")
        if outcome == "twice":
            tx.insert(tables.plugin_notes, plugin="test", key=f"{number:02}", value="")

    return change


@pytest.mark.parametrize(
    "error", [StopIteration(), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()]
)
async def test_an_error_that_would_end_the_loop_is_wrapped(
    store: Store, error: BaseException
) -> None:
    """Those who share the commit get their answers, and the event loop lives."""

    def failing(tx: Transaction) -> None:
        raise error

    gate = Gate(store)
    tasks = [
        asyncio.create_task(store.write(change)) for change in (_note("a"), failing, _note("b"))
    ]
    await asyncio.sleep(0)
    gate.open()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert ["a", "b"] == [results[0], results[2]] == _keys(store)
    assert isinstance(results[1], StoreError)
    assert error is results[1].__cause__


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
    futures = [limited.submit(_note(str(number)), Priority.INTAKE) for number in range(3)]
    with pytest.raises(StoreBusy, match="try again") as refused:
        limited.submit(_note("too many"), Priority.INTAKE)
    assert 0 < refused.value.retry_after
    person = limited.submit(_note("person"))
    gate.open()
    wait_for_all([*futures, person], PATIENCE)
    assert ["person", "0", "1", "2"] == _keys(limited)
    limited.submit(_note("room"), Priority.INTAKE).result(PATIENCE)


def test_too_many_waiting_rows_are_refused(limited: Store) -> None:
    """Rows are bounded as well as changes; one large change alone always finds room."""
    gate = Gate(limited)
    large = limited.submit(_note("large"), Priority.INTAKE, rows=1000)
    with pytest.raises(StoreBusy, match="1000 rows"):
        limited.submit(_note("small"), Priority.INTAKE, rows=1)
    assert {Priority.PERSON: 0, Priority.INTAKE: 1000, Priority.UPKEEP: 0} == (
        limited.writer.figures().waiting_rows
    )
    gate.open()
    large.result(PATIENCE)
    limited.submit(_note("small"), Priority.INTAKE, rows=100).result(PATIENCE)


def test_a_cancelled_change_that_waits_is_not_run(store: Store) -> None:
    """Who gave up before its turn changes nothing, and the writer goes on."""
    gate = Gate(store)
    cancelled = store.submit(_note("cancelled"))
    kept = store.submit(_note("kept"))
    assert cancelled.cancel()
    gate.open()
    kept.result(PATIENCE)
    with pytest.raises(CancelledError):
        cancelled.result(PATIENCE)
    assert ["kept"] == _keys(store)


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
    tasks = [asyncio.create_task(store.write(_note(str(number)))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    gate.open()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert ["0", "2"] == [results[0], results[2]] == _keys(store)


def test_an_event_loop_that_closed_harms_nobody(store: Store) -> None:
    """Results for a loop that is gone are dropped, and the writer goes on."""
    gate = Gate(store)

    async def leave() -> None:
        task = asyncio.get_running_loop().create_task(store.write(_note("left")))
        await asyncio.sleep(0)
        abandoned.append(task)

    abandoned: list[asyncio.Task[str]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    gate.open()
    store.submit(_note("after")).result(PATIENCE)
    assert ["left", "after"] == _keys(store)
    abandoned[0].get_coro().close()
    abandoned[0]._log_destroy_pending = False  # type: ignore[attr-defined]


async def test_many_awaiters_each_get_their_own_result(store: Store) -> None:
    """Results are not mixed up between those that share a commit."""
    keys = [f"{number:03}" for number in range(200)]
    assert keys == await asyncio.gather(*(store.write(_note(key)) for key in keys))
    assert keys == _keys(store)


def test_a_close_writes_what_waits_and_refuses_what_comes(database: SqliteDatabase) -> None:
    """A stop drains the writer."""
    store = Store(database, SystemClock())
    store.start()
    gate = Gate(store)
    futures = [store.submit(_note(f"{number:02}")) for number in range(20)]
    closing = threading.Thread(target=store.close)
    closing.start()
    while not store.writer._queues.closed:
        threading.Event().wait(0.001)
    with pytest.raises(StoreClosed, match="stopping"):
        store.submit(_note("late"))
    gate.open()
    closing.join(PATIENCE)
    assert [f"{number:02}" for number in range(20)] == [one.result(0) for one in futures]
    assert not store.writer.alive


def test_a_change_of_a_store_that_never_started_is_refused_at_close(
    database: SqliteDatabase,
) -> None:
    """Nobody waits for ever."""
    store = Store(database, SystemClock())
    future = store.submit(_note("never"))
    store.close()
    with pytest.raises(StoreClosed):
        future.result(0)


async def test_a_closed_store_is_not_read(database: SqliteDatabase) -> None:
    """Late readers hear that the store is closed, wherever they are."""
    store = Store(database, SystemClock())
    store.start()
    store.close()
    store.close()
    with pytest.raises(StoreClosed):
        store.read_now(lambda snapshot: None)
    with pytest.raises(StoreClosed):
        await store.read(lambda snapshot: None)
    with pytest.raises(StoreClosed):
        await store.write(_note("late"))


def test_callbacks_run_after_the_commit_and_only_then(store: Store) -> None:
    """A callback sees what was committed; that of a failed change is never called."""
    seen: list[list[str]] = []

    def change(tx: Transaction) -> None:
        tx.after_commit(lambda: seen.append(_keys(store)))
        _note("a")(tx)

    def failing(tx: Transaction) -> None:
        tx.after_commit(lambda: seen.append(["never"]))
        raise ValueError

    gate = Gate(store)
    futures = [store.submit(change), store.submit(failing)]
    gate.open()
    wait_for_all(futures, PATIENCE)
    assert [["a"]] == seen


def test_a_callback_that_fails_costs_nobody(store: Store) -> None:
    """It is recorded; the commit has happened, and the writer goes on."""

    def change(tx: Transaction) -> str:
        tx.after_commit(lambda: 1 // 0)
        tx.after_commit(lambda: seen.append("second"))
        return _note("a")(tx)

    seen: list[str] = []
    store.writer.listeners.append(lambda head: 1 // 0)
    store.submit(lambda tx: tx.journal("case", "1")).result(PATIENCE)
    assert "a" == store.submit(change).result(PATIENCE)
    assert ["second"] == seen
    assert "b" == store.submit(_note("b")).result(PATIENCE)


def test_listeners_hear_the_journal_s_new_head(store: Store) -> None:
    """Once per commit with entries, and with the last of its positions."""
    heard: list[int] = []
    store.writer.listeners.append(heard.append)
    gate = Gate(store)
    futures = [store.submit(lambda tx: tx.journal("case", "1")) for _ in range(3)]
    gate.open()
    wait_for_all(futures, PATIENCE)
    store.submit(_note("no entry")).result(PATIENCE)
    assert 3 == heard[-1]
    assert sorted(set(heard)) == heard


class FailingCommits(SqliteDatabase):
    """A database whose commits fail when told to."""

    fail = False

    def commit(self, connection: sa.Connection) -> None:
        """Fail, or commit."""
        if self.fail:
            msg = "the disk went away"
            raise OSError(msg)
        super().commit(connection)


def test_a_commit_that_fails_keeps_nothing_and_undoes_memory(tmp_path: Path) -> None:
    """All of its changes fail, what they kept in memory is undone in reverse, and work goes on."""
    database = FailingCommits(f"sqlite:///{tmp_path / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    memory: list[str] = []

    def change(key: str) -> Callable[[Transaction], None]:
        def run(tx: Transaction) -> None:
            tx.on_rollback(lambda: memory.append(key))
            _note(key)(tx)

        return run

    gate = Gate(store)
    futures = [store.submit(change(key)) for key in "abc"]
    database.fail = True
    with pytest.raises(StoreError, match="the disk went away"):
        gate.open()
    for future in futures:
        with pytest.raises(StoreError, match="the disk went away"):
            future.result(PATIENCE)
    assert sorted("abc") == sorted(memory)
    assert [] == _keys(store)
    database.fail = False
    store.submit(_note("d")).result(PATIENCE)
    assert ["d"] == _keys(store)
    assert 4 == store.writer.figures().failures
    store.close()


class Unreachable(SqliteDatabase):
    """A database that cannot be begun with, nor connected to, when told so."""

    broken = False

    def usable(self, connection: sa.Connection) -> bool:
        """Not while it is broken."""
        return not self.broken and super().usable(connection)

    def connect_writer(self) -> sa.Connection:
        """Fail, or connect."""
        if self.broken:
            msg = "nobody answers"
            raise StoreError(msg)
        return super().connect_writer()


def test_a_lost_connection_is_opened_anew(tmp_path: Path) -> None:
    """Changes fail while nobody answers; then memory is loaded again before the next change."""
    database = Unreachable(f"sqlite:///{tmp_path / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    loaded: list[list[str]] = []
    store.on_reconnect(
        lambda snapshot: loaded.append(
            [row.key for row in snapshot.rows(sa.select(tables.plugin_notes))]
        )
    )
    store.start()
    store.submit(_note("a")).result(PATIENCE)
    database.broken = True
    for _ in range(2):
        with pytest.raises(StoreError, match="nobody answers"):
            store.submit(_note("b")).result(PATIENCE)
    database.broken = False
    assert [] == loaded
    store.submit(_note("c")).result(PATIENCE)
    assert [["a"]] == loaded
    assert ["a", "c"] == _keys(store)
    store.close()


def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    """The start fails with the reason, and a close afterwards is harmless."""
    database = Unreachable(f"sqlite:///{tmp_path / 'county.db'}")
    database.broken = True
    store = Store(database, SystemClock())
    with pytest.raises(StoreError, match="nobody answers"):
        store.start()
    with pytest.raises(StoreClosed):
        store.submit(_note("a"))
    store.close()


def test_the_figures_count(store: Store) -> None:
    """Commits, changes and failures since the start, and how long they took."""
    store.submit(_note("a")).result(PATIENCE)
    failing = store.submit(_note("a"))
    with pytest.raises(sa.exc.IntegrityError):
        failing.result(PATIENCE)
    store.submit(_note("b")).result(PATIENCE)
    figures = store.writer.figures()
    assert (3, 2, 1) == (figures.commits, figures.changes, figures.failures)
    assert 0 < figures.longest_change_seconds <= figures.longest_seconds <= figures.seconds
    assert dict.fromkeys(Priority, 0) == figures.waiting


def _note_all(tx: Transaction, keys: Sequence[str]) -> list[str]:
    """One change of several notes; none of them is named "bad"."""
    for key in keys:
        if key == "bad":
            raise LookupError(key)
        _note(key)(tx)
    return [f"{key} of {len(keys)}" for key in keys]


async def _held(store: Store, gate: Gate, *waiting: Awaitable[object]) -> list[object]:
    """What becomes of changes that wait behind a gate."""
    tasks = [asyncio.ensure_future(one) for one in waiting]
    await asyncio.sleep(0)
    gate._open.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_small_changes_that_wait_are_made_one(store: Store) -> None:
    """Changes of one kind behind one another are made together, in their order."""
    together = store.writer.write_together
    found = await _held(
        store,
        Gate(store),
        *(together(_note_all, key, Priority.INTAKE) for key in "abc"),
        store.write(_note("d"), Priority.INTAKE),
        together(_note_all, "e", Priority.INTAKE),
    )
    assert ["a of 3", "b of 3", "c of 3", "d", "e of 1"] == found
    assert list("abcde") == _keys(store)


async def test_one_of_several_that_fails_costs_no_other(store: Store) -> None:
    """Where the one change fails, each is made by itself."""
    together = store.writer.write_together
    waiting = [together(_note_all, key, Priority.INTAKE) for key in ("a", "bad", "c")]
    first, failed, last = await _held(store, Gate(store), *waiting)
    assert ("a of 1", "c of 1") == (first, last)
    assert isinstance(failed, LookupError)
    assert ["a", "c"] == _keys(store)


async def test_a_joined_change_can_be_cancelled(store: Store) -> None:
    """Whoever gives up while waiting is left out, whether first or later."""
    gate = Gate(store)
    together = store.writer.write_together
    tasks = [asyncio.ensure_future(together(_note_all, key, Priority.INTAKE)) for key in "abcd"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.sleep(0)
    gate.open()
    assert ["b of 2", "d of 2"] == [await tasks[1], await tasks[3]]
    assert ["b", "d"] == _keys(store)


async def test_joined_changes_count_as_many(limited: Store) -> None:
    """What is made one waits as many, and is taken along up to a number of rows."""
    together = limited.writer.write_together
    gate = Gate(limited)
    tasks = [
        asyncio.ensure_future(together(_note_all, key, Priority.INTAKE, rows=30)) for key in "abc"
    ]
    await asyncio.sleep(0)
    assert 90 == limited.writer.figures().waiting_rows[Priority.INTAKE]
    with pytest.raises(StoreBusy, match="3 changes with 90 rows"):
        await together(_note_all, "d", Priority.INTAKE)
    gate.open()
    assert ["a of 3", "b of 3", "c of 3"] == await asyncio.gather(*tasks)
    figures = limited.writer.figures()
    assert (0, 0) == (figures.waiting[Priority.INTAKE], figures.waiting_rows[Priority.INTAKE])


def test_a_change_takes_only_so_many_rows_along() -> None:
    """Many small changes stay several, so that none holds the writer for long."""
    queues = Queues(WriterLimits())
    half = ROWS_TOGETHER // 2
    for _ in range(3):
        future: Future[None] = Future()
        change = Change(lambda _tx: None, future, half, Priority.INTAKE, together=_note_all)
        queues.put(change)
    taken = [queues.take(), queues.take()]
    assert [2, 1] == [len(one.all) for one in taken if one is not None]
    assert queues.take() is None


def test_a_slow_changes_values_are_not_logged(store: Store) -> None:
    """The log names the function; what is bound to it may be somebody's data."""

    def slow(_value: str, _tx: Transaction) -> None:
        time.sleep(SLOW_SECONDS * 1.5)

    with capture_logs() as logs:
        store.submit(partial(slow, "张三丰")).result()
    (warning,) = [one for one in logs if "held the writer" in one["event"]]
    assert warning["change"].endswith("slow")
    assert "张三丰" not in str(logs)
