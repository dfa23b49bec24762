"""Every bundled and example plugin comes in by the door, and takes nothing by another way."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(
    path.parent
    for path in (*ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("examples/*/pyproject.toml"))
)
TESTING = "county_gov.testing"
CORES = frozenset(
    {"aiohttp", "alembic", "argon2", "jinja2", "pluggy", "psycopg", "sqlalchemy", "sqlite3"}
)
"""What the core is made of: a plugin reaches the database and the web through its context."""
CONTRACT = frozenset({"__future__", "attrs", "numpy"})
"""What the contract itself is written in, and comes with it."""
AROUND = frozenset(
    {"eval", "exec", "compile", "__import__", "globals", "vars", "setattr", "delattr"}
)
"""What goes round the door without an import statement."""
HIDDEN = frozenset({"ctypes", "gc", "importlib", "inspect", "marshal", "pickle", "runpy", "socket"})


def sources(plugin: Path, part: str) -> Iterator[tuple[Path, ast.Module]]:
    """The modules of a plugin's folder."""
    for path in sorted((plugin / part).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert 0 == node.level
            yield node.module or ""


def declared(plugin: Path) -> frozenset[str]:
    """The distributions that a plugin says it needs, as names of modules."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [*project.get("dependencies", ()), project["name"]]
    for extra in project.get("optional-dependencies", {}).values():
        names += extra
    words = (one.split("[")[0].split(";")[0].strip() for one in names)
    bare = (one.split("~")[0].split("=")[0].split("<")[0].split(">")[0].strip() for one in words)
    return frozenset(one.replace("-", "_") for one in bare)


def name_of(plugin: Path) -> str:
    """How a plugin's tests are called."""
    return plugin.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("plugin", PLUGINS, ids=name_of)
def test_it_imports_the_door_and_what_it_declares(plugin: Path) -> None:
    """Of ours only the door, of others what it declares, and nothing that hides what it does."""
    known = (declared(plugin) | CONTRACT | sys.stdlib_module_names) - {"county_gov"} - HIDDEN
    found = []
    for path, tree in sources(plugin, "src"):
        for module in imported(tree):
            first = module.partition(".")[0]
            allowed = module == "county_gov.api" if first == "county_gov" else first in known
            if not allowed or first in CORES:
                found.append(f"{path.name}: {module}")
    assert [] == found


@pytest.mark.parametrize("plugin", PLUGINS, ids=name_of)
def test_its_tests_need_the_door_and_the_kit(plugin: Path) -> None:
    """Whoever writes a plugin elsewhere tests it with what the wheel ships."""
    found = [
        f"{path.name}: {module}"
        for path, tree in sources(plugin, "tests")
        for module in imported(tree)
        if module.partition(".")[0] == "county_gov"
        and module != "county_gov.api"
        and f"{module}.".partition(f"{TESTING}.")[0]
    ]
    assert [] == found


@pytest.mark.parametrize("plugin", PLUGINS, ids=name_of)
def test_it_looks_into_nothing_private(plugin: Path) -> None:
    """No private attribute of anything but itself, no dunder, no way round the import."""
    found = []
    for path, tree in sources(plugin, "src"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                if not own:
                    found.append(f"{path.name}:{node.lineno}: .{node.attr}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                by_name = node.func.id == "getattr" and not isinstance(node.args[1], ast.Constant)
                if node.func.id in AROUND or by_name:
                    found.append(f"{path.name}:{node.lineno}: {node.func.id}()")
    assert [] == found


def test_there_are_plugins_to_look_at() -> None:
    """The search finds the bundled ones and the tutorial's."""
    assert {"plugins/sensors", "examples/reservoir"} <= {name_of(one) for one in PLUGINS}
