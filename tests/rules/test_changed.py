"""What the journal tells of records and parameters."""

from __future__ import annotations

import pytest

from county_gov.errors import StoreError
from county_gov.rules.changed import FIRST_DAY, Changed, read_change


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (None, Changed(FIRST_DAY, None)),
        (b"20000", Changed(20000, None)),
        (b'{"day":20000,"keys":["west"]}', Changed(20000, frozenset({"west"}))),
        (b'{"day":null,"keys":["west"]}', Changed(FIRST_DAY, frozenset({"west"}))),
    ],
)
def test_a_day_and_whose_it_is(payload: bytes | None, expected: Changed) -> None:
    """What is not told may be any."""
    assert expected == read_change(payload)


@pytest.mark.parametrize("payload", [b"x", b'"2026"', b'{"day":"2026"}', b"[1]"])
def test_anything_else_is_refused(payload: bytes) -> None:
    """With what was expected and what came."""
    with pytest.raises(StoreError, match="journal: expected a day, or day and keys, got"):
        read_change(payload)


def test_changes_are_taken_together() -> None:
    """From the first day of both, for the keys of both; for all where one is for all."""
    west, east = Changed(5, frozenset({"west"})), Changed(3, frozenset({"east"}))

    assert west == west.joined(None)
    assert Changed(3, frozenset({"west", "east"})) == west.joined(east)
    assert Changed(3, None) == Changed(5, None).joined(east)
