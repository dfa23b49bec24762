"""A small plugin with one contribution of each kind that keeps the contract, and ways to break it.

`plugin_with` gives its class with some contributions replaced; `failing` says which checks fail.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from attrs import evolve, field, frozen

from county_gov.api import (
    FAIL,
    HOUR,
    PASS,
    UNKNOWN,
    Actor,
    AlertPolicy,
    Batch,
    CaseMoved,
    CaseView,
    Citation,
    CliCommand,
    Command,
    CommandContext,
    Condition,
    Context,
    Daily,
    Dataset,
    Decoded,
    Delivery,
    Endpoint,
    EndpointContext,
    Event,
    Field,
    Hooks,
    Instructed,
    Instruction,
    Job,
    JobRun,
    Judgement,
    Latest,
    Level,
    MalformedDelivery,
    Message,
    Notifier,
    Page,
    PageContext,
    Paragraphs,
    Parameter,
    Permission,
    Receipt,
    Request,
    Response,
    Rule,
    Schema,
    Source,
    State,
    TaskSpec,
    Text,
    Things,
    Value,
    View,
    Window,
    Workflow,
    implements,
)
from county_gov.testing.conformance import run, suite

NAME = Text(zh="水位", en="Level")
USE = "gauges.use"


@frozen
class GaugesConfig:
    """What may be set.

    Args:
        limit: Level above which the alert rises, metres.
        url: Where notices go.
    """

    limit: float = 5.0
    url: str = "https://notices.example/"
    names: tuple[str, ...] = ()


CONFIG = GaugesConfig()


def judge(batch: Batch) -> Mapping[str, Judgement]:
    """Above five metres."""
    level = batch["level"]
    outcomes = np.where(np.isnan(level), UNKNOWN, np.where(level > CONFIG.limit, PASS, FAIL))
    return {"above": Judgement(outcomes.astype(np.int8), level, np.full(len(level), CONFIG.limit))}


def decode(delivery: Delivery, things: Things) -> Decoded:
    """One JSON object: code, time, value."""
    try:
        row = json.loads(delivery.raw)
        time, value = int(row["time"]), float(row["value"])
        columns = {
            "datastream": np.array([str(row["code"])], object),
            "time": np.array([time], np.int64),
            "value": np.array([value], np.float64),
        }
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise MalformedDelivery(f"expected code, time and value: {error}") from error
    return Decoded(Batch(columns), np.array([0], np.int64))


def is_known(case: CaseView, _actor: Actor, data: Mapping[str, Value]) -> Text | None:
    """Nothing is against it unless the remark says so."""
    return Text(zh="不行", en="No") if data.get("remark") == "no" else None


async def send(ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
    """Post each with its key."""
    for one in messages:
        await ctx.http.request("POST", CONFIG.url, headers={"idempotency-key": one.key})
    return tuple(Receipt(one.key, "sent") for one in messages)


async def views(ctx: PageContext) -> tuple[View, ...]:
    """A sentence."""
    count = len(await ctx.read.datastreams())
    return (Paragraphs("words", NAME, (Text(zh=f"{count} 处水位站", en=f"{count} gauges"),)),)


async def draw(ctx: Context, run_at: JobRun) -> str:
    """A notice a day."""
    await ctx.notify(
        "chief", subject="日报", body=str(run_at.at), idempotency_key=f"report:{run_at.at}"
    )
    return "1 notice"


async def note(ctx: CommandContext, values: Mapping[str, Value]) -> Text:
    """Keep a row."""
    row = {"code": values["code"], "height": 1.0}
    await ctx.records.put("gauges.gauges", row, idempotency_key=ctx.key)
    return Text(zh="已登记", en="Noted")


async def answer(ctx: EndpointContext, request: Request) -> Response:
    """How many gauges there are."""
    return Response.json({"count": await ctx.records.count("gauges.gauges")})


async def lines(ctx: Context, options: Mapping[str, Value]) -> AsyncIterator[str]:
    """A line for each gauge."""
    for one in await ctx.records.find("gauges.gauges"):
        yield one.key


async def open_gauges(ctx: Context) -> AsyncIterator[Delivery]:
    """What another server has."""
    got = await ctx.http.request("GET", CONFIG.url)
    yield Delivery(got.body, "application/json", "gauges", ctx.clock.now())


async def set_clock(ctx: CommandContext, thing: str, given: Instructed) -> Text:
    """Tell a gauge the time."""
    await ctx.plugin.http.request("POST", f"{CONFIG.url}{thing}", body=given.key.encode())
    return Text(zh="已校时", en="Set")


async def moved(event: CaseMoved, ctx: Context) -> None:
    """Remember the last case."""
    await ctx.notes.set("last", event.case.id)


RULE = Rule(
    id="gauges.high",
    title=NAME,
    inputs={"level": Latest("level"), "rise": Window("level", HOUR, "rise")},
    conditions=(Condition("above", NAME, Citation("调度规程"), "m"),),
    judge=judge,
)
FIELDS = (
    Field("code", "text", Text(zh="编码", en="Code"), maximum=20),
    Field("height", "int64", Text(zh="高程", en="Height"), unit="m", decimals=2),
)
WORKFLOW = Workflow(
    id="gauges.visit",
    title=Text(zh="巡查", en="Visit"),
    version=1,
    number="GV-{county}-{year}-{serial:06}",
    initial="open",
    states=(
        State("open", Text(zh="待巡查", en="Open"), TaskSpec(Text(zh="巡查", en="Visit"), "guard")),
        State("done", Text(zh="已巡查", en="Done"), final=True),
    ),
    events=(
        Event(
            "finish",
            Text(zh="完成", en="Finish"),
            ("open",),
            "done",
            USE,
            form=Schema((Field("remark", "text", Text(zh="情况", en="Remark"), required=False),)),
            guards=(is_known,),
        ),
    ),
    read_permission=USE,
)
PARTS: dict[str, Any] = {
    "datasets": Dataset(
        id="gauges.gauges",
        title=Text(zh="水位站", en="Gauges"),
        kind="records",
        schema=Schema(FIELDS, key=("code",)),
        read_permission=USE,
        write_permission=USE,
    ),
    "sources": Source(
        "gauges.feed",
        "gauges.gauges",
        NAME,
        decode,
        open_gauges,
        instructions=(Instruction("set_clock", Text(zh="校时", en="Set the clock"), USE),),
        command=set_clock,
    ),
    "rules": RULE,
    "alert_policies": AlertPolicy(
        "gauges.high", NAME, "gauges.high", (Level("alarm", "above", "above"),)
    ),
    "workflows": WORKFLOW,
    "notifiers": Notifier("gauges.post", Text(zh="通知", en="Post"), send),
    "pages": Page("gauges/levels", NAME, USE, views),
    "parameters": Parameter(
        "gauges.limit", NAME, Field("limit", "float64", NAME, unit="m"), USE, USE
    ),
    "jobs": Job("gauges.report", Text(zh="日报", en="Report"), Daily("08:00"), draw),
    "commands": Command(
        "gauges.note", Text(zh="登记", en="Note"), USE, note, form=Schema(FIELDS[:1])
    ),
    "endpoints": Endpoint(
        "gauges.count", Text(zh="数量", en="Count"), "POST", "/gauges/{code}/count", USE, answer
    ),
    "cli_commands": CliCommand("gauges.list", Text(zh="列出", en="List"), lines),
    "permissions": Permission(USE, Text(zh="使用水位", en="Use gauges")),
}


@frozen(eq=False)
class GaugesPlugin:
    """Gives its parts as they are in the class."""

    config: GaugesConfig
    parts: Mapping[str, Any] = field(factory=lambda: PARTS)
    listener: Callable[..., Any] = moved
    api: ClassVar[int] = 0
    Config: ClassVar[type[GaugesConfig]] = GaugesConfig

    def _of(self, kind: str) -> Iterable[Any]:
        found = self.parts[kind]
        return found if isinstance(found, tuple) else (found,)

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """Datasets."""
        return self._of("datasets")

    @implements(Hooks.sources)
    def sources(self) -> Iterable[Source]:
        """Sources."""
        return self._of("sources")

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """Rules."""
        return self._of("rules")

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """Alert policies."""
        return self._of("alert_policies")

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """Workflows."""
        return self._of("workflows")

    @implements(Hooks.notifiers)
    def notifiers(self) -> Iterable[Notifier]:
        """Notifiers."""
        return self._of("notifiers")

    @implements(Hooks.pages)
    def pages(self) -> Iterable[Page]:
        """Pages."""
        return self._of("pages")

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """Parameters."""
        return self._of("parameters")

    @implements(Hooks.jobs)
    def jobs(self) -> Iterable[Job]:
        """Jobs."""
        return self._of("jobs")

    @implements(Hooks.commands)
    def commands(self) -> Iterable[Command]:
        """Commands."""
        return self._of("commands")

    @implements(Hooks.endpoints)
    def endpoints(self) -> Iterable[Endpoint]:
        """Endpoints."""
        return self._of("endpoints")

    @implements(Hooks.cli_commands)
    def cli_commands(self) -> Iterable[CliCommand]:
        """Verbs."""
        return self._of("cli_commands")

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Permissions."""
        return self._of("permissions")

    @implements(Hooks.case_moved)
    async def case_moved(self, event: CaseMoved, ctx: Context) -> None:
        """Hand on to the listener."""
        await self.listener(event, ctx)


def plugin_with(*, listener: Callable[..., Any] = moved, **changes: Any) -> type[Any]:
    """The plugin's class with some parts replaced: a contribution, or changes of its fields."""
    told = listener
    replaced = {
        kind: (
            evolve(made, **changes[kind])
            if isinstance(changes.get(kind), dict)
            else changes.get(kind, made)
        )
        for kind, made in PARTS.items()
    }

    @frozen(eq=False)
    class Changed(GaugesPlugin):
        parts: Mapping[str, Any] = field(factory=lambda: replaced)
        listener: Callable[..., Any] = field(factory=lambda: told)

    return Changed


def failing(plugin: type[Any], prefix: str) -> dict[str, str]:
    """Checks of some kind that fail, each with its message."""
    found = [one for one in suite(plugin, name="gauges") if one.id.startswith(prefix)]
    assert found, f"no check begins with {prefix}"
    results = [run(one) for one in found]
    return {one.check.id.rpartition(":")[2]: one.message for one in results if not one.ok}
