"""The plugin's process: imports one plugin, tells what it declares, and calls it when asked."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog
from attrs import define, field

from county_gov.contract.source import Things
from county_gov.errors import ContractError, PluginFailed, Problem
from county_gov.registry.configuration import KnownSecrets
from county_gov.registry.discovery import LoadedPlugin, PluginRequest, configure
from county_gov.registry.isolation import channel as kinds
from county_gov.registry.isolation.calls import SIGNATURES, ThingsTable
from county_gov.registry.isolation.channel import Channel, Closed, TooLong
from county_gov.registry.isolation.far_context import FarContext
from county_gov.registry.isolation.wire import Packer, Unpacker
from county_gov.registry.registry import DECLARATIONS, EVENTS, implementation
from county_gov.registry.shape import Shapes

Function = Callable[..., Any]
ContextTold = tuple[str, str, dict[str, Any]]
"""Kind of a context, the name of its argument (empty for the first), and what goes along."""
Asked = tuple[str, str, tuple[Any, ...], dict[str, Any], ContextTold | None]
"""Path of a function, the field that holds it, its arguments and keywords, and its context."""


def serve(channel: Channel, closed: Mapping[str, bool | int], threads: ThreadPoolExecutor) -> None:
    """Load the plugin that the county orders, then answer until the county hangs up.

    Args:
        channel: To the county.
        closed: What the kernel closed.
        threads: All that there are beside this one.
    """
    kind, number, tree, buffers = channel.receive()
    shapes = Shapes()
    order = Unpacker(buffers, _no_function, shapes, bounded=False).value(tree)
    if kind != kinds.ORDER:
        raise ContractError(f"expected an order, got a message of kind {kind}")
    worker = Worker(channel, shapes)
    worker.send(kinds.CLOSED, 0, dict(closed))
    worker.log_to_county()
    hello = worker.load(order)
    worker.send(kinds.HELLO, number, hello, functions=worker.functions)
    if not hello["problems"]:
        # Not asyncio.run, which would end its executor on one thread more.
        loop = asyncio.new_event_loop()
        loop.set_default_executor(threads)
        loop.run_until_complete(worker.run())


def _no_function(reference: str, _of: str) -> Function:
    raise ContractError(f"the county sent a function ({reference})")


@define(eq=False)
class Worker:
    """Answers the county's messages.

    Args:
        channel: To the county.
        shapes: Knows the contract's types.
    """

    channel: Channel
    shapes: Shapes
    functions: dict[str, Function] = field(factory=dict, init=False)
    config: object = field(default=None, init=False)
    _things: ThingsTable | None = field(default=None, init=False)
    _tasks: dict[int, asyncio.Task[None]] = field(factory=dict, init=False)
    _asked: dict[int, asyncio.Future[Any]] = field(factory=dict, init=False)
    _more: dict[int, asyncio.Event] = field(factory=dict, init=False)
    _questions: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def load(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Import, configure and instantiate the plugin; returns what it declares."""
        found = _load(order)
        if not isinstance(found, LoadedPlugin):
            return {"problems": found}
        plugin = found
        self.config = getattr(plugin.instance, "config", None)
        declared, failed = {}, {}
        for kind in DECLARATIONS:
            function = implementation(plugin.instance, kind)
            if function is None:
                continue
            try:
                declared[kind] = tuple(function())
            except Exception as error:  # noqa: BLE001 (told to the county, which reports it)
                failed[kind] = f"{type(error).__name__}: {error}"
        events = []
        for event in EVENTS:
            listener = implementation(plugin.instance, event)
            if listener is not None:
                self.functions[f"events/{event}"] = listener
                events.append(event)
        requires = getattr(type(plugin.instance), "requires", None) or {}
        return {
            "problems": (),
            "declared": declared,
            "failed": failed,
            "events": tuple(events),
            "requires": dict(requires),
        }

    def send(
        self,
        kind: int,
        number: int,
        value: object,
        *,
        place: str = "",
        functions: dict[str, Function] | None = None,
    ) -> None:
        """Send a message to the county."""
        packer = Packer(functions)
        tree = packer.message(value, place)
        with self._lock:
            self.channel.send(kind, number, tree, packer.buffers)

    async def run(self) -> None:
        """Answer until the county hangs up."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def readable() -> None:
            try:
                self._handle(*self.channel.receive())
            except Closed:
                ended.set()

        loop.add_reader(self.channel.incoming, readable)
        await ended.wait()

    def _handle(self, kind: int, number: int, tree: memoryview, buffers: memoryview) -> None:
        try:
            value = Unpacker(buffers, _no_function, self.shapes, bounded=False).value(tree)
        except ContractError as error:
            value = error
        if kind == kinds.CALL and isinstance(value, BaseException):
            self._send_error(number, value)
        elif kind == kinds.CALL:
            self._call(number, value)
        elif kind == kinds.ANSWER:
            future = self._asked.pop(number, None)
            if future is not None and not future.done():
                if isinstance(value, BaseException):
                    future.set_exception(value)
                else:
                    future.set_result(value)
        elif kind == kinds.CANCEL and number in self._tasks:
            self._tasks[number].cancel()
        elif kind == kinds.MORE and number in self._more:
            self._more[number].set()
        elif kind == kinds.THINGS:
            self._things = ThingsTable(*value)

    def _call(
        self,
        number: int,
        asked: Asked,
    ) -> None:
        path, of, arguments, keywords, context = asked
        function = self.functions.get(path)
        if function is None:
            self._send_error(number, PluginFailed(f"there is no function {path}"))
            return
        signature = SIGNATURES.get(of)
        colour = signature.colour if signature else "async"
        if of == "Source.decode":
            arguments = (*arguments, self._known_things())
        if context is not None:
            kind, name, values = context
            far = FarContext(kind, self.config, values, self._asker(number))
            if name:
                keywords = {**keywords, name: far}
            else:
                arguments = (far, *arguments)
        if colour == "sync":
            self._answer(number, lambda: function(*arguments, **keywords))
            return
        work = self._iterate if colour == "iterate" else self._await
        task = asyncio.get_running_loop().create_task(work(number, function, arguments, keywords))
        self._tasks[number] = task
        task.add_done_callback(lambda _task: self._tasks.pop(number, None))

    def _known_things(self) -> Things:
        if self._things is None:
            raise ContractError("the county asked to decode before it told of its things")
        return self._things

    def _answer(self, number: int, function: Callable[[], Any]) -> None:
        try:
            value = function()
        except Exception as error:  # noqa: BLE001 (told to the county, which records it)
            self._send_error(number, error)
            return
        self._send_value(kinds.RESULT, number, value)

    async def _await(
        self, number: int, function: Function, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        try:
            value = await function(*arguments, **keywords)
        except Exception as error:  # noqa: BLE001 (told to the county, which records it)
            self._send_error(number, error)
            return
        self._send_value(kinds.RESULT, number, value)

    async def _iterate(
        self, number: int, function: Function, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        more = self._more[number] = asyncio.Event()
        try:
            async for item in function(*arguments, **keywords):
                self._send_value(kinds.ITEM, number, item)
                await more.wait()
                more.clear()
        except Exception as error:  # noqa: BLE001 (told to the county, which records it)
            self._send_error(number, error)
            return
        finally:
            del self._more[number]
            for path in [one for one in self.functions if one.startswith(f"once/{number}/")]:
                del self.functions[path]
        self.send(kinds.END, number, None)

    def _send_value(self, kind: int, number: int, value: object) -> None:
        self._questions += 1
        place = f"once/{number}/{self._questions}"
        try:
            self.send(kind, number, value, place=place, functions=self.functions)
        except (ContractError, TooLong, MemoryError) as error:
            self._send_error(number, PluginFailed(f"its result cannot be taken: {error}"))

    def _send_error(self, number: int, error: BaseException) -> None:
        try:
            self.send(kinds.ERROR, number, error)
        except (ContractError, TooLong):
            self.send(kinds.ERROR, number, PluginFailed(f"{type(error).__name__}"))

    def _asker(self, number: int) -> Callable[..., Any]:
        async def ask(path: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            self._questions += 1
            question = self._questions
            future = asyncio.get_running_loop().create_future()
            self._asked[question] = future
            try:
                self.send(kinds.ASK, question, (number, path, arguments, keywords))
                return await future
            finally:
                self._asked.pop(question, None)

        return ask

    def log_to_county(self) -> None:
        """Send what the plugin logs to the county."""

        def forward(_logger: object, level: str, event: Any) -> Any:
            told = {str(key): str(one)[:400] for key, one in event.items() if key != "event"}
            self.send(kinds.LOG, 0, (level, str(event.get("event", ""))[:400], told))
            raise structlog.DropEvent

        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.format_exc_info,
                forward,
            ]
        )


def _load(order: Mapping[str, Any]) -> LoadedPlugin | tuple[Problem, ...]:
    module, _, name = order["value"].partition(":")
    place = f"{order['place']}.use"
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # noqa: BLE001 whatever an import raises is the plugin's problem
        text = f"{order['value']} cannot be imported: {type(error).__name__}: {error}"
        return (Problem(place, text),)
    request = PluginRequest(
        use=order["name"],
        config=order["config"],
        place=order["place"],
        folder=Path("/"),
        secrets=KnownSecrets(order["secrets"]),
    )
    plugin, problems = configure(
        found, request, distribution=order["distribution"], version=order["version"]
    )
    return plugin if plugin is not None else tuple(problems)
