"""The front-end files are the locked ones, or they are refused."""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import TYPE_CHECKING

import pytest

from scripts import fetch_assets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Make an npm package with one script and its licence."""
    path = tmp_path / "chart-1.2.3.tgz"
    with tarfile.open(path, "w:gz") as package:
        for name, content in (("dist/chart.js", b"chart()"), ("LICENSE", b"free")):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def asset(archive: Path) -> fetch_assets.Asset:
    """Lock that package."""
    return fetch_assets.Asset(
        name="chart",
        version="1.2.3",
        integrity=fetch_assets.integrity_of(archive),
        destination="static/chart",
        files={"dist/chart.js": "chart.js", "LICENSE": "LICENSE"},
    )


@pytest.fixture
def npm(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an npm first in PATH that packs the archive, and notes each call in a file."""
    calls = tmp_path / "calls"
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "npm"
    command.write_text(
        f'#!/bin/sh\necho "$@" >> "{calls}"\nfor folder; do :; done\ncp "{archive}" "$folder/"\n',
        encoding="utf-8",
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return calls


def test_locked_files_are_fetched_once(
    tmp_path: Path, asset: fetch_assets.Asset, npm: Path
) -> None:
    """The first run copies the locked files; the second asks npm for nothing."""
    assert [asset] == fetch_assets.fetch([asset], tmp_path)
    assert [] == fetch_assets.fetch([asset], tmp_path)
    assert b"chart()" == (tmp_path / "static/chart/chart.js").read_bytes()
    assert b"free" == (tmp_path / "static/chart/LICENSE").read_bytes()
    calls = npm.read_text(encoding="utf-8").splitlines()
    assert 1 == len(calls)
    assert calls[0].startswith("pack chart@1.2.3 --ignore-scripts ")


def test_a_deleted_file_is_fetched_again(
    tmp_path: Path, asset: fetch_assets.Asset, npm: Path
) -> None:
    """A stamp alone does not count as the asset."""
    fetch_assets.fetch([asset], tmp_path)
    (tmp_path / "static/chart/chart.js").unlink()
    assert [asset] == fetch_assets.fetch([asset], tmp_path)
    assert 2 == len(npm.read_text(encoding="utf-8").splitlines())


def test_another_archive_is_refused(
    tmp_path: Path, asset: fetch_assets.Asset, archive: Path
) -> None:
    """One changed byte in the package refuses it, and nothing of it is kept."""
    content = bytearray(archive.read_bytes())
    content[-1] ^= 1
    archive.write_bytes(content)
    with pytest.raises(fetch_assets.AssetError, match=r"chart 1\.2\.3: expected sha512-"):
        asset.unpack(archive, tmp_path)
    assert not (tmp_path / "static").exists()


def test_a_file_missing_from_the_archive_is_named(tmp_path: Path, archive: Path) -> None:
    """The lock may name a file that a newer version no longer has."""
    asset = fetch_assets.Asset(
        "chart", "1.2.3", fetch_assets.integrity_of(archive), "static", {"map.js": "map.js"}
    )
    with pytest.raises(fetch_assets.AssetError, match=r"no file map\.js"):
        asset.unpack(archive, tmp_path)


def test_the_lock_names_versions_and_hashes_but_no_address() -> None:
    """Whoever builds decides where packages come from; the lock decides what they are."""
    assets = fetch_assets.read_lock(fetch_assets.LOCK)
    assert {"axe-core", "echarts"} == {asset.name for asset in assets}
    for asset in assets:
        assert re.fullmatch(r"\d+\.\d+\.\d+", asset.version)
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", asset.integrity)
        assert any("LICENSE" in name for name in asset.files.values())
    assert "://" not in json.dumps(json.loads(fetch_assets.LOCK.read_text(encoding="utf-8")))
