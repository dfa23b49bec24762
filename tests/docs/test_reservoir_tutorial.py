"""The reservoir's tutorial, walked as it is written, from an empty folder to a running county."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, page
from tests.docs.walk import SECONDS, Typed, Walker, Written, install, steps
from tests.services import missing

FINISHED = ROOT / "examples" / "reservoir"
SERVE = "county-gov serve "


@pytest.mark.service
@pytest.mark.timeout(600)
def test_the_tutorial_ends_with_the_reservoir_in_a_county(tmp_path: Path) -> None:
    """Every line works as it stands, shows what the page shows, and the end is the example."""
    if shutil.which("openssl") is None:
        missing("openssl")
    commands = install(tmp_path)
    walker = Walker(tmp_path / "afternoon", commands)
    walker.place.mkdir()
    *before, serve = steps(page("docs/tutorial/reservoir.md"))
    for step in before:
        if isinstance(step, Written):
            walker.write(step)
        else:
            walker.type(step)

    made = tmp_path / "afternoon" / "county-gov-reservoir"
    assert _modules(FINISHED / "src") == _modules(made / "src")
    assert isinstance(serve, Typed)
    _serve(walker, serve)


def _modules(folder: Path) -> dict[str, str]:
    """The texts of a package, by file."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.py")
    }


def _serve(walker: Walker, step: Typed) -> None:
    """Start the server, on a port that is free, wait until it listens, and end it."""
    assert step.command.startswith(SERVE)
    assert any("listening" in line for line in step.shown)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*step.command.split(), "--port", str(port)],
        cwd=walker.place,
        env=walker.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        executable=str(walker.commands / "county-gov"),
    )
    try:
        assert process.stdout
        assert any("listening" in line for line in process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
    assert 0 == process.returncode


def test_the_tutorial_writes_every_file_of_the_example() -> None:
    """Each module and each test that the page shows is the example's; none is left out."""
    found = steps(page("docs/tutorial/reservoir.md"))
    written = {one.path for one in found if isinstance(one, Written)}
    modules = {str(path.relative_to(FINISHED)) for path in FINISHED.glob("src/*/*.py")}
    assert modules <= written
    assert {"tests/test_story.py", "tests/test_conformance.py"} <= written


def test_what_is_shown_is_looked_for_in_order() -> None:
    """An ellipsis stands for anything; a line that comes too early does not count."""
    step = Typed("x", ("one … three", "four"))
    assert [] == step.unseen("zero\none two three\nfour\n")
    assert ["four"] == step.unseen("four\none two three\n")
    assert ["one … three", "four"] == step.unseen("")
