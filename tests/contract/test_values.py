"""Forms: what is taken, what is refused, and the one shape in which it is kept."""

from __future__ import annotations

import unicodedata
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.contract.values import from_words, normalise, to_value

T = Text("题")
FORM = Schema(
    fields=(
        Field("count", "int64", T, required=False, minimum=0, maximum=10),
        Field("share", "float64", T, required=False),
        Field("amount", "int64", T, required=False, decimals=2, maximum=1_000),
        Field("seen", "bool", T, required=False),
        Field("line", "text", T, required=False, minimum=2, maximum=5),
        Field("lines", "text", T, required=False, multiline=True),
        Field("at", "instant", T, required=False),
        Field("day", "date", T, required=False),
        Field("kind", "text", T, required=False, choices=(("a", T), ("b", T))),
    )
)

REFUSED: list[tuple[str, Any]] = [
    ("count", 1.0),
    ("count", True),
    ("count", "1"),
    ("count", -1),
    ("count", 11),
    ("count", 2**63),
    ("count", 10**5000),
    ("share", float("nan")),
    ("share", float("inf")),
    ("share", 10**400),
    ("share", "0.5"),
    ("share", False),
    ("amount", 0.001),
    ("amount", 1_000.01),
    ("amount", float("-inf")),
    ("amount", 10**5000),
    ("amount", True),
    ("seen", 1),
    ("seen", "true"),
    ("line", 1),
    ("line", "x"),
    ("line", "xxxxxx"),
    ("line", "a\x00b"),
    ("line", "a\nb"),
    ("line", "a\ud800b"),
    ("line", "a\u202eb"),
    ("line", "a\u2028b"),
    ("line", "a\x1bb"),
    ("line", ["ab"]),
    ("line", {"a": "b"}),
    ("lines", "x" * 10_001),
    ("lines", "a\rb"),
    ("lines", "a\x7fb"),
    ("at", "2026-03-01T08:00:00"),
    ("at", "yesterday"),
    ("at", "0001-01-01T00:00:00+14:00"),
    ("at", 2**62),
    ("at", 1.5),
    ("at", "1899-12-31T23:59:59Z"),
    ("at", "2100-01-01T00:00:00Z"),
    ("day", "2026-02-30"),
    ("day", "01.03.2026"),
    ("day", -(10**6)),
    ("day", "2100-01-01"),
    ("day", True),
    ("kind", "c"),
    ("kind", "A"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_what_a_field_does_not_take(name: str, value: object) -> None:
    """The problem names the field, and its words can be stored and sent."""
    _, problems = normalise(FORM, {name: value})
    assert [name] == [one.place for one in problems]
    problems[0].message.encode()


TAKEN: list[tuple[str, Any, Any]] = [
    ("count", 10, 10),
    ("share", 1, 1.0),
    ("share", -0.5, -0.5),
    ("amount", 999.99, 99_999),
    ("amount", 1_000, 100_000),
    ("amount", -0.07, -7),
    ("seen", False, False),
    ("line", " ab ", "ab"),
    ("line", "e\u0301e\u0301", "éé"),
    ("line", "", None),
    ("line", " \t ", None),
    ("lines", "a\r\nb\tc", "a\nb\tc"),
    ("at", "2026-03-01T08:00:00+08:00", 1_772_323_200_000_000),
    ("at", "2026-03-01T00:00:00Z", 1_772_323_200_000_000),
    ("at", 0, 0),
    ("day", "1970-01-02", 1),
    ("day", -1, -1),
    ("kind", "b", "b"),
    ("kind", None, None),
]


@pytest.mark.parametrize(("name", "value", "kept"), TAKEN)
def test_what_a_field_takes(name: str, value: object, kept: object) -> None:
    """A value is kept in the field's one shape."""
    values, problems = normalise(FORM, {name: value})
    assert [] == problems
    assert (kept, type(kept)) == (values[name], type(values[name]))


def test_every_field_has_a_value_afterwards() -> None:
    """What was not given is None, so that no value of an earlier event shines through."""
    values, problems = normalise(FORM, {})
    assert ([], [one.name for one in FORM.fields], {None}) == (
        problems,
        list(values),
        set(values.values()),
    )


@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_required_must_be_there(value: object) -> None:
    """Neither nothing nor blanks satisfy a required field."""
    form = Schema(fields=(Field("name", "text", T),))
    for data in ({"name": value}, {}):
        _, problems = normalise(form, data)
        assert ["name: is required"] == [str(one) for one in problems]


def test_unknown_fields_are_named_with_the_near_one() -> None:
    """A slip of the pen gets the field that was meant; a flood of fields is cut short."""
    _, problems = normalise(FORM, {"cuont": 1})
    assert "did you mean 'count'?" in problems[0].message
    _, problems = normalise(FORM, {f"x{number}\ud800": 1 for number in range(1000)})
    assert 21 == len(problems)
    assert "980 more" in problems[-1].message


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
)


@given(st.dictionaries(st.sampled_from(sorted(FORM.names)) | st.text(), anything))
def test_whatever_comes_is_taken_or_named(data: dict[str, object]) -> None:
    """No input raises; what is taken is normal, and is taken again as it is."""
    values, problems = normalise(FORM, data)
    for one in problems:
        str(one).encode()
    if problems:
        return
    for value in values.values():
        if isinstance(value, str):
            assert unicodedata.normalize("NFC", value) == value
    plain = {name: value for name, value in values.items() if name != "amount"}
    assert plain == {
        name: value for name, value in normalise(FORM, plain)[0].items() if name != "amount"
    }


@given(st.integers(-(10**7), 99_999))
def test_amounts_survive_the_way_there_and_back(cents: int) -> None:
    """Every amount with two decimals, written as a person writes it, is kept exactly."""
    word = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
    read = from_words(FORM, {"amount": word}, ZoneInfo("Asia/Shanghai"))
    assert ({"amount": cents}, []) == (
        {"amount": normalise(FORM, read)[0].get("amount")},
        normalise(FORM, read)[1],
    )


def test_texts_of_an_html_form_become_values() -> None:
    """Local times get the county's offset, ticked boxes are true, empty fields are nothing."""
    read = from_words(
        FORM,
        {"count": "3", "share": "0.5", "seen": "on", "line": "", "at": "2026-03-01T08:00"},
        ZoneInfo("Asia/Shanghai"),
    )
    values, problems = normalise(FORM, read)
    assert [] == problems
    assert (3, 0.5, True, None, 1_772_323_200_000_000) == tuple(
        values[name] for name in ("count", "share", "seen", "line", "at")
    )
    assert from_words(FORM, {}, ZoneInfo("UTC"))["seen"] is False


@given(st.dictionaries(st.sampled_from(sorted(FORM.names)), st.text()))
def test_no_text_of_an_html_form_raises(words: dict[str, str]) -> None:
    """Whatever is typed is read or stays what it is, and is then taken or named."""
    normalise(FORM, from_words(FORM, words, ZoneInfo("Asia/Shanghai")))


@pytest.mark.parametrize("word", ["1e999999999", "9" * 10_000, "NaN", "Infinity", "-0x1"])
def test_numbers_that_would_cost_dear_are_refused(word: str) -> None:
    """A number that would fill the memory when written out is only a bad number."""
    for name in ("count", "share", "amount"):
        read = from_words(FORM, {name: word}, ZoneInfo("UTC"))
        assert [name] == [one.place for one in normalise(FORM, read)[1]]


@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_exact_numbers_come_back_as_they_were_written(scaled: int, decimals: int) -> None:
    """What is stored of an exact number is told in its unit, and is stored alike again."""
    one = Field("amount", "int64", T, decimals=decimals)
    told = to_value(one, scaled)
    assert ({"amount": scaled}, []) == normalise(Schema((one,)), {"amount": told})


def test_days_come_back_as_texts() -> None:
    """A day is a number where it is stored, and an ISO text for who reads it."""
    one = Field("day", "date", T)
    assert "2026-06-01" == to_value(one, normalise(Schema((one,)), {"day": "2026-06-01"})[0]["day"])
    assert to_value(one, None) is None
    assert True is to_value(Field("seen", "bool", T), True)


def test_more_digits_than_a_number_holds_are_refused() -> None:
    """An exact number with more digits than are kept is named, not rounded."""
    one = Schema((Field("amount", "float64", T, decimals=2),))
    words = from_words(one, {"amount": "90071992547409931.25"}, ZoneInfo("Asia/Shanghai"))
    assert ["amount"] == [problem.place for problem in normalise(one, words)[1]]
