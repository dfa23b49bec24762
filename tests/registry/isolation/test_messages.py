"""What is sent to a process, what it says, and that every question of it is answered."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from io import FileIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from county_gov.contract.job import JobRun
from county_gov.contract.text import Text
from county_gov.errors import ContractError, PluginFailed
from county_gov.registry.discovery import PluginRequest
from county_gov.registry.isolation import channel as kinds
from county_gov.registry.isolation.channel import Channel
from county_gov.registry.isolation.hearing import LOG_BYTES, Hearing
from county_gov.registry.isolation.life import Call
from county_gov.registry.isolation.loading import load_isolated
from county_gov.registry.isolation.output import Output
from county_gov.registry.isolation.sender import MOST_ANSWERS, MOST_WAITING, Sender
from county_gov.registry.isolation.service import Service
from county_gov.registry.isolation.wire import Packer
from county_gov.registry.limits import ProcessLimits
from county_gov.registry.registry import build_registry
from county_gov.registry.shape import Shapes
from county_gov.testing import FakeContext

LIMIT = 1 << 22


@pytest.fixture
def pipe() -> Iterator[tuple[Channel, FileIO]]:
    """A channel whose other end nobody reads, and that end."""
    theirs, ours = os.pipe()
    os.set_blocking(ours, False)
    channel = Channel(os.open("/dev/null", os.O_RDONLY), ours, LIMIT)
    with FileIO(theirs) as unread:
        yield channel, unread
        channel.close()


def ignore(_error: PluginFailed) -> None:
    """Nobody waits for what cannot be sent."""


def test_who_sends_never_waits_and_a_full_queue_is_an_error(pipe: tuple[Channel, FileIO]) -> None:
    """Messages wait up to a bound, then calls are refused, and last of all answers."""
    channel, unread = pipe
    sender = Sender(channel, 60.0, ignore, "test")  # type: ignore[arg-type] # takes any text
    body, begun = bytes(1 << 21), time.monotonic()

    for _ in range(MOST_WAITING):
        sender.put(kinds.CALL, 1, body, refused=ignore)
    # One of them may already be on its way.
    with pytest.raises(PluginFailed, match=f"not yet read {MOST_WAITING} earlier"):  # noqa: PT012
        sender.put(kinds.CALL, 1, body, refused=ignore)
        sender.put(kinds.CALL, 1, body, refused=ignore)
    sender.put(kinds.ANSWER, 1, None, refused=ignore, most=MOST_ANSWERS)

    assert time.monotonic() - begun < 30
    unread.close()
    sender.close()


def test_a_process_that_does_not_read_is_told_once(pipe: tuple[Channel, FileIO]) -> None:
    """After its time the sender gives up, says why, and takes nothing more."""
    channel, _unread = pipe
    told: list[str] = []
    heard = threading.Event()

    def unheard(reason: str) -> None:
        told.append(reason)
        heard.set()

    sender = Sender(channel, 0.1, unheard, "test")
    sender.put(kinds.CALL, 1, bytes(1 << 21), refused=ignore)
    sender.put(kinds.CALL, 2, bytes(1 << 21), refused=ignore)

    assert heard.wait(10)
    with pytest.raises(PluginFailed, match="does not listen"):
        sender.put(kinds.CALL, 3, None, refused=ignore)
    sender.close()
    assert ["the other side does not read"] == told


@pytest.mark.parametrize(
    ("value", "words"),
    [(bytes(LIMIT + 1), "at most"), (object(), "cannot cross"), ({1: 2}, "keys of a mapping")],
)
def test_what_cannot_be_sent_is_told_to_who_sent_it(
    value: object, words: str, pipe: tuple[Channel, FileIO]
) -> None:
    """The message is left out, and the sender goes on."""
    channel, _unread = pipe
    refused: Future[PluginFailed] = Future()
    sender = Sender(channel, 1.0, ignore, "test")  # type: ignore[arg-type] # takes any text

    sender.put(kinds.CALL, 1, value, refused=refused.set_result)

    assert words in str(refused.result(10))
    sender.put(kinds.CALL, 2, None, refused=ignore)
    sender.close()


class Told:
    """Hears one process out that a test plays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = []
        self.calls: dict[int, Call] = {}
        self.life = SimpleNamespace(
            name="test", hello=Future(), closed=None, sender=self, end=self.ended
        )
        self.reasons: list[str] = []
        self.greeted: list[Any] = []
        self.hearing = Hearing(
            self.life,  # type: ignore[arg-type] # as much of one as is used
            self.calls,
            Shapes(),
            Output("test"),
            lambda path, _of: lambda: path,
            lambda hello, _digest: self.greeted.append(hello),
        )

    def ended(self, reason: str) -> None:
        """The process is ended."""
        self.reasons.append(reason)

    def put(self, _kind: int, number: int, value: object, **_words: object) -> None:
        """An answer."""
        self.answers.append((number, value))

    def hear(self, kind: int, number: int, value: object) -> bool:
        """Say something."""
        packer = Packer()
        tree = packer.message(value)
        beside = b"".join(map(bytes, packer.buffers))
        return self.hearing._hear(kind, number, memoryview(tree), memoryview(beside))


HELLO: dict[str, Any] = {"problems": (), "declared": {}, "failed": {}, "events": (), "requires": {}}


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (kinds.ASK, (1, "read.latest", ()), "a question: expected"),
        (kinds.ASK, (1, 2, (), {}), "a question: expected"),
        (kinds.LOG, ("info", 3, {}), "an entry of its log: expected"),
        (kinds.LOG, ("info", "x" * LOG_BYTES, {}), "at most 65536"),
        (kinds.CLOSED, {"landlock": "yes"}, "what was closed to it: expected"),
        (kinds.HELLO, 3, "what it declares: expected"),
        (kinds.HELLO, {}, "lacks 'problems'"),
        (kinds.HELLO, {**HELLO, "failed": {"rules": 3}}, "what it declares, failed: expected"),
        (kinds.HELLO, {**HELLO, "declared": {"__init__": ()}}, "'__init__', which is no hook"),
        (kinds.HELLO, {**HELLO, "events": ("load",)}, "'load', which is no hook"),
        (kinds.ORDER, None, "a message of kind 0 was not asked for"),
        (200, None, "a message of kind 200 was not asked for"),
    ],
)
def test_what_a_process_may_not_say(kind: int, value: object, words: str) -> None:
    """Messages of another form than ours end the process with words that say why."""
    with pytest.raises(ContractError, match=words):
        Told().hear(kind, 1, value)


async def test_an_item_comes_when_it_was_asked_for() -> None:
    """The first item is taken, the second is one too many."""
    told = Told()
    items: asyncio.Queue[Any] = asyncio.Queue()
    told.calls[1] = Call(1, None, items, asyncio.get_running_loop())

    assert told.hear(kinds.ITEM, 1, "first")
    with pytest.raises(ContractError, match="an item was not asked for"):
        told.hear(kinds.ITEM, 1, "second")
    assert "first" == await items.get()


def test_only_what_was_waited_for_counts_as_such() -> None:
    """Answers to calls that are over, or were answered, are counted as words."""
    told = Told()
    told.calls[1] = Call(1)

    assert not told.hear(kinds.RESULT, 2, "x")
    assert told.hear(kinds.RESULT, 1, "x")
    assert not told.hear(kinds.RESULT, 1, "y")
    assert "x" == told.calls[1].answer.result(0)
    assert told.hear(kinds.HELLO, 0, HELLO)
    assert 1 == len(told.greeted)


def test_a_question_of_a_call_that_is_over_is_answered() -> None:
    """Also where the call belonged to a loop that was closed."""
    told = Told()
    loop = asyncio.new_event_loop()
    loop.close()
    told.calls[3] = Call(3, Service("Context", FakeContext()), None, loop)
    told.calls[4] = Call(4)

    for number, asked in ((7, 3), (8, 4), (9, 5)):
        told.hear(kinds.ASK, number, (asked, "notes.get", ("x",), {}))

    assert [(7, "the call is over"), (8, "the call is over"), (9, "the call is over")] == [
        (number, str(value)) for number, value in told.answers
    ]


class Notes:
    """Notes that fail, or that hold what cannot cross."""

    def __init__(self, outcome: object) -> None:
        self.outcome = outcome

    async def get(self, _key: str) -> Any:
        """Fail, or give it."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def set(self, _key: str, _value: str) -> None:
        """Keep nothing."""


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (OSError("disk"), "notes.get: the county failed: OSError"),
        (AttributeError("x"), "notes.get: the county failed: AttributeError"),
        (RuntimeError("x"), "notes.get: the county failed: RuntimeError"),
        (AssertionError(), "notes.get: the county failed: AssertionError"),
        (ValueError("x"), "notes.get: ValueError: x"),
        (object(), "it cannot be given that"),
        (bytes(9 << 20), "it cannot be given that"),
    ],
)
async def test_every_question_is_answered_at_once(
    outcome: object, words: str, tmp_path: Path
) -> None:
    """Whatever the county's side ends with, the plugin is told, and does not wait for its time."""
    limits = ProcessLimits(message_bytes=8 << 20)
    request = PluginRequest("gauge", {}, "county.toml: plugin[0]", tmp_path, limits=limits)
    loaded, problems = load_isolated(
        request, "gauge_plugin:GaugePlugin", distribution="gauge", version="1"
    )
    assert loaded is not None, problems
    context: Any = FakeContext()
    context.notes = Notes(outcome)
    job = build_registry([loaded])[0].contributions.jobs["gauge.draw"]
    try:
        with pytest.raises(PluginFailed, match=words):
            await asyncio.wait_for(job.run(context, JobRun(1)), 10)
    finally:
        assert loaded.process is not None
        loaded.process.close()


def test_a_refusal_keeps_its_words() -> None:
    """An error of ours is given to the caller as it was."""
    call = Call(1)

    call.settle(PluginFailed("first"))
    call.settle(Text(zh="second"))

    assert "first" == str(call.answer.result(0))


async def test_a_burst_of_calls_does_not_end_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that finds the queue full fails; the process and the other calls go on."""
    request = PluginRequest("gauge", {}, "county.toml: plugin[0]", tmp_path, limits=ProcessLimits())
    loaded, problems = load_isolated(
        request, "gauge_plugin:GaugePlugin", distribution="gauge", version="1"
    )
    assert loaded is not None, problems
    assert loaded.process is not None
    job = build_registry([loaded])[0].contributions.jobs["gauge.draw"]
    try:
        sender = loaded.process._living()[0].sender
        with monkeypatch.context() as full:
            full.setattr(sender, "put", partial(sender.put, most=0))
            with pytest.raises(PluginFailed, match="not yet read"):
                await job.run(FakeContext(), JobRun(1))
        said = await job.run(FakeContext(), JobRun(2))
    finally:
        loaded.process.close()

    assert "2" == said
    assert not [one for one in threading.enumerate() if one.name == "plugin-cancel"]
