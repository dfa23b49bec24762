"""docs/reference/cli.md against the program."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from county_gov.cli import (
    accounts,
    check,
    database,
    ingest,
    outbox,
    plugins,
    quarantine,
    serve,
    upgrade,
    verbs,
)
from county_gov.cli.app import app
from tests.docs.markdown import headings, page, rows, section

REFERENCE = page("docs/reference/cli.md")
STOP = "**stop first**"


def commands() -> dict[str, Any]:
    """Each command's usage without options, and the command."""
    return {usage(name, command): command for name, command in _below(typer.main.get_command(app))}


def _below(command: Any, name: str = "county-gov") -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for verb, one in inner.items():
        yield from _below(one, f"{name} {verb}")


def usage(name: str, command: Any) -> str:
    """A command with its arguments as its help shows them."""
    words = [name]
    for one in command.params:
        if one.param_type_name == "argument":
            metavar = one.name.upper() + ("..." if one.nargs == -1 and one.required else "")
            optional = f"[{metavar}]..." if one.nargs == -1 else f"[{metavar}]"
            words.append(metavar if one.required else optional)
    return " ".join(words)


COMMANDS = commands()


def test_every_command_has_its_heading() -> None:
    """The page's headings are the commands with their arguments."""
    found = [words.strip("`") for _level, words in headings(REFERENCE) if words.startswith("`")]
    assert sorted(COMMANDS) == sorted(found)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_its_row(name: str) -> None:
    """A command's options stand under its heading, in order, each with its meaning."""
    command = COMMANDS[name]
    text = section(REFERENCE, f"`{name}`")
    options = [
        f"`{one.opts[0]}`"
        for one in command.params
        if one.param_type_name == "option" and one.name != "help"
    ]
    documented = list(rows(text))
    assert options == [row[0] for row in documented]
    assert all(row[1] for row in documented)
    required = [
        f"`{one.opts[0]}`"
        for one in command.params
        if one.param_type_name == "option" and one.required
    ]
    assert required == [row[0] for row in documented if "Required." in row[1]]


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_those_of_the_program(name: str) -> None:
    """What holds "unless given" is the option's default."""
    options = {f"`{one.opts[0]}`": one for one in COMMANDS[name].params if one.opts}
    for option, meaning in rows(section(REFERENCE, f"`{name}`")):
        said = re.search(r"`?(\w+)`? unless given", meaning)
        default = options[option].default
        if said:
            assert str(default) == said[1]
        else:
            assert default in (None, "", False, -1), f"{option}: {default!r} is not told"


def test_the_program_knows_its_version_option() -> None:
    """The options of the program itself are those at the top of the page."""
    options = [f"`{one.opts[0]}`" for one in typer.main.get_command(app).params]
    assert options == [row[0] for row in rows(REFERENCE.split("\n## ")[0])]


def test_what_needs_the_right_to_write_says_so() -> None:
    """Commands that start the county, apart from the server, are marked."""
    writing = (accounts, database, ingest, outbox, quarantine, serve, upgrade)
    modules = (*writing, check, plugins, verbs)
    starting = {
        function.__name__
        for module in modules
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and "with_county(" in inspect.getsource(function)
    }
    marked = {
        name for name in COMMANDS if STOP in " ".join(section(REFERENCE, f"`{name}`").split())
    }
    expected = {name for name, command in COMMANDS.items() if _callback(command) in starting}
    assert expected == marked


def _callback(command: Any) -> str:
    return str(inspect.unwrap(command.callback).__name__)
