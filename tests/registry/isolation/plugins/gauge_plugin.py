"""A plugin with something of every kind that may live in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import ClassVar

import numpy as np
from attrs import field, frozen

from county_gov.api import (
    Actor,
    Batch,
    CaseMoved,
    CaseView,
    Citation,
    Condition,
    Context,
    Decoded,
    Delivery,
    Event,
    Every,
    Hooks,
    Job,
    JobRun,
    Judgement,
    Latest,
    MalformedDelivery,
    Message,
    Notifier,
    Outcome,
    Page,
    PageContext,
    Paragraphs,
    Permission,
    Receipt,
    Rule,
    Source,
    State,
    Text,
    Things,
    Value,
    View,
    Workflow,
    implements,
)


@frozen
class GaugeConfig:
    limit: float = 5.0


def judge_above(limit: float, batch: Batch) -> Mapping[str, Judgement]:
    """Whether each value is above the limit."""
    values = batch["level"]
    known = np.isfinite(values)
    outcomes = np.where(known, values > limit, -1).astype(np.int8)
    return {"above": Judgement(outcomes, values, np.full(len(values), limit))}


def decode(delivery: Delivery, things: Things) -> Decoded:
    """One value a line, for the first datastream of the thing that is named first."""
    lines = delivery.raw.decode().split()
    if not lines:
        raise MalformedDelivery("no lines", place="line 1")
    code = things.datastreams_of(lines[0]).get("water_level", lines[0])
    values = np.array([float(one) for one in lines[1:]])
    count = len(values)
    return Decoded(
        Batch(
            {
                "datastream": np.array([code] * count, object),
                "time": np.arange(count, dtype=np.int64),
                "value": values,
            }
        ),
        np.arange(count, dtype=np.int64),
    )


async def lines(ctx: Context) -> AsyncIterator[Delivery]:
    """Three deliveries that note their acknowledgement."""
    for number in range(3):

        async def acknowledged(outcome: Outcome) -> None:
            await ctx.notes.set(outcome.batch, str(outcome.accepted))

        yield Delivery(b"g %d" % number, "text/plain", "gauge", ctx.clock.now(), None, acknowledged)


def not_empty(case: CaseView, actor: Actor, data: Mapping[str, Value]) -> Text | None:
    """Objects where no note was given."""
    return None if data.get("note") else Text(zh="请填写说明", en="Write a note")


async def levels(ctx: PageContext) -> tuple[View, ...]:
    """A page with the number of latest readings."""
    latest = await ctx.read.latest(observed_property="water_level")
    words = f"{len(latest)} {ctx.actor.name} {ctx.query.get('q', '')}"
    return (Paragraphs("levels", Text(zh="水位", en="Levels"), (Text(zh=words),)),)


async def draw(ctx: Context, run: JobRun) -> str:
    """Note the run."""
    await ctx.notes.set("run", str(run.at))
    ctx.log.info("drawn", at=run.at)
    return await ctx.notes.get("run") or ""


async def send(ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
    """Say that all was sent."""
    return tuple(Receipt(one.key, "sent", ctx.timezone) for one in messages)


@frozen(eq=False)
class GaugePlugin:
    config: GaugeConfig = field(factory=GaugeConfig)
    api: ClassVar[int] = 0
    Config: ClassVar[type[GaugeConfig]] = GaugeConfig

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """Its rules."""
        limit = self.config.limit
        return (
            Rule(
                id="gauge.high",
                title=Text(zh="水位高", en="High"),
                inputs={"level": Latest("water_level")},
                conditions=(Condition("above", Text(zh="高于", en="Above"), Citation("x")),),
                judge=lambda batch: judge_above(limit, batch),
            ),
        )

    @implements(Hooks.sources)
    def sources(self) -> Iterable[Source]:
        """Its sources."""
        return (Source("gauge.lines", "gauge.levels", Text(zh="行", en="Lines"), decode, lines),)

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """Its workflows."""
        return (
            Workflow(
                id="gauge.look",
                title=Text(zh="查看", en="Look"),
                version=1,
                number="G{county}{year}{serial}",
                initial="open",
                states=(
                    State("open", Text(zh="开", en="Open")),
                    State("done", Text(zh="完", en="Done"), final=True),
                ),
                events=(
                    Event(
                        "close",
                        Text(zh="办结", en="Close"),
                        ("open",),
                        "done",
                        "gauge.read",
                        guards=(not_empty,),
                    ),
                ),
                read_permission="gauge.read",
            ),
        )

    @implements(Hooks.notifiers)
    def notifiers(self) -> Iterable[Notifier]:
        """Its notifiers."""
        return (Notifier("gauge.bell", Text(zh="铃", en="Bell"), send),)

    @implements(Hooks.pages)
    def pages(self) -> Iterable[Page]:
        """Its pages."""
        return (Page("gauge/levels", Text(zh="水位", en="Levels"), "gauge.read", levels),)

    @implements(Hooks.jobs)
    def jobs(self) -> Iterable[Job]:
        """Its jobs."""
        return (Job("gauge.draw", Text(zh="绘制", en="Draw"), Every(1_000_000), draw),)

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Its permissions."""
        return (Permission("gauge.read", Text(zh="查看", en="Read")),)

    @implements(Hooks.case_moved)
    async def case_moved(self, event: CaseMoved, ctx: Context) -> None:
        """Note the case."""
        await ctx.notes.set("moved", event.case.id)
