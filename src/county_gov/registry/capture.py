"""What plugins print within the county's own process goes to the log, bounded."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import FrameType
from typing import Any, TextIO

from attrs import define, field

from county_gov.registry.isolation.output import LONGEST_LINE, Output
from county_gov.registry.running import Visits

STREAMS = ("stdout", "stderr", "__stdout__", "__stderr__")
LONGEST_TEXT = 65_536
"""Characters of one text that are looked at; the lines after them are counted."""
MESSENGERS = frozenset(("contextlib", "csv", "json", "logging", "pprint", "traceback", "warnings"))
"""Modules that print for whoever calls them."""


@define(eq=False)
class _Stream:
    """What text and byte streams have in common: a plugin cannot close them for everybody."""

    original: Any
    capture: Capture

    def writelines(self, lines: Iterable[Any]) -> None:
        """Write several."""
        for one in lines:
            self.write(one)

    def write(self, data: Any) -> int:
        """Write."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write out what is begun."""
        plugin = self.capture.owner()
        if plugin:
            self.capture.flush(plugin)
        else:
            self.original.flush()

    def close(self) -> None:
        """Close the stream; a plugin's wish is not followed."""
        if not self.capture.owner():
            self.original.close()

    def detach(self) -> Any:
        """Take the stream apart, which a plugin may not."""
        if self.capture.owner():
            raise io.UnsupportedOperation("the county's streams cannot be detached by a plugin")
        return self.original.detach()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


@define(eq=False)
class _Redirected(_Stream):
    """Standard output or error: a plugin's lines go to its log, all others where they went."""

    def write(self, data: str) -> int:
        """Write text."""
        plugin = self.capture.owner()
        if not plugin:
            return int(self.original.write(data))
        if not isinstance(data, str):
            raise TypeError(f"write() argument must be str, not {type(data).__name__}")
        self.capture.printed(plugin, data)
        return len(data)

    @property
    def buffer(self) -> _RedirectedBytes:
        """The stream of bytes below."""
        return _RedirectedBytes(self.original.buffer, self.capture)


@define(eq=False)
class _RedirectedBytes(_Stream):
    """The bytes below standard output or error."""

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write bytes."""
        plugin = self.capture.owner()
        if not plugin:
            return int(self.original.write(data))
        octets = memoryview(data).cast("B")
        self.capture.printed(plugin, bytes(octets[: 4 * LONGEST_TEXT]).decode("utf-8", "replace"))
        return len(octets)

    @property
    def raw(self) -> _RedirectedBytes:
        """The stream without a buffer, which comes to the same."""
        return self


@define(eq=False)
class Capture:
    """Stands between plugins and the standard streams while a county runs.

    A plugin is known by the thread that the gateway lends it, and, on threads of its own, by the
    module that prints. What is written to the descriptors themselves (``os.write(1, …)``, libraries
    in C) cannot be caught within one process.

    Args:
        visits: Knows whose code runs.
    """

    visits: Visits
    packages: Mapping[str, str] = field(factory=dict, init=False)
    """Plugins that live in this process, by the name of their top package."""
    _outputs: dict[str, Output] = field(factory=dict, init=False)
    _begun: dict[str, str] = field(factory=dict, init=False)
    """Lines that were begun, by plugin."""
    _undo: list[Callable[[], None]] = field(factory=list, init=False)
    _telling: threading.local = field(factory=threading.local, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def begin(self) -> None:
        """Stand between."""
        for name in STREAMS:
            original: TextIO | None = getattr(sys, name)
            if original is None:
                continue
            redirected = _Redirected(original, self)
            setattr(sys, name, redirected)
            self._undo.append(partial(_restore, name, original, redirected))

    def end(self) -> None:
        """Stand aside."""
        while self._undo:
            self._undo.pop()()
        self.flush_all()

    def owner(self) -> str:
        """The plugin that prints on this thread, or an empty text."""
        if getattr(self._telling, "now", False):
            return ""
        return self.visits.plugin_here() or self._by_module()

    def printed(self, plugin: str, text: str) -> None:
        """A plugin printed something; its lines are told when they are whole."""
        taken = text[:LONGEST_TEXT]
        with self._lock:
            whole, newline, rest = (self._begun.pop(plugin, "") + taken).rpartition("\n")
            if len(rest) >= LONGEST_LINE:
                whole, rest = f"{whole}{newline}{rest}", ""
            if rest:
                self._begun[plugin] = rest
            output = self._outputs.setdefault(plugin, Output(plugin))
            output.budget.dropped += text.count("\n", LONGEST_TEXT)
        self._tell(output, whole)

    def flush(self, plugin: str) -> None:
        """Tell the line that a plugin has begun."""
        with self._lock:
            rest, output = self._begun.pop(plugin, ""), self._outputs.get(plugin)
        if output is not None:
            self._tell(output, rest)

    def flush_all(self) -> None:
        """Tell all lines that were begun."""
        for plugin in list(self._begun):
            self.flush(plugin)

    def dropped(self, plugin: str) -> int:
        """Lines of a plugin that were left out of the log because there were too many."""
        output = self._outputs.get(plugin)
        return output.budget.dropped if output else 0

    def _tell(self, output: Output, text: str) -> None:
        """Log lines; what the log itself prints for it is not a plugin's."""
        if not text:
            return
        self._telling.now = True
        try:
            output.printed(text)
        finally:
            self._telling.now = False

    def _by_module(self) -> str:
        """The plugin whose module prints, on this thread of nobody's."""
        frame: FrameType | None = sys._getframe(1) if self.packages else None  # noqa: SLF001
        while frame is not None:
            name = str(frame.f_globals.get("__name__", ""))
            top = name.partition(".")[0]
            if name != __name__ and top not in MESSENGERS:
                return self.packages.get(top, "")
            frame = frame.f_back
        return ""


def _restore(name: str, original: TextIO, redirected: object) -> None:
    if getattr(sys, name) is redirected:
        setattr(sys, name, original)
