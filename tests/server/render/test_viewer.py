"""Addresses, numbers, moments and raw bytes as people read them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.text import Text
from county_gov.server.render import Address, Pager, Renderer
from county_gov.server.render.address import harmless
from county_gov.server.render.raw import editable, readable
from county_gov.server.render.viewer import Viewer
from tests.server.render.specimen_views import HOUR, MINUTE, NOW
from tests.server.render.specimens import bare

DAY = 24 * HOUR


def viewer(language: str = "zh", timezone: str = "Asia/Shanghai") -> Viewer:
    """Somebody who looks at the specimens' moment."""
    return Viewer(language, NOW, ZoneInfo(timezone), Address.parse("/list"))


@pytest.mark.parametrize(
    ("at", "zh", "en"),
    [
        (NOW - 5_000_000, "刚刚", "just now"),
        (NOW - MINUTE, "1 分钟前", "1 minute ago"),
        (NOW - 59 * MINUTE, "59 分钟前", "59 minutes ago"),
        (NOW - 3 * HOUR - 40 * MINUTE, "3 小时前", "3 hours ago"),
        (NOW - 2 * DAY, "2 天前", "2 days ago"),
        (NOW + 3 * HOUR - 2_000_000, "3 小时后", "in 3 hours"),
        (NOW + 5 * DAY, "5 天后", "in 5 days"),
    ],
)
def test_distances_are_told_in_words(at: int, zh: str, en: str) -> None:
    """What lies near is told as a distance, in both languages."""
    draw = Renderer.build()
    for language, expected in (("zh", zh), ("en", en)):
        source = '{% from "_parts.html" import distance %}{{ distance(viewer.moment(at)) }}'
        template = draw.environments[language].from_string(source)
        assert expected == template.render(viewer=viewer(language), at=at)


def test_what_lies_far_is_told_by_its_date() -> None:
    """After thirty days only the date is told, with its year where it is another."""
    moment = viewer().moment(NOW - 400 * DAY)
    assert ("far", "2024-12-25 16:00") == (moment.distance, moment.exact)
    assert "2026-01-29 16:00:00 UTC+08:00" == viewer().moment(NOW).full


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (0, 0, "0"),
        (-0.5, 1, "-0.5"),
        (150.0, 4, "150"),
        (1234567.891, 2, "1,234,567.89"),
        (None, 1, "—"),
    ],
)
def test_numbers_have_grouped_digits_and_no_zeros_at_their_end(
    value: float | None, decimals: int, expected: str
) -> None:
    """A number keeps its decimals but for zeros that say nothing; an unknown one is a dash."""
    assert (expected, expected) == (
        viewer("zh").number(value, decimals),
        viewer("en").number(value, decimals),
    )


def test_numbers_of_a_column_stand_in_line() -> None:
    """All numbers of a column have as many decimals as the one that needs most."""
    values = (114.0, 66.5, None, 3.25)
    digits = viewer("zh").digits(values, 4)
    assert 2 == digits
    assert ["114.00", "66.50", "—", "3.25"] == [viewer("zh").number(v, 4, digits) for v in values]


@given(
    st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1))),
    st.text(min_size=1),
    st.text(min_size=1),
)
def test_an_address_keeps_what_was_not_changed(
    query: list[tuple[str, str]], name: str, value: str
) -> None:
    """A changed parameter has its new value, every other stays, and the text reads back."""
    address = Address("/list", tuple(query)).having({name: value})
    assert value == address.get(name)
    kept = [pair for pair in query if pair[0] != name]
    assert kept == [pair for pair in address.query if pair[0] != name]
    assert not Address("/list", address.query).without(name).get(name)


@given(st.text())
def test_an_address_never_names_a_host(target: str) -> None:
    """Whatever a request asks for, links made from it stay on this server."""
    address = str(Address.parse(target))
    assert address.startswith("/")
    assert not address.startswith(("//", "/\\"))
    assert "" == urlsplit(address).netloc
    assert address == str(Address.parse(address))
    assert list(Address.parse(target).query) == parse_qsl(urlsplit(address).query)


@pytest.mark.parametrize(
    "href", ["/cases/1", "/", "?page=2", "#main", "https://example.org/x", "/a?b=%2F%2F"]
)
def test_ordinary_addresses_are_links(href: str) -> None:
    """Paths, queries, anchors and http addresses pass unchanged."""
    assert href == harmless(href)


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "cases/1",
        "",
    ],
)
def test_dangerous_addresses_are_no_links(href: str) -> None:
    """What a browser would run or read as another host is refused."""
    assert "" == harmless(href)


@given(st.integers(0, 5_000), st.integers(1, 300), st.integers(1, 100))
def test_a_pager_shows_the_ends_and_the_neighbours(total: int, page: int, size: int) -> None:
    """Linked pages exist, rise, and include the first, the last and the one shown."""
    pager = Pager("list", total, min(page, max(1, -(-total // size))), size)
    linked = [number for number in pager.near() if number is not None]
    assert sorted(set(linked)) == linked
    assert {1, pager.page, pager.pages} <= set(linked)
    assert all(1 <= number <= pager.pages for number in linked)
    assert 0 <= pager.first <= pager.last <= total


@given(st.binary(max_size=200))
def test_raw_bytes_hide_nothing(raw: bytes) -> None:
    """Whatever came in, what is shown has only characters that can be seen."""
    shown = readable(raw)
    assert all(one.isprintable() or one in "\n\t" or one.isspace() for one in shown)
    assert not set(shown) & set("\u202e\u200f\u2066\ufeff\x00\x1b")


def test_raw_bytes_are_read_as_chinese_encodings() -> None:
    """UTF-8 and GB18030 are read, and only UTF-8 text may be edited in place."""
    assert ("示范站", "示范站") == (
        readable("示范站".encode()),
        readable("示范站".encode("gb18030")),
    )
    assert (True, False) == (editable("示范站".encode()), editable("示范站".encode("gb18030")))
    assert not editable("a\u202eb".encode())


def test_text_falls_back_to_chinese() -> None:
    """A text without English is shown in Chinese, a bare string as it is."""
    assert ("站", "a.b") == (viewer("en").text(Text(zh="站")), viewer("en").text("a.b"))


def test_a_page_without_navigation_has_no_rail() -> None:
    """Before login there is no navigation, and no account."""
    html = Renderer.build().page(
        "login.html",
        language="en",
        chrome=bare(Text(zh="登录", en="Log in"), "/login"),
        login="",
        next="/",
        error=None,
    )
    assert 'class="rail"' not in html
    assert 'class="who"' not in html
