"""Judging by one policy: readings that follow, and stretches that have to be judged again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, evolve, field, frozen

from county_gov.contract.batch import NO_TIME, Batch, Bools, Int64s, UInt8s
from county_gov.contract.clock import DAY, EARLIEST, HOUR, LATEST
from county_gov.contract.rule import HourlyMean
from county_gov.registry.breaker import CircuitBreaker
from county_gov.rules.ahead import ReadAhead
from county_gov.rules.difference import FOREVER
from county_gov.rules.episode import (
    Episode,
    OpenHour,
    States,
    Written,
    fingerprint,
    put,
    read_written,
    write_down,
)
from county_gov.rules.evaluation import RuleEvaluator
from county_gov.rules.hours import Coverage, floor_hour, hours_over
from county_gov.rules.joining import NARROW, Joiner
from county_gov.rules.samples import InputRows, Samples, Stretch
from county_gov.rules.scan import Track, scan
from county_gov.store.alerts import EpisodeRow, episodes_between, open_episodes
from county_gov.store.judging_states import StateRow

if TYPE_CHECKING:
    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.context import DatastreamView
    from county_gov.contract.rule import Rule
    from county_gov.store.transaction import Snapshot

LOOKED_AT = 12
"""Rows that are looked at first round a stretch, for one at which the machine is quiet."""
SHORTEST_LOOK = HOUR
LONGEST_LOOK = 2 * DAY
"""How far is looked at first, at least and at most."""
FARTHEST_LOOK = 400 * DAY
GROWTH = 8
TOGETHER = 4
"""From so many datastreams on, it is worth while to read them together."""


@frozen(eq=False)
class Judged:
    """What judging a datastream gave.

    Args:
        view: The datastream.
        before: The state that was read, None where it had never been judged.
        after: The state as it shall be.
        old: Stored episodes of the stretch.
        new: The episodes that it has.
        until: The last input row that had been judged before.
    """

    view: DatastreamView
    before: StateRow | None
    after: StateRow
    old: Sequence[EpisodeRow] = ()
    new: Sequence[Episode] = ()
    until: int = NO_TIME


@frozen(eq=False)
class _Window:
    """A stretch of input rows that begins and ends where the machine is quiet, or at an end."""

    track: Track
    old: Sequence[EpisodeRow]
    hour: OpenHour | None
    reaches_end: bool


@define(eq=False)
class PolicyJudge:
    """Judges by one policy.

    Args:
        policy: The policy.
        rule: Its rule.
        readings: Where stored readings are read; shared with the joiner.
        breaker: Cuts the rule off when it fails again and again.
        joiner: Joins the rule's further inputs.
    """

    policy: AlertPolicy
    rule: Rule
    readings: ReadAhead
    breaker: CircuitBreaker
    joiner: Joiner
    mark: str = field(init=False)
    rows_judged: int = field(default=0, init=False)
    """Rows that the rule was asked about since the start."""

    def __attrs_post_init__(self) -> None:
        self.mark = fingerprint(self.policy, self.rule)

    def counting(self, flags: UInt8s) -> Bools:
        """Whether readings with these flags say something to this policy."""
        return self.joiner.counting(self.rule.driving, flags)

    @property
    def _hourly(self) -> bool:
        return self.joiner.hourly

    def _coverage(self, views: Sequence[DatastreamView]) -> Coverage:
        driving = self.rule.driving
        share = driving.coverage if isinstance(driving, HourlyMean) else 0.0
        return Coverage.of(np.array([view.period for view in views], np.int64), share)

    def read_state(self, row: StateRow) -> Written | None:
        """A stored state, or None where it was made under another policy."""
        return read_written(row.state, self.mark)

    def append(
        self,
        snapshot: Snapshot,
        views: Sequence[DatastreamView],
        samples: Samples,
        rows: Sequence[StateRow | None],
    ) -> list[Judged]:
        """Judge readings that are all later than what was judged.

        Raises:
            ContractError: if the rule fails.
        """
        before = States.quiet(len(views), len(self.policy.levels))
        hours: list[OpenHour | None] = [None] * len(views)
        for index, row in enumerate(rows):
            written = None if row is None else self.read_state(row)
            if written is not None:
                put(before, index, written)
                hours[index] = written.hour
        inputs, hours = self._inputs(views, samples, hours, complete=False)
        after, episodes = scan(self.policy, self._track(snapshot, views, inputs), before)
        texts = write_down(after, self.mark, hours)
        opened = np.flatnonzero(before.started != NO_TIME).tolist()
        stored = open_episodes(snapshot, self.policy.id, [views[one].number for one in opened])
        found: dict[int, list[Episode]] = {}
        for index, episode in episodes:
            found.setdefault(index, []).append(episode)
        until = samples.times[
            np.searchsorted(samples.series, np.arange(len(views)), "right") - 1
        ].tolist()
        judged = []
        for index, (view, row) in enumerate(zip(views, rows, strict=True)):
            state = StateRow(self.policy.id, view.number, until[index], texts[index])
            new = found.get(index, ())
            old = [stored[view.number]] if new and view.number in stored else []
            judged.append(Judged(view, row, state, old, new, self._row_until(row)))
        return judged

    def replay(
        self, snapshot: Snapshot, view: DatastreamView, row: StateRow | None, stretch: Stretch
    ) -> Judged:
        """Judge a stretch again, from where nothing was on before it to where nothing is after.

        A datastream never judged before is judged from its first stored reading to its last, so
        that it makes no difference which of its readings was told first.

        Raises:
            ContractError: if the rule fails.
        """
        known = NO_TIME if row is None else row.judged_until
        if known == NO_TIME:
            stretch = self._whole(snapshot, view, stretch)
        end = max(known, stretch.end)
        valid = row is not None and self.read_state(row) is not None
        begin, last = self._row_time(stretch.start), self._row_time(stretch.end)
        to_end = end > known or not valid
        if to_end and known != NO_TIME:
            begin = min(begin, self._row_time(known))
        window = self._window(snapshot, view, Stretch(begin, last), end, to_end=to_end)
        quiet = States.quiet(1, len(self.policy.levels))
        after, episodes = scan(self.policy, window.track, quiet)
        if window.reaches_end or row is None:
            (text,) = write_down(after, self.mark, [window.hour])
            state = StateRow(self.policy.id, view.number, end, text)
        else:
            state = evolve(row, skipped_from=None, skipped_to=None)
        found = [episode for _, episode in episodes]
        return Judged(view, row, state, window.old, found, self._row_until(row))

    def read_ahead(
        self, snapshot: Snapshot, wanted: Sequence[tuple[DatastreamView, Stretch]]
    ) -> None:
        """Read at once what `replay` will ask for of several datastreams.

        It is left to `replay` where the stretches lie too far apart to be read together.
        """
        if len(wanted) < TOGETHER:
            return
        back = max(self._first_look(view) for view, _ in wanted) + HOUR + self.joiner.back
        low = min(stretch.start for _, stretch in wanted) - back
        high = max(stretch.end for _, stretch in wanted) + HOUR + 1
        if high - low > NARROW + back:
            return
        views = [view for view, _ in wanted]
        numbers = {view.number for view in views} | self.joiner.partners(views)
        self.readings.hold(snapshot, numbers, low, high)

    def _first_look(self, view: DatastreamView) -> int:
        """How far round a stretch is read at first."""
        step = HOUR if self._hourly else view.period or HOUR
        return min(max(LOOKED_AT * step, SHORTEST_LOOK), LONGEST_LOOK)

    def _whole(self, snapshot: Snapshot, view: DatastreamView, stretch: Stretch) -> Stretch:
        """From the beginning of time to the last stored reading, or the stretch's end if later."""
        later = self.readings.read(snapshot, view.number, stretch.end, LATEST).time
        return Stretch(EARLIEST, int(later[-1]) if len(later) else stretch.end)

    def _window(
        self,
        snapshot: Snapshot,
        view: DatastreamView,
        rows: Stretch,
        end: int,
        *,
        to_end: bool,
    ) -> _Window:
        """Read around input rows until quiet rows are found on both sides."""
        back = forth = self._first_look(view)
        while True:
            far = back > FARTHEST_LOOK
            low = EARLIEST if far else max(EARLIEST, floor_hour(rows.start - back))
            high = end + 1 if to_end else min(end + 1, floor_hour(rows.end + forth))
            at_end = high == end + 1
            track, hour = self._read(snapshot, view, low, high, complete=not at_end)
            old = episodes_between(snapshot, self.policy.id, view.number, low, high)
            quiet = np.flatnonzero(track.resets())
            quiet = quiet[_unspanned(track.times[quiet], old)]
            first = quiet[track.times[quiet] < rows.start]
            final = quiet[track.times[quiet] > rows.end]
            if len(first) or low == EARLIEST:
                if to_end or len(final) or at_end:
                    break
                forth *= GROWTH
            else:
                back *= GROWTH
        at = int(first[-1]) if len(first) else -1
        stop = int(final[0]) if len(final) and not to_end else -1
        since = int(track.times[at]) if at >= 0 else NO_TIME
        until = int(track.times[stop]) if stop >= 0 else FOREVER
        part = track.part(slice(at + 1, stop + 1 if stop >= 0 else len(track.times)))
        inside = [one for one in old if since < one.started_at <= until]
        return _Window(part, inside, hour, stop < 0)

    def _read(
        self, snapshot: Snapshot, view: DatastreamView, low: int, high: int, *, complete: bool
    ) -> tuple[Track, OpenHour | None]:
        """The judged input rows of a datastream, and the hour that is not over."""
        stored = self.readings.read(snapshot, view.number, low, high)
        zeros = np.zeros(len(stored), np.int64)
        samples = Samples(zeros, stored.time, stored.value, self.counting(stored.flag))
        inputs, (hour,) = self._inputs([view], samples, [None], complete=complete)
        return self._track(snapshot, [view], inputs), hour

    def _inputs(
        self,
        views: Sequence[DatastreamView],
        samples: Samples,
        hours: list[OpenHour | None],
        *,
        complete: bool,
    ) -> tuple[InputRows, list[OpenHour | None]]:
        """The rule's input out of readings."""
        scales = 10.0 ** np.array([view.decimals for view in views], np.float64)
        if self._hourly:
            coverage = self._coverage(views)
            rows, hours = hours_over(samples, coverage, hours, complete=complete)
            return InputRows(rows.series, rows.times, rows.values / scales[rows.series]), hours
        kept = samples.counting
        series = samples.series[kept]
        values = samples.values[kept] / scales[series]
        return InputRows(series, samples.times[kept], values), hours

    def _track(self, snapshot: Snapshot, views: Sequence[DatastreamView], rows: InputRows) -> Track:
        """Ask the rule."""
        numbers = np.array([view.number for view in views], np.int64)
        columns = {
            "datastream": numbers[rows.series],
            "time": rows.times,
            self.rule.driving_name: rows.values,
        }
        if self.joiner:
            columns |= self.joiner.columns(snapshot, views, rows)
        self.rows_judged += len(rows.times)
        verdicts = RuleEvaluator(self.rule).judge(Batch(columns))
        return Track.of(self.policy, rows.series, rows.times, verdicts)

    def _row_time(self, time: int) -> int:
        """The instant of the input row that a reading belongs to."""
        return floor_hour(time) if self._hourly else time

    def rows_until(self, view: DatastreamView, row: StateRow) -> int:
        """The last input row that was judged: an hour that is not over has not been."""
        if row.judged_until == NO_TIME or not self._hourly:
            return row.judged_until
        written = self.read_state(row)
        if written is None or written.hour is None:
            return floor_hour(row.judged_until)
        full = self._coverage([view]).full[0]
        given = written.hour.count >= full
        return written.hour.hour if given else written.hour.hour - 1

    def _row_until(self, row: StateRow | None) -> int:
        """The last input row that a state has seen."""
        if row is None or row.judged_until == NO_TIME:
            return NO_TIME
        return floor_hour(row.judged_until) - 1 if self._hourly else row.judged_until


def _unspanned(times: Int64s, old: Sequence[EpisodeRow]) -> Bools:
    """Instants at which no stored episode was open."""
    free = np.ones(len(times), np.bool_)
    for row in old:
        ended = FOREVER if row.ended_at is None else row.ended_at
        free &= (times < row.started_at) | (times >= ended)
    return free
