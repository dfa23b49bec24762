"""The demonstration's readings: real values, moved in time so that the last lies just before now.

The files hold Beijing's readings of 2013 to 2017 at their own hours. A county that is watched today
wants them today, so all instants are moved by the same whole number of hours.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path

LAST_HOUR = datetime.fromisoformat("2017-02-28T23:00:00+08:00")
"""The last hour of the readings."""

Row = tuple[str, str, str]
"""Datastream, time and value, as they stand in a file."""


def hours_until(now: datetime) -> timedelta:
    """By how much the readings are moved, so that the last hour is the last one that is over."""
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    return last - LAST_HOUR


def rows(path: Path) -> Iterator[Row]:
    """The rows of a file, without its head."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        yield from ((datastream, time, value) for datastream, time, value in reader)


def write_moved(source: Path, target: Path, shift: timedelta) -> int:
    """Copy a file with all its instants moved, and say how many rows it has."""
    count = 0
    with gzip.open(target, "wt", encoding="utf-8", newline="", compresslevel=1) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("datastream", "time", "value"))
        for time, group in groupby(rows(source), key=itemgetter(1)):
            moved = (datetime.fromisoformat(time) + shift).isoformat()
            for datastream, _time, value in group:
                writer.writerow((datastream, moved, value))
                count += 1
    return count


def hours(path: Path) -> Iterator[list[Row]]:
    """The rows of a file, hour by hour."""
    for _time, group in groupby(rows(path), key=itemgetter(1)):
        yield list(group)
