"""The SQL of the outbox, on each supported database."""

from __future__ import annotations

from county_gov.store import Store
from county_gov.store import outbox as letters
from county_gov.store.outbox import Letter, State, Verdict


def post(store: Store, *keys: str, notifier: str = "log") -> None:
    """Queue a letter for each key."""
    for key in keys:
        store.submit(
            lambda tx, key=key: tx.append_outbox(  # type: ignore[misc]
                key=key, notifier=notifier, recipient="r", subject="s", body="b"
            )
        ).result()


def claim(store: Store, *, limit: int = 10, lease: int = 100, later: int = 0) -> list[Letter]:
    """Claim what is due on the channel ``log``."""
    now = store.clock.now() + later
    return store.submit(
        lambda tx: letters.claim(tx, "log", now=now, lease_until=now + lease, limit=limit)
    ).result()


def settle(store: Store, *verdicts: Verdict) -> int:
    """Settle some letters."""
    return store.submit(lambda tx: letters.settle(tx, verdicts)).result()


def read(store: Store) -> dict[str, Letter]:
    """Read all letters by key."""
    found, total = store.read_now(letters.list_letters)
    assert total == len(found)
    return {one.key: one for one in found}


def test_a_key_is_queued_once(any_store: Store) -> None:
    """The second letter under a key is left out."""
    post(any_store, "a", "a", "b")
    assert {"a", "b"} == set(read(any_store))


def test_a_claimed_letter_is_nobody_elses_until_the_lease_ends(any_store: Store) -> None:
    """Claims take the oldest first and do not overlap; after the lease it is due again."""
    post(any_store, "a", "b", "c")
    post(any_store, "x", notifier="other")
    assert ["a", "b"] == [one.key for one in claim(any_store, limit=2)]
    assert [("c", 1)] == [(one.key, one.attempts) for one in claim(any_store)]
    assert [] == claim(any_store)
    again = claim(any_store, later=100)
    assert [("a", 2), ("b", 2), ("c", 2)] == [(one.key, one.attempts) for one in again]


def test_channels_with_something_due_are_known(any_store: Store) -> None:
    """Only channels that have a due letter are named, each once."""
    post(any_store, "a", "b")
    post(any_store, "x", notifier="other")
    now = any_store.clock.now()
    assert ("log", "other") == any_store.read_now(lambda s: letters.due_notifiers(s, now))
    claim(any_store)
    assert ("other",) == any_store.read_now(lambda s: letters.due_notifiers(s, now))
    assert () == any_store.read_now(lambda s: letters.due_notifiers(s, now - 1))


def test_an_old_claims_verdict_does_not_overrule_a_newer_one(any_store: Store) -> None:
    """Whose lease ran out may still say "sent", since the recipient has it, and nothing else."""
    post(any_store, "a", "b")
    old = {one.key: one for one in claim(any_store)}
    claim(any_store, later=100)
    assert 0 == settle(any_store, Verdict(old["a"].id, 1, "dead", "late"))
    assert 1 == settle(any_store, Verdict(old["b"].id, 1, "sent", "late"))
    found = read(any_store)
    assert ("pending", "sent") == (found["a"].state, found["b"].state)
    assert 0 == settle(any_store, Verdict(old["b"].id, 2, "dead", "too late"))


def test_verdicts_are_recorded(any_store: Store) -> None:
    """Each state keeps what the channel said; an end has its instant, a later try its time."""
    post(any_store, "a", "b", "c", "d")
    claimed = claim(any_store)
    states: tuple[State, ...] = ("sent", "dead", "withheld", "pending")
    settle(
        any_store,
        *(
            Verdict(one.id, 1, state, f"was {state}", next_attempt_at=77)
            for one, state in zip(claimed, states, strict=True)
        ),
    )
    found = read(any_store)
    assert [f"was {state}" for state in states] == [found[key].detail for key in "abcd"]
    assert [False, False, False, True] == [found[key].ended_at is None for key in "abcd"]
    assert 77 == found["d"].next_attempt_at
    counts = any_store.read_now(letters.count_letters)
    assert {("log", state): 1 for state in states} == counts


def test_only_dead_letters_are_queued_again(any_store: Store) -> None:
    """A requeued letter is due at once with all attempts before it; others are left alone."""
    post(any_store, "a", "b")
    first, second = claim(any_store)
    settle(any_store, Verdict(first.id, 1, "dead", "x"), Verdict(second.id, 1, "sent", ""))
    numbers = [first.id, second.id, 999]
    again = any_store.submit(lambda tx: letters.requeue(tx, numbers, detail="by A")).result()
    assert [first.id] == again
    assert [("a", 1)] == [(one.key, one.attempts) for one in claim(any_store)]


def test_sent_letters_are_forgotten_and_others_kept(any_store: Store) -> None:
    """Dead and waiting letters stay, however old; none that was sent is queued again."""
    post(any_store, "a", "b", "c")
    first, second, _ = claim(any_store)
    settle(any_store, Verdict(first.id, 1, "sent", ""), Verdict(second.id, 1, "dead", ""))
    before = any_store.clock.now() + 1
    assert 1 == any_store.submit(lambda tx: letters.forget_sent(tx, before=before)).result()
    post(any_store, "a", "d")
    assert {"b", "c", "d"} == set(read(any_store))
