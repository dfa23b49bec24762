"""Somebody who looks at pages of a county while a plugin misbehaves."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from aiohttp.test_utils import TestClient
from attrs import define, field

PATIENCE = 1.0
"""Seconds within which every other request is answered."""
MOST_WAITING = 75.0
"""Percent of the time in which something waits for a processor, from which on we are not alone."""


@define(eq=False)
class Visitor:
    """Asks for a page again and again, and notes the longest wait."""

    client: TestClient  # type: ignore[type-arg] # generic from aiohttp 3.14 on
    longest: float = 0.0
    asked: int = 0
    _task: asyncio.Task[None] | None = field(default=None)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._visit())
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _visit(self) -> None:
        while True:
            for path in ("/healthz", "/login", "/metrics"):
                started = time.monotonic()
                async with self.client.get(path) as answer:
                    await answer.read()
                    assert 200 == answer.status
                self.longest = max(self.longest, time.monotonic() - started)
                self.asked += 1
            await asyncio.sleep(0.1)


def overloaded() -> bool:
    """Whether so much else runs on this machine that waiting says nothing of the county."""
    pressure = Path("/proc/pressure/cpu")
    waiting = 0.0
    if pressure.exists():  # the share of the last ten seconds in which somebody waited for a core
        waiting = float(pressure.read_text(encoding="ascii").split("avg10=")[1].split()[0])
    return waiting > MOST_WAITING or os.getloadavg()[0] > 3 * (os.cpu_count() or 1)
