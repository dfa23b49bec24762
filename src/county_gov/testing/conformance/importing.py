"""Checks of what a plugin imports, and of what its import does."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from county_gov.testing.conformance.check import Check, Nonconformity, Subject, require

PROBE = Path(__file__).parent / "probe.py"
DOOR = "county_gov.api"
SECONDS = 120


def import_checks(subject: Subject) -> Iterator[Check]:
    """Checks of the package that the plugin's class lives in."""
    package = subject.package
    name = f"plugin:{subject.plugin.name}"
    yield Check(
        f"{name}:imports",
        "Does it import nothing of county_gov but the door, county_gov.api?",
        partial(_imports, package),
    )
    yield Check(
        f"{name}:side_doors",
        "Does its import load no more of county_gov than the door does?",
        partial(_side_doors, package),
    )
    yield Check(
        f"{name}:quiet_import",
        "Does its import start no thread, open no connection, write no file, run no program?",
        partial(_quiet, package),
    )


def modules_of(package: str) -> Iterator[Path]:
    """The source files of a package, or of a single module."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise Nonconformity(f"the package {package!r} cannot be found")
    origin = Path(spec.origin)
    if spec.submodule_search_locations is None:
        yield origin
    else:
        yield from sorted(origin.parent.rglob("*.py"))


def _imports(package: str) -> None:
    found = [
        f"{path.name}:{line}: {module}"
        for path in modules_of(package)
        for line, module in _imported(path)
        if module.partition(".")[0] == "county_gov" and module != DOOR
    ]
    require(not found, "imports past the door, county_gov.api:\n" + "\n".join(found))


def _imported(path: Path) -> Iterator[tuple[int, str]]:
    """Modules that a file imports, each with its line."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [alias.name for alias in node.names]
            if node.module == "county_gov":
                for name in names:
                    yield node.lineno, f"county_gov.{name}"
            else:
                yield node.lineno, node.module


def _side_doors(package: str) -> None:
    loaded = _probed(package)["loaded"]
    require(
        not loaded,
        f"its import loads {', '.join(loaded)}: what county_gov.api does not offer is no part of"
        " the contract and changes without notice",
    )


def _quiet(package: str) -> None:
    told = _probed(package)["told"]
    require(
        not told,
        "its import " + "; ".join(told) + ": do it where a contribution is called, not at import",
    )


def _probed(package: str) -> Mapping[str, Any]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run(  # noqa: S603 (our own file, with the name of an imported package)
        [sys.executable, "-B", "-P", str(PROBE), package],
        capture_output=True,
        check=False,
        env=environment,
        text=True,
        timeout=SECONDS,
    )
    lines = ended.stdout.splitlines()
    if ended.returncode or not lines:
        raise Nonconformity(f"its import ended the interpreter: {ended.stderr[-500:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    require(not found["error"], f"{package} cannot be imported alone: {found['error']}")
    return found
