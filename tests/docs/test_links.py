"""Every link of the documentation leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, PAGES, ROOT, anchors, headings, links, page

IMAGES = {"docs/images/dashboard.png"}
"""Pictures that the browser test writes, which may not be there yet."""


def names(path: Path) -> str:
    """A page's name for pytest."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=names)
def test_internal_links_lead_to_a_file_and_its_anchor(path: Path) -> None:
    """A link within the repository names a file that exists, and a heading that stands in it."""
    broken = []
    for target in links(path.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, fragment = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        known = file.exists() or names(file) in IMAGES
        if known and fragment:
            known = fragment in anchors(file.read_text(encoding="utf-8"))
        if not known:
            broken.append(target)
    assert [] == broken


@pytest.mark.parametrize("path", PAGES, ids=names)
def test_external_links_are_encrypted(path: Path) -> None:
    """A link to elsewhere is https."""
    outside = [one for one in links(path.read_text(encoding="utf-8")) if "://" in one]
    assert [] == [one for one in outside if not one.startswith("https://")]


@pytest.mark.parametrize("path", [one for one in PAGES if DOCS in one.parents], ids=names)
def test_a_page_has_one_title(path: Path) -> None:
    """A page of the documentation has one heading of the first level, or includes another page."""
    text = path.read_text(encoding="utf-8")
    titles = [words for level, words in headings(text) if level == 1]
    assert len(titles) == (0 if text.startswith("--8<--") else 1)


def test_the_readmes_say_the_same() -> None:
    """Both READMEs have as many headings, links and points, the same code and the same pictures."""
    english, chinese = page("README.md"), page("README.zh-CN.md")
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    other = {"README.md": "README.zh-CN.md"}
    assert links(english) == [other.get(one, one) for one in links(chinese)]
    points = [text.count("\n- ") for text in (english, chinese)]
    assert points[0] == points[1]
    code = [text.split("```")[1::2] for text in (english, chinese)]
    assert code[0] == code[1]
