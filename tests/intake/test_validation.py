"""Validation: a row's result depends on the row, the registers and the arrival alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import DAY, EARLIEST, HOUR, LATEST, MICROSECONDS
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.reasons import ROW_REASONS
from county_gov.intake.validation import FEW, Validated, validate
from county_gov.intake.wire_format import JSON, read
from county_gov.store.observations import FLAG_NUMBERS
from tests.intake.bad_inputs import DATASTREAM, INACTIVE, RECEIVED_AT
from tests.intake.sample_registers import CODES, DAILY, IRREGULAR, SampleRegisters

LIMITS = IntakeLimits()
REGISTERS = SampleRegisters.of()


def check(rows: list[dict[str, Any]], *, now: int | None = None) -> Validated:
    """Rows, decoded and validated."""
    readable = read(json.dumps(rows).encode(), JSON, LIMITS)
    return validate(readable, REGISTERS, received_at=RECEIVED_AT, limits=LIMITS, now=now)


def one(**changes: object) -> dict[str, Any]:
    """A row that is good unless changed."""
    return {"datastream": DATASTREAM, "time": RECEIVED_AT, "value": 1.0} | changes


def codes(validated: Validated) -> list[str]:
    """The codes of the rejected rows."""
    return [rejected.reason.code for rejected in validated.rejected]


@pytest.mark.parametrize(
    ("datastream", "value", "expected"),
    [
        (DATASTREAM, 35.2, 352),
        (DATASTREAM, 0.25, 2),
        (DATASTREAM, 0.35, 4),
        (DATASTREAM, 0.75, 8),
        (DATASTREAM, 1000, 10_000),
        (DAILY, 0.07, 7),
        (DAILY, 8.29, 829),
        (IRREGULAR, -0.5, 0),
        (IRREGULAR, -2.5, -2),
        (IRREGULAR, 2**53 - 1, 2**53 - 1),
    ],
)
def test_values_are_scaled_and_rounded_half_to_even(
    datastream: str, value: float, expected: int
) -> None:
    """A value becomes an integer of the datastream's resolution."""
    assert [expected] == check([one(datastream=datastream, value=value)]).readings.value.tolist()


@pytest.mark.parametrize("value", [2**53, -(2**53), 1e300])
def test_values_beyond_exactness_are_rejected(value: float) -> None:
    """What a double cannot hold exactly after scaling is quarantined."""
    assert ["number_out_of_range"] == codes(check([one(datastream=IRREGULAR, value=value)]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, []), (-0.0, []), (1000, []), (1000.0000001, ["out_of_bounds"]), (-1, ["out_of_bounds"])],
)
def test_bounds_are_inclusive(value: float, expected: list[str]) -> None:
    """The bounds of a datastream belong to it, and are judged before rounding."""
    assert expected == codes(check([one(value=value)]))


def test_times_are_floored_to_the_period() -> None:
    """A reading stands at its hour, at local midnight if daily, else at its instant."""
    rows = [one(), one(datastream=DAILY, value=1), one(datastream=IRREGULAR)]
    hour, day, instant = check(rows).readings.time.tolist()
    assert RECEIVED_AT // HOUR * HOUR == hour
    assert 1_699_977_600 * MICROSECONDS == day  # 2023-11-15T00:00:00+08:00
    assert RECEIVED_AT == instant


@given(st.integers(EARLIEST + DAY, -HOUR) | st.integers(LATEST // 1000 + HOUR, RECEIVED_AT))
def test_flooring_never_moves_forward_and_is_stable(time: int) -> None:
    """A floored time lies within one period before the time, and floors to itself."""
    (floored,) = check([one(time=time)]).readings.time.tolist()
    assert 0 <= time - floored < HOUR
    assert [floored] == check([one(time=floored)]).readings.time.tolist()


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (RECEIVED_AT + HOUR, []),
        (RECEIVED_AT + HOUR + 1, ["future_time"]),
        (EARLIEST, []),
        (EARLIEST - 1, ["time_out_of_range"]),
        (LATEST, ["time_out_of_range"]),
        (2**63 - 1, ["time_out_of_range"]),
        (-(2**63) + 1, ["time_out_of_range"]),
        (-(2**63), ["number_out_of_range"]),
        (2**63, ["number_out_of_range"]),
    ],
)
def test_times_are_bounded(time: int, expected: list[str]) -> None:
    """Times before 1900, from 2100 on, too far in the future or beyond 64 bits are quarantined."""
    assert expected == codes(check([one(datastream=IRREGULAR, time=time)]))
    assert expected == codes(check([one(result_time=time)]))


def test_a_day_that_begins_before_1900_is_rejected() -> None:
    """The floored time is bounded as well."""
    assert ["time_out_of_range"] == codes(check([one(datastream=DAILY, time=EARLIEST)]))


def test_a_later_look_allows_what_was_future() -> None:
    """Judged again later, a time that lay in the future no longer does; the arrival stays."""
    future = [one(time=RECEIVED_AT + DAY)]
    assert ["future_time"] == codes(check(future))
    later = check(future, now=RECEIVED_AT + DAY)
    assert [] == codes(later)
    assert RECEIVED_AT == later.readings.received_at


def test_flags_and_result_times_are_kept() -> None:
    """Flags become numbers; an absent result time is NO_TIME."""
    readings = check([one(), one(flag="suspect", result_time=RECEIVED_AT), one(flag=None)]).readings
    assert [0, FLAG_NUMBERS["suspect"], 0] == readings.flag.tolist()
    assert [NO_TIME, RECEIVED_AT, NO_TIME] == readings.result_time.tolist()


@pytest.mark.parametrize(
    ("row", "code", "words"),
    [
        (one(datastream="nothing"), "unknown_datastream", "register it"),
        (one(datastream=INACTIVE), "inactive_datastream", INACTIVE),
        (one(flag="fautly"), "unknown_flag", "did you mean 'faulty'"),
        (one(value=1e4), "out_of_bounds", "0 to 1000"),
        (one(time=RECEIVED_AT + DAY), "future_time", "82800 s"),
    ],
)
def test_a_rejected_row_says_why(row: dict[str, Any], code: str, words: str) -> None:
    """A reason has a code, a sentence with the way out, and the row's raw text beside it."""
    (rejected,) = check([row]).rejected
    assert code == rejected.reason.code
    assert words in rejected.reason.message
    assert row["datastream"] == rejected.datastream
    assert row == json.loads(rejected.raw)


rows = st.fixed_dictionaries(
    {
        "datastream": st.sampled_from([*CODES, "nothing"]),
        "time": st.integers(-(2**64), 2**64)
        | st.integers(RECEIVED_AT - DAY, RECEIVED_AT + 2 * HOUR)
        | st.sampled_from(["2023-11-14T21:00:00+08:00", "never"]),
        "value": st.floats(-10, 1010) | st.sampled_from([2.0**53, -1e308, 1e308]),
    },
    optional={
        "flag": st.sampled_from(["", "faulty", "broken", None]),
        "result_time": st.integers(RECEIVED_AT - DAY, RECEIVED_AT + 2 * HOUR) | st.none(),
    },
)


@given(st.lists(rows, min_size=FEW + 1, max_size=3 * FEW))
def test_a_result_depends_on_no_other_row(batch: list[dict[str, Any]]) -> None:
    """A row among many comes out as it does alone, with a reason that is documented."""
    together = check(batch)
    alone = [check([row]) for row in batch]
    readings = [part.readings for part in alone]
    assert np.concatenate([part.value for part in readings]).tolist() == (
        together.readings.value.tolist()
    )
    for name in ("datastream", "time", "flag", "result_time"):
        expected = np.concatenate([getattr(part, name) for part in readings]).tolist()
        assert expected == getattr(together.readings, name).tolist()
    assert [code for part in alone for code in codes(part)] == codes(together)
    assert {*codes(together)} <= ROW_REASONS.keys() - {"malformed_row"}
    assert len(batch) == len(together.readings) + len(together.rejected)
