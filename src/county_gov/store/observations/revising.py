"""Which of several values for one datastream and time is current; no database in here.

Current is the revision with the latest result time (none counts as the earliest), then the latest
received, then the greatest value and flag. A value that is known already, as current or as a
revision, with the same or a later result time is a duplicate: that makes retries idempotent. Where
result times differ, the outcome is the same for every order of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from attrs import define, field

from county_gov.contract.batch import NO_TIME
from county_gov.store.observations.rows import ACCEPTED, DUPLICATE, REVISED

NOWHERE: Final = -1
"""The place of a value that is not stored yet."""
BLOCK: Final = 0
"""The place of a value that is stored in a block; above are the numbers of landing tables."""

Key = tuple[int, int]
"""Datastream and time."""

Known = dict[Key, dict[tuple[int, int], int]]
"""The latest result time of each value and flag that is kept as a revision, by key."""


class Value(NamedTuple):
    """One value for a datastream and time."""

    value: int
    flag: int
    result_time: int
    """Microseconds UTC, `NO_TIME` where none was given."""
    batch: int


class Loser(NamedTuple):
    """A value that is not, or no longer, current."""

    key: Key
    value: Value
    replaced_by: int
    """The batch of the current value."""


@define
class Current:
    """The current value under one key while a batch is landing."""

    value: Value
    place: int
    changed: bool = False
    """Whether anything is to be written."""
    visible: bool = False
    """Whether value or flag differ from what was there before the batch."""


@define
class Revising:
    """The arriving rows of one batch against the values that are there.

    Args:
        batch: The arriving rows' batch.
        received_at: Instant at which it was received.
        received: When another batch was received.
        known: The revisions under the keys concerned.
    """

    batch: int
    received_at: int
    received: Callable[[int], int]
    known: Known
    current: dict[Key, Current]
    losers: list[Loser] = field(factory=list)

    def arrive(self, key: Key, value: int, flag: int, result_time: int) -> int:
        """Take one row and return its status."""
        arriving = Value(value, flag, result_time, self.batch)
        there = self.current.get(key)
        if there is None:
            self.current[key] = Current(arriving, NOWHERE, changed=True, visible=True)
            return ACCEPTED
        if there.value[:2] == arriving[:2]:
            if result_time > there.value.result_time:
                there.value = arriving
                there.changed = True
            return DUPLICATE
        known = self.known.setdefault(key, {})
        if arriving[:2] in known and result_time <= known[arriving[:2]]:
            return DUPLICATE
        if self._rank(arriving) > self._rank(there.value):
            loser = Loser(key, there.value, self.batch)
            there.value = arriving
            there.changed = there.visible = True
        else:
            loser = Loser(key, arriving, there.value.batch)
        self.losers.append(loser)
        _note(known, *loser.value[:3])
        return REVISED

    def _rank(self, value: Value) -> tuple[int, int, int, int]:
        own = value.batch == self.batch
        received_at = self.received_at if own else self.received(value.batch)
        return value.result_time, received_at, value.value, value.flag


def known_values(rows: Iterable[tuple[int, int, int, int, int | None]]) -> Known:
    """Revisions as they are stored (datastream, time, value, flag, result time), by key."""
    known: Known = {}
    for datastream, time, value, flag, result_time in rows:
        told = NO_TIME if result_time is None else result_time
        _note(known.setdefault((datastream, time), {}), value, flag, told)
    return known


def _note(known: dict[tuple[int, int], int], value: int, flag: int, result_time: int) -> None:
    known[value, flag] = max(result_time, known.get((value, flag), result_time))


def received_lookup(received_at: Mapping[int, int]) -> Callable[[int], int]:
    """When batches were received; one that is unknown counts as the earliest."""

    def received(batch: int) -> int:
        return received_at.get(batch, NO_TIME)

    return received
