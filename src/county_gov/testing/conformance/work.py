"""Checks of what a plugin does by itself or when it is told: jobs, commands, verbs, events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from county_gov.contract.context import EpisodeView
from county_gov.contract.job import Job, JobRun
from county_gov.contract.plugin import AlertChanged, CaseMoved
from county_gov.contract.source import Instructed
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView
from county_gov.registry.registry import EVENTS, implementation
from county_gov.testing.conformance.check import Check, Subject, require
from county_gov.testing.conformance.running import (
    attempt,
    drain,
    empty_context,
    end_when_cancelled,
    require_same_keys,
)
from county_gov.testing.fakes.context import NOON, FakeContext

if TYPE_CHECKING:
    from county_gov.contract.cli_command import CliCommand
    from county_gov.contract.command import Command
    from county_gov.contract.schema import Field, Schema, Value
    from county_gov.contract.source import Instruction, Source

CASE = CaseView("1", "TEST-1", "", "", 1, "990101001", "标题", "", NOON, {})
EPISODE = EpisodeView(
    id=1,
    policy="",
    datastream="",
    area="990101001",
    severity="warning",
    started_at=NOON,
    ended_at=None,
    last_reading_at=NOON,
    peak=1.0,
    corrected=False,
    withdrawn=False,
)
HAPPENED = {
    "case_moved": CaseMoved(case=CASE, event="", from_state="", at=NOON, position=1),
    "alert_changed": AlertChanged(episode=EPISODE, change="raised", position=1),
}
Work = Callable[[Any], Awaitable[object]]


def work_checks(subject: Subject) -> Iterator[Check]:
    """Checks of each job, command, verb and listener, and of each source's transport."""
    for job in subject.declared("jobs"):
        yield from _checks(subject, f"job:{job.id}", partial(_run_job, job), kind=str)
    for command in subject.declared("commands"):
        yield from _checks(
            subject, f"command:{command.id}", partial(_run_command, command), kind=Text
        )
    for verb in subject.declared("cli_commands"):
        yield from _checks(subject, f"cli_command:{verb.id}", partial(_run_verb, verb), kind=list)
    for event in EVENTS:
        listener = implementation(subject.plugin.instance, event)
        if listener is not None:
            work = partial(_listen, listener, event)
            yield from _checks(subject, f"listener:{event}", work, kind=None)
    for source in subject.declared("sources"):
        for one in source.instructions:
            name = f"instruction:{source.id}.{one.id}"
            yield from _checks(subject, name, partial(_tell_thing, source, one), kind=Text)
        if source.open is not None:
            yield Check(
                f"source:{source.id}:cancellation",
                "Does its transport end when it is cancelled?",
                partial(_cancellation, subject, partial(_pull, source.open)),
            )


def sample_values(schema: Schema) -> dict[str, Value]:
    """Values that a form's schema allows."""
    return {one.name: _sample(one) for one in schema.fields}


def _sample(one: Field) -> Value:
    if one.choices:
        return one.choices[0][0]
    if one.dtype == "text":
        least = int(one.minimum or 1)
        return "990101001" if one.refers == "area" else "甲" * max(least, 1)
    if one.dtype == "bool":
        return True
    if one.dtype == "instant":
        return NOON
    if one.dtype == "date":
        return "2026-06-01"
    number = one.minimum if one.minimum is not None else min(1.0, one.maximum or 1.0)
    return number if one.dtype == "float64" or one.decimals is not None else int(number)


def _checks(subject: Subject, name: str, work: Work, *, kind: type | None) -> Iterator[Check]:
    yield Check(
        f"{name}:runs",
        "Does it run while there is no data?",
        partial(_runs, subject, work, kind),
    )
    yield Check(
        f"{name}:idempotent",
        "Does it do nothing twice when it is done again?",
        partial(_idempotent, subject, work),
    )
    yield Check(
        f"{name}:cancellation",
        "Does it end when it is cancelled?",
        partial(_cancellation, subject, work),
    )


def _runs(subject: Subject, work: Work, kind: type | None) -> None:
    found = attempt(lambda: work(empty_context(subject)))
    if found is not None and kind is not None:
        require(isinstance(found, kind), f"gave {type(found).__name__}; expected {kind.__name__}")
    if isinstance(found, list):
        require(all(isinstance(one, str) for one in found), "yielded something that is no text")


def _idempotent(subject: Subject, work: Work) -> None:
    context: FakeContext = empty_context(subject, answers=True)
    attempt(lambda: work(context))
    first = list(context.used_keys())
    attempt(lambda: work(context))
    require_same_keys(context, first)


def _cancellation(subject: Subject, work: Work) -> None:
    async def start(context: Any) -> object:  # noqa: ANN401 (a stalling context)
        return await work(context)

    end_when_cancelled(start, empty_context(subject, answers=True))


async def _run_job(job: Job, context: Any) -> object:  # noqa: ANN401 (any context)
    return await job.run(context, JobRun(NOON))


async def _run_command(command: Command, context: Any) -> object:  # noqa: ANN401
    return await command.run(context, sample_values(command.form))


async def _run_verb(verb: CliCommand, context: Any) -> object:  # noqa: ANN401
    return await drain(verb.run(context, sample_values(verb.options)))


async def _tell_thing(source: Source, one: Instruction, context: Any) -> object:  # noqa: ANN401
    if source.command is None:
        return None
    given = Instructed(one.id, sample_values(one.form), context.key)
    return await source.command(context, "station", given)


async def _listen(listener: Callable[..., Any], event: str, context: Any) -> object:  # noqa: ANN401
    return await listener(event=HAPPENED[event], ctx=context)


async def _pull(opened: Callable[[Any], Any], context: Any) -> object:  # noqa: ANN401
    return await drain(opened(context))
