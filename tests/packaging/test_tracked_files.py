"""What git holds is source: no addresses of package indexes, nothing minified, nothing huge."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_LINE = 500
LARGEST_FILE_BYTES = 2 * 1024 * 1024

INDEX_ADDRESS = re.compile(
    rb"""
      -{2}(extra-)?index-url | -{2}find-links | \b(PIP|UV)_(EXTRA_)?INDEX | index-url\s*=
    | https?://[^\s"'<>)]*/simple/?(?=[\s"'<>)]|$)
    | registry\s*[=:]\s*["']?https?: | "resolved"\s*:\s*"http | //registry\.
    """,
    re.VERBOSE,
)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """List the files that git holds."""
    result = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True, timeout=60
    )
    names = result.stdout.decode().split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_package_index(tracked: list[Path]) -> None:
    """Each machine is configured for its own index and registry; the tree names none."""
    own = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode(errors='replace')}"
        for path in tracked
        if path != own and (match := INDEX_ADDRESS.search(path.read_bytes()))
    ]
    assert [] == found


@pytest.mark.parametrize(
    "line",
    [
        b"pip install --index-" + b"url https://packages.example/simple x",
        b"url = https://packages.example/pypi/simple/",
        b"registry=https://npm.example/",
        b'"resolved": "https://npm.example/a.tgz"',
    ],
)
def test_the_pattern_knows_an_index_address(line: bytes) -> None:
    """The pattern would find the usual forms."""
    assert INDEX_ADDRESS.search(line)


def test_no_script_or_style_sheet_is_minified(tracked: list[Path]) -> None:
    """Minified files are fetched at build time; a diff in git must be readable."""
    sources = [path for path in tracked if path.suffix in {".js", ".mjs", ".css"}]
    found = [
        str(path.relative_to(ROOT))
        for path in sources
        if ".min." in path.name or max(map(len, path.read_bytes().split(b"\n"))) > LONGEST_LINE
    ]
    assert [] == found


def test_no_file_is_huge(tracked: list[Path]) -> None:
    """Data that is larger belongs elsewhere."""
    found = [path for path in tracked if path.stat().st_size > LARGEST_FILE_BYTES]
    assert [] == found
