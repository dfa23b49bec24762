"""Small changes that wait behind one another are made as one."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from county_gov.errors import StoreBusy
from county_gov.store import Priority, Store, WriterLimits
from county_gov.store.changes import ROWS_TOGETHER, Change, Queues
from tests.store.changes_of_writer import Gate, keys_of, note

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from county_gov.store import Transaction


def _note_all(tx: Transaction, keys: Sequence[str]) -> list[str]:
    """One change of several notes; none of them is named "bad"."""
    for key in keys:
        if key == "bad":
            raise LookupError(key)
        note(key)(tx)
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
        store.write(note("d"), Priority.INTAKE),
        together(_note_all, "e", Priority.INTAKE),
    )
    assert ["a of 3", "b of 3", "c of 3", "d", "e of 1"] == found
    assert list("abcde") == keys_of(store)


async def test_one_of_several_that_fails_costs_no_other(store: Store) -> None:
    """Where the one change fails, each is made by itself."""
    together = store.writer.write_together
    waiting = [together(_note_all, key, Priority.INTAKE) for key in ("a", "bad", "c")]
    first, failed, last = await _held(store, Gate(store), *waiting)
    assert ("a of 1", "c of 1") == (first, last)
    assert isinstance(failed, LookupError)
    assert ["a", "c"] == keys_of(store)


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
    assert ["b", "d"] == keys_of(store)


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
