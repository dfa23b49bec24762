"""A policy's desk: sorts what has come into new, changed and unjudged, and has it judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import structlog
from attrs import define, evolve, field, frozen

from county_gov.contract.batch import NO_TIME, Bools, Int64s, UInt8s
from county_gov.contract.clock import EARLIEST, LATEST, MICROSECONDS
from county_gov.errors import ContractError
from county_gov.rules.judge import Judged, PolicyJudge, Stretch
from county_gov.rules.samples import Samples
from county_gov.store.alerts import StateRow, load_states, skipped_states

if TYPE_CHECKING:
    from county_gov.contract.context import DatastreamView
    from county_gov.store.observations import Changes
    from county_gov.store.transaction import Snapshot

log = structlog.get_logger(__name__)

RECOVERED_AT_ONCE = 50
"""Datastreams per policy whose skipped readings are judged in one plan."""

RETRY = 60 * MICROSECONDS
"""After a failure, skipped readings are tried again no sooner than this (microseconds)."""

FIRST_AT_ONCE = 20
"""Datastreams judged for the first time whose history is looked for in one read."""

LAST_BATCH = (1 << 63) - 1
"""No batch is newer."""


class Register(Protocol):
    """Where datastreams are looked up."""

    def datastream(self, number: int) -> DatastreamView:
        """The datastream of a number.

        Raises:
            KeyError: if there is none.
        """
        ...


@frozen(eq=False)
class Told:
    """The readings that some entries of the journal tell of, by datastream and time.

    Args:
        datastream: Numbers, rising, shape (n,).
        time: Instants, rising within a datastream, shape (n,).
        value: Scaled values, shape (n,).
        flag: Numbers of quality flags, shape (n,).
        again: Readings that are revised or told more than once, so that what they hold now has to
            be read from the store, shape (n,).
        newest: The newest batch that is told of; those after it are told later.
    """

    datastream: Int64s
    time: Int64s
    value: Int64s
    flag: UInt8s
    again: Bools
    newest: int = LAST_BATCH

    @classmethod
    def of(cls, changes: Sequence[Changes], newest: int = LAST_BATCH) -> Told:
        """All changes together."""
        none = np.empty(0, np.int64)
        datastream = np.concatenate([none, *(one.datastream for one in changes)])
        time = np.concatenate([none, *(one.time for one in changes)])
        value = np.concatenate([none, *(one.value for one in changes)])
        flag = np.concatenate([np.empty(0, np.uint8), *(one.flag for one in changes)])
        again = np.concatenate([np.empty(0, np.bool_), *(one.revised for one in changes)])
        order = np.lexsort((time, datastream))
        datastream, time, again = datastream[order], time[order], again[order]
        again[1:] |= (datastream[1:] == datastream[:-1]) & (time[1:] == time[:-1])
        return cls(datastream, time, value[order], flag[order], again, newest)


@frozen(eq=False)
class _Item:
    """One datastream's readings: rows ``[first, end)`` of what was told."""

    view: DatastreamView
    row: StateRow | None
    first: int
    end: int
    stretch: Stretch


@define(eq=False)
class PolicyDesk:
    """A policy's judge, and what it still has to do.

    Args:
        judge: The judge.
        behind: Whether there may be readings in the store that were skipped.
        retry_at: Instant before which skipped readings are left alone.
        kept: States as they were last written, by datastream. There is one judge at a time: what
            it has written need not be read again. Forgotten as soon as a write fails.
    """

    judge: PolicyJudge
    behind: bool = True
    retry_at: int = 0
    kept: dict[int, StateRow] = field(factory=dict)

    def plan(
        self,
        snapshot: Snapshot,
        views: Sequence[DatastreamView],
        told: Told,
        register: Register,
    ) -> list[Judged]:
        """Judge the readings of some datastreams, then what was skipped before.

        A rule that fails costs nothing but its own opinion: the readings are marked as skipped
        and judged later.
        """
        items = self._items(snapshot, views, told)
        fresh = self._without_history(snapshot, items, told)
        plain = np.concatenate([[0], np.cumsum(told.again)])
        simple: list[_Item] = []
        again: list[_Item] = []
        judged: list[Judged] = []
        for item in items:
            row = item.row
            new = item.view.number in fresh if row is None else self._follows(item, row)
            if row is not None and row.skipped_from is not None and not self._may_retry:
                judged.append(self._skip(item))
            elif new and plain[item.first] == plain[item.end]:
                simple.append(item)
            else:
                again.append(item)
        judged += self._append(snapshot, simple, told)
        done = {item.view.number for item in items}
        again += self._unjudged(snapshot, done, register)
        judged += [self._replay(snapshot, item) for item in again]
        return judged

    @property
    def _may_retry(self) -> bool:
        breaker = self.judge.breaker
        return breaker.allows and breaker.clock.now() >= self.retry_at

    def _items(
        self, snapshot: Snapshot, views: Sequence[DatastreamView], told: Told
    ) -> list[_Item]:
        numbers = [view.number for view in views]
        unknown = [number for number in numbers if number not in self.kept]
        states = self.kept | load_states(snapshot, self.judge.policy.id, unknown)
        firsts = np.searchsorted(told.datastream, numbers, "left").tolist()
        ends = np.searchsorted(told.datastream, numbers, "right").tolist()
        items = []
        for view, first, end in zip(views, firsts, ends, strict=True):
            row = states.get(view.number)
            stretch = Stretch(int(told.time[first]), int(told.time[end - 1]))
            items.append(_Item(view, row, first, end, stretch.joined(_skipped(row))))
        return items

    def _follows(self, item: _Item, row: StateRow) -> bool:
        """Whether the readings are all later than what was judged, and the state is usable."""
        return (
            row.skipped_from is None
            and item.stretch.start > row.judged_until
            and self.judge.read_state(row) is not None
        )

    def _without_history(self, snapshot: Snapshot, items: Sequence[_Item], told: Told) -> set[int]:
        """Datastreams never judged that have no stored readings but those told now."""
        first = [item for item in items if item.row is None]
        fresh: set[int] = set()
        for begin in range(0, len(first), FIRST_AT_ONCE):
            part = first[begin : begin + FIRST_AT_ONCE]
            numbers = [item.view.number for item in part]
            stored = self.judge.readings.read_many(snapshot, numbers, EARLIEST, LATEST)
            known = stored.batch <= told.newest
            for item in part:
                mine = stored.time[known & (stored.datastream == item.view.number)]
                if np.isin(mine, told.time[item.first : item.end]).all():
                    fresh.add(item.view.number)
        return fresh

    def _append(self, snapshot: Snapshot, items: Sequence[_Item], told: Told) -> list[Judged]:
        if not items:
            return []
        if not self.judge.breaker.allows:
            return [self._skip(item) for item in items]
        lengths = [item.end - item.first for item in items]
        rows = np.concatenate([np.arange(item.first, item.end) for item in items])
        samples = Samples(
            np.repeat(np.arange(len(items)), lengths),
            told.time[rows],
            told.value[rows],
            self.judge.counting(told.flag[rows]),
        )
        views = [item.view for item in items]
        try:
            judged = self.judge.append(snapshot, views, samples, [item.row for item in items])
        except ContractError as error:
            self._note(error, len(items))
            if len(items) == 1:
                return [self._skip(items[0])]
            return [self._replay(snapshot, item) for item in items]
        self.judge.breaker.succeeded()
        return judged

    def _replay(self, snapshot: Snapshot, item: _Item) -> Judged:
        if not self.judge.breaker.allows:
            return self._skip(item)
        try:
            judged = self.judge.replay(snapshot, item.view, item.row, item.stretch)
        except ContractError as error:
            self._note(error, 1)
            return self._skip(item)
        self.judge.breaker.succeeded()
        return judged

    def _note(self, error: ContractError, datastreams: int) -> None:
        breaker = self.judge.breaker
        is_open = breaker.note_failure(str(error))
        self.retry_at = breaker.clock.now() + RETRY
        log.error(
            "a rule failed: no opinion, its readings are judged later",
            policy=self.judge.policy.id,
            rule=self.judge.rule.id,
            datastreams=datastreams,
            cut_off=is_open,
            exc_info=error,
        )

    def _skip(self, item: _Item) -> Judged:
        """Remember that readings could not be judged, and nothing else."""
        self.behind = True
        row = item.row or StateRow(self.judge.policy.id, item.view.number, NO_TIME, "{}")
        after = evolve(row, skipped_from=item.stretch.start, skipped_to=item.stretch.end)
        return Judged(item.view, item.row, after)

    def _unjudged(self, snapshot: Snapshot, done: set[int], register: Register) -> list[_Item]:
        """Datastreams with skipped readings that nothing new has come for."""
        if not (self.behind and self._may_retry):
            return []
        rows = skipped_states(snapshot, self.judge.policy.id, RECOVERED_AT_ONCE)
        self.behind = bool(rows)
        items = []
        for row in rows:
            stretch = _skipped(row)
            if row.datastream in done or stretch is None:
                continue
            try:
                view = register.datastream(row.datastream)
            except KeyError:
                continue
            items.append(_Item(view, row, 0, 0, stretch))
        return items


def _skipped(row: StateRow | None) -> Stretch | None:
    if row is None or row.skipped_from is None or row.skipped_to is None:
        return None
    return Stretch(row.skipped_from, row.skipped_to)
