"""What the documentation tells people to run or open is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from county_gov.cli.app import app
from tests.docs.markdown import PAGES, ROOT, page

FILE = re.compile(r"(?<![\w/.-])((?:tests|benchmarks|examples|plugins|scripts|src)/[\w./-]*\w)")
MODULE = re.compile(r"-m ((?:benchmarks|examples)[\w.]+)")
TARGET = re.compile(r"`make ([a-z-]+)|^\$ make ([a-z-]+)", re.MULTILINE)
VERB = re.compile(r"(?:\$ |`|bin/)county-gov ([a-z]+)(?: ([a-z]+))?")
ELSEWHERE = (
    *("examples/demo_county/var", "src/reservoir", "src/county_gov_reservoir"),
    *("tests/test_stories.py", "tests/test_story.py", "tests/test_conformance.py"),
)
"""Made by the demonstration's first run, and parts of the plugins that a reader writes."""


def names(path: Path) -> str:
    """A page's name for pytest."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=names)
def test_files_and_modules_exist(path: Path) -> None:
    """A file, folder or module of the repository that a page names is there."""
    text = path.read_text(encoding="utf-8")
    files = [one for one in FILE.findall(text) if not one.startswith(ELSEWHERE)]
    files += [f"{one.replace('.', '/')}.py" for one in MODULE.findall(text)]
    beside = (ROOT, path.parent)
    assert [] == [one for one in files if not any((place / one).exists() for place in beside)]


@pytest.mark.parametrize("path", PAGES, ids=names)
def test_make_targets_exist(path: Path) -> None:
    """A target of make that a page names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    named = {one or other for one, other in TARGET.findall(path.read_text(encoding="utf-8"))}
    assert set() == named - targets


@pytest.mark.parametrize("path", PAGES, ids=names)
def test_commands_exist(path: Path) -> None:
    """A verb of county-gov that a page names is one of the program's."""
    commands = getattr(typer.main.get_command(app), "commands", {})
    unknown = []
    for verb, inner in VERB.findall(path.read_text(encoding="utf-8")):
        group = getattr(commands.get(verb), "commands", None)
        if verb not in commands or (group is not None and inner and inner not in group):
            unknown.append(f"{verb} {inner}".strip())
    assert [] == unknown


def test_changelog_fragments_are_named_as_towncrier_reads_them() -> None:
    """Each fragment names its issue, or a word, and a kind that the changelog knows."""
    form = re.compile(
        r"(?:\d+|\+\w+)\.(?:added|changed|deprecated|removed|fixed|security)(?:\.\d+)?\.md"
    )
    found = [one.name for one in (ROOT / "changelog.d").glob("*.md") if one.name != "README.md"]
    assert [] == [name for name in found if not form.fullmatch(name)]
    assert all((ROOT / "changelog.d" / name).read_text(encoding="utf-8").strip() for name in found)
