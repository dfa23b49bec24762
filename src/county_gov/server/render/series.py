"""A chart's data twice: as JSON for the drawing script, and as rows for the table beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from attrs import frozen
from markupsafe import Markup
from numpy.typing import NDArray

if TYPE_CHECKING:
    from county_gov.contract.page import Line, Series

CAP = 24
"""Rows of the table beside a chart before the link to all of them."""


@frozen(eq=False)
class Numbers:
    """The table beside a chart, newest first.

    Args:
        rows: Instant (microseconds UTC) and one value per line, None where there is a gap.
        total: How many rows there are in all.
    """

    rows: tuple[tuple[int, tuple[float | None, ...]], ...]
    total: int

    @property
    def values(self) -> tuple[float | None, ...]:
        """All values of the rows shown."""
        return tuple(value for _instant, values in self.rows for value in values)


def numbers(series: Series, *, whole: bool = False) -> Numbers:
    """The numbers of all lines by instant, newest first, capped unless ``whole``."""
    if not series.lines:
        return Numbers(rows=(), total=0)
    instants = np.unique(np.concatenate([line.times for line in series.lines]))
    shown = instants if whole else instants[-CAP:]
    columns = [_at(line, shown) for line in series.lines]
    rows = tuple(
        (int(instant), tuple(column[place] for column in columns))
        for place, instant in reversed(list(enumerate(shown.tolist())))
    )
    return Numbers(rows=rows, total=len(instants))


def chart_json(series: Series, *, language: str, timezone: ZoneInfo, now: int) -> Markup:
    """The chart's data, safe inside ``<script type="application/json">``.

    Instants become milliseconds of the county's wall clock, which the script draws as if they
    were UTC: the axis then shows the county's time wherever the browser stands. NaN becomes null.
    ``now`` (microseconds UTC) is where a shade that is still open ends.
    """
    clock = _WallClock(timezone)
    payload = {
        "unit": series.unit,
        "decimals": series.decimals,
        "live": list(series.live),
        "now": clock.millisecond(now),
        "lines": [
            {
                "label": line.label.in_language(language),
                "times": clock.milliseconds(line.times).tolist(),
                "values": _with_gaps(line.values),
                "low": None if line.low is None else _with_gaps(line.low),
                "high": None if line.high is None else _with_gaps(line.high),
            }
            for line in series.lines
        ],
        "limits": [
            {
                "value": limit.value,
                "label": limit.label.in_language(language),
                "status": limit.status,
            }
            for limit in series.limits
        ],
        "shades": [
            {
                "start": clock.millisecond(shade.start),
                "end": None if shade.end is None else clock.millisecond(shade.end),
                "label": shade.label.in_language(language),
                "status": shade.status,
            }
            for shade in series.shades
        ],
    }
    return script_safe(msgspec.json.encode(payload).decode())


def script_safe(document: str) -> Markup:
    """JSON in which no character can end the script element or begin a comment or entity."""
    for character in "<>&\u2028\u2029":
        document = document.replace(character, f"\\u{ord(character):04x}")
    return Markup(document)  # noqa: S704 (every character with a meaning in HTML is escaped above)


@frozen
class _WallClock:
    """Turns instants into what the county's clocks show."""

    timezone: ZoneInfo

    def _offset(self, second: int) -> int:
        offset = datetime.fromtimestamp(second, UTC).astimezone(self.timezone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())

    def millisecond(self, at: int) -> int:
        return at // 1_000 + self._offset(at // 1_000_000) * 1_000

    def milliseconds(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same for many at once; one offset is looked up per hour where it may change."""
        if not len(times):
            return times
        hours, places = np.unique(times // 3_600_000_000, return_inverse=True)
        ends = {self._offset(int(hours[0]) * 3_600), self._offset(int(hours[-1]) * 3_600)}
        if len(ends) == 1 and hours[-1] - hours[0] < 24 * 28:
            return np.asarray(times // 1_000 + ends.pop() * 1_000, dtype=np.int64)
        offsets = np.array([self._offset(int(hour) * 3_600) for hour in hours], dtype=np.int64)
        return np.asarray(times // 1_000 + offsets[places] * 1_000, dtype=np.int64)


def _with_gaps(values: NDArray[np.float64]) -> list[float | None]:
    kept: list[float | None] = values.tolist()
    for place in np.flatnonzero(~np.isfinite(values)).tolist():
        kept[place] = None
    return kept


def _at(line: Line, instants: NDArray[np.int64]) -> list[float | None]:
    """The line's values at these instants, None where it has none."""
    if not len(line.times):
        return [None] * len(instants)
    order = np.argsort(line.times, kind="stable")
    times, values = line.times[order], line.values[order]
    places = np.minimum(np.searchsorted(times, instants), len(times) - 1)
    found = np.where(times[places] == instants, values[places], np.nan)
    return _with_gaps(found)
