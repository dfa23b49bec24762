"""Observations as columns: on their way in, and as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from attrs import field, frozen

from county_gov.contract.batch import NO_TIME, Bools, Int64s, UInt8s
from county_gov.contract.clock import DAY
from county_gov.errors import ContractError
from county_gov.store.transaction import JournalEntry

ACCEPTED: Final = 0
"""A new row."""
DUPLICATE: Final = 1
"""A row that is known already: nothing was changed."""
REVISED: Final = 2
"""Another value for a known instant; the one that is not current is kept as a revision."""


def _check_lengths(place: str, *columns: Int64s | UInt8s | Bools) -> None:
    shapes = {column.shape for column in columns}
    if len(shapes) != 1 or len(columns[0].shape) != 1:
        msg = f"{place}: columns are one-dimensional and equally long; got shapes {sorted(shapes)}"
        raise ContractError(msg)


@frozen(eq=False)
class Readings:
    """Validated rows of one batch, in the order of their arrival.

    Args:
        datastream: int64 numbers, shape (n,), each >= 0.
        time: int64 microseconds UTC, shape (n,): start of the period or instant.
        value: int64, shape (n,), scaled by the datastream's decimals.
        flag: uint8, shape (n,), numbers of `flags.FLAGS`.
        result_time: int64 microseconds UTC, shape (n,); `NO_TIME` where none was given.
        received_at: Instant at which the batch was received, microseconds UTC.

    Raises:
        ContractError: if the columns differ in length.
    """

    datastream: Int64s
    time: Int64s
    value: Int64s
    flag: UInt8s
    result_time: Int64s
    received_at: int

    def __attrs_post_init__(self) -> None:
        _check_lengths(
            "Readings", self.datastream, self.time, self.value, self.flag, self.result_time
        )

    def __len__(self) -> int:
        return len(self.time)


Reading = tuple[int, int, int, int, int]
"""One row of `Readings`: datastream, time, value, flag and result time."""


@frozen(eq=False)
class Small:
    """Few validated rows of one batch, in the order of their arrival, as plain integers.

    Args:
        rows: At least one, as in `Readings`.
        received_at: Instant at which the batch was received, microseconds UTC.
    """

    rows: Sequence[Reading]
    received_at: int

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, readings: Readings) -> Small:
        """Some readings as plain integers."""
        columns = (readings.datastream, readings.time, readings.value, readings.flag)
        rows = zip(*(one.tolist() for one in (*columns, readings.result_time)), strict=True)
        return cls(list(rows), readings.received_at)

    @property
    def readings(self) -> Readings:
        """The same in columns."""
        datastream, time, value, flag, result_time = np.array(self.rows, np.int64).T.copy()
        flags = flag.astype(np.uint8)
        return Readings(datastream, time, value, flags, result_time, self.received_at)


class Tally(NamedTuple):
    """What became of the rows of a small batch: how many were what, and the journal's entry."""

    accepted: int
    duplicate: int
    revised: int
    entry: JournalEntry | None


@frozen(eq=False)
class Landed:
    """What became of the rows of a batch.

    Args:
        status: uint8, shape (n,), in the order of the readings: `ACCEPTED`, `DUPLICATE` or
            `REVISED`.
        entry: The journal's entry; None where nothing changed that a follower could see.
    """

    status: UInt8s
    entry: JournalEntry | None

    def count(self, status: int) -> int:
        """How many rows have a status."""
        return int(np.count_nonzero(self.status == status))

    @property
    def tally(self) -> Tally:
        """How many rows became what."""
        accepted, duplicate, revised = np.bincount(self.status, minlength=3).tolist()
        return Tally(accepted, duplicate, revised, self.entry)


@frozen(eq=False)
class Stored:
    """Current values, one row per datastream and time.

    Args:
        datastream: int64, shape (n,).
        time: int64 microseconds UTC, shape (n,).
        value: int64, shape (n,), scaled by the datastream's decimals.
        flag: uint8, shape (n,).
        result_time: int64 microseconds UTC, shape (n,); `NO_TIME` where none was given.
        batch: int64, shape (n,): the batch that brought the row.
    """

    datastream: Int64s
    time: Int64s
    value: Int64s
    flag: UInt8s
    result_time: Int64s
    batch: Int64s

    def __attrs_post_init__(self) -> None:
        _check_lengths("Stored", *self.columns)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def columns(self) -> tuple[Int64s, Int64s, Int64s, UInt8s, Int64s, Int64s]:
        """All columns, in the order of the arguments."""
        return (
            self.datastream,
            self.time,
            self.value,
            self.flag,
            self.result_time,
            self.batch,
        )

    @property
    def day(self) -> Int64s:
        """Days since 1970-01-01 (UTC), shape (n,)."""
        return self.time // DAY

    def take(self, rows: Int64s | Bools | slice) -> Stored:
        """The rows selected by an index, a mask or a slice."""
        return Stored(
            self.datastream[rows],
            self.time[rows],
            self.value[rows],
            self.flag[rows],
            self.result_time[rows],
            self.batch[rows],
        )

    @classmethod
    def empty(cls) -> Stored:
        """No rows."""
        none = np.empty(0, np.int64)
        return cls(none, none, none, np.empty(0, np.uint8), none, none)

    @classmethod
    def join(cls, parts: list[Stored]) -> Stored:
        """All rows of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([part.datastream for part in parts]),
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.flag for part in parts]),
            np.concatenate([part.result_time for part in parts]),
            np.concatenate([part.batch for part in parts]),
        )

    def overwrite(self, index: Int64s, rows: Stored) -> None:
        """Put what other rows say, key excepted, in place of these rows' at an index."""
        self.value[index] = rows.value
        self.flag[index] = rows.flag
        self.result_time[index] = rows.result_time
        self.batch[index] = rows.batch

    def by_series(self) -> Stored:
        """The same rows ordered by datastream, then time."""
        return self.take(np.lexsort((self.time, self.datastream)))

    @classmethod
    def of(cls, rows: Readings, batch: int, order: Int64s | Bools | slice) -> Stored:
        """Selected readings, as rows of a batch."""
        time = rows.time[order]
        return cls(
            rows.datastream[order],
            time,
            rows.value[order],
            rows.flag[order],
            rows.result_time[order],
            np.full(len(time), batch, np.int64),
        )


@frozen(eq=False)
class Hours:
    """Figures per hour of one datastream; only hours with a measured value are listed.

    Args:
        time: int64 microseconds UTC, shape (n,): start of the hour.
        count: int64, shape (n,): measured values.
        total: int64, shape (n,): their sum, scaled by the datastream's decimals.
        minimum: int64, shape (n,).
        maximum: int64, shape (n,).
    """

    time: Int64s
    count: Int64s
    total: Int64s
    minimum: Int64s
    maximum: Int64s

    def __len__(self) -> int:
        return len(self.time)


@frozen(eq=False)
class Latest:
    """The newest value of each datastream that has one, by datastream number.

    Args:
        datastream: int64, shape (n,).
        time: int64 microseconds UTC, shape (n,).
        value: int64, shape (n,), scaled by the datastream's decimals.
        flag: uint8, shape (n,).
        received_at: int64 microseconds UTC, shape (n,).
    """

    datastream: Int64s
    time: Int64s
    value: Int64s
    flag: UInt8s
    received_at: Int64s = field()

    def __len__(self) -> int:
        return len(self.time)


def without_result_time(rows: int) -> Int64s:
    """A column of result times none of which was given, shape (rows,)."""
    return np.full(rows, NO_TIME, np.int64)
