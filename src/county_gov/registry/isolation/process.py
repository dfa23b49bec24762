"""A plugin's process, as the county sees it: started, asked, ended, and started again."""

from __future__ import annotations

import asyncio
import atexit
import queue
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any

import structlog

from county_gov.errors import ContractError, PluginFailed
from county_gov.registry.isolation import channel as kinds
from county_gov.registry.isolation.calls import ThingsTable
from county_gov.registry.isolation.channel import Closed, TooLong
from county_gov.registry.isolation.hearing import Hearing
from county_gov.registry.isolation.launching import Order, how_it_ended, launch
from county_gov.registry.isolation.life import Call, Life
from county_gov.registry.isolation.output import Output
from county_gov.registry.isolation.places import Places
from county_gov.registry.isolation.service import Service
from county_gov.registry.limits import ProcessLimits
from county_gov.registry.shape import Shapes

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between the end of a process and its next start; doubled with each end."""
SOUND_SECONDS = 60.0
"""A process that lived so long starts the count of pauses anew."""
END_SECONDS = 2.0
"""How long a cancelled call may take to end before the process is ended."""


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
        self.closed: Mapping[str, int] = {}
        """What the kernel closed to it: ``namespaces``, ``landlock``, ``seccomp``."""
        self._shapes = Shapes()
        self._life: Life | None = None
        self._calls: dict[int, Call] = {}
        self._number = 0
        self._ends = 0
        self._not_before = 0.0
        self._declared: bytes | None = None
        self._starting = False
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._one_at_a_time = threading.Lock()
        self._stopped = False
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
            call = self._begin()
            try:
                if things is not None and life.things != things.version:
                    self._tell_things(life, call, things)
                self._send(life, call, path, of, arguments)
                return self._result(call.answer.result(seconds))
            except NoAnswer:
                reason = f"no answer within {seconds:g} s"
                life.end(reason)
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
        context = None if service is None else (service.kind, context_name, service.values())
        call = self._begin(service, loop=asyncio.get_running_loop())
        try:
            self._send(life, call, path, of, arguments, keywords, context)
            return self._result(await asyncio.wrap_future(call.answer))
        finally:
            self._leave(life, call)

    async def iterate(
        self, path: str, of: str, arguments: tuple[Any, ...], service: Service | None = None
    ) -> AsyncIterator[Any]:
        """Iterate over an async generator of the plugin; one item is fetched at a time.

        Raises:
            PluginFailed: if it failed or its process ended.
        """
        life, _hello = await self._living_async()
        context = None if service is None else (service.kind, "", service.values())
        items: asyncio.Queue[Any] = asyncio.Queue()
        call = self._begin(service, items, asyncio.get_running_loop())
        try:
            self._send(life, call, path, of, arguments, context=context)
            ended = asyncio.wrap_future(call.answer)
            while True:
                item = asyncio.ensure_future(items.get())
                try:
                    await asyncio.wait({item, ended}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    arrived = item.done() or not item.cancel()
                if not arrived:
                    self._result(ended.result())
                    return
                yield item.result()
                call.wanted += 1
                life.tell(kinds.MORE, call.number)
        finally:
            self._leave(life, call)

    def close(self) -> None:
        """End the process for good."""
        atexit.unregister(self.close)
        self._stopped = True
        life = self._life
        if life is not None:
            life.end("the county stops")
        self._wanted.put(False)
        self._keeper.join(timeout=10)

    def _result(self, value: Any) -> Any:
        if isinstance(value, BaseException):
            raise value
        return value

    def _begin(
        self,
        service: Service | None = None,
        items: asyncio.Queue[Any] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Call:
        with self._changed:
            self._number += 1
            call = self._calls[self._number] = Call(self._number, service, items, loop)
        return call

    def _tell_things(self, life: Life, call: Call, things: ThingsTable) -> None:
        def refused(error: PluginFailed) -> None:
            life.things = -1
            call.settle(error)

        table = (things.version, things.numbers, things.codes_of_things)
        life.sender.put(kinds.THINGS, 0, table, refused=refused)
        life.things = things.version

    def _send(  # noqa: PLR0917 (what a call consists of)
        self,
        life: Life,
        call: Call,
        path: str,
        of: str,
        arguments: tuple[Any, ...],
        keywords: Mapping[str, Any] | None = None,
        context: tuple[str, str, dict[str, Any]] | None = None,
    ) -> None:
        message = (path, of, arguments, dict(keywords or {}), context)
        try:
            life.sender.put(kinds.CALL, call.number, message, refused=call.settle)
        except PluginFailed as error:
            call.settle(error)  # it never began, so that nobody waits for its end
            raise

    def _leave(self, life: Life, call: Call) -> None:
        """Forget a call that is over; cancel one that is not, and see to it that it ends."""
        if call.answer.done():
            self._calls.pop(call.number, None)
            return
        life.tell(kinds.CANCEL, call.number)

        def watch() -> None:
            try:
                call.answer.result(END_SECONDS)
            except NoAnswer:
                life.end("a cancelled call did not end")
            finally:
                self._calls.pop(call.number, None)

        threading.Thread(target=watch, name="plugin-cancel", daemon=True).start()

    def _living(self) -> tuple[Life, Mapping[str, Any]]:
        life = self._life
        if life is None or not life.sound:
            life = self._started()
        try:
            return life, life.hello.result(self.limits.start_seconds)
        except NoAnswer:
            reason = f"did not start within {self.limits.start_seconds:g} s"
            life.end(reason)
            raise PluginFailed(reason) from None

    async def _living_async(self) -> tuple[Life, Mapping[str, Any]]:
        life = self._life
        if life is not None and life.sound:
            return life, life.hello.result(0)
        return await asyncio.to_thread(self._living)

    def _started(self) -> Life:
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
                Hearing(
                    life,
                    self._calls,
                    self._shapes,
                    self._output,
                    self._function,
                    self._greeter(life),
                ).read()
            except Closed:
                pass
            except (ContractError, TooLong) as error:
                life.end(f"it broke the contract: {error}")
            except Exception as error:
                log.exception("a plugin's process said what cannot be read", plugin=self.order.name)
                life.end(f"{type(error).__name__}: {error}")
            self._bury(life)

    def _spawn(self) -> Life:
        self.starts += 1
        popen, channel = launch(self.limits, self.places)
        self._output.read(popen)
        life = Life(self.order.name, popen, channel, self.limits.seconds)
        life.tell(kinds.ORDER, 0, self.order.told())
        return life

    def _greeter(self, life: Life) -> Callable[[Mapping[str, Any], bytes], None]:
        def greet(hello: Mapping[str, Any], digest: bytes) -> None:
            if self._declared not in (None, digest):
                life.end("it declares something else than before; restart the county")
                return
            if not hello["problems"]:
                self._declared = digest
            self.closed = life.closed or {}
            life.sound = True
            life.hello.set_result(hello)

        return greet

    def _function(self, path: str, of: str) -> Callable[..., Any]:
        from county_gov.registry.isolation.proxy import stand_in

        return stand_in(self, path, of)

    def _bury(self, life: Life) -> None:
        try:
            code = life.popen.wait(END_SECONDS)
        except subprocess.TimeoutExpired:  # it hung up, and lives on
            life.popen.kill()
            code = life.popen.wait()
        life.close()
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
            call.settle(failure)
