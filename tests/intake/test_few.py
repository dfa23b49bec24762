"""The short way in finds what the general way finds, and leaves to it what it does not know."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.clock import EARLIEST, LATEST
from county_gov.errors import IntakeError
from county_gov.intake.few import read_few
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.validation import FEW, validate
from county_gov.intake.wire_format import JSON, read
from county_gov.store.observations.rows import Reading, Small
from tests.intake.bad_inputs import BAD_INPUTS, GOOD, RECEIVED_AT, BadInput
from tests.intake.sample_registers import CODES, SampleRegisters

LIMITS = IntakeLimits()
REGISTERS = SampleRegisters.of()


def briefly(raw: bytes, wire_format: str = JSON) -> list[Reading] | None:
    """The short way."""
    latest = RECEIVED_AT + LIMITS.future_tolerance
    return read_few(raw, wire_format, REGISTERS, latest=latest, limits=LIMITS)


def generally(raw: bytes, wire_format: str = JSON) -> list[Reading] | None:
    """The general way; None where it refuses or rejects anything."""
    try:
        readable = read(raw, wire_format, LIMITS)
    except IntakeError:
        return None
    validated = validate(readable, REGISTERS, received_at=RECEIVED_AT, limits=LIMITS)
    return None if validated.rejected else list(Small.of(validated.readings).rows)


TIMES = st.one_of(
    st.integers(RECEIVED_AT - 10**13, RECEIVED_AT + 10**9),
    st.integers(EARLIEST - 10**9, LATEST + 10**9),
    st.integers(-(2**70), 2**70),
    st.datetimes().map(lambda at: at.isoformat() + "+08:00"),
    st.sampled_from(["2023-11-14T20:00:00Z", "2023-11-14t20:00:00.123456789+00:00", "", "now"]),
)
ROWS = st.fixed_dictionaries(
    {
        "datastream": st.sampled_from([*CODES, "nothing", "图"]),
        "time": TIMES,
        "value": st.one_of(
            st.integers(-10, 1100), st.floats(0, 1000), st.floats(allow_nan=False), st.none()
        ),
    },
    optional={
        "result_time": st.none() | TIMES,
        "flag": st.sampled_from([None, "", "suspect", "faulty", "odd", 3]),
        "extra": st.just(1),
    },
)


@given(st.lists(ROWS, max_size=FEW + 2) | ROWS, st.booleans(), st.sampled_from([None, 1]))
def test_both_ways_find_the_same(rows: Any, ascii_only: bool, indent: int | None) -> None:
    """Whatever the short way takes, the general way finds the same readings in."""
    raw = json.dumps(rows, ensure_ascii=ascii_only, indent=indent, allow_nan=True).encode()
    found = briefly(raw)
    if found is not None:
        assert generally(raw) == found


@given(st.lists(st.sampled_from(CODES[:4]), min_size=1, max_size=FEW), st.integers(0, 1000))
def test_few_good_rows_go_the_short_way(codes: list[str], value: int) -> None:
    """The general way is spared what it is dear for."""
    rows = [{**GOOD, "datastream": code, "value": value, "flag": "suspect"} for code in codes]
    raw = json.dumps(rows).encode()
    assert generally(raw) == briefly(raw)
    assert len(rows) == len(briefly(raw) or ())


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad.name)
def test_bad_input_is_left_to_the_general_way(bad: BadInput) -> None:
    """Nothing bad goes the short way."""
    assert briefly(bad.body(), bad.content_type) is None


@pytest.mark.parametrize(
    "text",
    [
        '[{"datastream":"test.pm25","time":"2023-11-14T20:00:00Z","value":1,"value":2}]',
        '{"datastream":"test.pm25","datastream":"test.daily","time":1600000000000000,"value":1}',
        '[{"datastream":"test.pm25","time":1600000000000000,"value":1,"flag":null,"flag":""}]',
        '{"observations":[]}',
        "[]",
        "",
    ],
)
def test_what_is_not_plain_is_left_to_the_general_way(text: str) -> None:
    """A key given twice, an envelope, or nothing at all."""
    assert briefly(text.encode()) is None


def test_limits_hold_on_the_short_way() -> None:
    """Fewer rows or bytes than are sent may be all that a deployment takes."""
    raw = json.dumps([GOOD, GOOD]).encode()
    for limits in (IntakeLimits(max_rows=1), IntakeLimits(max_bytes=20)):
        assert read_few(raw, JSON, REGISTERS, latest=RECEIVED_AT, limits=limits) is None
