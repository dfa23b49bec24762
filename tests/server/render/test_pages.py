"""Every page: safe, complete, in both languages."""

from __future__ import annotations

from html.parser import HTMLParser

import attrs
import pytest
from jinja2 import UndefinedError

from county_gov.contract.page import Row
from county_gov.contract.text import Text
from county_gov.server.render import LANGUAGES, Chrome, Renderer
from tests.server.render.specimens import Specimen, renderer, specimens

PLANT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
ADDRESS = "javascript:alert(1)"
ADDRESSES = frozenset({"export", "search", "login", "logout", "account", "language", "events"})
KEPT = frozenset({"area", "timezone"})
"""Codes and names that decide which drawing or clock is used."""
ROW = {"state": "alarm", "severity": "alarm"}
"""Cells that hold a status."""


class Reader(HTMLParser):
    """Reads a page as a browser would, and keeps what matters."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    @classmethod
    def of(cls, html: str) -> Reader:
        """Read a whole page."""
        reader = cls()
        reader.feed(html)
        reader.close()
        return reader

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Keep every element."""
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        """Keep every text."""
        self.text.append(data)

    def values(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [value for _, given in self.tags if (value := given.get(name)) is not None]


@pytest.fixture(scope="module")
def draw() -> Renderer:
    """The renderer with the demonstration county's map."""
    return renderer()


def page(
    draw: Renderer, specimen: Specimen, language: str = "zh", *, fragment: bool = False
) -> str:
    """Draw a specimen."""
    return draw.page(
        specimen.template,
        language=language,
        chrome=specimen.chrome,
        fragment=fragment,
        **specimen.values,
    )


def planted(value: object) -> object:
    """The same value with a hostile text wherever a text or an address can stand."""
    if isinstance(value, Text):
        return Text(zh=PLANT, en=PLANT)
    if isinstance(value, tuple):
        return tuple(planted(one) for one in value)
    if isinstance(value, Row):
        cells = {
            name: ROW.get(name, PLANT) if isinstance(cell, str) else cell
            for name, cell in value.cells.items()
        }
        return Row(cells, dict.fromkeys(value.texts, Text(zh=PLANT)), ADDRESS, value.status)
    kind = type(value)
    if not attrs.has(kind):
        return value
    return kind(
        **{
            field.name: planted_attribute(field, getattr(value, field.name))
            for field in attrs.fields(kind)
        }
    )


def planted_attribute(field: attrs.Attribute[object], old: object) -> object:
    """What a field of a class is given instead of its value."""
    if field.name in KEPT:
        return old
    if field.name in ADDRESSES or field.name.endswith("href"):
        return ADDRESS
    return planted_field(str(field.type), old)


def planted_field(kind: str, old: object) -> object:
    """A hostile text for a text, hostile bytes for bytes, a hostile whole for a whole."""
    if isinstance(old, str):
        return PLANT if kind == "str" else old
    return PLANT.encode() if isinstance(old, bytes) else planted(old)


def assert_inert(html: str) -> None:
    """No script of a stranger, no inline style, no handler, no address that runs."""
    reader = Reader.of(html)
    for tag, given in reader.tags:
        if tag == "script":
            own = (given.get("src") or "").startswith("/static/")
            assert own or given.get("type") == "application/json"
        assert "style" not in (tag, *given)
        assert tag not in ("img", "iframe", "object", "embed")
        assert not [name for name in given if name.startswith("on")]
    addresses = reader.values("href") + reader.values("action") + reader.values("data-events")
    assert not [one for one in addresses if "javascript:" in one.lower()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("specimen", specimens(), ids=lambda one: one.name)
def test_each_page_is_drawn(draw: Renderer, specimen: Specimen, language: str) -> None:
    """A page has one main landmark, one first heading, its language and unique ids."""
    reader = Reader.of(page(draw, specimen, language))
    names = [tag for tag, _ in reader.tags]
    assert (1, 1) == (names.count("main"), names.count("h1"))
    assert {"zh": "zh-CN", "en": "en"}[language] == reader.values("lang")[0]
    ids = reader.values("id")
    assert sorted(set(ids)) == sorted(ids)
    anchors = {one[1:] for one in reader.values("href") if one.startswith("#")}
    assert set() == anchors - set(ids)
    labelled = {one for value in reader.values("aria-labelledby") for one in value.split()}
    described = {one for value in reader.values("aria-describedby") for one in value.split()}
    assert set() == (labelled | described | set(reader.values("for"))) - set(ids)


@pytest.mark.parametrize("specimen", specimens(), ids=lambda one: one.name)
def test_planted_scripts_are_inert(draw: Renderer, specimen: Specimen) -> None:
    """A hostile text in every field of a page stays text, a hostile address is no link."""
    hostile = {
        name: [] if name == "none" else PLANT if isinstance(value, str) else planted(value)
        for name, value in specimen.values.items()
    }
    frame = planted(specimen.chrome)
    assert isinstance(frame, Chrome)
    for language in LANGUAGES:
        html = draw.page(
            specimen.template, language=language, chrome=frame, fragment=False, **hostile
        )
        assert "<script>alert" not in html
        assert_inert(html)


@pytest.mark.parametrize("specimen", specimens(), ids=lambda one: one.name)
def test_pages_keep_the_content_policy(draw: Renderer, specimen: Specimen) -> None:
    """No page needs an inline script, an inline style or another host."""
    html = page(draw, specimen)
    assert_inert(html)
    reader = Reader.of(html)
    for tag, given in reader.tags:
        if tag in ("script", "link", "use"):
            assert (given.get("src") or given.get("href") or "/static/").startswith("/static/")


@pytest.mark.parametrize("specimen", specimens(), ids=lambda one: one.name)
def test_a_fragment_is_the_content_of_main(draw: Renderer, specimen: Specimen) -> None:
    """A fragment has every live part of the page, and neither head nor scripts."""
    whole, part = Reader.of(page(draw, specimen)), Reader.of(page(draw, specimen, fragment=True))
    assert sorted(whole.values("data-live")) == sorted(part.values("data-live"))
    names = {tag for tag, _ in part.tags}
    assert set() == names & {"html", "head", "body", "main", "header.top", "footer", "dialog"}
    assert not [given for tag, given in part.tags if tag == "script" and "src" in given]


def test_english_pages_speak_english(draw: Renderer) -> None:
    """Interface words of an English page have no Chinese beside names and the language switch."""
    specimen = next(one for one in specimens() if one.name == "alerts")
    reader = Reader.of(page(draw, specimen, "en"))
    chinese = {
        text.strip() for text in reader.text if any("\u4e00" <= one <= "\u9fff" for one in text)
    }
    assert {"中文"} == chinese


def test_a_missing_value_stops_the_drawing(draw: Renderer) -> None:
    """A template that is not given what it needs raises instead of leaving a hole."""
    specimen = next(one for one in specimens() if one.name == "cases")
    with pytest.raises(UndefinedError, match="filters"):
        draw.page("list.html", language="zh", chrome=specimen.chrome, views=())


def test_an_unknown_language_is_chinese(draw: Renderer) -> None:
    """A language that nobody translated falls back to the default."""
    specimen = specimens()[0]
    assert page(draw, specimen, "zh") == page(draw, specimen, "xx")


def test_a_path_never_leads_to_another_host(draw: Renderer) -> None:
    """Links made from a request's path stay on this server."""
    specimen = next(one for one in specimens() if one.name == "alerts")
    frame = attrs.evolve(specimen.chrome, path="//evil.example/x?state=open")
    html = draw.page(specimen.template, language="zh", chrome=frame, **specimen.values)  # type: ignore[arg-type]  # none is named fragment
    reader = Reader.of(html)
    assert not [one for one in reader.values("href") if one.startswith("//")]
    assert "/evil.example/x?state=open" in reader.values("value")


def test_errors_lead_to_their_fields(draw: Renderer) -> None:
    """Each line of the error summary names a control, which says it again and keeps the text."""
    specimen = next(one for one in specimens() if one.name == "case-wrong")
    html = page(draw, specimen, "en")
    assert 'href="#action-feed_back-result"' in html
    assert 'id="action-feed_back-result" rows="3" name="result" required' in html
    assert 'aria-describedby="action-feed_back-result-help action-feed_back-result-error"' in html
    assert 'aria-invalid="true"' in html
    assert "已要求施工方覆盖</textarea>" in html
    assert 'value="1七0"' in html


def test_a_consequence_is_asked_without_scripts(draw: Renderer) -> None:
    """What cannot be undone has its consequence and a required box in the form itself."""
    specimen = next(one for one in specimens() if one.name == "case")
    html = page(draw, specimen)
    assert "退回后由指挥中心重新派单" in html
    assert '<input type="checkbox" name="confirmed" value="yes" required>' in html
    assert '<input type="hidden" name="expected_version" value="5">' in html
    assert '<input type="hidden" name="idempotency_key" value="4f2d">' in html


def test_hidden_characters_of_quarantined_bytes_are_shown(draw: Renderer) -> None:
    """Direction marks and broken bytes are written out, markup is text."""
    specimen = next(one for one in specimens() if one.name == "quarantine")
    html = page(draw, specimen)
    assert "47⟨U+202E⟩,&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\u202e" not in html
    assert r"\xff\xfe⟨U+0000⟩" in html
