"""Put all that an installation needs into one archive, for a machine without a network.

The archive holds the wheels of county_gov, of its plugins and of everything that they require, in
the versions of ``requirements/constraints.txt``; a requirements file with the hash of each wheel; a
bill of materials (CycloneDX 1.6); checksums; and a script that installs it all. The front-end files
travel inside county_gov's own wheel. It fits machines with the same system, processor and Python as
the one that makes it.
"""

from __future__ import annotations

import argparse
import email.parser
import hashlib
import json
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from email.message import Message
from pathlib import Path

from attrs import frozen
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
ASSETS = ROOT / "scripts" / "assets.lock.json"
SERVED = ("echarts",)
"""Front-end packages that the wheel carries."""
EXTRAS = "server,postgresql,excel"

INSTALL = """\
#!/bin/sh
# Install county_gov into a virtual environment: ./install.sh [FOLDER]; no network is used.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-$here/env}
(cd "$here" && sha256sum --check --quiet SHA256SUMS)
"${PYTHON:-python3}" -m venv "$target"
"$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps \\
    "$here"/wheels/*.whl
"$target/bin/python" -m pip check --quiet
"$target/bin/county-gov" --version
echo "installed into $target"
"""

README = """\
county_gov {version}

在不联网的机器上安装：解压后运行 ./install.sh 目标文件夹；需要 {python} 与相同的系统和处理器。
Install without a network: unpack, then run ./install.sh FOLDER; it needs {python} on the same
system and processor.

wheels/            what is installed
requirements.txt   exact versions, each with its SHA-256
sbom.cdx.json      bill of materials, CycloneDX 1.6
SHA256SUMS         checked by install.sh
"""


@frozen
class Wheel:
    """A wheel and what it says of itself."""

    path: Path
    name: str
    version: str
    licence: str
    digest: str

    @classmethod
    def of(cls, path: Path) -> Wheel:
        """Read a wheel's own metadata."""
        with zipfile.ZipFile(path) as archive:
            inside = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
            said = email.parser.Parser().parsestr(archive.read(inside).decode("utf-8"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(path, str(said["Name"]), str(said["Version"]), _licence(said), digest)


def _licence(said: Message) -> str:
    """The licence as an expression, a name, or its classifier's words."""
    for key in ("License-Expression", "License"):
        text = str(said[key] or "").strip()
        if text and "\n" not in text:
            return text
    known = [one for one in said.get_all("Classifier", []) if one.startswith("License ::")]
    return known[0].rsplit("::", 1)[1].strip() if known else "see the wheel"


def projects() -> list[Path]:
    """The core and its plugins."""
    return [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def collect(folder: Path) -> list[Wheel]:
    """Build our wheels and fetch the others; a wheel that is not there is an error."""
    for project in projects():
        build = ["-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(project)]
        _run([sys.executable, *build])
    own = [str(path) for path in sorted(folder.glob("*.whl"))]
    core = next(one for one in own if Path(one).name.startswith("county_gov-"))
    wanted = [one for one in own if one != core] + [f"{core}[{EXTRAS}]"]
    pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    fetch = ["--only-binary", ":all:", "--constraint", str(CONSTRAINTS), "--dest", str(folder)]
    _run([sys.executable, *pip, *fetch, *wanted])
    return [Wheel.of(path) for path in sorted(folder.glob("*.whl"))]


def requirements(wheels: Iterable[Wheel]) -> str:
    """Exact versions with hashes, as pip reads them."""
    return "".join(f"{one.name}=={one.version} --hash=sha256:{one.digest}\n" for one in wheels)


def bill_of_materials(wheels: Iterable[Wheel]) -> str:
    """Every wheel and every front-end package, with version, licence and hash."""
    components = [
        Component(
            type=ComponentType.LIBRARY,
            name=one.name,
            version=one.version,
            purl=PackageURL("pypi", name=one.name.lower(), version=one.version),
            bom_ref=f"{one.name}@{one.version}",
            licenses=[DisjunctiveLicense(name=one.licence)],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one.digest)],
        )
        for one in wheels
    ]
    locked = json.loads(ASSETS.read_text(encoding="utf-8"))
    components += [
        Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=locked[name]["version"],
            purl=PackageURL("npm", name=name, version=locked[name]["version"]),
            bom_ref=f"npm:{name}@{locked[name]['version']}",
        )
        for name in SERVED
    ]
    return str(JsonV1Dot6(Bom(components=components)).output_as_string(indent=2))


def write(folder: Path, wheels: list[Wheel], version: str) -> None:
    """The files beside the wheels."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    texts = {
        "README.txt": README.format(version=version, python=python),
        "requirements.txt": requirements(wheels),
        "sbom.cdx.json": bill_of_materials(wheels),
        "install.sh": INSTALL,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "install.sh").chmod(0o755)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n"
        for path in files
    )
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def bundle(target: Path) -> Path:
    """Make the archive.

    Args:
        target: Folder in which it is put.

    Returns:
        The archive.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        gathered = Path(scratch) / "wheels"
        gathered.mkdir()
        wheels = collect(gathered)
        version = next(one.version for one in wheels if one.name == "county-gov")
        platform = sysconfig.get_platform().replace("-", "_")
        tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
        folder = Path(scratch) / f"county-gov-{version}-{tag}-{platform}"
        folder.mkdir()
        gathered.rename(folder / "wheels")
        write(folder, [Wheel.of(path) for path in sorted(folder.rglob("*.whl"))], version)
        archive = target / f"{folder.name}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder, folder.name)
    return archive


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Make the archive where the command line says, and tell its name and size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder of the archive")
    archive = bundle(parser.parse_args().to)
    print(f"{archive}  {archive.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
