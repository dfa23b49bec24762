"""Walking a tutorial: what a reader types and writes, in order, and what they then see."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen

from tests.docs.markdown import ROOT

BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INCLUDED = re.compile(r'^--8<-- "([^"]+)"\n', re.MULTILINE)
PROMPT = "$ "
SECONDS = 200.0


@frozen
class Typed:
    """A line that the reader types, and what the page shows below it; "…" stands for anything."""

    command: str
    shown: tuple[str, ...]

    def unseen(self, output: str) -> list[str]:
        """Lines that the page shows and the output lacks, or has in another order."""
        lines = output.splitlines()
        missing = []
        for one in self.shown:
            pattern = ".*".join(re.escape(part.strip()) for part in one.split("…"))
            place = next((n for n, line in enumerate(lines) if re.search(pattern, line)), None)
            if place is None:
                missing.append(one)
            else:
                del lines[: place + 1]
        return missing


@frozen
class Written:
    """A file that the reader writes, by its path from where they are."""

    path: str
    text: str


def steps(text: str) -> Iterator[Typed | Written]:
    """The steps of a page, in its order; what it includes stands where it is included."""
    whole = INCLUDED.sub(lambda found: (ROOT / found[1]).read_text(encoding="utf-8"), text)
    for language, title, body in BLOCK.findall(whole):
        if language == "console":
            yield from _typed(body)
        elif title:
            yield Written(title, body)


def _typed(body: str) -> Iterator[Typed]:
    for part in re.split(rf"^{re.escape(PROMPT)}", body, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield Typed(command, tuple(line for line in shown if line.strip()))


@define(eq=False)
class Walker:
    """A reader at a terminal.

    Args:
        place: The folder that they are in.
        commands: The folder of the commands of the environment that they have activated.
    """

    place: Path
    commands: Path
    outputs: list[str] = field(factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Variables: the environment is active, and no network is asked."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return kept | {
            "PATH": f"{self.commands}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "200",
        }

    def write(self, step: Written) -> None:
        """Write a file."""
        path = self.place / step.path
        assert path.parent.is_dir(), f"{step.path}: nobody has made its folder"
        path.write_text(step.text, encoding="utf-8")

    def type(self, step: Typed) -> None:
        """Type a line, and see what the page shows."""
        marker = "\n:place:"
        ended = subprocess.run(
            ["bash", "-c", f"{step.command}\ncode=$?\nprintf '{marker}%s' \"$PWD\"\nexit $code"],
            cwd=self.place,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            timeout=SECONDS,
        )
        output, _, place = ended.stdout.rpartition(marker)
        assert 0 == ended.returncode, f"$ {step.command}\n{output}"
        assert [] == step.unseen(output), f"$ {step.command}\n{output}"
        self.place = Path(place)
        self.outputs.append(output)


def install(folder: Path) -> Path:
    """Install county_gov itself, built from this checkout, into a fresh environment.

    Third-party packages are those of the running interpreter; our own that are installed there
    stay out of sight.

    Args:
        folder: Where the environment is made.

    Returns:
        The folder of its commands.
    """
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder / "environment"))
    commands = folder / "environment" / "bin"
    python = str(commands / "python")
    third_party = folder / "third_party"
    third_party.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "county_gov" not in path.name and path.suffix != ".pth":
            (third_party / path.name).symlink_to(path)
    own = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (own / "third_party.pth").write_text(f"{third_party}\n", encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps")
    _run(*pip, "--no-index", "--no-build-isolation", str(ROOT))
    return commands


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, check=False, text=True, timeout=SECONDS)
    assert 0 == ended.returncode, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout
