"""The writer: durable before it answers, and unharmed by whatever fails."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_all
from functools import partial
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from county_gov.contract.clock import SystemClock
from county_gov.errors import StoreError
from county_gov.store import Priority, Store, tables
from county_gov.store.sqlite import SqliteDatabase
from county_gov.store.writer import SLOW_SECONDS
from tests.store.changes_of_writer import PATIENCE, Gate, keys_of, note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from county_gov.store import Transaction


def test_a_result_comes_after_the_commit(store: Store) -> None:
    """Whoever hears of a success finds the row through another connection."""
    for number in range(20):
        key = store.submit(note(f"{number:02}")).result(PATIENCE)
        assert key == keys_of(store)[-1]


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
    store.submit(note("first"))
    failing = store.submit(conflict)
    failing.add_done_callback(lambda _: told.set_result(keys_of(store)))
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
    order = [int(key) for key in keys_of(store)]
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
    tasks = [asyncio.create_task(store.write(change)) for change in (note("a"), failing, note("b"))]
    await asyncio.sleep(0)
    gate.open()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert ["a", "b"] == [results[0], results[2]] == keys_of(store)
    assert isinstance(results[1], StoreError)
    assert error is results[1].__cause__


async def test_many_awaiters_each_get_their_own_result(store: Store) -> None:
    """Results are not mixed up between those that share a commit."""
    keys = [f"{number:03}" for number in range(200)]
    assert keys == await asyncio.gather(*(store.write(note(key)) for key in keys))
    assert keys == keys_of(store)


def test_the_figures_count(store: Store) -> None:
    """Commits, changes and failures since the start, and how long they took."""
    store.submit(note("a")).result(PATIENCE)
    failing = store.submit(note("a"))
    with pytest.raises(sa.exc.IntegrityError):
        failing.result(PATIENCE)
    store.submit(note("b")).result(PATIENCE)
    figures = store.writer.figures()
    assert (3, 2, 1) == (figures.commits, figures.changes, figures.failures)
    assert 0 < figures.longest_change_seconds <= figures.longest_seconds <= figures.seconds
    assert dict.fromkeys(Priority, 0) == figures.waiting


def test_a_slow_changes_values_are_not_logged(store: Store) -> None:
    """The log names the function; what is bound to it may be somebody's data."""

    def slow(_value: str, _tx: Transaction) -> None:
        time.sleep(SLOW_SECONDS * 1.5)

    with capture_logs() as logs:
        store.submit(partial(slow, "张三丰")).result()
    (warning,) = [one for one in logs if "held the writer" in one["event"]]
    assert warning["change"].endswith("slow")
    assert "张三丰" not in str(logs)
