"""The other checks: each mistake fails the check that is made for it, and no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from attrs import evolve, field, frozen

from county_gov.api import (
    Batch,
    CaseMoved,
    Column,
    Context,
    ContractError,
    Decoded,
    Delivery,
    EndpointContext,
    Field,
    JobRun,
    Message,
    Page,
    PageContext,
    Permission,
    Receipt,
    Request,
    Response,
    Row,
    Schema,
    Table,
    Text,
    Things,
    Value,
    View,
)
from county_gov.testing.conformance import Check, Nonconformity, checks, run, suite
from tests.testing.conformance import gauges
from tests.testing.conformance.gauges import FIELDS, NAME, PARTS, GaugesPlugin, failing, plugin_with


def kept(prefix: str, **changes: Any) -> set[str]:
    """Checks that fail where some parts are replaced."""
    return set(failing(plugin_with(**changes), prefix))


def test_a_good_plugin_passes_the_whole_suite() -> None:
    """Every kind of contribution is looked at, and nothing is said against any."""
    package = "tests.testing.conformance.gauges"
    sample = Delivery(b'{"code": "a.level", "time": 1, "value": 2}', "application/json", "", 0)
    whole = suite(GaugesPlugin, name="gauges", package=package, samples={"gauges.feed": [sample]})
    side_doors = {"plugin:gauges:imports", "plugin:gauges:side_doors"}
    results = [run(one) for one in whole if one.id not in side_doors]

    assert [] == [(one.check.id, one.message) for one in results if not one.ok]
    assert {
        *("plugin", "source", "rule", "policy", "workflow", "notifier", "page", "parameter"),
        *(
            "job",
            "command",
            "endpoint",
            "cli_command",
            "permission",
            "dataset",
            "listener",
            "instruction",
        ),
    } == {one.id.partition(":")[0] for one in whole}


def raises_key_error(delivery: Delivery, _things: Things) -> Decoded:
    """Trusts what comes."""
    return gauges.decode(
        Delivery(json.dumps(json.loads(delivery.raw)["a"]).encode(), "", "", 0), _things
    )


def makes_rows_of_nothing(delivery: Delivery, things: Things) -> Decoded:
    """Gives a row for an empty delivery."""
    if delivery.raw:
        return gauges.decode(delivery, things)
    columns = {
        "datastream": np.array(["a"], object),
        "time": np.array([1], np.int64),
        "value": np.array([1.0]),
    }
    return Decoded(Batch(columns), np.array([0], np.int64))


def forgets_the_time(delivery: Delivery, _things: Things) -> Decoded:
    """Gives no times."""
    rows = 1 if delivery.raw else 0
    columns = {"datastream": np.array(["a"] * rows, object), "value": np.array([1.0] * rows)}
    return Decoded(Batch(columns), np.arange(rows))


class CountingDecoder:
    """Gives the number of the delivery as its value."""

    calls = 0

    def __call__(self, delivery: Delivery, _things: Things) -> Decoded:
        """Count."""
        self.calls += 1
        rows = 1 if delivery.raw else 0
        columns = {
            "datastream": np.array(["a"] * rows, object),
            "time": np.array([1] * rows, np.int64),
            "value": np.array([float(self.calls)] * rows),
        }
        return Decoded(Batch(columns), np.arange(rows))


@pytest.mark.parametrize(
    ("decode", "expected"),
    [
        (raises_key_error, {"garbage"}),
        (makes_rows_of_nothing, {"empty"}),
        (forgets_the_time, {"shape"}),
        (CountingDecoder(), {"repeatable"}),
    ],
)
def test_decoders(decode: Any, expected: set[str]) -> None:
    """A decoder is pure, and refuses in the words of the contract."""
    assert expected == kept("source:", sources={"decode": decode})


async def shows_a_cell_without_column(_ctx: PageContext) -> tuple[View, ...]:
    """A table whose rows hold more than its columns."""
    row = Row({"code": "a", "height": 1.0})
    return (Table("t", NAME, (Column("code", NAME),), (row,), 1, NAME),)


async def shows_a_case_by_its_number(_ctx: PageContext) -> tuple[View, ...]:
    """A row that names a case as people do, not by its id."""
    row = Row({"code": "a"}, case="GZ-990101-2026-000001")
    return (Table("t", NAME, (Column("code", NAME),), (row,), 1, NAME),)


async def needs_a_gauge(ctx: PageContext) -> tuple[View, ...]:
    """Divides by the number of gauges."""
    return await gauges.views(ctx) if 1 / len(await ctx.read.datastreams()) else ()


async def trusts_the_address(ctx: PageContext) -> tuple[View, ...]:
    """Reads a number from the address."""
    int(ctx.query.get("page", "1"))
    return await gauges.views(ctx)


async def swallows_its_cancellation(ctx: PageContext) -> tuple[View, ...]:
    """Takes a reader's leaving for no data."""
    try:
        return await gauges.views(ctx)
    except asyncio.CancelledError:
        return ()


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        (shows_a_cell_without_column, {"draws"}),
        (shows_a_case_by_its_number, {"draws"}),
        (needs_a_gauge, {"draws", "nonsense", "repeatable"}),
        (trusts_the_address, {"nonsense"}),
        (swallows_its_cancellation, {"cancellation"}),
    ],
)
def test_pages(views: Any, expected: set[str]) -> None:
    """A page draws whatever is there, and whatever is asked."""
    assert expected == kept("page:", pages={"views": views})


async def posts_without_key(ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
    """Sends what the receiver cannot tell apart."""
    for one in messages:
        await ctx.http.request("POST", "https://notices.example/", body=one.body.encode())
    return tuple(Receipt(one.key, "sent") for one in messages)


async def gives_a_strange_receipt(
    _ctx: Context, messages: tuple[Message, ...]
) -> tuple[Receipt, ...]:
    """Names a message that it was not given."""
    return tuple(Receipt(f"x{one.key}", "sent") for one in messages)


@pytest.mark.parametrize(
    ("send", "expected"),
    [(posts_without_key, {"idempotent"}), (gives_a_strange_receipt, {"receipts"})],
)
def test_notifiers(send: Any, expected: set[str]) -> None:
    """The same message twice counts once."""
    assert expected == kept("notifier:", notifiers={"send": send})


async def trusts_the_body(_ctx: EndpointContext, request: Request) -> Response:
    """Reads JSON without a look."""
    return Response.json({"got": json.loads(request.body or b"0")})


async def answers_with_a_fault(ctx: EndpointContext, request: Request) -> Response:
    """Calls a bad request its own fault."""
    return Response(status=500) if request.body == b"{" else await gauges.answer(ctx, request)


async def gives_text(_ctx: Context, _request: Request) -> Any:
    """Gives no response."""
    return "0"


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (trusts_the_body, {"bad_bodies"}),
        (answers_with_a_fault, {"bad_bodies"}),
        (gives_text, {"answers", "bad_bodies"}),
    ],
)
def test_endpoints(handler: Any, expected: set[str]) -> None:
    """A bad body is answered."""
    assert expected == kept("endpoint:", endpoints={"handler": handler})


class Forgetful:
    """Notifies under another key each time."""

    calls = 0

    async def __call__(self, ctx: Context, run_at: JobRun) -> str:
        """Count."""
        self.calls += 1
        await ctx.notify("chief", subject="日报", body="—", idempotency_key=f"report:{self.calls}")
        return "1 notice"


async def gives_nothing(_ctx: Context, _run: JobRun) -> Any:
    """Gives a number for the history."""
    return 3


async def hangs(ctx: Context, _run: JobRun) -> str:
    """Goes on whatever happens."""
    try:
        await ctx.notify("chief", subject="日报", body="—", idempotency_key="a")
    except asyncio.CancelledError:
        await asyncio.Event().wait()
    return ""


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (Forgetful(), {"idempotent"}),
        (gives_nothing, {"runs"}),
        (hangs, {"cancellation"}),
    ],
)
def test_jobs(work: Any, expected: set[str]) -> None:
    """A job may be called again for the same instant, and may be stopped."""
    assert expected == kept("job:", jobs={"run": work})


async def opens_a_case_each_time(event: CaseMoved, ctx: Context) -> None:
    """Makes the key of chance."""
    await ctx.notify(
        "chief",
        subject="s",
        body="b",
        idempotency_key=f"{event.position}:{id(object())}:{np.random.default_rng().random()}",
    )


def test_listeners_hear_of_an_event_more_than_once() -> None:
    """An event is told at least once, so what follows has a key of its own."""
    assert {"idempotent"} == set(failing(plugin_with(listener=opens_a_case_each_time), "listener:"))


async def speaks_in_numbers(_ctx: Context, _options: Mapping[str, Value]) -> AsyncIterator[Any]:
    """Yields what is no line."""
    yield 3


def test_verbs_print_lines() -> None:
    """A verb yields texts."""
    assert {"runs"} == kept("cli_command:", cli_commands={"run": speaks_in_numbers})


def test_texts_are_chinese_and_english() -> None:
    """English in place of Chinese is told, and the other way round; a formula is neither."""
    assert {"texts"} == kept(
        "permission:", permissions=Permission("gauges.use", Text("Use gauges"))
    )
    mixed = Permission("gauges.use", Text("使用", "使用"))
    assert {"texts"} == kept("permission:", permissions=mixed)
    formula = Permission("gauges.use", Text("PM2.5", "PM2.5"))
    assert set() == kept("permission:", permissions=formula)


@pytest.mark.parametrize(
    "wrong",
    [
        Field("a", "float64", NAME, minimum=3, maximum=2),
        Field("a", "text", NAME, decimals=2),
        Field("a", "bool", NAME, unit="m"),
        Field("a", "int64", NAME, choices=(("1", NAME),)),
        Field("a", "text", NAME, refers="dam"),
        Field("a", "text", NAME, refers="person"),
        Field("a", "int64", NAME, multiline=True),
    ],
)
def test_schemas_make_sense(wrong: Field) -> None:
    """Bounds, decimals, units, choices and references belong together."""
    schema = Schema((*FIELDS, wrong), key=("code",))

    assert {"schema"} == kept("dataset:", datasets={"schema": schema})


def test_ids_are_prefixed_and_references_known() -> None:
    """What a plugin declares bears its name, and what it names of its own is there."""
    page = Page("other/levels", NAME, "gauges.use", gauges.views)
    assert {"declares"} == kept("plugin:gauges:declares", pages=page)
    assert {"declares"} == kept("plugin:gauges:declares", pages={"permission": "gauges.see"})
    assert {"declares"} == kept("plugin:gauges:declares", rules=(PARTS["rules"], PARTS["rules"]))


def test_workflows_are_sound_and_their_guards_answer() -> None:
    """A state that cannot be left, and a guard that trusts its data, are told."""
    stuck = evolve(PARTS["workflows"], initial="done")
    assert {"sound"} == kept("workflow:gauges.visit:", workflows=stuck)

    def trusts_its_data(_case: object, _actor: object, data: Mapping[str, Any]) -> None:
        data["remark"].strip()

    (event,) = PARTS["workflows"].events
    workflow = evolve(PARTS["workflows"], events=(evolve(event, guards=(trusts_its_data,)),))
    assert {"guards"} == kept("workflow:gauges.visit:", workflows=workflow)


def one_more(value: float) -> float:
    """Grow."""
    return value + 1.0


def test_a_configuration_comes_back() -> None:
    """One that changes what it is given is told."""

    @frozen
    class Growing:
        limit: float = field(default=1.0, converter=one_more)

    @frozen(eq=False)
    class Plugin:
        config: Growing
        api: ClassVar[int] = 0
        Config: ClassVar[type[Growing]] = Growing

    (check,) = [
        one for one in suite(Plugin, name="growing") if one.id == "plugin:growing:configuration"
    ]
    with pytest.raises(Nonconformity, match="as plain data and back"):
        check()


def test_an_expected_failure_needs_a_reason_and_a_check() -> None:
    """A name that is no check is told with the nearest one."""
    with pytest.raises(ContractError, match="say why"):
        suite(GaugesPlugin, name="gauges", expected_failures={"rule:gauges.high:order": " "})
    with pytest.raises(ContractError, match=r"did you mean 'rule:gauges\.high:order'"):
        suite(GaugesPlugin, name="gauges", expected_failures={"rule:gauges.high:ordr": "why"})


def test_an_expected_failure_that_passes_fails() -> None:
    """The suite does not grow old: what is mended is taken off the list."""
    expected = {"rule:gauges.high:order": "the rows are sorted", "rule:gauges.high:empty": "old"}
    counted = plugin_with(rules={"judge": gauges.judge})
    found = {one.id: one for one in suite(counted, name="gauges", expected_failures=expected)}
    broken = evolve(found["rule:gauges.high:order"], run=_fail)

    assert "unexpected" == run(found["rule:gauges.high:empty"]).outcome
    assert "expected" == run(broken).outcome


def _fail() -> None:
    raise Nonconformity("no")


def test_pytest_gets_one_parameter_for_each_check() -> None:
    """Ids are those of the checks, and expected failures are strict."""
    found = checks(GaugesPlugin, name="gauges", expected_failures={"rule:gauges.high:order": "why"})
    marked = {one.id: one.marks for one in found if one.marks}

    assert all(isinstance(one.values[0], Check) for one in found)
    (mark,) = marked["rule:gauges.high:order"]
    assert {"reason": "why", "strict": True} == mark.kwargs
