"""A plugin's process, as the county sees it: started, asked, ended, and started again."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from pathlib import Path
from typing import Any

import structlog
from attrs import define, field

from county_gov.errors import ContractError, PluginFailed
from county_gov.registry.isolation import channel as kinds
from county_gov.registry.isolation.calls import ThingsTable
from county_gov.registry.isolation.channel import Channel, Closed, TooLong
from county_gov.registry.isolation.launching import Order, how_it_ended, launch
from county_gov.registry.isolation.output import Output
from county_gov.registry.isolation.places import Places
from county_gov.registry.isolation.service import Service
from county_gov.registry.isolation.wire import Packer, Unpacker
from county_gov.registry.limits import ProcessLimits
from county_gov.registry.shape import Shapes

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between the end of a process and its next start; doubled with each end."""
SOUND_SECONDS = 60.0
"""A process that lived so long starts the count of pauses anew."""
END_SECONDS = 2.0
"""How long a cancelled call may take to end before the process is ended."""
MOST_WORDS = 200
"""Messages a second that a process may send without having been asked."""


@define(eq=False)
class _Call:
    """A call under way."""

    number: int
    answer: Future[Any]
    service: Service | None = None
    items: asyncio.Queue[Any] | None = None
    loop: asyncio.AbstractEventLoop | None = None


@define(eq=False)
class _Life:
    """One process from its start to its end."""

    popen: subprocess.Popen[bytes]
    channel: Channel
    hello: Future[Mapping[str, Any]]
    started: float = field(factory=time.monotonic)
    reason: str = ""
    things: int = -1
    sound: bool = False


class PluginProcess:
    """Keeps one plugin in a process of its own.

    Args:
        order: What it loads.
        limits: What it may use.
        places: Where it may read.
    """

    def __init__(self, order: Order, limits: ProcessLimits, places: Places) -> None:
        self.order = order
        self.limits = limits
        self.places = places
        self.starts = 0
        self.last_end = ""
        self.closed: Mapping[str, bool | int] = {}
        """What the kernel closed to it: ``namespaces``, ``landlock``, ``seccomp``."""
        self._shapes = Shapes()
        self._life: _Life | None = None
        self._calls: dict[int, _Call] = {}
        self._number = 0
        self._ends = 0
        self._not_before = 0.0
        self._declared: bytes | None = None
        self._starting = False
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._stopped = False
        self._folder = Path(tempfile.mkdtemp(prefix=f"county-gov-{order.name}-"))
        self._output = Output(order.name)
        # One thread lives as long as this object: the process ends with the thread that began it.
        self._keeper = threading.Thread(target=self._keep, name=f"plugin-{order.name}", daemon=True)
        self._keeper.start()
        atexit.register(self.close)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        life = self._life
        return life is not None and life.sound

    @property
    def pid(self) -> int:
        """Number of the process, 0 where none runs."""
        life = self._life
        return life.popen.pid if life is not None and life.sound else 0

    @property
    def dropped(self) -> int:
        """Lines that it printed or logged and that were left out because there were too many."""
        return self._output.budget.dropped

    def start(self) -> Mapping[str, Any]:
        """Start the process where it does not run, and return what the plugin declares.

        Raises:
            PluginFailed: if it cannot be started now; the text says why.
        """
        return self._living()[1]

    def call(
        self,
        path: str,
        of: str,
        arguments: tuple[Any, ...],
        *,
        things: ThingsTable | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Call a sync function and wait for its result; a call that hangs ends the process.

        Args:
            path: Where the function stands among the declarations.
            of: The field that holds it.
            arguments: What it is called with.
            things: Snapshot that a decoder reads.
            seconds: How long it may take; the plugin's limit unless given.

        Raises:
            PluginFailed: if it failed, hung, or its process ended.
            CountyGovError: what the function raised, where it is an error of the contract.
        """
        seconds = seconds or self.limits.seconds
        life, _hello = self._living()
        if not self._one_at_a_time.acquire(timeout=seconds * 2):
            raise PluginFailed("it is still busy with earlier calls")
        try:
            if things is not None and life.things != things.version:
                self._send(life, kinds.THINGS, 0, (
                    things.version, things.numbers, things.codes_of_things
                ))  # fmt: skip
                life.things = things.version
            call = self._begin(_Call(0, Future()))
            try:
                self._send(life, kinds.CALL, call.number, (path, of, arguments, {}, None))
                return self._result(call.answer.result(seconds))
            except NoAnswer:
                reason = f"no answer within {seconds:g} s"
                self._end(life, reason)
                raise PluginFailed(f"{reason}; its process was ended", hung=True) from None
            finally:
                self._calls.pop(call.number, None)
        finally:
            self._one_at_a_time.release()

    async def call_async(
        self,
        path: str,
        of: str,
        arguments: tuple[Any, ...],
        service: Service | None = None,
        *,
        context_name: str = "",
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call an async function; cancelling the wait cancels the function, or ends the process.

        Args:
            path: Where the function stands among the declarations.
            of: The field that holds it.
            arguments: What it is called with, its context left out.
            service: Answers what its context asks for.
            context_name: Name of the context's argument; empty for the first.
            keywords: Further arguments by name.

        Raises:
            PluginFailed: if it failed or its process ended.
            CountyGovError: what the function raised, where it is an error of the contract.
        """
        life, _hello = await self._living_async()
        call = self._begin(_Call(0, Future(), service, loop=asyncio.get_running_loop()))
        context = None if service is None else (service.kind, context_name, service.values())
        message = (path, of, arguments, dict(keywords or {}), context)
        try:
            self._send(life, kinds.CALL, call.number, message)
            return self._result(await asyncio.wrap_future(call.answer))
        except asyncio.CancelledError:
            await self._cancel(life, call)
            raise
        finally:
            self._calls.pop(call.number, None)

    async def iterate(
        self, path: str, of: str, arguments: tuple[Any, ...], service: Service | None = None
    ) -> AsyncIterator[Any]:
        """Iterate over an async generator of the plugin; one item is fetched at a time.

        Raises:
            PluginFailed: if it failed or its process ended.
        """
        life, _hello = await self._living_async()
        loop = asyncio.get_running_loop()
        call = self._begin(_Call(0, Future(), service, asyncio.Queue(2), loop))
        context = None if service is None else (service.kind, "", service.values())
        assert call.items is not None  # noqa: S101 (for the type checker)
        try:
            self._send(life, kinds.CALL, call.number, (path, of, arguments, {}, context))
            ended = asyncio.wrap_future(call.answer)
            while True:
                item = asyncio.ensure_future(call.items.get())
                done, _ = await asyncio.wait({item, ended}, return_when=asyncio.FIRST_COMPLETED)
                if item not in done:
                    item.cancel()
                    self._result(ended.result())
                    return
                yield item.result()
                self._send(life, kinds.MORE, call.number, None)
        finally:
            if not call.answer.done():
                await self._cancel(life, call)
            self._calls.pop(call.number, None)

    def close(self) -> None:
        """End the process for good."""
        atexit.unregister(self.close)
        self._stopped = True
        life = self._life
        if life is not None:
            self._end(life, "the county stops")
        self._wanted.put(False)
        self._keeper.join(timeout=10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _result(self, value: Any) -> Any:
        if isinstance(value, BaseException):
            raise value
        return value

    def _begin(self, call: _Call) -> _Call:
        with self._changed:
            self._number += 1
            call.number = self._number
            self._calls[call.number] = call
        return call

    async def _cancel(self, life: _Life, call: _Call) -> None:
        """Cancel a call in the process; where it does not let go, end the process."""
        with contextlib.suppress(PluginFailed):
            self._send(life, kinds.CANCEL, call.number, None)

        def watch() -> None:
            try:
                call.answer.result(END_SECONDS)
            except NoAnswer:
                self._end(life, "a cancelled call did not end")
            except Exception:  # noqa: BLE001, S110 (whatever it says, it ended; nobody waits)
                pass
            finally:
                self._calls.pop(call.number, None)

        self._calls[call.number] = call
        threading.Thread(target=watch, name="plugin-cancel", daemon=True).start()

    def _living(self) -> tuple[_Life, Mapping[str, Any]]:
        life = self._life
        if life is None or not life.sound:
            life = self._started()
        try:
            return life, life.hello.result(self.limits.start_seconds)
        except NoAnswer:
            reason = f"did not start within {self.limits.start_seconds:g} s"
            self._end(life, reason)
            raise PluginFailed(reason) from None

    async def _living_async(self) -> tuple[_Life, Mapping[str, Any]]:
        life = self._life
        if life is not None and life.sound:
            return life, life.hello.result(0)
        return await asyncio.to_thread(self._living)

    def _started(self) -> _Life:
        with self._changed:
            if self._stopped:
                raise PluginFailed("the county has stopped")
            if self._life is None:
                left = self._not_before - time.monotonic()
                if left > 0:
                    raise PluginFailed(
                        f"its process ended ({self.last_end}) and is started again in {left:.0f} s"
                    )
                if not self._starting:
                    self._starting = True
                    self._wanted.put(True)
                self._changed.wait_for(lambda: not self._starting, self.limits.start_seconds)
            if self._life is None:
                raise PluginFailed(f"its process could not be started: {self.last_end}")
            return self._life

    def _send(self, life: _Life, kind: int, number: int, value: object) -> None:
        packer = Packer()
        tree = packer.message(value)
        try:
            with self._sending:
                life.channel.send(kind, number, tree, packer.buffers, seconds=self.limits.seconds)
        except TooLong as error:
            raise PluginFailed(f"it cannot be given that much at once: {error}") from error
        except (TimeoutError, Closed) as error:
            self._end(life, str(error))
            raise PluginFailed(f"its process does not listen: {error}") from error

    def _end(self, life: _Life, reason: str) -> None:
        life.reason = life.reason or reason
        with contextlib.suppress(ProcessLookupError):
            life.popen.kill()

    def _keep(self) -> None:
        """Start the process when it is wanted, and read what it says until it ends."""
        while self._wanted.get():
            try:
                life = self._spawn()
            except OSError as error:
                with self._changed:
                    self._starting = False
                    self.last_end = f"{type(error).__name__}: {error}"
                    self._changed.notify_all()
                continue
            with self._changed:
                self._starting = False
                self._life = life
                self._changed.notify_all()
            try:
                self._read(life)
            except Closed:
                pass
            except (ContractError, TooLong) as error:
                self._end(life, f"it broke the contract: {error}")
            except Exception as error:
                log.exception("a plugin's process said what cannot be read", plugin=self.order.name)
                self._end(life, f"{type(error).__name__}: {error}")
            self._bury(life)

    def _spawn(self) -> _Life:
        self.starts += 1
        popen, channel = launch(self.limits, self.places, self._folder)
        self._output.read(popen)
        life = _Life(popen, channel, Future())
        with contextlib.suppress(PluginFailed):
            self._send(life, kinds.ORDER, 0, self.order.told(self._folder))
        return life

    def _read(self, life: _Life) -> None:
        words, since = 0, time.monotonic()
        while True:
            kind, number, tree, buffers = life.channel.receive()
            if kind in (kinds.LOG, kinds.ASK):
                words += 1
                if words > MOST_WORDS:
                    # Left unread, its pipe fills up, and it waits.
                    time.sleep(max(0.0, since + 1.0 - time.monotonic()))
                    words, since = 0, time.monotonic()
            self._handle(life, kind, number, tree, buffers)

    def _handle(
        self, life: _Life, kind: int, number: int, tree: memoryview, buffers: memoryview
    ) -> None:
        if kind == kinds.HELLO and not life.hello.done():
            self._greet(life, Unpacker(buffers, self._function, self._shapes).value(tree), tree)
            return
        if kind == kinds.LOG:
            self._output.tell(*Unpacker(buffers, self._function, self._shapes).value(tree))
            return
        if kind == kinds.ASK:
            asked, path, arguments, keywords = Unpacker(
                buffers, self._function, self._shapes
            ).value(tree)
            self._asked(life, number, self._calls.get(asked), (path, arguments, keywords))
            return
        call = self._calls.get(number)
        if call is None:
            return  # its caller has given up
        try:
            value = Unpacker(buffers, self._function, self._shapes).value(tree)
        except ContractError as error:
            value = PluginFailed(f"its result does not fit the contract: {error}")
        if kind == kinds.ITEM and call.items is not None and call.loop is not None:
            items = call.items
            call.loop.call_soon_threadsafe(_put, items, value)
        elif kind in (kinds.RESULT, kinds.ERROR, kinds.END):
            if kind == kinds.ERROR and not isinstance(value, BaseException):
                value = PluginFailed("it failed, and said nothing of why")
            if not call.answer.done():
                call.answer.set_result(value)
        else:
            raise ContractError(f"a message of kind {kind} was not asked for")

    def _greet(self, life: _Life, hello: Any, tree: memoryview) -> None:
        declared = bytes(tree)
        if self._declared is not None and self._declared != declared:
            self._end(life, "it declares something else than before; restart the county")
            return
        if not hello["problems"]:
            self._declared = declared
        self.closed = hello["closed"]
        life.sound = True
        life.hello.set_result(hello)

    def _asked(
        self,
        life: _Life,
        number: int,
        call: _Call | None,
        question: tuple[str, tuple[Any, ...], dict[str, Any]],
    ) -> None:
        if call is None or call.service is None or call.loop is None:
            self._send(life, kinds.ANSWER, number, PluginFailed("the call is over"))
            return
        service = call.service

        async def answer() -> None:
            value = await service.answer(*question)
            try:
                await asyncio.to_thread(self._send, life, kinds.ANSWER, number, value)
            except (ContractError, PluginFailed) as error:
                with contextlib.suppress(PluginFailed):
                    self._send(life, kinds.ANSWER, number, PluginFailed(str(error)))

        with contextlib.suppress(RuntimeError):  # its loop was closed: nobody waits any more
            asyncio.run_coroutine_threadsafe(answer(), call.loop)

    def _function(self, path: str, of: str) -> Callable[..., Any]:
        from county_gov.registry.isolation.proxy import stand_in

        return stand_in(self, path, of)

    def _bury(self, life: _Life) -> None:
        try:
            code = life.popen.wait(END_SECONDS)
        except subprocess.TimeoutExpired:  # it hung up, and lives on
            life.popen.kill()
            code = life.popen.wait()
        with self._sending:
            life.channel.close()
        reason = life.reason or how_it_ended(code)
        with self._changed:
            self._life = None
            lived = time.monotonic() - life.started
            self._ends = 0 if lived >= SOUND_SECONDS else self._ends + 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** max(0, self._ends - 1))
            self._not_before = time.monotonic() + pause
            self.last_end = reason
            calls = list(self._calls.values())
            self._changed.notify_all()
        if not self._stopped:
            log.error("a plugin's process ended", plugin=self.order.name, reason=reason)
        failure = PluginFailed(f"its process ended: {reason}")
        if not life.hello.done():
            life.hello.set_exception(PluginFailed(f"its process ended: {reason}"))
        for call in calls:
            if not call.answer.done():
                call.answer.set_result(failure)


def _put(items: asyncio.Queue[Any], value: object) -> None:
    with contextlib.suppress(asyncio.QueueFull):  # it sent more than was asked for
        items.put_nowait(value)
