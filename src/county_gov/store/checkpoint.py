"""When SQLite's write-ahead log is moved into the file: in portions, after the answers are out.

A checkpoint inside a commit (``wal_autocheckpoint``) makes its waiters pay: under full ingest the
slowest commits took 38 to 62 ms, however many pages were set, and 20 ms where the log is moved once
the answers are out; a portion of 2,000 pages then took 14 ms (26 ms at worst).
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import structlog

log = structlog.get_logger(__name__)

PORTION_PAGES = 1_000
SHORTEST = 0.02
LONGEST = 1.0
"""Seconds between two checkpoints while commits go on, at least and at most."""
PATIENT_PAGES = 16_384
"""Pages of log (64 MiB) from which a checkpoint waits a moment for readers, to start afresh."""
PATIENCE_MS = 20
ORDINARY_PATIENCE_MS = 10_000


class Checkpoints:
    """Decides when a checkpoint is due, from how much log the commits since the last one made."""

    def __init__(self) -> None:
        self.dirty = False
        """Whether something was committed since the last complete checkpoint."""
        self.longest = 0.0
        """Seconds of the longest checkpoint so far."""
        self._interval = 0.1
        self._last = 0.0
        self._pages = 0

    def note_commit(self) -> None:
        """Something was committed."""
        self.dirty = True

    def due(self, now: float) -> bool:
        """Whether to checkpoint now, by a monotonic clock in seconds."""
        return self.dirty and now - self._last >= self._interval

    def run(self, driver: Any) -> None:
        """Checkpoint; what readers still need is left for next time.

        SQLite starts its log afresh only when no reader needs it. Readers that follow one another
        without a gap would let it grow for ever, so a long log waits for them, for a moment.
        """
        started = time.monotonic()
        try:
            pages, moved = _checkpoint(driver, patient=self._pages > PATIENT_PAGES)
        except sqlite3.OperationalError as error:
            # The log keeps everything: nothing is lost, only the file's growth is put off.
            log.warning("checkpoint failed", error=str(error))
            self._last, self._interval = started, LONGEST
            return
        self._adapt(pages, started - self._last)
        self.dirty = moved < pages
        self._last = time.monotonic()
        self.longest = max(self.longest, self._last - started)

    def _adapt(self, pages: int, elapsed: float) -> None:
        """Choose the interval so that the next portion is about `PORTION_PAGES`."""
        fresh = pages - self._pages if pages >= self._pages else pages
        self._pages = pages
        factor = PORTION_PAGES / max(fresh, 1)
        base = min(elapsed, 2 * self._interval)
        self._interval = min(max(base * min(max(factor, 0.25), 2.0), SHORTEST), LONGEST)


def _checkpoint(driver: Any, *, patient: bool) -> tuple[int, int]:
    """Checkpoint, and return the pages in the log and those of them that are in the file."""
    mode = "RESTART" if patient else "PASSIVE"
    if patient:
        driver.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
    try:
        busy, pages, moved = driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    finally:
        if patient:
            driver.execute(f"PRAGMA busy_timeout={ORDINARY_PATIENCE_MS}")
    if patient and not busy:
        return 0, 0
    return pages, moved
