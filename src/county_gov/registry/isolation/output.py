"""What a plugin's process prints and logs, bounded."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping

import structlog
from attrs import define, field

log = structlog.get_logger(__name__)

CHUNK = 65_536
PAUSE = 0.1
"""At most one chunk is read each so many seconds; who prints more waits."""
LINES = 100
"""Lines a minute that are kept; the rest is counted."""
LONGEST_LINE = 400
MINUTE = 60.0
LEVELS = frozenset(("debug", "info", "warning", "error", "critical"))


@define(eq=False)
class LineBudget:
    """So many lines a minute, and how many were left out."""

    lines: int = LINES
    _since: float = field(factory=time.monotonic, init=False)
    _taken: int = field(default=0, init=False)
    dropped: int = field(default=0, init=False)

    def take(self) -> bool:
        """Whether one more line may be written."""
        now = time.monotonic()
        if now - self._since >= MINUTE:
            self._since, self._taken = now, 0
        self._taken += 1
        if self._taken > self.lines:
            self.dropped += 1
            return False
        return True


@define(eq=False)
class Output:
    """Writes to the log what one plugin prints.

    Args:
        plugin: Its name.
    """

    plugin: str
    budget: LineBudget = field(factory=LineBudget, init=False)

    def read(self, process: subprocess.Popen[bytes]) -> None:
        """Read what a process prints until it ends, on a thread of its own."""
        threading.Thread(
            target=self._read, args=(process,), name=f"output-{self.plugin}", daemon=True
        ).start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as file:
            while chunk := os.read(file.fileno(), CHUNK):
                self.printed(chunk.decode("utf-8", "replace"))
                if len(chunk) >= CHUNK // 16:
                    time.sleep(PAUSE)

    def printed(self, text: str) -> None:
        """Write printed lines to the log."""
        for line in text.splitlines():
            if line.strip() and self.budget.take():
                log.info("a plugin printed", plugin=self.plugin, line=shown(line))

    def tell(self, level: str, event: str, fields: Mapping[str, str]) -> None:
        """Write one entry of the plugin's own log."""
        if not self.budget.take():
            return
        written = {f"plugin_{key}"[:60]: shown(str(one)) for key, one in fields.items()}
        name = level if level in LEVELS else "info"
        getattr(structlog.get_logger(f"plugin.{self.plugin}"), name)(
            shown(event), plugin=self.plugin, **written
        )


def shown(text: str) -> str:
    """A line without what a terminal would obey, and not endless."""
    return "".join(one if one.isprintable() else "�" for one in text[:LONGEST_LINE])
