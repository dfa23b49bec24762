"""Instants: RFC 3339 texts alone and by the thousand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.intake.instants import FEW, parse_instant, parse_instants

VALID = {
    "1970-01-01T00:00:00Z": 0,
    "1970-01-01T00:00:00.000001Z": 1,
    "1970-01-01T08:00:00+08:00": 0,
    "1969-12-31T16:00:00-08:00": 0,
    "1970-01-01 00:00:01z": 1_000_000,
    "1970-01-01t00:00:00.123456789Z": 123_456,
    "1970-01-01T00:00:00.5-00:00": 500_000,
    "2000-02-29T00:00:00Z": 951_782_400_000_000,
    "2023-11-14T22:13:20Z": 1_700_000_000_000_000,
    "1900-01-01T00:00:00Z": -2_208_988_800_000_000,
    "9999-12-31T23:59:59Z": 253_402_300_799_000_000,
}
INVALID = (
    "",
    "2023",
    "1700000000000000",
    "2023-11-14",
    "2023-11-14T22:13:20",
    "2023-11-14T22:13Z",
    "2023-11-14T22:13:20.Z",
    "2023-11-14T22:13:20,5Z",
    "2023-11-14T22:13:20.1234567890Z",
    "2023-11-14T22:13:20+0800",
    "2023-11-14T22:13:20+08",
    "2023-11-14T22:13:20+24:00",
    "2023-11-14T22:13:20+08:60",
    "2023-11-14_22:13:20Z",
    "2023-13-14T22:13:20Z",
    "2023-00-14T22:13:20Z",
    "2023-11-31T22:13:20Z",
    "2023-11-00T22:13:20Z",
    "2023-02-29T22:13:20Z",
    "1900-02-29T22:13:20Z",
    "0000-01-01T00:00:00Z",
    "2023-11-14T24:00:00Z",
    "2023-11-14T22:60:20Z",
    "2023-11-14T22:13:60Z",
    " 2023-11-14T22:13:20Z",
    "2023-11-14T22:13:20Z ",
    "2023-11-14T22:13:20Z\n",
    "+023-11-14T22:13:20Z",
    "２023-11-14T22:13:20Z",
    "2023-11-14T22:13:20\N{MINUS SIGN}08:00",
)
instants = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - hypothesis wants it naive
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
near_misses = st.text("0123456789-+:.TZtz ２", min_size=19, max_size=36)


@pytest.mark.parametrize(("text", "expected"), VALID.items())
def test_a_valid_text_gives_its_instant(text: str, expected: int) -> None:
    """RFC 3339 with an offset is read, alone and among many."""
    assert expected == parse_instant(text)
    many, readable = parse_instants([text] * (FEW + 1))
    assert readable.all()
    assert {expected} == set(many.tolist())


@pytest.mark.parametrize("text", INVALID)
def test_an_invalid_text_is_refused(text: str) -> None:
    """What is not RFC 3339 with an offset, or no instant, is refused, alone and among many."""
    assert parse_instant(text) is None
    _, readable = parse_instants([text] * (FEW + 1))
    assert not readable.any()


@given(st.lists(instants, min_size=1, max_size=2 * FEW))
def test_instants_survive_the_round_trip(moments: list[datetime]) -> None:
    """What Python writes as ISO text is read as the same instant."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [(moment - epoch) // timedelta(microseconds=1) for moment in moments]
    read, readable = parse_instants([moment.isoformat() for moment in moments])
    assert readable.all()
    assert expected == read.tolist()


@given(st.lists(near_misses | instants.map(datetime.isoformat), min_size=FEW + 1, max_size=60))
def test_many_are_read_as_each_alone(texts: list[str]) -> None:
    """The parser of columns and the parser of one text agree on every text."""
    read, readable = parse_instants(texts)
    expected = [parse_instant(text) for text in texts]
    assert expected == [
        instant if good else None
        for instant, good in zip(read.tolist(), readable.tolist(), strict=True)
    ]


def test_texts_with_line_feeds_do_not_shift_their_neighbours() -> None:
    """A text that holds two others and a line feed is refused; its neighbours are not moved."""
    one = "2023-11-14T22:13:20Z"
    texts = [f"{one}\n{one}", "", one] * FEW
    _, readable = parse_instants(texts)
    assert [False, False, True] * FEW == readable.tolist()
    assert np.bool_ == readable.dtype
