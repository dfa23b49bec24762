"""Missed events: kept once, asked for once for each request, claimed by one, forgotten late."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

from county_gov.store import Store, missed_events
from county_gov.store.followers import JournalRow
from county_gov.store.missed_events import Delay, Missed, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.store import Transaction
    from tests.store_fixtures import StandingClock

T = TypeVar("T")
EVENT = JournalRow(7, "case", "3", 1_000, b"{}")
DELAY = Delay("ear", 7, 1_000, 2, 3_000, 5_000, "deaf")


def _do(store: Store, change: Callable[[Transaction], T]) -> T:
    return store.submit(change).result(timeout=30)


def _add(store: Store, plugin: str = "ear", event: JournalRow = EVENT) -> int:
    _do(store, lambda tx: missed_events.add(tx, plugin, event, attempts=3, reason="deaf"))
    return store.read_now(missed_events.list_missed)[0][-1].id


def _ask(store: Store, number: int, request: str = "a") -> tuple[Missed | None, bool]:
    return _do(store, lambda tx: missed_events.ask(tx, number, request=request, asked_by="甲"))


def _claim(store: Store, lease_until: int = 0) -> Missed | None:
    return _do(store, lambda tx: missed_events.claim(tx, "ear", lease_until=lease_until))


def test_a_delay_is_kept_replaced_and_ended(any_store: Store) -> None:
    """There is one for each plugin."""
    later = evolve(DELAY, attempts=3)
    _do(any_store, lambda tx: missed_events.keep_delay(tx, DELAY))
    _do(any_store, lambda tx: missed_events.keep_delay(tx, later))
    assert {"ear": later} == any_store.read_now(missed_events.read_delays)
    assert later == any_store.read_now(lambda snap: missed_events.read_delay(snap, "ear"))
    _do(any_store, lambda tx: missed_events.end_delay(tx, "ear"))
    assert None is any_store.read_now(lambda snap: missed_events.read_delay(snap, "ear"))


def test_an_event_is_missed_once_by_each_plugin(any_store: Store) -> None:
    """What is added again after a crash stays as it was."""
    assert _add(any_store) == _add(any_store)
    _add(any_store, "eye")
    found, total = any_store.read_now(missed_events.list_missed)
    assert (2, ["ear", "eye"]) == (total, [one.plugin for one in found])
    assert EVENT == found[0].event
    assert {"ear": 1, "eye": 1} == any_store.read_now(missed_events.count_missed)


def test_who_asks_twice_asks_once(any_store: Store) -> None:
    """The same request is heard once, also after the event was missed again."""
    number = _add(any_store)
    assert [True, False, False] == [_ask(any_store, number, key)[1] for key in ("a", "a", "b")]
    _claim(any_store)
    _do(any_store, lambda tx: missed_events.settle(tx, number, "missed", reason="still deaf"))
    again, new = _ask(any_store, number)
    assert again is not None
    assert (False, "missed", "still deaf", 4) == (new, again.state, again.reason, again.attempts)
    assert _ask(any_store, number, "c")[1]
    assert (None, False) == _ask(any_store, 99)


def test_a_claim_keeps_others_out_until_it_ends(any_store: Store, clock: StandingClock) -> None:
    """While it lives nobody else delivers; a start ends it, for who had it has ended."""
    number = _add(any_store)
    assert None is _claim(any_store)
    _ask(any_store, number)
    until = clock.now() + 1_000_000
    first = _claim(any_store, until)
    assert first is not None
    assert (number, None) == (first.id, _claim(any_store, until))
    assert until == any_store.read_now(lambda snap: missed_events.next_due(snap, "ear"))
    clock.advance(seconds=1)
    assert _claim(any_store, until + 10**9) is not None
    _do(any_store, missed_events.end_leases)
    assert _claim(any_store, until + 10**9) is not None


def test_what_was_delivered_is_forgotten_in_the_end(any_store: Store, clock: StandingClock) -> None:
    """Its contents go at once, its row after a while; what is missed stays."""
    number, other = _add(any_store), _add(any_store, event=evolve(EVENT, position=8))
    _ask(any_store, number)
    _do(any_store, lambda tx: missed_events.settle(tx, number, "delivered"))
    told = any_store.read_now(lambda snap: missed_events.read_missed(snap, number))
    assert told is not None
    assert (None, "delivered", clock.now()) == (told.event.payload, told.state, told.ended_at)
    assert None is any_store.read_now(lambda snap: missed_events.next_due(snap, "ear"))
    before = clock.now() + 1
    assert 1 == _do(any_store, lambda tx: missed_events.forget_delivered(tx, before=before))
    assert 0 == _do(any_store, lambda tx: missed_events.forget_delivered(tx, before=before))
    assert [other] == [one.id for one in any_store.read_now(missed_events.list_missed)[0]]


def test_events_that_wait_are_counted_with_the_age_of_the_oldest(
    any_store: Store, clock: StandingClock
) -> None:
    """Entries of other kinds do not count."""

    def write(tx: Transaction) -> None:
        for kind in ("case", "observations", "alert", "case"):
            tx.journal(kind, "1", b"{}")

    began = clock.now()
    _do(any_store, write)
    clock.advance(seconds=5)
    _do(any_store, lambda tx: tx.journal("case", "2", b"{}"))

    def waiting(position: int) -> Waiting:
        return any_store.read_now(lambda snap: missed_events.waiting(snap, position))

    assert [Waiting(4, began), Waiting(1, clock.now()), Waiting()] == [*map(waiting, (0, 4, 5))]
