"""``county-gov run``: the verbs that plugins bring."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from county_gov.cli.arguments import DeploymentFile
from county_gov.cli.running import operator, reading_county, with_county

if TYPE_CHECKING:
    from county_gov.contract.cli_command import CliCommand
    from county_gov.contract.schema import Field, Schema, Value
    from county_gov.deployment import County
    from county_gov.errors import Problem

WRONG_USE = 2
LONGEST_SECONDS = 86_400.0
"""A verb that has not come to its end after a day has failed."""
WAITING_LINES = 1000


def run_verb(
    file: DeploymentFile,
    verb: Annotated[
        str, typer.Argument(help="The verb, for example reservoir.levels; without one, list them.")
    ] = "",
    words: Annotated[
        list[str] | None, typer.Argument(help="The verb's options: --name value.")
    ] = None,
) -> None:
    """Run a verb of a plugin; `--help` after the verb shows its options.

    A verb that writes needs the database for itself, as the other commands that write.
    """
    from county_gov.deployment import load
    from county_gov.registry.configuration import did_you_mean

    county = load(file)
    verbs = county.registry.contributions.cli_commands
    if not verb:
        for one in verbs.values():
            typer.echo(f"{one.id}  {one.title.in_language('en')}")
        typer.echo(f"{len(verbs)} verbs of {len(county.registry.plugins)} plugins", err=True)
        return
    command = verbs.get(verb)
    if command is None:
        _wrong_use([f"there is no verb {verb!r}; {did_you_mean(verb, sorted(verbs))}"])
        return
    if words and {"--help", "-h"} & set(words):
        _show_help(command)
        return
    given, mistakes = read_options(command.options, words or [])
    if mistakes:
        _wrong_use([*mistakes, f"county-gov run {file} {verb} --help shows the options"])

    async def work(running: County) -> None:
        await _run(running, command, given)

    if command.writes:
        with_county(file, work, made=county)
    else:
        reading_county(file, work, made=county)


def read_options(schema: Schema, words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options of a verb as texts, and what is wrong with them.

    Args:
        schema: Each field is ``--name value`` or ``--name=value``, with dashes for underscores; a
            truth is ``--name`` or ``--no-name``.
        words: As they were typed.
    """
    from county_gov.registry.configuration import did_you_mean

    fields = {option_of(one): one for one in schema.fields}
    given: dict[str, str] = {}
    mistakes: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        negated = fields.get(f"--{name.removeprefix('--no-')}")
        one = fields.get(name)
        if one is None and name.startswith("--no-") and negated and negated.dtype == "bool":
            one, value, equals = negated, "false", "="
        if one is None:
            mistakes.append(f"{word[:60]}: no such option; {did_you_mean(name, list(fields))}")
            continue
        if not equals and one.dtype == "bool":
            value = "true"
        elif not equals:
            if not waiting:
                mistakes.append(f"{name}: a value is missing")
                continue
            value = waiting.pop(0)
        if one.name in given:
            mistakes.append(f"{name}: is given twice")
        given[one.name] = value
    return given, mistakes


def option_of(one: Field) -> str:
    """A field as an option."""
    return "--" + one.name.replace("_", "-")


async def _run(county: County, command: CliCommand, given: Mapping[str, str]) -> None:
    """Check the options, run the verb and print its lines.

    Raises:
        CommandFailed: if the plugin failed.
    """
    from county_gov.deployment.calling import ask
    from county_gov.errors import CommandFailed
    from county_gov.registry.gateway import Failed

    values = await _checked(county, command, given)
    if command.writes:
        await county.store.write(
            lambda tx: tx.append_audit(operator(), "verb.run", f"verb:{command.id}")
        )
    plugin = county.registry.contributions.owner("cli_commands", command.id)
    lines: asyncio.Queue[str | None] = asyncio.Queue(WAITING_LINES)

    async def attempt() -> None:
        async for line in command.run(county.context(plugin), values):
            await lines.put(str(line))

    async def produce() -> Failed | None:
        what = f"verb {command.id}"
        try:
            return await ask(county.gateway, plugin, what, attempt, seconds=LONGEST_SECONDS)
        finally:
            await lines.put(None)

    producing = asyncio.create_task(produce())
    while (line := await lines.get()) is not None:
        typer.echo(printable(line))
    answer = await producing
    if isinstance(answer, Failed):
        raise CommandFailed(f"{command.id}: {answer.reason}")


async def _checked(
    county: County, command: CliCommand, given: Mapping[str, str]
) -> dict[str, Value]:
    from county_gov.contract.values import from_words, normalise, to_value
    from county_gov.errors import Problem

    schema, timezone = command.options, ZoneInfo(county.settings.county.timezone)
    stored, problems = normalise(schema, from_words(schema, given, timezone))
    if not problems:
        problems += [
            Problem(one.name, f"{str(stored[one.name])[:60]!r} is not known")
            for one in schema.fields
            if one.refers
            and stored[one.name] is not None
            and await county.records.unknown(one.refers, stored[one.name])
        ]
    if problems:
        _wrong_use([_as_option(schema, one) for one in problems])
    return {one.name: to_value(one, stored[one.name]) for one in schema.fields}


def _as_option(schema: Schema, problem: Problem) -> str:
    known = problem.place in schema.names
    name = option_of(schema[problem.place]) if known else problem.place
    return f"{name}: {problem.message}"


def printable(line: str) -> str:
    """A line as a terminal may show it: no control characters that it would obey."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(character) in ("Cc", "Cs", "Cf") and character not in "\n\t"
        else character
        for character in line
    )


def _show_help(command: CliCommand) -> None:
    typer.echo(f"county-gov run FILE {command.id}: {command.title.in_language('en')}")
    for one in command.options.fields:
        meaning = (one.meaning or one.title).in_language("en")
        unit = f" ({one.unit})" if one.unit else ""
        choices = f" One of {', '.join(key for key, _ in one.choices)}." if one.choices else ""
        needed = " Required." if one.required and one.dtype != "bool" else ""
        typer.echo(f"  {option_of(one)}  {meaning}{unit}.{choices}{needed}")


def _wrong_use(mistakes: Sequence[str]) -> None:
    """Say what is wrong with how the verb was called, and end with status 2.

    Raises:
        typer.Exit: always.
    """
    for one in mistakes:
        typer.echo(printable(one), err=True)
    raise typer.Exit(WRONG_USE)
