"""What plugins print: whichever way, it goes to the log as theirs, bounded, and to nobody else."""
# ruff: noqa: T201 (printing is what is tried here)

from __future__ import annotations

import io
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest
import structlog.testing
from attrs import define, field

from county_gov.registry.capture import Capture
from county_gov.registry.isolation.output import LINES, Output
from county_gov.registry.running import Visits


@define(eq=False)
class Streams:
    """Standard output and error of a test, and who stands between, within a block."""

    visits: Visits = field(factory=Visits)
    out: io.TextIOWrapper = field(factory=lambda: io.TextIOWrapper(io.BytesIO(), "utf-8"))
    err: io.TextIOWrapper = field(factory=lambda: io.TextIOWrapper(io.BytesIO(), "utf-8"))
    capture: Capture = field(init=False)
    patch: pytest.MonkeyPatch = field(factory=pytest.MonkeyPatch)

    def __enter__(self) -> None:
        for name, stream in (("stdout", self.out), ("stderr", self.err), ("__stdout__", self.out)):
            self.patch.setattr(sys, name, stream)
        self.patch.setattr(sys, "__stderr__", None)
        self.capture = Capture(self.visits)
        self.capture.begin()

    def __exit__(self, *_error: object) -> None:
        self.capture.end()
        try:
            assert (self.out, self.err) == (sys.stdout, sys.stderr)
        finally:
            self.patch.undo()

    def written(self) -> str:
        """What went where it always went."""
        self.out.flush()
        self.err.flush()
        raw = [one.buffer for one in (self.out, self.err)]
        return "".join(one.getvalue().decode() for one in raw if isinstance(one, io.BytesIO))


@define(eq=False)
class Log:
    """The lines that were logged."""

    entries: list[dict[str, object]] = field(factory=list)

    def lines(self, plugin: str = "ear") -> list[object]:
        """What a plugin printed."""
        printed = [one for one in self.entries if one["event"] == "a plugin printed"]
        return [one["line"] for one in printed if one["plugin"] == plugin]


@pytest.fixture
def streams() -> Streams:
    """Streams of this test's own; pytest changes them between a fixture and its test."""
    return Streams()


@pytest.fixture
def log() -> Iterator[Log]:
    """What is logged meanwhile."""
    with structlog.testing.capture_logs() as entries:
        made = Log()
        made.entries = entries  # type: ignore[assignment]
        yield made


def log_by_handler() -> None:
    """Log to standard error with a handler of the plugin's own."""
    handler = logging.StreamHandler()
    handler.emit(logging.LogRecord("ear", logging.INFO, "", 1, "x", None, None))


def print_error() -> None:
    """Print a traceback."""
    traceback.print_exception(ValueError("x"))


WAYS: dict[str, Callable[[], object]] = {
    "print": lambda: print("x"),
    "to standard error": lambda: print("x", file=sys.stderr),
    "to the first stream": lambda: print("x", file=sys.__stdout__),
    "write": lambda: sys.stdout.write("x\n"),
    "many lines": lambda: sys.stdout.writelines(["x\n"]),
    "bytes": lambda: sys.stdout.buffer.write(b"x\n"),
    "many bytes": lambda: sys.stdout.buffer.writelines([b"x", b"\n"]),
    "a view of bytes": lambda: sys.stdout.buffer.write(memoryview(bytearray(b"x\n"))),
    "raw": lambda: sys.stdout.buffer.raw.write(b"x\n"),  # type: ignore[union-attr]
    "piece by piece": lambda: print(*"x", sep="", end="\n"),
    "without an end": lambda: print("x", end="", flush=True),
    "a handler": log_by_handler,
    "a traceback": print_error,
}


@pytest.mark.parametrize("way", WAYS)
def test_whichever_way_a_plugin_prints_it_goes_to_its_log(
    streams: Streams, log: Log, way: str
) -> None:
    """And to no stream of ours."""
    with streams, streams.visits.of("ear", "rule", 1.0):
        WAYS[way]()

    assert any("x" in str(line) for line in log.lines())
    assert "" == streams.written()


@pytest.mark.parametrize("way", WAYS)
def test_what_we_print_goes_where_it_went(streams: Streams, log: Log, way: str) -> None:
    """Outside of a plugin's code nothing changes."""
    with streams:
        WAYS[way]()

    assert "x" in streams.written()
    assert [] == log.entries


def test_pieces_of_a_line_are_one_line(streams: Streams, log: Log) -> None:
    """However it is written, a line is told once, when it is whole or at the end."""
    with streams:
        with streams.visits.of("ear", "rule", 1.0):
            print("level", 3, "of", 4)
            print("begun", end="")
            sys.stdout.buffer.write("，续".encode())
        first = log.lines()
        streams.capture.flush_all()

    assert ["level 3 of 4"] == first
    assert ["level 3 of 4", "begun，续"] == log.lines()


def test_a_thread_of_the_plugins_own_is_known_by_its_module(streams: Streams, log: Log) -> None:
    """What it prints is the plugin's although the gateway did not lend the thread."""
    with streams:
        streams.capture.packages = {"ear_plugin": "ear"}
        code = "def work():\n    print('from a thread')\n    sys.stdout.writelines(['again\\n'])\n"
        scope: dict[str, Callable[[], None]] = {"__name__": "ear_plugin.threads", "sys": sys}  # type: ignore[dict-item]
        exec(code, scope)  # noqa: S102 (a module of a plugin)
        thread = threading.Thread(target=scope["work"])
        thread.start()
        thread.join()

    assert ["from a thread", "again"] == log.lines()
    assert "" == streams.written()


def test_a_flood_is_bounded_and_counted(streams: Streams, log: Log) -> None:
    """So many lines a minute, none endless, and the rest is counted, not kept."""
    with streams, streams.visits.of("ear", "rule", 1.0):
        print("y" * 1_000_000)
        for number in range(1000):
            print(number)
        sys.stdout.buffer.write(b"z\n" * 1_000_000)

    assert LINES == len(log.lines())
    assert max(len(str(line)) for line in log.lines()) < 500
    assert streams.capture.dropped("ear") > 900
    assert "" == streams.written()


def test_a_plugin_cannot_close_our_streams(streams: Streams, log: Log) -> None:
    """What closes or takes them apart has no effect; what is no text is refused as ever."""
    with streams:
        with streams.visits.of("ear", "rule", 1.0):
            sys.stdout.close()
            with sys.stdout as stream:
                stream.write("in a block\n")
            with pytest.raises(io.UnsupportedOperation):
                sys.stdout.detach()  # type: ignore[union-attr]
            with pytest.raises(TypeError, match="must be str, not bytes"):
                sys.stdout.write(b"x")  # type: ignore[arg-type]
        print("ours")

    assert "ours\n" == streams.written()
    assert ["in a block"] == log.lines()


def test_a_log_that_prints_does_not_print_for_ever(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What tells of a plugin's line is ours, although it runs on the plugin's thread."""
    with streams:

        class Printing:
            """A log on standard output."""

            def info(self, event: str, **_fields: object) -> None:
                """Print."""
                print(event)

        monkeypatch.setattr(Output, "printed", lambda _self, text: Printing().info(text))
        with streams.visits.of("ear", "rule", 1.0):
            print("once")

    assert "once\n" == streams.written()
