"""Silences: rows for the instants at which no reading has come for too long."""

from __future__ import annotations

import numpy as np

from county_gov.contract.batch import NO_TIME, Int64s
from county_gov.rules.hours import Carried
from county_gov.rules.samples import InputRows, Samples


def with_silences(
    rows: InputRows, samples: Samples, within: int, carried: Carried, known: Int64s
) -> tuple[InputRows, Carried]:
    """Add a row whose value is NaN wherever no reading follows another for ``within``.

    Args:
        rows: The readings that count.
        samples: All readings: one that does not count ends a silence, too.
        within: Microseconds.
        carried: Which series' silence was told already, and how far the clock has gone.
        known: Time of each series' last reading before, `NO_TIME` for none, shape (S,).

    Returns:
        The rows, and which series' last silence is told now; one without readings has none.
    """
    begun = np.flatnonzero(known != NO_TIME)
    series = np.concatenate([begun, samples.series])
    times = np.concatenate([known[begun], samples.times])
    told = np.zeros(len(series), np.bool_)
    told[: len(begun)] = np.array(carried.given, np.bool_)[begun]
    order = np.lexsort((times, series))
    series, times, told = series[order], times[order], told[order]
    last = np.ones(len(series), np.bool_)
    last[:-1] = series[1:] != series[:-1]
    following = np.append(times[1:], NO_TIME)
    over = times + within <= carried.over_until[series]
    silent = np.where(last, over, following - times > within)
    begins = np.flatnonzero(silent & ~told)
    given = [True] * len(known)
    for row in np.flatnonzero(last).tolist():
        given[series[row]] = bool(over[row] | told[row])
    owners = np.concatenate([rows.series, series[begins]])
    instants = np.concatenate([rows.times, times[begins] + within])
    values = np.concatenate([rows.values, np.full(len(begins), np.nan)])
    place = np.lexsort((instants, owners))
    found = InputRows(owners[place], instants[place], values[place])
    return found, Carried(carried.hours, given, carried.over_until)
