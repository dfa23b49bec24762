"""Where a plugin's process finds its modules, and what else it may read."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
)
"""Shared libraries, time zones, and devices without secrets."""


@frozen
class Places:
    """Folders and files that a plugin's process needs.

    Args:
        standard: The standard library's entries of ``sys.path``.
        installed: Folders of installed distributions.
        roots: Packages and modules that lie elsewhere (editable installs), by name.
    """

    standard: tuple[str, ...]
    installed: tuple[str, ...]
    roots: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, modules: Iterable[str]) -> Places:
        """Where this interpreter has the standard library, what is installed, and these modules.

        No other entry of ``sys.path`` is handed on: it may be the folder of the deployment, with
        its keys. Nothing is imported to find out.
        """
        paths = sysconfig.get_paths()
        own = {"stdlib", "platstdlib"}
        library = {str(Path(paths[name]).resolve()) for name in own}
        base = Path(sys.base_prefix).resolve()
        installed = {str(Path(paths[name]).resolve()) for name in ("purelib", "platlib")}
        installed |= {one for one in map(_folder, sys.path) if Path(one).name.endswith("-packages")}
        standard = [
            one
            for one in map(_folder, sys.path)
            if one in library or (Path(one).is_relative_to(base) and one not in installed)
        ]
        installed_here = tuple(one for one in map(_folder, sys.path) if one in installed)
        roots = {
            name: place
            for name in ("county_gov", *modules)
            if (place := _place(name)) and not _beneath(place, (*standard, *installed_here))
        }
        return cls(
            tuple(dict.fromkeys(standard)),
            tuple(dict.fromkeys(installed_here)),
            tuple(roots.items()),
        )

    def as_order(self) -> dict[str, object]:
        """What the process is told."""
        base = Path(sys.base_prefix)
        runtime = [str(base / "lib")] if base not in (Path("/usr"), Path("/")) else []
        return {
            "standard": list(self.standard),
            "installed": list(self.installed),
            "roots": dict(self.roots),
            "readable": [
                *SYSTEM,
                *runtime,
                *self.standard,
                *self.installed,
                *(place for _name, place in self.roots),
            ],
        }


def _folder(entry: str) -> str:
    return str(Path(entry).resolve()) if entry else ""


def _place(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return ""
    if spec.submodule_search_locations:
        return str(Path(next(iter(spec.submodule_search_locations))).resolve())
    return str(Path(spec.origin).resolve()) if spec.origin else ""


def _beneath(place: str, folders: Iterable[str]) -> bool:
    return any(Path(place).is_relative_to(folder) for folder in folders)
