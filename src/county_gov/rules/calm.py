"""Where nothing is on or pending, so that judging again may begin or end there.

What was judged before tells most: the stored episodes. Only where they were found under other
rules, or where something may be pending, the rows themselves have to tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from county_gov.contract.batch import Bools, Int64s
from county_gov.contract.rule import FAIL
from county_gov.rules.difference import FOREVER

if TYPE_CHECKING:
    from county_gov.contract.alert import AlertPolicy
    from county_gov.rules.episode import Episode
    from county_gov.rules.samples import Stretch
    from county_gov.rules.scan import Track
    from county_gov.store.alerts import EpisodeRow


@frozen(eq=False)
class Span:
    """What has to be judged again.

    Args:
        rows: First and last input row that is touched.
        end: The last reading.
        over: Instant by which the clock has ended hours and silences.
        to_end: Whether the state after the last reading has to be made anew.
        valid: Whether what was judged before was judged under the same rules.
    """

    rows: Stretch
    end: int
    over: int
    to_end: bool
    valid: bool


@frozen(eq=False)
class Calm:
    """Tells where nothing is on or pending under a policy."""

    policy: AlertPolicy

    @property
    def held_back(self) -> int:
        """How long pending runs may tell of rows before; 0 where nothing is ever pending."""
        hold = max(level.hold_for for level in self.policy.levels)
        return hold + self.policy.stale_after if hold else 0

    def _rows(self, track: Track, *, valid: bool) -> Bools:
        """Rows after which nothing is on or pending, unless an episode was judged to last."""
        if not valid:
            return track.resets()
        if not self.held_back:
            return np.ones(len(track.times), np.bool_)
        calm: Bools = track.resets() | (track.raising == FAIL).all(axis=0)
        return calm

    def last_before(self, track: Track, old: Sequence[EpisodeRow], start: int, span: Span) -> int:
        """The last row before a stretch after which nothing was on or pending, -1 for none."""
        calm = self._rows(track, valid=span.valid) & unspanned(track.times, old)
        rows = np.flatnonzero(calm & (track.times < start))
        return int(rows[-1]) if len(rows) else -1

    def at(self, low: int, track: Track, old: Sequence[EpisodeRow], start: int, span: Span) -> bool:
        """Whether nothing was on or pending at an instant before a stretch.

        A run that was pending is over after `stale_after` without a row that says something.
        """
        spanned = any(
            one.started_at < low and (one.ended_at is None or one.ended_at >= low) for one in old
        )
        if spanned or not span.valid:
            return False
        silent = not (track.times < start).any() and start - low > self.policy.stale_after
        return not self.held_back or silent

    def first_after(
        self,
        track: Track,
        old: Sequence[EpisodeRow],
        new: Sequence[Episode],
        span: Span,
        high: int,
    ) -> int | None:
        """The first instant after a stretch at which nothing is on or pending, None for none."""
        later = track.times > span.rows.end
        free = unspanned(track.times, old) & unspanned(track.times, new)
        calm = np.flatnonzero(self._rows(track, valid=span.valid) & free & later)
        if len(calm):
            return int(track.times[calm[0]])
        ends = [one.ended_at for one in old] + [one.ended_at for one in new]
        lasting = any(end is None or end >= high for end in ends)
        if lasting or not span.valid:
            return None
        silent = not later.any() and high - span.rows.end > self.policy.stale_after
        return high - 1 if silent or not self.held_back else None


def unspanned(times: Int64s, episodes: Sequence[EpisodeRow] | Sequence[Episode]) -> Bools:
    """Instants at which none of some episodes was open."""
    free = np.ones(len(times), np.bool_)
    for row in episodes:
        ended = FOREVER if row.ended_at is None else row.ended_at
        free &= (times < row.started_at) | (times >= ended)
    return free
