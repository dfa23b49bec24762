"""How far each policy has judged each datastream, and its machine's state then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.batch import NO_TIME
from county_gov.errors import LeaseLost
from county_gov.store.alerts import of_datastreams
from county_gov.store.tables import judging_states

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot, Transaction


@frozen
class StateRow:
    """How far a policy has judged a datastream.

    Args:
        policy: The policy's id.
        datastream: The datastream's number.
        judged_until: Time of the last reading judged.
        state: The machine's state after it, as JSON.
        closes_at: When it is judged next although no reading comes, because the time of an hour or
            of a silence is over then; None for never, or where that was done.
        skipped_from, skipped_to: Readings that could not be judged yet, None where there are none.
    """

    policy: str
    datastream: int
    judged_until: int
    state: str
    closes_at: int | None = None
    skipped_from: int | None = None
    skipped_to: int | None = None


_COLUMNS = (
    judging_states.c.policy,
    judging_states.c.datastream,
    judging_states.c.judged_until,
    judging_states.c.state,
    judging_states.c.closes_at,
    judging_states.c.skipped_from,
    judging_states.c.skipped_to,
)


def load_states(snapshot: Snapshot, policy: str, numbers: Sequence[int]) -> dict[int, StateRow]:
    """The states of a policy for datastreams, by number; those never judged are missing."""
    if not numbers:
        return {}
    statement = sa.select(*_COLUMNS).where(
        judging_states.c.policy == policy, of_datastreams(judging_states, numbers)
    )
    wanted = set(numbers)
    rows = (StateRow(*row) for row in snapshot.rows(statement))
    return {row.datastream: row for row in rows if row.datastream in wanted}


def skipped_states(snapshot: Snapshot, policy: str, limit: int) -> list[StateRow]:
    """States of a policy with readings that could not be judged, at most ``limit``."""
    statement = (
        sa.select(*_COLUMNS)
        .where(judging_states.c.policy == policy, judging_states.c.skipped_from.is_not(None))
        .order_by(judging_states.c.datastream)
        .limit(limit)
    )
    return [StateRow(*row) for row in snapshot.rows(statement)]


def due_states(snapshot: Snapshot, policy: str, now: int, limit: int) -> list[StateRow]:
    """States of a policy whose time is over, the longest over first, at most ``limit``.

    Those with skipped readings are left out: these are judged again in any case.
    """
    statement = (
        sa.select(*_COLUMNS)
        .where(
            judging_states.c.policy == policy,
            judging_states.c.closes_at <= now,
            judging_states.c.skipped_from.is_(None),
        )
        .order_by(judging_states.c.closes_at, judging_states.c.datastream)
        .limit(limit)
    )
    return [StateRow(*row) for row in snapshot.rows(statement)]


def next_close(snapshot: Snapshot, policy: str) -> int | None:
    """When the next state's time is over, None where none waits for that."""
    statement = sa.select(sa.func.min(judging_states.c.closes_at)).where(
        judging_states.c.policy == policy, judging_states.c.skipped_from.is_(None)
    )
    found = snapshot.scalar(statement)
    return None if found is None else int(found)


def states_of(snapshot: Snapshot, policy: str, since: int) -> list[StateRow]:
    """States of a policy whose datastreams were judged at an instant or later."""
    statement = sa.select(*_COLUMNS).where(
        judging_states.c.policy == policy, judging_states.c.judged_until >= since
    )
    return [StateRow(*row) for row in snapshot.rows(statement)]


def save_states(
    tx: Transaction, before: Sequence[StateRow | None], after: Sequence[StateRow]
) -> None:
    """Write states that were computed outside.

    Args:
        tx: The transaction.
        before: The states as they were read, None where there was none.
        after: The states as they shall be, for the same datastreams.

    Raises:
        LeaseLost: if somebody else has moved one of them meanwhile.
    """
    pairs = list(zip(before, after, strict=True))
    moved = [
        (*_state(new), old.policy, old.datastream, old.judged_until, old.state, *_waiting(old))
        for old, new in pairs
        if old is not None
    ]
    made = [(*_state(new), new.policy, new.datastream) for old, new in pairs if old is None]
    changed = tx.driver_many(_UPDATE_STATE, moved) + tx.driver_many(_INSERT_STATE, made)
    if changed != len(after):
        raise LeaseLost(
            f"{len(after) - changed} of {len(after)} judging states have moved since they were"
            " read; somebody else is judging: read again"
        )


_UPDATE_STATE = """
    UPDATE judging_states
    SET judged_until = ?, state = ?, closes_at = ?, skipped_from = ?, skipped_to = ?
    WHERE policy = ? AND datastream = ? AND judged_until = ? AND state = ?
        AND COALESCE(closes_at, ?) = ?
        AND COALESCE(skipped_from, ?) = ? AND COALESCE(skipped_to, ?) = ?"""
_INSERT_STATE = """
    INSERT INTO judging_states
        (judged_until, state, closes_at, skipped_from, skipped_to, policy, datastream)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (policy, datastream) DO NOTHING"""


def _state(row: StateRow) -> tuple[int, str, int | None, int | None, int | None]:
    return row.judged_until, row.state, row.closes_at, row.skipped_from, row.skipped_to


def _waiting(row: StateRow) -> tuple[int, ...]:
    """What a state waits for as it is compared: each instant with what stands for none."""
    instants = (row.closes_at, row.skipped_from, row.skipped_to)
    return tuple(part for one in instants for part in (NO_TIME, NO_TIME if one is None else one))
