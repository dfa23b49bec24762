"""Logs: one JSON object a line, with the request's id, without personal data or bodies."""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import threading
from typing import BinaryIO

import msgspec
import structlog
from attrs import define, field

FLUSH_SECONDS = 0.1


def configure_logs(level: int = logging.INFO) -> None:
    """Write all logs of this process as JSON lines to standard error.

    Args:
        level: Least level that is written, as in `logging`.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=LineWriters(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_ToStructlog()], force=True)


@define(eq=False)
class LineWriter:
    """Writes lines; ordinary ones together, some times a second, grave ones at once.

    A system call for each request would cost more than most requests do.

    Args:
        file: Where to.
    """

    file: BinaryIO
    _lines: list[bytes] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def info(self, line: bytes) -> None:
        """Write a line soon; at once where no loop runs that could do it later."""
        with self._lock:
            self._lines.append(line + b"\n")
            first = len(self._lines) == 1
        if not first:
            return
        try:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        except RuntimeError:
            self.flush()

    debug = msg = info

    def warning(self, line: bytes) -> None:
        """Write a line at once, behind those that wait."""
        with self._lock:
            self._lines.append(line + b"\n")
        self.flush()

    error = critical = exception = fatal = warn = warning

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            lines, self._lines = self._lines, []
            self.file.write(b"".join(lines))
            self.file.flush()


@define(eq=False)
class LineWriters:
    """Gives every logger the same writer."""

    file: BinaryIO
    writer: LineWriter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.writer = LineWriter(self.file)
        atexit.register(self.writer.flush)

    def __call__(self, *_names: object) -> LineWriter:
        """The writer, for structlog."""
        return self.writer


def _encode(event: object, **_options: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


class _ToStructlog(logging.Handler):
    """Hands what libraries log on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)
