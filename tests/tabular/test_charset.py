"""Charsets: told from the bytes only where one answer is possible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.errors import MalformedDelivery, UnsupportedWireFormat
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.wire_format import read
from county_gov.tabular.charset import detect_charset, known_charset

HEADER = "datastream,time,value\n"


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("奥体中心.pm25", "utf-8"),
        ("奥体中心.pm25", "gb18030"),
        ("东城站,1,2", "utf-8"),
        ("东城站,1,2", "gb18030"),
        ("plain", "utf-8"),
    ],
)
def test_the_charset_is_told_from_the_bytes(text: str, charset: str) -> None:
    """Chinese text in either charset is recognised."""
    assert charset == detect_charset((HEADER + text).encode(charset))


@pytest.mark.parametrize("text", ["µg/m³", "±2"])
def test_an_unclear_charset_is_not_guessed(text: str) -> None:
    """Bytes that mean something in both charsets are refused with the way out."""
    with pytest.raises(MalformedDelivery, match="charset=gb18030"):
        detect_charset((HEADER + text).encode())


def test_bytes_of_no_charset_are_refused() -> None:
    """Bytes that are neither are refused with their place."""
    with pytest.raises(MalformedDelivery, match="byte 1"):
        detect_charset(b"a\xff\xff")


def test_a_mark_decides() -> None:
    """A byte order mark means UTF-8, even where the bytes are unclear."""
    assert "utf-8" == detect_charset(b"\xef\xbb\xbf" + "µg".encode())


@pytest.mark.parametrize("name", ["UTF-8", "utf8", "GBK", "gb2312", "GB18030", "cp936"])
def test_common_names_are_known(name: str) -> None:
    """The usual names of the two charsets are known."""
    assert known_charset(name) in {"utf-8", "gb18030"}


def test_other_charsets_are_refused() -> None:
    """A charset that is not read is refused by name."""
    with pytest.raises(UnsupportedWireFormat, match="big5"):
        known_charset("big5")


@given(st.text(st.characters(codec="gb18030", exclude_categories=("C", "Z", "P")), min_size=1))
def test_a_named_charset_is_always_read(code: str) -> None:
    """Whatever GB18030 can spell is read back when the charset is named."""
    raw = f"{HEADER}{code},-1,2\n".encode("gb18030")
    readable = read(raw, "text/csv; charset=GB18030", IntakeLimits())
    assert [code] == readable.batch["datastream"].tolist()
    (text,) = readable.raw_of([0])
    assert [code] == read(text, readable.row_format, IntakeLimits()).batch["datastream"].tolist()
