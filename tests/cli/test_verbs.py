"""Verbs of plugins at the command line: options with types, words for mistakes, and the lock."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from typer.testing import CliRunner, Result

from county_gov.cli.app import app, run
from county_gov.cli.verbs import printable, read_options
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.deployment import load
from county_gov.store import tables
from county_gov.store.lock import FileLock

PLUGIN = """
from attrs import frozen
from county_gov.api import *


@frozen
class NoConfig:
    pass


async def echo(ctx, options):
    yield f"{options!r}"
    yield "\\x1b[31mred"


async def note(ctx, options):
    await ctx.notes.set("word", options["word"])
    yield "kept"


async def sneak(ctx, options):
    await ctx.notes.set("word", "sneaked")
    yield "kept"


async def broken(ctx, options):
    yield "first"
    raise ValueError("a bug")


async def refused(ctx, options):
    raise CommandRefused(Text(zh="\\u4eca\\u5929\\u4e0d\\u884c"))
    yield ""


OPTIONS = Schema(fields=(
    Field("name", "text", Text(zh="x", en="Name of it"), maximum=20),
    Field("how_many", "int64", Text(zh="x", en="How many"), minimum=1, required=False),
    Field("height", "float64", Text(zh="x", en="Height"), unit="m", decimals=2, required=False),
    Field("day", "date", Text(zh="x", en="Day"), required=False),
    Field("dry", "bool", Text(zh="x", en="Dry"), required=False),
    Field("place", "text", Text(zh="x", en="Place"), required=False, refers="area"),
))


def verb(name, function, options=Schema(fields=()), writes=False):
    return CliCommand(f"speaker.{name}", Text(zh="x", en=f"To {name}"), function, options, writes)


@frozen(eq=False)
class SpeakerPlugin:
    config: NoConfig
    api = 0
    Config = NoConfig

    @implements(Hooks.cli_commands)
    def cli_commands(self):
        word = Schema(fields=(Field("word", "text", Text(zh="x", en="Word")),))
        return (
            verb("echo", echo, OPTIONS),
            verb("note", note, word, True),
            verb("sneak", sneak),
            verb("broken", broken),
            verb("refused", refused),
        )
"""
SETTINGS = """
[county]
name = "示范县"
code = "990101"
api = 0

[store]
url = "sqlite:///county.db"
migrate = true

[[plugin]]
use = "speaker"
"""


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """What a command says of its logs ends with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment with an installed plugin that brings verbs."""
    site = tmp_path / "site"
    info = site / "county_gov_speaker-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "county_gov_speaker.py").write_text(PLUGIN, encoding="utf-8")
    metadata = "Metadata-Version: 2.1\nName: county-gov-speaker\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata)
    entry = "[county_gov.plugins]\nspeaker = county_gov_speaker:SpeakerPlugin\n"
    (info / "entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "county_gov_speaker", raising=False)
    path = tmp_path / "county.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    call("migrate", path)
    return path


def call(*arguments: object, status: int = 0) -> Result:
    """Run a command in this process, and expect its status."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert status == result.exit_code, result.output
    return result


def test_verbs_are_listed_with_their_options(file: Path) -> None:
    """Without a verb all of them; with --help one of them."""
    said = call("run", file).output
    assert "speaker.echo  To echo" in said
    assert "5 verbs of 1 plugins" in said
    said = call("run", file, "speaker.echo", "--help").output
    assert "--name  Name of it. Required." in said
    assert "--how-many  How many." in said
    assert "--height  Height (m)." in said


def test_options_arrive_with_their_types(file: Path) -> None:
    """Numbers, exact numbers, days and truths; what is not given is None, or false."""
    options = ["--name", "a b", "--how-many=3", "--height", "1.85", "--day", "2026-06-01", "--dry"]
    said = call("run", file, "speaker.echo", *options).stdout
    wanted = {
        "name": "a b",
        "how_many": 3,
        "height": 1.85,
        "day": "2026-06-01",
        "dry": True,
        "place": None,
    }
    assert repr(wanted) == said.splitlines()[0]


def test_what_a_terminal_would_obey_is_replaced(file: Path) -> None:
    """A line cannot colour, move or hide anything."""
    said = call("run", file, "speaker.echo", "--name", "x").stdout
    assert "\ufffd[31mred" == said.splitlines()[1]
    assert "a\tb" == printable("a\tb")
    assert "\ufffd" == printable("\u202e")


def test_mistakes_are_told_together(file: Path) -> None:
    """Unknown, missing and doubled options, and values of the wrong type; status 2."""
    said = call("run", file, "speaker.ech", status=2).output
    assert "there is no verb 'speaker.ech'; did you mean 'speaker.echo'?" in said
    said = call("run", file, "speaker.echo", "--nam", "x", "--height", status=2).output
    assert "--nam: no such option; did you mean '--name'?" in said
    assert "--height: a value is missing" in said
    said = call("run", file, "speaker.echo", "--how-many", "0", "--day", "soon", status=2).output
    assert "--name: is required" in said
    assert "--how-many: expected at least 1" in said
    assert "--day: expected a date" in said
    said = call("run", file, "speaker.echo", "--name", "x", "--place", "123", status=2).output
    assert "--place: '123' is not known" in said


def test_a_verb_that_writes_takes_the_database(file: Path) -> None:
    """It is audited with who sat at the terminal; while the server runs it is refused."""
    assert "kept" in call("run", file, "speaker.note", "--word", "x").stdout
    county = load(file)
    rows = county.store.read_now(
        lambda snapshot: snapshot.rows(sa.select(tables.audit.c.object, tables.audit.c.actor))
    )
    county.store.close()
    assert ["verb:speaker.note"] == [row[0] for row in rows]
    assert rows[0][1].startswith("county-gov: ")
    lock = FileLock(file.parent / "county.db.lock")
    lock.acquire()
    try:
        with pytest.raises(SystemExit) as ended:
            _run(["run", str(file), "speaker.note", "--word", "x"])
        assert 1 == ended.value.code
        assert "{'name'" in call("run", file, "speaker.echo", "--name", "x").stdout
    finally:
        lock.release()


def test_a_verb_that_does_not_say_so_cannot_write(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its write is refused in words."""
    with pytest.raises(SystemExit) as ended:
        _run(["run", str(file), "speaker.sneak"])
    assert 1 == ended.value.code
    said = capsys.readouterr()
    assert "kept" not in said.out
    assert "this command only reads" in said.err


@pytest.mark.parametrize(
    ("verb", "words"), [("broken", "ValueError: a bug"), ("refused", "今天不行")]
)
def test_failures_are_told_in_words(
    file: Path, verb: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: what failed, and status 1."""
    with pytest.raises(SystemExit) as ended:
        _run(["run", str(file), f"speaker.{verb}"])
    assert 1 == ended.value.code
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err + said.out


def _run(arguments: list[str]) -> None:
    """Run the program as a terminal does."""
    before = sys.argv
    sys.argv = ["county-gov", *arguments]
    try:
        run()
    finally:
        sys.argv = before


def test_truths_may_be_denied() -> None:
    """``--no-name`` is false; an option given twice is a mistake."""
    schema = Schema(fields=(Field("dry_run", "bool", Text(zh="试")),))
    assert ({"dry_run": "false"}, []) == read_options(schema, ["--no-dry-run"])
    assert ({"dry_run": "true"}, []) == read_options(schema, ["--dry-run"])
    assert ({"dry_run": "no"}, []) == read_options(schema, ["--dry-run=no"])
    _given, mistakes = read_options(schema, ["--dry-run", "--dry-run"])
    assert ["--dry-run: is given twice"] == mistakes
