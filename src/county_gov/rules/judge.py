"""Judging by one policy: readings that follow, and stretches that have to be judged again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, evolve, field, frozen

from county_gov.contract.batch import NO_TIME, Batch, Bools, Int64s, UInt8s
from county_gov.contract.clock import DAY, EARLIEST, HOUR, LATEST
from county_gov.contract.rule import Hourly, Latest
from county_gov.registry.breaker import CircuitBreaker
from county_gov.rules.ahead import ReadAhead
from county_gov.rules.calm import Calm, Span
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
from county_gov.rules.hours import Carried, Coverage, floor_hour, hours_over
from county_gov.rules.joining import NARROW, Joiner
from county_gov.rules.samples import InputRows, Samples, Stretch
from county_gov.rules.scan import Track, scan
from county_gov.rules.silence import with_silences
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
        view: The datastream; None where nobody knows it any more.
        before: The state that was read, None where it had never been judged.
        after: The state as it shall be.
        old: Stored episodes of the stretch.
        new: The episodes that it has.
        until: The last input row that had been judged before.
    """

    view: DatastreamView | None
    before: StateRow | None
    after: StateRow
    old: Sequence[EpisodeRow] = ()
    new: Sequence[Episode] = ()
    until: int = NO_TIME


@frozen(eq=False)
class _Read:
    """Judged input rows of a datastream, and what its last row waits for."""

    track: Track
    carried: Carried


@frozen(eq=False)
class _Window:
    """What a stretch that was judged again holds, from a quiet row to a quiet row or an end.

    Args:
        new: Its episodes.
        old: The stored ones.
        after: The state at the end of the stretch, where that is the last row.
        carried: What the last row waits for.
        reaches_end: Whether the stretch ends with the last row.
    """

    new: Sequence[Episode]
    old: Sequence[EpisodeRow]
    after: States
    carried: Carried
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
    calm: Calm = field(init=False)
    rows_judged: int = field(default=0, init=False)
    """Rows that the rule was asked about since the start."""

    def __attrs_post_init__(self) -> None:
        self.mark = fingerprint(self.policy, self.rule)
        self.calm = Calm(self.policy)

    def counting(self, flags: UInt8s) -> Bools:
        """Whether readings with these flags say something to this policy."""
        return self.joiner.counting(self.rule.driving, flags)

    @property
    def _hourly(self) -> bool:
        return self.joiner.hourly

    @property
    def waits(self) -> bool:
        """Whether something is judged when a time is over, though no reading comes."""
        driving = self.rule.driving
        return isinstance(driving, Hourly) or driving.within > 0

    def _coverage(self, views: Sequence[DatastreamView]) -> Coverage:
        driving = self.rule.driving
        share = driving.coverage if isinstance(driving, Hourly) else 0.0
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
        now: int,
    ) -> list[Judged]:
        """Judge readings that are all later than what was judged, or only the time that is over.

        Args:
            snapshot: Where episodes, and what is joined, are read.
            views: The datastreams.
            samples: Their new readings.
            rows: Their states.
            now: The instant up to which the clock has gone, microseconds UTC.

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
        told = [row is None or row.closes_at is None for row in rows]
        known = np.array([NO_TIME if row is None else row.judged_until for row in rows], np.int64)
        over = np.full(len(views), self._over_until(now))
        inputs, carried = self._inputs(views, samples, Carried(hours, told, over), known)
        after, episodes = scan(self.policy, self._track(snapshot, views, inputs), before)
        texts = write_down(after, self.mark, carried.hours)
        opened = np.flatnonzero(before.started != NO_TIME).tolist()
        stored = open_episodes(snapshot, self.policy.id, [views[one].number for one in opened])
        found: dict[int, list[Episode]] = {}
        for index, episode in episodes:
            found.setdefault(index, []).append(episode)
        until = self._last_times(samples, known).tolist()
        judged = []
        for index, (view, row) in enumerate(zip(views, rows, strict=True)):
            closes = self._closes_at(until[index], carried, index)
            state = StateRow(self.policy.id, view.number, until[index], texts[index], closes)
            new = found.get(index, ())
            old = [stored[view.number]] if new and view.number in stored else []
            judged.append(Judged(view, row, state, old, new, self.rows_until(view, row)))
        return judged

    def replay(
        self,
        snapshot: Snapshot,
        view: DatastreamView,
        row: StateRow | None,
        stretch: Stretch,
        now: int,
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
        begin, last = self._row_time(stretch.start), self._row_time(stretch.end) + self.silence
        to_end = end > known or not valid
        if to_end and known != NO_TIME:
            begin = min(begin, self._row_time(known))
        over = self._over_until(now)
        if row is not None and valid and row.closes_at is None:
            over = max(over, self.settled_until(row) + 1)
        span = Span(Stretch(begin, last), end, over, to_end=to_end, valid=valid)
        window = self._window(snapshot, view, span)
        if window.reaches_end or row is None:
            (text,) = write_down(window.after, self.mark, window.carried.hours)
            closes = self._closes_at(end, window.carried, 0)
            state = StateRow(self.policy.id, view.number, end, text, closes)
        else:
            state = evolve(row, skipped_from=None, skipped_to=None)
        return Judged(view, row, state, window.old, window.new, self.rows_until(view, row))

    def read_ahead(
        self, snapshot: Snapshot, wanted: Sequence[tuple[DatastreamView, Stretch]]
    ) -> None:
        """Read at once what `replay` will ask for of several datastreams.

        It is left to `replay` where the stretches lie too far apart to be read together.
        """
        if len(wanted) < TOGETHER:
            return
        back = max(self._first_look(view) for view, _ in wanted) + HOUR + self.joiner.back
        back += self.silence
        low = min(stretch.start for _, stretch in wanted) - back
        high = max(stretch.end for _, stretch in wanted) + HOUR + 1
        if high - low > NARROW + back:
            return
        views = [view for view, _ in wanted]
        numbers = {view.number for view in views} | self.joiner.partners(views)
        self.readings.hold(snapshot, numbers, low, high)

    @property
    def silence(self) -> int:
        """After how long without a reading there is a row, microseconds; 0 for never."""
        driving = self.rule.driving
        return driving.within if isinstance(driving, Latest) else 0

    def _over_until(self, now: int) -> int:
        """What ended by then is over, the time for late readings included."""
        driving = self.rule.driving
        return now - driving.lateness if isinstance(driving, Hourly) else now

    def _closes_at(self, judged_until: int, carried: Carried, index: int) -> int | None:
        """When a datastream is judged next although no reading comes, None for never."""
        if carried.given[index]:
            return None
        driving = self.rule.driving
        if isinstance(driving, Latest):
            return judged_until + driving.within if driving.within else None
        hour = carried.hours[index]
        return None if hour is None else hour.hour + HOUR + driving.lateness

    def settled_until(self, row: StateRow) -> int:
        """The last instant whose reading would change what was judged; later ones follow it."""
        if row.closes_at is not None:
            return row.judged_until
        written = self.read_state(row)
        if written is not None and written.hour is not None:
            return written.hour.hour + HOUR - 1
        return row.judged_until + (self.silence if row.judged_until != NO_TIME else 0)

    @staticmethod
    def _last_times(samples: Samples, known: Int64s) -> Int64s:
        """Time of each series' last reading, as it was known before for those without new ones."""
        numbers = np.arange(len(known))
        ends = np.searchsorted(samples.series, numbers, "right")
        some = ends > np.searchsorted(samples.series, numbers, "left")
        if not len(samples.times):
            return known
        found: Int64s = np.where(some, samples.times[np.maximum(ends - 1, 0)], known)
        return found

    def _first_look(self, view: DatastreamView) -> int:
        """How far round a stretch is read at first."""
        step = HOUR if self._hourly else view.period or HOUR
        return min(max(LOOKED_AT * step, SHORTEST_LOOK), LONGEST_LOOK)

    def _whole(self, snapshot: Snapshot, view: DatastreamView, stretch: Stretch) -> Stretch:
        """From the beginning of time to the last stored reading, or the stretch's end if later."""
        later = self.readings.read(snapshot, view.number, stretch.end, LATEST).time
        return Stretch(EARLIEST, int(later[-1]) if len(later) else stretch.end)

    def _window(self, snapshot: Snapshot, view: DatastreamView, span: Span) -> _Window:
        """Judge round input rows as far as it takes until nothing is on, on either side.

        What was judged before tells where nothing was on. Only where the state was made under
        other rules, or something may be pending, the rows themselves have to tell it.
        """
        rows, end = span.rows, span.end
        direct = span.valid and not self.calm.held_back
        back = forth = 0 if direct else self._first_look(view)
        step = HOUR if self._hourly else 1
        while True:
            far = rows.start - back <= EARLIEST or back > FARTHEST_LOOK
            low = EARLIEST if far else self._row_time(rows.start - back)
            high = end + 1
            if not span.to_end:
                high = min(high, self._row_time(rows.end + forth) + step)
            at_end = high == end + 1
            read = self._read(snapshot, view, low, high, span.over if at_end else None)
            track = read.track
            until = LATEST if at_end else high
            old = episodes_between(snapshot, self.policy.id, view.number, low, until)
            at = self.calm.last_before(track, old, rows.start, span)
            since = int(track.times[at]) if at >= 0 else low - 1
            if at < 0 and low > EARLIEST and not self.calm.at(low, track, old, rows.start, span):
                spanning = [rows.start - one.started_at for one in old if one.started_at < low]
                widened = max(back * GROWTH, self._first_look(view))
                back = max(spanning) if direct and spanning else max([*spanning, widened])
                continue
            part = track.part(slice(at + 1, len(track.times)))
            quiet = States.quiet(1, len(self.policy.levels))
            after, found = scan(self.policy, part, quiet)
            new = [episode for _, episode in found]
            inside = [one for one in old if since < one.started_at]
            stop = FOREVER if at_end else self.calm.first_after(part, inside, new, span, high)
            if stop is not None:
                break
            lasting = [end if one.ended_at is None else one.ended_at for one in inside]
            widened = max(forth * GROWTH, self._first_look(view))
            forth = max([widened, *(one - rows.end for one in lasting)])
        return _Window(
            [one for one in new if one.started_at <= stop],
            [one for one in inside if one.started_at <= stop],
            after,
            read.carried,
            stop == FOREVER,
        )

    def _read(
        self, snapshot: Snapshot, view: DatastreamView, low: int, high: int, over: int | None
    ) -> _Read:
        """The judged input rows of a datastream in [low, high).

        Args:
            snapshot: Where they are read.
            view: The datastream.
            low: First instant of the readings.
            high: Instant after the last one.
            over: Instant up to which the clock has gone; None where there are readings after
                these, so that everything that ends by ``high`` is over.
        """
        stored = self.readings.read(snapshot, view.number, max(EARLIEST, low - self.silence), high)
        zeros = np.zeros(len(stored), np.int64)
        samples = Samples(zeros, stored.time, stored.value, self.counting(stored.flag))
        until = over if over is not None else high if self._hourly else high - 1
        inputs, carried = self._inputs(
            [view], samples, Carried.nothing(1, until), np.full(1, NO_TIME)
        )
        inputs = inputs.since(low)
        return _Read(self._track(snapshot, [view], inputs), carried)

    def _inputs(
        self,
        views: Sequence[DatastreamView],
        samples: Samples,
        carried: Carried,
        known: Int64s,
    ) -> tuple[InputRows, Carried]:
        """The rule's input out of readings.

        Args:
            views: The datastreams.
            samples: Their readings.
            carried: What each waits for.
            known: Time of each one's last reading before, `NO_TIME` for none, shape (S,).
        """
        scales = 10.0 ** np.array([view.decimals for view in views], np.float64)
        driving = self.rule.driving
        if isinstance(driving, Hourly):
            return hours_over(samples, driving.how, scales, self._coverage(views), carried)
        kept = samples.counting
        series = samples.series[kept]
        rows = InputRows(series, samples.times[kept], samples.values[kept] / scales[series])
        if not driving.within:
            return rows, Carried(carried.hours, [True] * len(views), carried.over_until)
        return with_silences(rows, samples, driving.within, carried, known)

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

    def rows_until(self, view: DatastreamView, row: StateRow | None) -> int:
        """The last input row that was judged: an hour that is not over has not been."""
        if row is None or row.judged_until == NO_TIME:
            return NO_TIME
        if not self._hourly:
            return self.settled_until(row)
        written = self.read_state(row)
        if written is None or written.hour is None:
            return floor_hour(row.judged_until) - (row.closes_at is not None)
        return written.hour.hour - (row.closes_at is not None)
