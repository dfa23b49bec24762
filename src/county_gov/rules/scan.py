"""The machine itself: columns of many series in, episodes out, without a loop over rows."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from county_gov.contract.alert import AlertPolicy
from county_gov.contract.batch import NO_TIME, Bools, Float64s, Int8s, Int64s
from county_gov.contract.rule import FAIL, PASS, UNKNOWN, Verdicts
from county_gov.rules.episode import NOWHERE, Episode, States

BEFORE = -1
"""Stands for a row that lies before the track."""


@frozen(eq=False)
class Track:
    """Judged rows, sorted by series and time.

    Args:
        series: Index of each row's series, rising, shape (n,).
        times: Instants, rising within a series, shape (n,).
        values: The values that were compared, NaN where unknown, shape (n,).
        raising, clearing: Verdicts per level, shape (L, n).
        limits: Raise limits per level, shape (L, n).
    """

    series: Int64s
    times: Int64s
    values: Float64s
    raising: Int8s
    clearing: Int8s
    limits: Float64s

    @classmethod
    def of(cls, policy: AlertPolicy, series: Int64s, times: Int64s, verdicts: Verdicts) -> Track:
        """The rows that say something to at least one level of a policy."""
        judged = verdicts.judgements
        raising = np.stack([judged[one.raise_when].outcomes for one in policy.levels])
        clearing = np.stack([judged[one.clear_when].outcomes for one in policy.levels])
        limits = np.stack([judged[one.raise_when].limits for one in policy.levels])
        values = _compared(policy, verdicts)
        telling = ((raising != UNKNOWN) | (clearing != UNKNOWN)).any(axis=0)
        if telling.all():
            return cls(series, times, values, raising, clearing, limits)
        return cls(
            series[telling],
            times[telling],
            values[telling],
            raising[:, telling],
            clearing[:, telling],
            limits[:, telling],
        )

    def resets(self) -> Bools:
        """Rows after which every switch is off and nothing pends, whatever was before."""
        rows: Bools = ((self.clearing == PASS) & (self.raising != PASS)).all(axis=0)
        return rows

    def part(self, rows: slice) -> Track:
        """Some of the rows."""
        return Track(
            self.series[rows],
            self.times[rows],
            self.values[rows],
            self.raising[:, rows],
            self.clearing[:, rows],
            self.limits[:, rows],
        )


def _compared(policy: AlertPolicy, verdicts: Verdicts) -> Float64s:
    """What each row's reading was: from the lowest level that could be judged at it.

    One level's limit may be unknown where another's is known, and NaN is the value of the first.
    """
    judged = verdicts.judgements
    values = np.full(len(judged[policy.levels[0].raise_when].outcomes), np.nan)
    for level in policy.levels:
        found = np.fmax(judged[level.raise_when].values, judged[level.clear_when].values)
        values = np.where(np.isnan(values), found, values)
    return values


@frozen(eq=False)
class _Span:
    """Rows of each series within a track: ``[starts, ends)``, shape (S,) each."""

    starts: Int64s
    ends: Int64s


@frozen(eq=False)
class _Work:
    """All that one scan looks at, and the states that it fills."""

    policy: AlertPolicy
    track: Track
    before: States
    after: States
    span: _Span


@frozen(eq=False)
class _Switch:
    """One level at every row, shape (n,) each.

    ``since`` is the start of the run at rows whose raising condition passes, else `NO_TIME`;
    ``run_row`` the row at which it began, `BEFORE` where that was before the track.
    """

    on: Bools
    since: Int64s
    run_row: Int64s


def scan(
    policy: AlertPolicy, track: Track, before: States
) -> tuple[States, tuple[tuple[int, Episode], ...]]:
    """Run the machine of a policy over a track.

    Args:
        policy: Levels, ``hold_for`` and ``stale_after``.
        track: The rows of every series since its state in ``before``.
        before: One state per series.

    Returns:
        The states after the track, and (series, episode) for every episode that was open in it,
        by series and time. An episode that was open before is told again from its beginning.
    """
    if not len(track.times):
        return before, ()
    numbers = np.arange(before.series)
    span = _Span(
        np.searchsorted(track.series, numbers, "left"),
        np.searchsorted(track.series, numbers, "right"),
    )
    after = States.quiet(before.series, len(policy.levels))
    work = _Work(policy, track, before, after, span)
    switches = []
    for level in range(len(policy.levels)):
        since, run_row = _runs(work, level)
        switches.append(_Switch(_positions(work, level, since), since, run_row))
        _remember_runs(work, level, switches[-1])
    return after, _episodes(work, switches)


def _known(track: Track, level: int) -> tuple[Bools, Bools, Bools]:
    """Rows whose raising condition passes, rows that clear, and rows that end a run."""
    passes = track.raising[level] == PASS
    clears = (track.clearing[level] == PASS) & ~passes
    return passes, clears, clears | (track.raising[level] == FAIL)


def _runs(work: _Work, level: int) -> tuple[Int64s, Int64s]:
    """For every row that passes: when its run began, and in which row."""
    policy, track, before = work.policy, work.track, work.before
    since = np.full(len(track.times), NO_TIME)
    run_row = np.full(len(track.times), BEFORE)
    passes, _, breaks = _known(track, level)
    known = np.flatnonzero(passes | breaks)
    if not len(known):
        return since, run_row
    series, times, passing = track.series[known], track.times[known], passes[known]
    first = np.ones(len(known), np.bool_)
    first[1:] = series[1:] != series[:-1]
    carried = before.since[series, level]
    goes_on = np.where(first, carried != NO_TIME, np.roll(passing, 1))
    previous = np.where(first, before.confirmed[series, level], np.roll(times, 1))
    gap = times - np.where(goes_on, previous, times)
    begins = passing & ~(goes_on & (gap <= policy.stale_after))
    begun = np.maximum.accumulate(np.where(begins, np.arange(len(known)), BEFORE))
    first_row = np.maximum.accumulate(np.where(first, np.arange(len(known)), 0))
    inside = begun >= first_row
    start = np.maximum(begun, 0)
    since[known[passing]] = np.where(inside, times[start], carried)[passing]
    run_row[known[passing]] = np.where(inside, known[start], BEFORE)[passing]
    return since, run_row


def _positions(work: _Work, level: int, since: Int64s) -> Bools:
    """Whether the level's switch is on after each row."""
    policy, track, before = work.policy, work.track, work.before
    passes, clears, _ = _known(track, level)
    held = track.times - np.where(passes, since, track.times) >= policy.levels[level].hold_for
    turns = (passes & held) | clears
    turn = np.maximum.accumulate(np.where(turns, np.arange(len(turns)), BEFORE))
    inside = turn >= work.span.starts[track.series]
    on: Bools = np.where(inside, passes[np.maximum(turn, 0)], before.on[track.series, level])
    return on


def _remember_runs(work: _Work, level: int, switch: _Switch) -> None:
    """Fill one level of the states after the track."""
    track, before, after, span = work.track, work.before, work.after, work.span
    told = span.ends > span.starts
    last = np.maximum(span.ends - 1, 0)
    after.on[:, level] = np.where(told, switch.on[last], before.on[:, level])
    passes, _, breaks = _known(track, level)
    rows = np.arange(len(passes))
    latest = np.maximum.accumulate(np.where(passes | breaks, rows, BEFORE))[last]
    heard = told & (latest >= span.starts)
    pending = np.where(heard, passes[latest], before.since[:, level] != NO_TIME)
    fresh = heard & pending
    after.since[:, level] = np.where(
        fresh, switch.since[latest], np.where(pending, before.since[:, level], NO_TIME)
    )
    after.confirmed[:, level] = np.where(
        fresh, track.times[latest], np.where(pending, before.confirmed[:, level], NO_TIME)
    )
    begun_inside = fresh & (switch.run_row[latest] != BEFORE)
    begin = np.where(begun_inside, switch.run_row[latest], span.starts)
    for column, old, better in (
        (after.high, before.high, np.fmax),
        (after.low, before.low, np.fmin),
    ):
        seen = _extremes(better, track.values, begin, span.ends)
        carried = np.where(begun_inside, np.nan, old[:, level])
        column[:, level] = np.where(pending, better(seen, carried), np.nan)


def _extremes(better: np.ufunc, values: Float64s, begin: Int64s, end: Int64s) -> Float64s:
    """The extreme of ``values[begin:end]`` for every pair; NaN where there is no value."""
    found = np.full(len(begin), np.nan)
    some = np.flatnonzero(end > begin)
    if len(some):
        pairs = np.stack([begin[some], end[some]], axis=1).ravel()
        found[some] = better.reduceat(np.append(values, np.nan), pairs)[::2]
    return found


@frozen(eq=False)
class _Found:
    """Episodes in columns: row of the beginning, row of the end (exclusive), and more."""

    series: Int64s
    begin: Int64s
    end: Int64s
    continued: Bools
    ended: Bools


def _bounds(track: Track, before: States, on: Bools, span: _Span) -> _Found:
    """Where the stretches lie in which some switch is on, those that go on included."""
    first = np.zeros(len(on), np.bool_)
    told = span.ends > span.starts
    first[span.starts[told]] = True
    carried = before.started != NO_TIME
    was_on = np.where(first, carried[track.series], np.roll(on, 1))
    begins = (on & ~was_on) | (first & carried[track.series])
    begin = np.flatnonzero(begins)
    ends = np.flatnonzero(was_on & ~on)
    series = track.series[begin]
    at = np.searchsorted(ends, begin)
    end = np.append(ends, len(on))[at]
    ended = end < span.ends[series]
    continued = first[begin] & carried[series]
    return _Found(series, begin, np.where(ended, end, span.ends[series]), continued, ended)


def _episodes(work: _Work, switches: list[_Switch]) -> tuple[tuple[int, Episode], ...]:
    """All episodes of the track; fills the open ones into the states after it."""
    track, before, after, span = work.track, work.before, work.after, work.span
    _keep_untold(before, after, span)
    on = np.stack([one.on for one in switches])
    any_on = np.any(on, axis=0)
    found = _bounds(track, before, any_on, span)
    if not len(found.series):
        return ()
    started, high, low = _beginnings(track, before, found, switches)
    level, limit, limited, direction = _heights(track, before, found, on)
    last_row = np.where(found.ended, found.end, found.end - 1)
    last = track.times[last_row]
    still = ~found.ended
    rows = found.series[still]
    after.started[rows], after.last[rows] = started[still], last[still]
    after.level[rows], after.limit[rows] = level[still], limit[still]
    after.limited[rows], after.direction[rows] = limited[still], direction[still]
    after.peak_high[rows], after.peak_low[rows] = high[still], low[still]
    peak = np.where(direction > 0, high, low)
    columns = (started, found.ended, last, level, peak, limit, limited)
    return tuple(
        (number, Episode(begun, at if over else None, top, value, bound, when, at))
        for number, begun, over, at, top, value, bound, when in zip(
            found.series.tolist(), *(column.tolist() for column in columns), strict=True
        )
    )


def _keep_untold(before: States, after: States, span: _Span) -> None:
    """Series without a row keep their open episode as it was."""
    silent = span.ends == span.starts
    kept = ("started", "last", "level", "direction", "peak_high", "peak_low", "limit", "limited")
    for name in kept:
        getattr(after, name)[silent] = getattr(before, name)[silent]


def _beginnings(
    track: Track, before: States, found: _Found, switches: list[_Switch]
) -> tuple[Int64s, Float64s, Float64s]:
    """When each episode's run began, and the extremes since then."""
    on = np.stack([one.on[found.begin] for one in switches])
    since = np.stack([one.since[found.begin] for one in switches])
    level = np.argmin(np.where(on & (since != NO_TIME), since, np.iinfo(np.int64).max), axis=0)
    pick = np.arange(len(found.begin))
    run_row = np.stack([one.run_row[found.begin] for one in switches])[level, pick]
    started = np.where(found.continued, before.started[found.series], since[level, pick])
    inside = ~found.continued & (run_row != BEFORE)
    first_row = np.searchsorted(track.series, found.series, "left")
    begin = np.where(inside, run_row, np.where(found.continued, found.begin, first_row))
    high = _extremes(np.fmax, track.values, begin, found.end)
    low = _extremes(np.fmin, track.values, begin, found.end)
    carried_high = np.where(
        found.continued, before.peak_high[found.series], before.high[found.series, level]
    )
    carried_low = np.where(
        found.continued, before.peak_low[found.series], before.low[found.series, level]
    )
    high = np.fmax(high, np.where(inside, np.nan, carried_high))
    low = np.fmin(low, np.where(inside, np.nan, carried_low))
    return started, high, low


def _heights(
    track: Track, before: States, found: _Found, on: Bools
) -> tuple[Int8s, Float64s, Int64s, Int8s]:
    """The highest level of each episode, the limit and row that raised it, and the direction."""
    level = np.where(found.continued, before.level[found.series], NOWHERE).astype(np.int8)
    limit = np.where(found.continued, before.limit[found.series], np.nan)
    limited = np.where(found.continued, before.limited[found.series], NO_TIME)
    for height in range(len(on)):
        rows = np.flatnonzero(on[height])
        at = np.append(rows, len(track.times))[np.searchsorted(rows, found.begin)]
        higher = (at < found.end) & (height > level)
        level[higher] = height
        limit[higher] = track.limits[height, at[higher]]
        limited[higher] = track.times[at[higher]]
    opening = np.argmax(on[:, found.begin], axis=0)
    below = track.values[found.begin] < track.limits[opening, found.begin]
    fresh = np.where(below, -1, 1).astype(np.int8)
    direction = np.where(found.continued, before.direction[found.series], fresh)
    return level, limit, limited, direction.astype(np.int8)
