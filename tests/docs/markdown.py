"""Reading the documentation: its files, headings, links, tables and code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = tuple(
    sorted(
        (
            *ROOT.glob("*.md"),
            *DOCS.rglob("*.md"),
            *ROOT.glob("plugins/*/README.md"),
            *ROOT.glob("examples/*/README.md"),
        )
    )
)
"""Every page that is written for readers."""

FENCE = re.compile(r"^(`{3,})(.*?)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
MARKED = re.compile(
    r"<!-- tested: ([a-z0-9-]+) -->\n```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$", re.MULTILINE)
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")


@frozen
class Snippet:
    """A code block that says that a test runs it."""

    page: Path
    name: str
    language: str
    code: str


def page(name: str) -> str:
    """The text of a page, named from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", text)


def headings(text: str) -> list[tuple[int, str]]:
    """Level and words of each heading, in order."""
    return [(len(marks), words) for marks, words in HEADING.findall(without_code(text))]


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return kept.replace(" ", "-")


def anchors(text: str) -> set[str]:
    """The anchors of a page: its headings, and the targets it names."""
    named = re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)
    return {anchor(words) for _level, words in headings(text)} | set(named)


def links(text: str) -> list[str]:
    """The targets of the links of a page, in order."""
    return LINK.findall(without_code(text))


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of the same or a higher level.

    Raises:
        AssertionError: if there is no such heading.
    """
    found = list(HEADING.finditer(text))
    for number, match in enumerate(found):
        if match[2] == heading:
            end = next(
                (one.start() for one in found[number + 1 :] if len(one[1]) <= len(match[1])),
                len(text),
            )
            return text[match.end() : end]
    raise AssertionError(f"there is no heading {heading!r}")


def rows(text: str) -> Iterator[tuple[str, ...]]:
    """The rows of the tables of a text, without their heads."""
    lines = without_code(text).splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not _is_rule(line) and not _is_rule(after):
            yield tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def _is_rule(line: str) -> bool:
    """Whether a line divides a table's head from its rows."""
    return line.startswith("|-") and set(line) <= set("|-: ")


def snippets() -> Iterator[Snippet]:
    """Every code block that says that a test runs it."""
    for path in PAGES:
        for name, language, code in MARKED.findall(path.read_text(encoding="utf-8")):
            yield Snippet(path, name, language, code)


def snippet(name: str) -> Snippet:
    """The first marked code block of a name."""
    return next(one for one in snippets() if one.name == name)
