"""``county-gov plugin new``: a plugin to begin with, whose tests, types and style pass at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer
from attrs import frozen

from county_gov.errors import DeploymentError, Problem

TEMPLATES = Path(__file__).parent / "templates" / "plugin"
PARTS = (
    *("source", "rule", "workflow", "dataset", "page", "job", "parameter"),
    *("command", "endpoint", "verb"),
)
PERMITTED = {
    "dataset": ("read", "write"),
    "page": ("read",),
    "workflow": ("read", "handle"),
    "parameter": ("read", "propose", "approve"),
    "command": ("remark",),
    "endpoint": ("read",),
}
"""Parts that need permissions, and which."""
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 24
RESERVED = frozenset(
    (
        *("account", "alerts", "api", "cases", "core", "county_gov", "events", "healthz", "jobs"),
        *("metrics", "outbox", "parameters", "plugins", "quarantine", "readyz", "records"),
        *("scenario", "session", "sources", "static", "test", "tests"),
    )
)
"""Names that addresses and ids of the core begin with."""


@frozen
class Draft:
    """The plugin that is to be made.

    Args:
        name: Its name.
        parts: What it begins with, in the order of `PARTS`.
    """

    name: str
    parts: tuple[str, ...]

    @property
    def package(self) -> str:
        """Its Python package."""
        return f"county_gov_{self.name}"

    @property
    def distribution(self) -> str:
        """What is installed."""
        return self.package.replace("_", "-")

    @property
    def class_name(self) -> str:
        """What its classes begin with."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def permissions(self) -> tuple[str, ...]:
        """Its permissions, each once."""
        verbs = [verb for part in self.parts for verb in PERMITTED.get(part, ())]
        return tuple(f"{self.name}.{verb}" for verb in dict.fromkeys(verbs))

    @property
    def facts(self) -> frozenset[str]:
        """What the templates may ask for."""
        return frozenset((*self.parts, *(("permissions",) if self.permissions else ())))


def new(
    name: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits and _.")],
    parts: Annotated[
        str,
        typer.Option("--with", help=f"What it begins with, with commas: {', '.join(PARTS)}."),
    ] = "rule",
    to: Annotated[
        Path | None,
        typer.Option(help="The folder that it is made in; the current one if not named."),
    ] = None,
) -> None:
    """Make a new plugin: a distribution whose tests, types and style pass at once."""
    draft = Draft(name, _parts(parts))
    problems = list(name_problems(name))
    folder = (to or Path()) / draft.distribution
    if to is not None and to.exists() and not to.is_dir():
        problems.append(Problem("--to", f"{to} is a file; name a folder"))
    elif folder.exists():
        problems.append(Problem("--to", f"{folder} is there already; nothing is overwritten"))
    if problems:
        raise DeploymentError(problems)
    for path, text in rendered(draft).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as out:
            out.write(text)
    typer.echo(f"{folder} is made, with {', '.join(draft.parts)}. Go on there:")
    typer.echo("  python -m pip install --editable '.[dev]'")
    typer.echo("  python -m pytest")
    typer.echo(f"Its README says how to enable it; county-gov plugin test {name} checks it.")


def _parts(words: str) -> tuple[str, ...]:
    from county_gov.registry.configuration import did_you_mean

    wanted = {word.strip() for word in words.split(",") if word.strip()}
    problems = [
        Problem("--with", f"there is no part {word!r}; {did_you_mean(word, PARTS)}")
        for word in sorted(wanted - set(PARTS))
    ]
    if not wanted:
        problems.append(Problem("--with", f"name at least one part: {', '.join(PARTS)}"))
    if problems:
        raise DeploymentError(problems)
    return tuple(part for part in PARTS if part in wanted)


def name_problems(name: str) -> Iterator[Problem]:
    """What is wrong with a new plugin's name."""
    from county_gov.registry.discovery import available

    if not NAME.fullmatch(name) or len(name) > LONGEST:
        message = f"expected 1 to {LONGEST} lower-case letters, digits and single '_', got {name!r}"
        meant = re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")[:LONGEST]
        hint = f"; write {meant}" if NAME.fullmatch(meant) else "; begin with a letter from a to z"
        yield Problem("NAME", f"{message}{hint}")
    elif iskeyword(name):
        yield Problem("NAME", f"{name!r} is a word of Python; choose another")
    elif name in RESERVED:
        yield Problem("NAME", f"{name!r} belongs to the core; choose another")
    elif name in (installed := available()):
        owner = installed[name][0].dist
        yield Problem("NAME", f"{name!r} is installed already ({owner.name if owner else '?'})")


def rendered(draft: Draft) -> dict[str, str]:
    """The files of a new plugin, by path within its folder."""
    files = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "tests/test_conformance.py": "tests/test_conformance.py",
        "tests/test_stories.py": "tests/test_stories.py",
    }
    modules = ["__init__", "config", "plugin", *draft.parts]
    if draft.permissions:
        modules.append("permissions")
    files |= {f"src/{draft.package}/{one}.py": f"src/{one}.py" for one in sorted(modules)}
    made = {path: render(template, draft) for path, template in files.items()}
    return {**made, f"src/{draft.package}/py.typed": ""}


def render(template: str, draft: Draft) -> str:
    """A template with the draft's names, and without the lines that are for other parts.

    A line ``##if rule and not parameter`` begins lines that stand only where that holds, ``##else``
    those for the opposite, and ``##end`` ends them.

    Raises:
        ValueError: if the template is not well formed.
    """
    lines: list[str] = []
    holds: list[bool] = []
    text = (TEMPLATES / f"{template}.tmpl").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("##if "):
            holds.append(is_true(line.removeprefix("##if "), draft.facts))
        elif line in ("##else", "##end") and holds:
            last = holds.pop()
            if line == "##else":
                holds.append(not last)
        elif line.startswith("##"):
            raise ValueError(f"{template}.tmpl:{number}: {line!r} is out of place")
        elif all(holds):
            lines.append(line)
    if holds:
        raise ValueError(f"{template}.tmpl: an ##if has no ##end")
    whole = "\n".join(lines) + "\n"
    for key, value in _names(draft):
        whole = whole.replace(f"{{{{{key}}}}}", value)
    return whole


def is_true(condition: str, facts: frozenset[str]) -> bool:
    """Whether a condition such as ``rule and not parameter or page`` holds."""
    return any(
        all(
            (word.removeprefix("not ").strip() in facts) != word.startswith("not ")
            for word in (one.strip() for one in clause.split(" and "))
        )
        for clause in condition.split(" or ")
    )


def _names(draft: Draft) -> Sequence[tuple[str, str]]:
    from county_gov import __version__

    return (
        ("name", draft.name),
        ("Name", draft.class_name),
        ("package", draft.package),
        ("distribution", draft.distribution),
        ("version", str(__version__)),
        ("permissions", ", ".join(f"`{one}`" for one in draft.permissions)),
    )
