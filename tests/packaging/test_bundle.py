"""The offline bundle installs, whole and checked, where there is no network at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.service, pytest.mark.timeout(600)]


def run(*command: Path | str, cwd: Path | None = None, ok: bool = True) -> str:
    """Run a command and give what it printed."""
    done = subprocess.run(
        [str(one) for one in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert ok == (done.returncode == 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def alone() -> list[str]:
    """What runs a command in a network namespace without any interface.

    Skips where the kernel offers none; in CI that is a failure.
    """
    command = ["unshare", "--map-root-user", "--net"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], check=False).returncode
    ):
        reason = "this kernel gives no network namespace to who asks"
        if os.environ.get("COUNTY_GOV_REQUIRE_SERVICES"):
            pytest.fail(reason)
        pytest.skip(reason)
    return command


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, made and unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    run(sys.executable, ROOT / "scripts" / "bundle.py", "--to", folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (inside,) = (path for path in folder.iterdir() if path.is_dir())
    return inside


def test_it_installs_in_an_empty_network_namespace(unpacked: Path, tmp_path: Path) -> None:
    """The commands work, the plugins are found, and the demonstration's settings check out."""
    target = tmp_path / "installed"
    empty = alone()
    run(*empty, unpacked / "install.sh", target)
    command = target / "bin" / "county-gov"
    assert "sensors" in run(*empty, command, "plugin", "list")
    county = tmp_path / "county"
    shutil.copytree(
        ROOT / "examples" / "demo_county", county, ignore=shutil.ignore_patterns("var", "data")
    )
    (county / "var").mkdir()
    (county / "var" / "device-master.key").write_text("k" * 40, encoding="utf-8")
    run(*empty, command, "check", county / "county.toml")


def test_what_was_tampered_with_is_refused(unpacked: Path, tmp_path: Path) -> None:
    """One changed byte in one wheel stops the installation before anything is installed."""
    copy = tmp_path / "copy"
    shutil.copytree(unpacked, copy)
    wheel = next((copy / "wheels").glob("msgspec-*.whl"))
    raw = bytearray(wheel.read_bytes())
    raw[len(raw) // 2] ^= 1
    wheel.write_bytes(raw)
    said = run(copy / "install.sh", tmp_path / "never", ok=False)
    assert "msgspec" in said
    assert not (tmp_path / "never").exists()


def test_the_bill_of_materials_names_every_wheel(unpacked: Path) -> None:
    """Each wheel stands there with version, licence and hash, and the charts' library too."""
    bill = json.loads((unpacked / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert ("CycloneDX", "1.6") == (bill["bomFormat"], bill["specVersion"])
    named = {(one["name"].lower().replace("_", "-"), one["version"]) for one in bill["components"]}
    wheels = list((unpacked / "wheels").glob("*.whl"))
    parts = [path.name.split("-") for path in wheels]
    assert {(name.lower().replace("_", "-"), version) for name, version, *_ in parts} <= named
    assert any(name == "echarts" for name, _ in named)
    python = [one for one in bill["components"] if one["purl"].startswith("pkg:pypi/")]
    assert len(wheels) == len(python)
    assert all(one["licenses"] and one["hashes"] for one in python)
    copyleft = [one["name"] for one in python if "GPL" in str(one["licenses"]).replace("LGPL", "")]
    assert [] == copyleft
