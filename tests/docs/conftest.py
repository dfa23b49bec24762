"""A deployment of this test's own, for the snippets that need one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

DEMO = ROOT / "examples" / "demo_county"


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    """The demonstration's folder without what it has kept, with a key and a free port."""
    folder = tmp_path / "county"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("var", "data", "__pycache__"))
    (folder / "var").mkdir()
    (folder / "var" / "device-master.key").write_text("k" * 40, encoding="utf-8")
    file = folder / "county.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("port = 8080", "port = 0"), encoding="utf-8")
    return folder
