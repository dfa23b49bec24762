"""A policy's desk: sorts what has come into new, changed and unjudged, and has it judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import structlog
from attrs import define, evolve, field, frozen

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import EARLIEST, LATEST, MICROSECONDS
from county_gov.errors import ContractError
from county_gov.rules.judge import Judged, PolicyJudge
from county_gov.rules.samples import Register, Samples, Stretch
from county_gov.rules.told import Told
from county_gov.store.judging_states import (
    StateRow,
    due_states,
    load_states,
    next_close,
    skipped_states,
    states_of,
)

if TYPE_CHECKING:
    from county_gov.contract.context import DatastreamView
    from county_gov.store.transaction import Snapshot

log = structlog.get_logger(__name__)

RECOVERED_AT_ONCE = 50
"""Datastreams per policy whose skipped readings are looked for in one plan."""

REPLAYED_AT_ONCE = 200
"""Datastreams per policy that are judged again in one plan; the others wait for the next."""

ROWS_AT_ONCE = 500_000
"""Rows that may be judged again in one plan, before the next datastream waits for the next plan."""

RETRY = 60 * MICROSECONDS
"""After a failure, skipped readings are tried again no sooner than this (microseconds)."""

CLOSED_AT_ONCE = 2_000
"""Datastreams per policy whose time is over that are judged in one plan."""

FIRST_AT_ONCE = 20
"""Datastreams judged for the first time whose history is looked for in one read."""


@frozen(eq=False)
class _Item:
    """One datastream's readings: rows ``[first, end)`` of what was told."""

    view: DatastreamView
    row: StateRow | None
    first: int
    end: int
    stretch: Stretch

    @property
    def reach(self) -> Stretch:
        """The stretch, up to the last reading that was judged."""
        known = NO_TIME if self.row is None else self.row.judged_until
        return Stretch(self.stretch.start, max(self.stretch.end, known))


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
    closes_at: int | None = field(default=EARLIEST)
    """When the next datastream is judged although no reading comes, None for never; before the
    store was asked, at once."""

    def __attrs_post_init__(self) -> None:
        if not self.judge.waits:
            self.closes_at = None

    def has_work(self, now: int) -> bool:
        """Whether there is something skipped that could be judged at once, or a time is over."""
        return (self.behind or self._is_due(now)) and self._may_retry

    def _is_due(self, now: int) -> bool:
        return self.closes_at is not None and self.closes_at <= now

    def keep(self, row: StateRow) -> None:
        """Remember a state that was written."""
        self.kept[row.datastream] = row
        if row.closes_at is not None and row.skipped_from is None:
            known = row.closes_at if self.closes_at is None else self.closes_at
            self.closes_at = min(known, row.closes_at)

    def forget(self) -> None:
        """Read states anew before judging goes on."""
        self.kept = {}
        if self.judge.waits:
            self.closes_at = EARLIEST

    def plan(
        self,
        snapshot: Snapshot,
        views: Sequence[DatastreamView],
        told: Told,
        changed: Mapping[int, Stretch],
        register: Register,
        *,
        now: int,
    ) -> list[Judged]:
        """Judge the readings of some datastreams, then what was skipped before, then what is over.

        A rule that fails costs nothing but its own opinion: the readings are marked as skipped
        and judged later.

        Args:
            snapshot: Where states, episodes and stored readings are read.
            views: The driving datastreams that are told of.
            told: The readings.
            changed: Driving datastreams of which something that is joined has changed, by number,
                and which of their readings that touches, judged or not.
            register: Where datastreams are looked up.
            now: The instant up to which the clock has gone, microseconds UTC.
        """
        items = self._items(snapshot, views, told, changed, register)
        fresh = self._without_history(snapshot, items, told)
        plain = np.concatenate([[0], np.cumsum(told.again)])
        simple: list[_Item] = []
        again: list[_Item] = []
        judged: list[Judged] = []
        for item in items:
            row = item.row
            new = item.view.number in fresh if row is None else self._follows(item, row)
            new = new and item.first < item.end
            if row is not None and row.skipped_from is not None and not self._may_retry:
                judged.append(self._skip(item))
            elif new and plain[item.first] == plain[item.end]:
                simple.append(item)
            else:
                again.append(item)
        judged += self._append(snapshot, simple, told, now)
        done = {item.view.number for item in items}
        again += self._unjudged(snapshot, done, register)
        judged += self._replay_some(snapshot, again, now)
        done |= {item.view.number for item in again}
        return judged + self._close(snapshot, done, register, now)

    def _close(
        self, snapshot: Snapshot, done: set[int], register: Register, now: int
    ) -> list[Judged]:
        """Judge what has become over without a reading: hours, and silences."""
        if not (self._is_due(now) and self._may_retry):
            return []
        rows = due_states(snapshot, self.judge.policy.id, now, CLOSED_AT_ONCE)
        if not rows:
            self.closes_at = next_close(snapshot, self.judge.policy.id)
        judged: list[Judged] = []
        items: list[_Item] = []
        for row in rows:
            if row.datastream in done:
                continue
            try:
                view = register.datastream(row.datastream)
            except KeyError:
                judged.append(Judged(None, row, evolve(row, closes_at=None)))
                continue
            stretch = Stretch(row.judged_until, row.judged_until)
            items.append(_Item(view, row, 0, 0, stretch))
        known = [item for item in items if item.row and self.judge.read_state(item.row)]
        others = [item for item in items if item not in known]
        judged += self._append(snapshot, known, Told.of([]), now)
        return judged + self._replay_some(snapshot, others, now)

    def _replay_some(self, snapshot: Snapshot, items: Sequence[_Item], now: int) -> list[Judged]:
        """Judge stretches again, as many as one plan may; the others are marked as skipped."""
        judged: list[Judged] = []
        before = self.judge.rows_judged
        self.judge.read_ahead(
            snapshot, [(item.view, item.reach) for item in items[:REPLAYED_AT_ONCE]]
        )
        try:
            for count, item in enumerate(items):
                rows = self.judge.rows_judged - before
                may = count < REPLAYED_AT_ONCE and rows < ROWS_AT_ONCE
                judged.append(self._replay(snapshot, item, now) if may else self._skip(item))
        finally:
            self.judge.readings.drop()
        return judged

    @property
    def _may_retry(self) -> bool:
        breaker = self.judge.breaker
        return breaker.allows and breaker.clock.now() >= self.retry_at

    def _items(
        self,
        snapshot: Snapshot,
        views: Sequence[DatastreamView],
        told: Told,
        changed: Mapping[int, Stretch],
        register: Register,
    ) -> list[_Item]:
        numbers = [view.number for view in views]
        wanted = {*numbers, *changed}
        unknown = [number for number in sorted(wanted) if number not in self.kept]
        states = self.kept | load_states(snapshot, self.judge.policy.id, unknown)
        firsts, ends = told.rows_of(numbers)
        items = []
        for view, first, end in zip(views, firsts, ends, strict=True):
            row = states.get(view.number)
            touched = self._touched(view, row, changed.get(view.number))
            stretch = told.stretch(first, end).joined(touched).joined(_skipped(row))
            items.append(_Item(view, row, first, end, stretch))
        for number in sorted(wanted - set(numbers)):
            item = self._changed_item(register, number, states.get(number), changed[number])
            if item is not None:
                items.append(item)
        return items

    def _changed_item(
        self, register: Register, number: int, row: StateRow | None, changed: Stretch
    ) -> _Item | None:
        """A datastream without new readings of its own, if what was judged of it has changed."""
        try:
            view = register.datastream(number)
        except KeyError:
            return None
        touched = self._touched(view, row, changed)
        return _Item(view, row, 0, 0, touched.joined(_skipped(row))) if touched else None

    def _touched(
        self, view: DatastreamView, row: StateRow | None, changed: Stretch | None
    ) -> Stretch | None:
        """What of a changed stretch was judged already; the rest is yet to come."""
        if row is None or changed is None or changed.start > self.judge.rows_until(view, row):
            return None
        known = row.judged_until
        return Stretch(min(changed.start, known), min(changed.end, known))

    def changed_since(
        self, snapshot: Snapshot, since: int, keys: Collection[str] | None, register: Register
    ) -> dict[int, Stretch]:
        """Datastreams that were judged at an instant or later, whose thing or area is among keys.

        Args:
            snapshot: Where the states are read.
            since: The instant.
            keys: Codes of things or areas; None for all.
            register: Where datastreams are looked up.
        """
        found: dict[int, Stretch] = {}
        for row in states_of(snapshot, self.judge.policy.id, since - self.judge.silence):
            try:
                view = register.datastream(row.datastream)
            except KeyError:
                continue
            if keys is None or view.thing in keys or view.area in keys:
                found[row.datastream] = Stretch(since, LATEST)
        return found

    def _follows(self, item: _Item, row: StateRow) -> bool:
        """Whether the readings are all later than what was judged, and the state is usable."""
        return (
            row.skipped_from is None
            and self.judge.read_state(row) is not None
            and item.stretch.start > self.judge.settled_until(row)
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

    def _append(
        self, snapshot: Snapshot, items: Sequence[_Item], told: Told, now: int
    ) -> list[Judged]:
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
            states = [item.row for item in items]
            judged = self.judge.append(snapshot, views, samples, states, now)
        except ContractError as error:
            self._note(error, len(items))
            if len(items) == 1:
                return [self._skip(items[0])]
            return [self._replay(snapshot, item, now) for item in items]
        self.judge.breaker.succeeded()
        return judged

    def _replay(self, snapshot: Snapshot, item: _Item, now: int) -> Judged:
        if not self.judge.breaker.allows:
            return self._skip(item)
        try:
            judged = self.judge.replay(snapshot, item.view, item.row, item.stretch, now)
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
        self.behind = False
        items = []
        for row in rows:
            stretch = _skipped(row)
            try:
                view = register.datastream(row.datastream)
            except KeyError:
                continue
            self.behind = True
            if row.datastream not in done and stretch is not None:
                items.append(_Item(view, row, 0, 0, stretch))
        return items


def _skipped(row: StateRow | None) -> Stretch | None:
    if row is None or row.skipped_from is None or row.skipped_to is None:
        return None
    return Stretch(row.skipped_from, row.skipped_to)
