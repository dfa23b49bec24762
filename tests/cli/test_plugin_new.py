"""``county-gov plugin new``: what it makes passes its own tests, types and style at once."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from county_gov.cli.app import app
from county_gov.cli.plugin_new import PARTS, Draft, is_true, render, rendered
from county_gov.errors import DeploymentError

LONG = "a_long_name_of_24_letter"
LEFT = re.compile(r"\{\{[A-Za-z]+\}\}|^##(if|else|end)", re.MULTILINE)
FACTS = frozenset(("rule", "page"))


def make(folder: Path, name: str, parts: tuple[str, ...]) -> Path:
    """Make a plugin from the command line; its folder."""
    made = CliRunner().invoke(
        app, ["plugin", "new", name, "--with", ",".join(parts), "--to", str(folder)]
    )
    assert 0 == made.exit_code, made.output
    return folder / f"county-gov-{name.replace('_', '-')}"


def run(folder: Path, *command: str) -> None:
    """Run a tool in a plugin's folder, as its developer does; nothing is installed."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        check=False,
        cwd=folder,
        env=environment,
        text=True,
        timeout=500,
    )
    assert 0 == ended.returncode, f"{' '.join(command)}\n{ended.stdout}\n{ended.stderr}"


def check(folder: Path) -> None:
    """Style, types and tests."""
    run(folder, "ruff", "check", "--no-cache", ".")
    run(folder, "ruff", "format", "--no-cache", "--check", ".")
    run(folder, "mypy", "--no-incremental", "src", "tests")
    run(folder, "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.timeout(600)
def test_a_plugin_with_everything_passes_at_once(tmp_path: Path) -> None:
    """All parts together: tests, mypy --strict and ruff."""
    check(make(tmp_path, "dam", PARTS))


@pytest.mark.service
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", PARTS)
def test_a_plugin_with_one_part_passes_at_once(tmp_path: Path, part: str) -> None:
    """Each part alone, under the longest name."""
    check(make(tmp_path, LONG, (part,)))


@pytest.mark.service
@pytest.mark.timeout(600)
def test_every_choice_is_in_style(tmp_path: Path) -> None:
    """Any parts together, under a short and a long name, are as ruff would have them."""
    sizes = range(1, len(PARTS) + 1)
    choices = [found for size in sizes for found in itertools.combinations(PARTS, size)]
    named = [(("a", LONG)[number % 2], parts) for number, parts in enumerate(choices)]
    for number, (name, parts) in enumerate(named):
        for path, text in rendered(Draft(name, parts)).items():
            target = tmp_path / str(number) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    run(tmp_path, "ruff", "check", "--no-cache", "--quiet", ".")
    run(tmp_path, "ruff", "format", "--no-cache", "--quiet", "--check", ".")


@pytest.mark.parametrize("part", PARTS)
def test_a_rendered_plugin_is_whole(part: str) -> None:
    """Nothing of the templates is left, and the settings that the README shows are TOML."""
    files = rendered(Draft("dam", (part,)))
    example = files["README.md"].partition("```toml\n")[2].partition("```")[0]

    assert [] == [path for path, text in files.items() if LEFT.search(text)]
    assert f"src/county_gov_dam/{part}.py" in files
    assert "dam" == tomllib.loads(example)["plugin"][0]["use"]
    assert {"dam": "county_gov_dam:DamPlugin"} == (
        tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]["county_gov.plugins"]
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Dam", "lower-case"),
        ("dam-gates", "write dam_gates"),
        ("Dam Gates", "write dam_gates"),
        ("水库", "begin with a letter from a to z"),
        ("1dam", "begin with a letter"),
        ("", "1 to 24"),
        ("dam__gate", "single '_'"),
        ("a" * 25, "1 to 24"),
        ("class", "word of Python"),
        ("cases", "belongs to the core"),
        ("sensors", "is installed already (county-gov-sensors)"),
    ],
)
def test_a_name_is_checked(tmp_path: Path, name: str, words: str) -> None:
    """What cannot be a plugin's name, or is one already, is refused before anything is made."""
    ended = CliRunner().invoke(app, ["plugin", "new", name, "--to", str(tmp_path)])

    assert isinstance(ended.exception, DeploymentError)
    assert words in str(ended.exception)
    assert [] == list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is there stays as it is."""
    folder = make(tmp_path, "dam", ("job",))
    (folder / "README.md").write_text("mine", encoding="utf-8")
    ended = CliRunner().invoke(app, ["plugin", "new", "dam", "--to", str(tmp_path)])

    assert "nothing is overwritten" in str(ended.exception)
    assert "mine" == (folder / "README.md").read_text(encoding="utf-8")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """The place that was named is told, and what to name instead."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    ended = CliRunner().invoke(app, ["plugin", "new", "dam", "--to", str(tmp_path / "file")])

    assert "is a file; name a folder" in str(ended.exception)


def test_unknown_parts_are_told_together(tmp_path: Path) -> None:
    """Each with the nearest one; no part at all is told as well."""
    wrong = CliRunner().invoke(app, ["plugin", "new", "dam", "--with", "ruel,pag", "--to", "x"])
    none = CliRunner().invoke(app, ["plugin", "new", "dam", "--with", " ,", "--to", "x"])

    assert "did you mean 'rule'" in str(wrong.exception)
    assert "did you mean 'page'" in str(wrong.exception)
    assert "name at least one part" in str(none.exception)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("rule", True),
        ("job", False),
        ("not job", True),
        ("rule and not page", False),
        ("rule and page", True),
        ("job or page", True),
        ("job or rule and not page", False),
    ],
)
def test_conditions_of_templates(condition: str, expected: bool) -> None:
    """What is joined by "and" binds closer than what is joined by "or"."""
    assert expected == is_true(condition, FACTS)


def test_a_broken_template_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ##if without its ##end, and an ##end without its ##if."""
    monkeypatch.setattr("county_gov.cli.plugin_new.TEMPLATES", tmp_path)
    for text in ("##if rule\n", "##end\n", "##elif rule\n"):
        (tmp_path / "x.tmpl").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="##"):
            render("x", Draft("dam", ("rule",)))
