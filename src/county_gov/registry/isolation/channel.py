"""Messages over a pair of pipes: a head of fixed length, a tree, and columns as they are.

Only the standard library is used, since the plugin's process reads its first message before
anything else is imported.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import time
from collections.abc import Iterable
from contextlib import suppress

HEAD = struct.Struct("<BQQQ")
"""Kind of message, number of the call, bytes of the tree, bytes of the columns."""

PIPE_BYTES = 1 << 20
ORDER, HELLO, CALL, RESULT, ERROR, ASK, ANSWER, CANCEL, ITEM, MORE, END, LOG = range(12)
THINGS, CLOSED = 12, 13
"""Kinds of message. The county sends ORDER, CALL, ANSWER, CANCEL, MORE and THINGS."""


class TooLong(ValueError):
    """A message is longer than the other side takes."""


class Closed(EOFError):
    """The other side is gone."""


class Channel:
    """One end of the pair.

    Args:
        incoming: Descriptor that is read.
        outgoing: Descriptor that is written.
        limit: Bytes of a message that are taken at most.
    """

    def __init__(self, incoming: int, outgoing: int, limit: int) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.limit = limit
        self.closed = False
        for descriptor in (incoming, outgoing):
            with suppress(OSError):  # the system may allow less; then it is merely slower
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def send(
        self,
        kind: int,
        number: int,
        tree: bytes,
        buffers: Iterable[memoryview] = (),
        *,
        seconds: float | None = None,
    ) -> None:
        """Write a message.

        Args:
            kind: What it is.
            number: Number of its call.
            tree: Its tree.
            buffers: Its columns.
            seconds: How long it may take where the descriptor does not block; None for ever.

        Raises:
            TooLong: if the message is longer than the limit.
            Closed: if nobody reads any more.
            TimeoutError: if the other side does not read.
        """
        if self.closed:
            raise Closed("it was closed")
        columns = list(buffers)
        size = sum(one.nbytes for one in columns)
        if len(tree) + size > self.limit:
            raise TooLong(f"{len(tree) + size} bytes; at most {self.limit} are taken")
        deadline = None if seconds is None else time.monotonic() + seconds
        head = HEAD.pack(kind, number, len(tree), size)
        pending = [memoryview(head + tree), *(one for one in columns if one.nbytes)]
        while pending:
            try:
                written = os.writev(self.outgoing, pending[:16])
            except BlockingIOError:
                self._wait(deadline)
                continue
            except (BrokenPipeError, OSError) as error:
                raise Closed("nobody reads any more") from error
            while pending and written >= pending[0].nbytes:
                written -= pending.pop(0).nbytes
            if written:
                pending[0] = pending[0][written:]

    def _wait(self, deadline: float | None) -> None:
        poll = select.poll()
        poll.register(self.outgoing, select.POLLOUT)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not poll.poll(left):
            raise TimeoutError("the other side does not read")

    def receive(self) -> tuple[int, int, memoryview, memoryview]:
        """Read a message: its kind, number, tree and columns.

        Raises:
            TooLong: if it is longer than the limit; what follows cannot be read.
            Closed: if the other side is gone.
        """
        kind, number, length, size = HEAD.unpack(self._exactly(HEAD.size))
        if length + size > self.limit:
            raise TooLong(f"{length + size} bytes; at most {self.limit} are taken")
        # Columns begin at a multiple of eight in memory of their own, whatever the tree's length.
        return kind, number, self._exactly(length), self._exactly(size)

    def _exactly(self, size: int) -> memoryview:
        body = memoryview(bytearray(size))
        done = 0
        while done < size:
            read = os.readv(self.incoming, [body[done:]])
            if not read:
                raise Closed("the other side is gone")
            done += read
        return body.toreadonly()

    def close(self) -> None:
        """Close both descriptors; nobody may be sending meanwhile."""
        self.closed = True
        for descriptor in (self.incoming, self.outgoing):
            with suppress(OSError):
                os.close(descriptor)
