"""What plugins print within the county's own process goes to the log, bounded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO

from attrs import define, field

from county_gov.registry.isolation.output import Output
from county_gov.registry.running import Visits


@define(eq=False)
class _Redirected:
    """Standard output or error: a plugin's lines go to its log, all others where they went."""

    original: TextIO
    capture: Capture

    def write(self, text: str) -> int:
        """Write text."""
        plugin = self.capture.visits.plugin_here()
        if not plugin:
            return self.original.write(text)
        self.capture.printed(plugin, text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


@define(eq=False)
class Capture:
    """Stands between plugins and the standard streams while a county runs.

    What is written to the descriptors themselves (``os.write(1, …)``, libraries in C) cannot be
    caught within one process.

    Args:
        visits: Knows whose code runs.
    """

    visits: Visits
    _outputs: dict[str, Output] = field(factory=dict, init=False)
    _undo: list[Callable[[], None]] = field(factory=list, init=False)

    def begin(self) -> None:
        """Stand between."""
        for name in ("stdout", "stderr"):
            original: TextIO = getattr(sys, name)
            redirected = _Redirected(original, self)
            setattr(sys, name, redirected)
            self._undo.append(partial(_restore, name, original, redirected))

    def end(self) -> None:
        """Stand aside."""
        while self._undo:
            self._undo.pop()()

    def printed(self, plugin: str, text: str) -> None:
        """A plugin printed something."""
        output = self._outputs.get(plugin)
        if output is None:
            output = self._outputs[plugin] = Output(plugin)
        output.printed(text)

    def dropped(self, plugin: str) -> int:
        """Lines of a plugin that were left out of the log because there were too many."""
        output = self._outputs.get(plugin)
        return output.budget.dropped if output else 0


def _restore(name: str, original: TextIO, redirected: object) -> None:
    if getattr(sys, name) is redirected:
        setattr(sys, name, original)
