"""What every decoder hands on: rows that could be read, rows that could not, and their raw text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen
from msgspec import UNSET, UnsetType

from county_gov.contract.batch import NO_TIME, Batch, Bools, Int64s
from county_gov.contract.clock import LATEST
from county_gov.contract.source import Decoded, Reason
from county_gov.intake.instants import parse_instant, parse_instants
from county_gov.intake.reasons import Fault

ROW_FORMAT = "application/vnd.county-gov.row+json"
"""One row as one JSON object: how a row that came among others in JSON is quarantined."""

TimeText = int | str
RawOf = Callable[[Sequence[int]], list[bytes]]
"""The raw text of the rows with these numbers; each can be decoded by itself."""

INT64 = np.iinfo(np.int64)
MISTAKEN = LATEST // 1000
"""An integer from 0 to here is a time of today in seconds or milliseconds. As microseconds it would
lie before 17 February 1970; such times are sent as RFC 3339."""
CONTROL = re.compile(r"[\x00-\x1f]")


@frozen
class Refused:
    """A row that could not be read.

    Args:
        reason: Why.
        raw: Its raw text, which can be decoded by itself.
        datastream: Code of its datastream, as far as it could be read.
    """

    reason: Reason
    raw: bytes
    datastream: str = ""


@frozen(eq=False)
class Readable:
    """A decoded delivery, and how to get at the raw text of a row of it.

    Args:
        batch: The readable rows, with the columns that `Decoded` describes.
        rows: int64, shape (batch.rows,): each row's number within the delivery.
        refused: The other rows.
        raw_of: Gives the raw text of rows; called only when rows are rejected after decoding.
        row_format: Wire format of what ``raw_of`` gives.
        refused_format: Wire format of the raw texts in ``refused``.
    """

    batch: Batch
    rows: Int64s
    refused: tuple[Refused, ...]
    raw_of: RawOf
    row_format: str = ROW_FORMAT
    refused_format: str = ROW_FORMAT

    @property
    def decoded(self) -> Decoded:
        """The same as a source's ``decode`` gives it."""
        rejected = tuple((one.reason, one.raw) for one in self.refused)
        return Decoded(self.batch, self.rows, rejected)


@frozen(eq=False)
class Columns:
    """Columns as they stood in a delivery: times may still be texts, absent values None or UNSET.

    Args:
        rows: Number of each row within the delivery, or None for 0, 1, 2, …
    """

    datastream: Sequence[str]
    time: Sequence[TimeText]
    value: Sequence[float]
    result_time: Sequence[TimeText | UnsetType | None] | None = None
    flag: Sequence[str | UnsetType | None] | None = None
    rows: Sequence[int] | None = None


def assemble(
    columns: Columns,
    raw_of: RawOf,
    *,
    row_format: str = ROW_FORMAT,
    refused: Sequence[Refused] = (),
    check_texts: bool = False,
) -> Readable:
    """Understand the times of the columns and make a batch of the rows that are readable.

    Args:
        columns: What was read.
        raw_of: As in `Readable`.
        row_format: As in `Readable`.
        refused: Rows that were not readable.
        check_texts: Whether the texts may hold control characters (JSON without a backslash and
            CSV that was checked cannot).
    """
    count = len(columns.datastream)
    rows = np.arange(count) if columns.rows is None else np.array(columns.rows, dtype=np.int64)
    faults: dict[int, Fault] = {}
    times = _instants("time", columns.time, faults)
    batch = {"datastream": _texts(columns.datastream), "time": times}
    batch["value"] = np.fromiter(columns.value, dtype=np.float64, count=count)
    if columns.result_time is not None:
        given = [None if one is UNSET else one for one in columns.result_time]
        batch["result_time"] = _instants("result_time", given, faults)
    if columns.flag is not None:
        batch["flag"] = _texts(["" if flag is UNSET else flag or "" for flag in columns.flag])
    if check_texts:
        _check_texts(columns, faults)
    if faults:
        good = np.ones(count, dtype=np.bool_)
        good[list(faults)] = False
        numbers = rows[list(faults)].tolist()
        codes = [columns.datastream[index] for index in faults]
        found = zip(faults.values(), numbers, raw_of(numbers), codes, strict=True)
        both = [*refused, *(Refused(one.at(row), raw, code) for one, row, raw, code in found)]
        refused = sorted(both, key=lambda one: one.reason.row or 0)
        batch = {name: column[good] for name, column in batch.items()}
        rows = rows[good]
    return Readable(Batch(batch), rows, tuple(refused), raw_of, row_format, row_format)


def _texts(values: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    texts = np.empty(len(values), dtype=np.object_)
    texts[:] = values
    return texts


def _check_texts(columns: Columns, faults: dict[int, Fault]) -> None:
    """Refuse control characters, which JSON can spell with a backslash."""
    for name, values in (("datastream", columns.datastream), ("flag", columns.flag or ())):
        for index, text in enumerate(values):
            if isinstance(text, str) and CONTROL.search(text):
                message = f"{name} holds a control character; remove it"
                faults.setdefault(index, Fault("control_character", message, name, text))


def _instants(name: str, values: Sequence[TimeText | None], faults: dict[int, Fault]) -> Int64s:
    """Instants of a column; what cannot be understood is noted in ``faults``."""
    instants, good = read_instants(values)
    if good.all():
        return instants
    for index in np.flatnonzero(~good).tolist():
        value = values[index]
        if isinstance(value, int) and 0 <= value < MISTAKEN:
            message = f"{name} {value} looks like seconds or milliseconds; expected microseconds"
            fault = Fault("invalid_time", message, name, str(value))
        elif isinstance(value, int):
            fault = Fault(
                "number_out_of_range",
                f"{name} lies outside of 64-bit integers; expected microseconds UTC",
                name,
                _digits(value),
            )
        else:
            fault = Fault("invalid_time", _explain_time(name, value or ""), name, value or "")
        faults.setdefault(index, fault)
    return instants


def read_instants(values: Sequence[TimeText | None]) -> tuple[Int64s, Bools]:
    """Instants of integers, RFC 3339 texts and None (`NO_TIME`), and which could be read."""
    first = values[0] if values else None
    if type(first) is int and len(values) > 1:
        column = np.array(values)
        if column.dtype == np.int64:
            return column, (column < 0) & (column != NO_TIME) | (column >= MISTAKEN)
    elif type(first) is str:
        try:
            return parse_instants(values)  # type: ignore[arg-type]
        except TypeError:
            pass
    instants = np.zeros(len(values), dtype=np.int64)
    good = np.ones(len(values), dtype=np.bool_)
    for index, value in enumerate(values):
        if value is None:
            instants[index] = NO_TIME
        elif isinstance(value, str):
            instant = parse_instant(value)
            good[index] = instant is not None
            instants[index] = instant or 0
        elif INT64.min < value < 0 or MISTAKEN <= value <= INT64.max:
            instants[index] = value
        else:
            good[index] = False
    return instants, good


def _digits(value: int) -> str:
    """An integer as text, without spelling out thousands of digits."""
    return str(value) if value.bit_length() < 512 else f"an integer of {value.bit_length()} bits"  # noqa: PLR2004


def _explain_time(name: str, text: str) -> str:
    expected = "expected RFC 3339 with an offset, for example 2026-01-31T08:00:00+08:00"
    if not text:
        return f"{name} is empty; {expected}, or integer microseconds UTC"
    if parse_instant(f"{text}Z") is not None:
        return f"{name} {text[:40]!r} names no offset from UTC; {expected}"
    return f"{name} {text[:40]!r} is not an instant; {expected}"
