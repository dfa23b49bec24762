"""Followers: leases change hands safely, positions are never lost, passed or used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
import sqlalchemy as sa

from county_gov.errors import LeaseLost
from county_gov.store import Store, followers, tables
from county_gov.store.followers import JournalRow, Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.store import Transaction
    from tests.store_fixtures import StandingClock

T = TypeVar("T")


def _do(store: Store, change: Callable[[Transaction], T]) -> T:
    return store.submit(change).result(timeout=30)


def _acquire(store: Store, owner: str, name: str = "judging") -> Lease:
    return _do(store, lambda tx: followers.acquire(tx, name, owner, seconds=10))


def _write_journal(store: Store, count: int) -> list[int]:
    def change(tx: Transaction) -> list[Callable[[], int]]:
        entries = [tx.journal("case", str(number), b"%d" % number) for number in range(count)]
        return [lambda entry=entry: entry.position for entry in entries]  # type: ignore[misc]

    return [position() for position in _do(store, change)]


def _head(store: Store) -> int:
    return store.read_now(followers.head)


def test_a_new_follower_starts_before_the_first_row(any_store: Store) -> None:
    """A follower that was never seen has dealt with nothing, whatever is in the journal."""
    _write_journal(any_store, 3)
    lease = _acquire(any_store, "a")
    assert Lease("judging", 0, "a", lease.fence) == lease


def test_a_live_lease_keeps_others_out(any_store: Store, clock: StandingClock) -> None:
    """Another owner waits until the lease is over; its owner may renew it under the same fence."""
    first = _acquire(any_store, "a")
    with pytest.raises(LeaseLost, match="held by 'a'"):
        _acquire(any_store, "b")
    clock.advance(seconds=9)
    assert first == _acquire(any_store, "a")
    clock.advance(seconds=9)
    with pytest.raises(LeaseLost):
        _acquire(any_store, "b")
    clock.advance(seconds=1)
    second = _acquire(any_store, "b")
    assert second.fence > first.fence


def test_an_owner_that_slept_cannot_advance(any_store: Store, clock: StandingClock) -> None:
    """Once somebody else holds the lease, the old one moves nothing, even back with its owner."""
    _write_journal(any_store, 5)
    slept = _acquire(any_store, "a")
    clock.advance(seconds=11)
    taken = _acquire(any_store, "b")
    with pytest.raises(LeaseLost, match="drop what was computed"):
        _do(any_store, lambda tx: followers.advance(tx, slept, 5))
    _do(any_store, lambda tx: followers.advance(tx, taken, 2))
    clock.advance(seconds=11)
    again = _acquire(any_store, "a")
    assert 2 == again.position
    with pytest.raises(LeaseLost):
        _do(any_store, lambda tx: followers.advance(tx, slept, 5))


def test_what_a_lost_owner_did_is_undone(any_store: Store, clock: StandingClock) -> None:
    """The position moves in the same transaction as the work: both happen, or neither."""
    slept = _acquire(any_store, "a")
    clock.advance(seconds=11)
    _acquire(any_store, "b")

    def work(tx: Transaction) -> None:
        tx.insert(tables.plugin_notes, plugin="p", key="k", value="v")
        followers.advance(tx, slept, 1)

    with pytest.raises(LeaseLost):
        _do(any_store, work)
    assert [] == list(any_store.read_now(lambda snap: snap.rows(sa.select(tables.plugin_notes))))


def test_a_position_never_goes_back(any_store: Store) -> None:
    """A follower that would do its work twice is a mistake, and is told so."""
    lease = _acquire(any_store, "a")
    _do(any_store, lambda tx: followers.advance(tx, lease, 3))
    _do(any_store, lambda tx: followers.advance(tx, lease, 3))
    with pytest.raises(ValueError, match="stands at 3 and cannot go back to 2"):
        _do(any_store, lambda tx: followers.advance(tx, lease, 2))


def test_a_released_lease_is_free_at_once(any_store: Store) -> None:
    """A clean stop costs the next owner no waiting; a lost lease releases nothing."""
    first = _acquire(any_store, "a")
    _do(any_store, lambda tx: followers.release(tx, first))
    second = _acquire(any_store, "b")
    _do(any_store, lambda tx: followers.release(tx, first))
    with pytest.raises(LeaseLost):
        _acquire(any_store, "c")
    assert second.fence > first.fence


def test_a_start_ends_the_leases_of_the_process_before(any_store: Store) -> None:
    """After a kill nobody waits for leases that nobody holds."""
    _acquire(any_store, "a")
    _acquire(any_store, "a", name="aggregates")
    assert 2 == _do(any_store, followers.end_leases)
    assert 0 == _do(any_store, followers.end_leases)
    assert "b" == _acquire(any_store, "b").owner


def test_the_journal_is_read_in_order_and_by_kind(any_store: Store) -> None:
    """Positions rise by one, rows carry their instant and payload, and kinds select."""

    def change(tx: Transaction) -> int:
        tx.journal("case", "1", b"\x00")
        tx.journal("observations", "7")
        tx.journal("alert", "2", b"")
        return tx.at

    at = _do(any_store, change)
    expected = [
        JournalRow(1, "case", "1", at, b"\x00"),
        JournalRow(2, "observations", "7", at, None),
        JournalRow(3, "alert", "2", at, b""),
    ]
    read = any_store.read_now
    assert expected == read(lambda snap: followers.read_journal(snap, 0, limit=10))
    assert expected[:2] == read(lambda snap: followers.read_journal(snap, 0, limit=2))
    assert expected[2:] == read(lambda snap: followers.read_journal(snap, 2, limit=2))
    kinds = ("alert", "case")
    assert [expected[0], expected[2]] == read(
        lambda snap: followers.read_journal(snap, 0, limit=9, kinds=kinds)
    )
    assert 3 == _head(any_store)


def test_entries_of_a_failed_change_take_no_position(any_store: Store) -> None:
    """Positions are consecutive: a follower never wonders about a hole."""

    def failing(tx: Transaction) -> None:
        tx.journal("case", "lost")
        raise ValueError(tx)

    held = any_store.submit(failing)
    assert [1, 2] == _write_journal(any_store, 2)
    with pytest.raises(ValueError, match="Transaction"):
        held.result(30)
    assert [3] == _write_journal(any_store, 1)


def test_pruning_never_passes_a_follower(any_store: Store) -> None:
    """What the slowest follower has not seen stays, and so do the last rows."""
    _write_journal(any_store, 20)
    slow, fast = _acquire(any_store, "a", "slow"), _acquire(any_store, "a", "fast")
    _do(any_store, lambda tx: followers.advance(tx, fast, 20))
    assert 0 == _do(any_store, lambda tx: followers.prune(tx, keep=0))
    _do(any_store, lambda tx: followers.advance(tx, slow, 5))
    assert 5 == _do(any_store, lambda tx: followers.prune(tx, keep=0))
    _do(any_store, lambda tx: followers.advance(tx, slow, 20))
    assert 5 == _do(any_store, lambda tx: followers.prune(tx, keep=10))
    rows = any_store.read_now(lambda snap: followers.read_journal(snap, 0, limit=99))
    assert list(range(11, 21)) == [row.position for row in rows]
    _do(any_store, lambda tx: followers.forget(tx, "fast"))
    assert 9 == _do(any_store, lambda tx: followers.prune(tx, keep=0))


def test_a_disabled_plugin_keeps_only_what_it_listens_to(any_store: Store) -> None:
    """Rows of cases and alerts after its position stay; all others are pruned as ever."""

    def change(tx: Transaction) -> None:
        for number in range(12):
            tx.journal(("case", "observations", "alert")[number % 3], str(number))

    _do(any_store, change)
    idle = _acquire(any_store, "b", "events.dike")
    _do(any_store, lambda tx: followers.advance(tx, idle, 3))
    active = _acquire(any_store, "a")
    _do(any_store, lambda tx: followers.advance(tx, active, 12))
    assert 6 == _do(any_store, lambda tx: followers.prune(tx, keep=0, plugins=["events.dike"]))
    rows = any_store.read_now(lambda snap: followers.read_journal(snap, 0, limit=99))
    assert [4, 6, 7, 9, 10, 12] == [row.position for row in rows]
    assert 0 == _do(any_store, lambda tx: followers.prune(tx, keep=0, plugins=["events.dike"]))
    _do(any_store, lambda tx: followers.advance(tx, idle, 12))
    assert 5 == _do(any_store, lambda tx: followers.prune(tx, keep=0, plugins=["events.dike"]))


def test_a_new_follower_may_begin_at_the_head(any_store: Store) -> None:
    """It hears nothing of what was before; one that has a position keeps it."""
    _write_journal(any_store, 4)
    for position in (4, 4):
        _do(any_store, lambda tx: followers.begin(tx, "events.dike"))
        assert position == _acquire(any_store, "a", "events.dike").position
        _write_journal(any_store, 2)


def test_no_position_is_used_twice_after_pruning(any_store: Store, clock: StandingClock) -> None:
    """The last position outlives pruning and a restart."""
    _write_journal(any_store, 4)
    assert 3 == _do(any_store, lambda tx: followers.prune(tx, keep=0))
    assert 4 == _head(any_store)
    any_store.writer.close()
    again = Store(any_store.database, clock)
    again.start()
    assert [5] == _write_journal(again, 1)
    again.writer.close()


def test_pruning_is_done_in_portions(any_store: Store) -> None:
    """One call deletes a bounded number of rows, the oldest first."""
    _write_journal(any_store, followers.PRUNED_AT_ONCE + 5)
    assert followers.PRUNED_AT_ONCE == _do(any_store, lambda tx: followers.prune(tx, keep=0))
    assert 4 == _do(any_store, lambda tx: followers.prune(tx, keep=0))
