"""Every check of the suite is failed by a plugin that is wrong in just that way.

The checks of rules and of imports have theirs in test_rules.py and test_importing.py, and the
configuration, declarations and unsound workflows in test_contributions.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from attrs import evolve

from county_gov.api import (
    CaseMoved,
    CommandContext,
    Context,
    Delivery,
    EndpointContext,
    Field,
    Instructed,
    JobRun,
    MalformedDelivery,
    Message,
    PageContext,
    Receipt,
    Request,
    Response,
    Schema,
    Text,
    Value,
    View,
)
from county_gov.testing.conformance import run, suite
from tests.testing.conformance import gauges
from tests.testing.conformance.gauges import NAME, PARTS, GaugesPlugin, moved, plugin_with

ELSEWHERE = {
    "plugin": {"configuration", "declares", "imports", "quiet_import", "side_doors"},
    "rule": {
        *("conditions", "dtype", "empty", "finite", "judges", "length"),
        *("order", "repeatable", "split", "unknown", "unmutated"),
    },
    "workflow": {"guards", "sound"},
}
"""Checks whose wrong plugins stand in the other files."""
SAMPLE = Delivery(b'{"code": "a.level", "time": 1, "value": 2}', "application/json", "", 0)
UNCHINESE = Text("Gauges everywhere")
WRONG = Field("wrong", "float64", NAME, minimum=3, maximum=2)
SCHEMA = Schema((WRONG,))


class Counting:
    """Does with each call what depends on how often it was called."""

    def __init__(self, work: Callable[..., Awaitable[Any]]) -> None:
        self.calls = 0
        self._work = work

    async def __call__(self, *given: Any) -> Any:
        """Work, told the number of the call."""
        self.calls += 1
        return await self._work(self.calls, *given)


def swallowing(work: Callable[..., Awaitable[Any]], instead: Any) -> Callable[..., Awaitable[Any]]:
    """Work that takes its cancellation for an ordinary end."""

    async def swallow(*given: Any) -> Any:
        try:
            return await work(*given)
        except asyncio.CancelledError:
            return instead

    return swallow


async def gives_a_number(*_given: Any) -> Any:
    """Gives what nobody expects."""
    return 3


async def fails(*_given: Any) -> Any:
    """Fails where nothing is there yet."""
    raise KeyError("code")


async def receives_nothing(_ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
    """Gives a receipt for what it was not given."""
    return tuple(Receipt(one.key, "sent") for one in messages) or (Receipt("none", "sent"),)


async def notes_again(call: int, ctx: CommandContext, _values: Mapping[str, Value]) -> Text:
    """Keeps a row under a new key each time."""
    row: dict[str, Value] = {"code": "a", "height": 1.0}
    await ctx.records.put("gauges.gauges", row, idempotency_key=f"note:{call}")
    return NAME


async def tells_again(call: int, ctx: CommandContext, thing: str, _given: Instructed) -> Text:
    """Tells the chief under a new key each time."""
    await ctx.plugin.notify("chief", subject=thing, body="—", idempotency_key=f"told:{call}")
    return NAME


class Verb:
    """A verb that notifies under a new key each time."""

    calls = 0

    async def __call__(self, ctx: Context, _options: Mapping[str, Value]) -> AsyncIterator[str]:
        """Notify, and say so."""
        self.calls += 1
        await ctx.notify("chief", subject="s", body="b", idempotency_key=f"verb:{self.calls}")
        yield "done"


async def a_verb_that_stays(ctx: Context, _options: Mapping[str, Value]) -> AsyncIterator[str]:
    """Takes its cancellation for an ordinary end."""
    try:
        yield str(await ctx.records.count("gauges.gauges"))
    except asyncio.CancelledError:
        yield "stopped"


async def a_transport_that_stays(ctx: Context) -> AsyncIterator[Delivery]:
    """Takes its cancellation for a delivery."""
    try:
        await ctx.http.request("GET", "https://gauges.example/")
    except asyncio.CancelledError:
        yield SAMPLE


async def shows_how_often(call: int, _ctx: PageContext) -> tuple[View, ...]:
    """Shows the number of its readers."""
    title = Text(zh=f"第 {call} 位读者", en=f"Reader {call}")
    (view,) = await gauges.views(GOOD_CONTEXT)
    return (evolve(view, title=title),)


async def has_no_headline(_ctx: PageContext) -> Text:
    """Has no words where nothing is there."""
    raise LookupError("no gauge")


class Nothing:
    """A reader that knows no datastream."""

    async def datastreams(self) -> tuple[Any, ...]:
        """None."""
        return ()


class GoodContext:
    """Enough of a context for the gauges' page."""

    read = Nothing()


GOOD_CONTEXT: Any = GoodContext()


def refuses(_delivery: Delivery, _things: Any) -> Any:
    """Takes nothing at all."""
    raise MalformedDelivery("nothing is taken here")


async def hears(_event: CaseMoved, ctx: Context) -> None:
    """Waits for the notes."""
    await ctx.notes.set("last", "1")


async def draws(ctx: Context, run_at: JobRun) -> str:
    """As the plugin does."""
    return await gauges.draw(ctx, run_at)


async def asks(ctx: EndpointContext, request: Request) -> Response:
    """As the plugin does."""
    return await gauges.answer(ctx, request)


(EVENT,) = PARTS["workflows"].events
TITLED = {
    "dataset": "datasets",
    "source": "sources",
    "rule": "rules",
    "policy": "alert_policies",
    "workflow": "workflows",
    "notifier": "notifiers",
    "page": "pages",
    "parameter": "parameters",
    "job": "jobs",
    "command": "commands",
    "endpoint": "endpoints",
    "cli_command": "cli_commands",
    "permission": "permissions",
}
(TELL,) = PARTS["sources"].instructions
MUTANTS: dict[tuple[str, str], Mapping[str, Any]] = {
    **{(kind, "texts"): {part: {"title": UNCHINESE}} for kind, part in TITLED.items()},
    ("dataset", "schema"): {"datasets": {"schema": Schema((*gauges.FIELDS, WRONG), key=("code",))}},
    ("parameter", "schema"): {"parameters": {"field": WRONG}},
    ("command", "schema"): {"commands": {"form": SCHEMA}},
    ("cli_command", "schema"): {"cli_commands": {"options": SCHEMA}},
    ("instruction", "schema"): {"sources": {"instructions": (evolve(TELL, form=SCHEMA),)}},
    ("workflow", "schema"): {"workflows": {"events": (evolve(EVENT, form=SCHEMA),)}},
    ("source", "samples"): {"sources": {"decode": refuses}},
    ("source", "cancellation"): {"sources": {"open": a_transport_that_stays}},
    ("page", "headline"): {"pages": {"headline": has_no_headline}},
    ("page", "repeatable"): {"pages": {"views": Counting(shows_how_often)}},
    ("notifier", "empty"): {"notifiers": {"send": receives_nothing}},
    ("notifier", "cancellation"): {"notifiers": {"send": swallowing(gauges.send, ())}},
    ("endpoint", "answers"): {"endpoints": {"handler": gives_a_number}},
    ("endpoint", "cancellation"): {"endpoints": {"handler": swallowing(asks, Response())}},
    ("job", "cancellation"): {"jobs": {"run": swallowing(draws, "stopped")}},
    ("command", "runs"): {"commands": {"run": gives_a_number}},
    ("command", "idempotent"): {"commands": {"run": Counting(notes_again)}},
    ("command", "cancellation"): {"commands": {"run": swallowing(gauges.note, NAME)}},
    ("cli_command", "idempotent"): {"cli_commands": {"run": Verb()}},
    ("cli_command", "cancellation"): {"cli_commands": {"run": a_verb_that_stays}},
    ("instruction", "runs"): {"sources": {"command": gives_a_number}},
    ("instruction", "idempotent"): {"sources": {"command": Counting(tells_again)}},
    ("instruction", "cancellation"): {"sources": {"command": swallowing(gauges.set_clock, NAME)}},
    ("listener", "runs"): {"listener": fails},
    ("listener", "cancellation"): {"listener": swallowing(hears, None)},
}
SHOWN = {
    *(("source", check) for check in ("empty", "garbage", "repeatable", "shape")),
    *(("page", check) for check in ("draws", "nonsense", "cancellation")),
    *(("notifier", check) for check in ("receipts", "idempotent")),
    ("endpoint", "bad_bodies"),
    *(("job", check) for check in ("runs", "idempotent")),
    ("listener", "idempotent"),
    ("cli_command", "runs"),
}
"""Checks that test_contributions.py has a wrong plugin for."""


@pytest.mark.parametrize(("kind", "check"), sorted(MUTANTS), ids=lambda word: word)
def test_a_wrong_plugin_fails_the_check(kind: str, check: str) -> None:
    """What is wrong in one way fails the check that asks for it, with words."""
    changes = dict(MUTANTS[kind, check])
    listener = changes.pop("listener", moved)
    plugin = plugin_with(listener=listener, **changes)
    found = [
        run(one)
        for one in suite(plugin, name="gauges", samples={"gauges.feed": [SAMPLE]})
        if one.id.startswith(f"{kind}:") and one.id.endswith(f":{check}")
    ]
    assert ["failed"] == [one.outcome for one in found]
    assert found[0].message


def test_no_check_is_without_a_wrong_plugin() -> None:
    """Whoever adds a check adds a plugin that fails it."""
    known = {
        (one.id.partition(":")[0], one.id.rpartition(":")[2])
        for one in suite(GaugesPlugin, name="gauges")
    }
    elsewhere = {(kind, check) for kind, names in ELSEWHERE.items() for check in names}
    assert known == {*MUTANTS, *SHOWN, *elsewhere}
