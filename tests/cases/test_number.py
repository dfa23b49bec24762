"""Numbers of cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.cases.number import format_number, number_problem, skeleton


@pytest.mark.parametrize(
    "template", ["A{year}{serial}", "信-{county}-{year}-{serial:06}", "{serial:09}/{year}"]
)
def test_usable_formats(template: str) -> None:
    """Formats with the year and the serial, once each, can be used."""
    assert "" == number_problem(template)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "A{serial}",
        "A{year}",
        "{year}{serial}{serial}",
        "{year}{serial}{year}",
        "{year}{serial}{x}",
        "{year}{serial.real}",
        "{year}{serial!r}",
        "{year:04}{serial}",
        "{year}{serial:>6}",
        "{year}{serial",
        "{year}{serial}}",
        "{}{year}{serial}",
        "{year}{serial}" + "x" * 100,
    ],
)
def test_formats_that_would_not_do(template: str) -> None:
    """Anything else is refused with words."""
    assert "" != number_problem(template)


@given(st.lists(st.tuples(st.integers(2000, 2099), st.integers(1, 10**7)), unique=True))
def test_different_serials_have_different_numbers(pairs: list[tuple[int, int]]) -> None:
    """No two of a workflow's cases share a number, beyond the padding as well."""
    template = "{county}{year}{serial:03}"
    numbers = {
        format_number(template, county="990101", year=year, serial=serial) for year, serial in pairs
    }
    assert len(pairs) == len(numbers)


def test_padding_does_not_tell_formats_apart() -> None:
    """Two formats that differ by padding alone have one skeleton."""
    assert skeleton("A{year}{serial:04}") == skeleton("A{year}{serial}")
