"""What the kernel is asked to close, and what is left open."""

from __future__ import annotations

import errno
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.registry.isolation import confinement, seccomp, syscalls
from county_gov.registry.isolation.loading import PROTECTIONS, missing_protections
from county_gov.registry.isolation.places import Places
from county_gov.registry.isolation.seccomp import argument, filter_program, thread_program
from county_gov.registry.limits import MIB, ProcessLimits
from tests.services import missing

THREAD = 0x3D0F00
"""The flags with which the C library makes a thread."""

ATTEMPTS = Path(__file__).with_name("attempts.py")


def outcome(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would do, by an interpreter of the instructions that we use."""
    steps = list(struct.iter_unpack("<HBBI", program))
    data = {seccomp.NUMBER_AT: number, seccomp.ARCHITECTURE_AT: architecture}
    for place in range(6):
        given = arguments[place] if place < len(arguments) else 0
        data[argument(place)] = given & 0xFFFFFFFF
        data[argument(place, high=True)] = given >> 32
    value, at = 0, 0
    while True:
        code, then, otherwise, operand = steps[at]
        holds = None
        if code == seccomp.RETURN:
            return int(operand)
        if code == seccomp.LOAD:
            value = data[operand]
        elif code == seccomp.AND:
            value &= operand
        elif code == seccomp.EQUAL:
            holds = value == operand
        elif code == seccomp.AT_LEAST:
            holds = value >= operand
        else:
            assert code == seccomp.ANY_BIT
            holds = bool(value & operand)
        at += 1 + (0 if holds is None else then if holds else otherwise)


REFUSED = seccomp.REFUSE | errno.EPERM
CASES: tuple[tuple[str, tuple[int, ...], bool], ...] = (
    ("clone", (THREAD,), True),
    ("clone", (17,), False),
    ("prlimit64", (0,), True),
    ("prlimit64", (1,), False),
    ("fcntl", (3, 1), True),
    ("fcntl", (3, 1031), True),
    *(("fcntl", (3, command), False) for command in (8, 10, 15, 1024, 1026)),
    ("ioctl", (3, 0x5401), True),
    *(("ioctl", (3, command), False) for command in (0x8901, 0x8902, 0x5452, 0x5412, 0x40086602)),
    ("prctl", (15,), True),
    *(("prctl", (option,), False) for option in (1, 4, 35, 0x59616D61)),
    ("socketpair", (1, 0o2000001), True),
    ("socketpair", (1, 2), False),
    ("socketpair", (1, 3), False),
    ("sendto", (3, 1, 1, 0, 0), True),
    ("sendto", (3, 1, 1, 0, 1), False),
    ("sendto", (3, 1, 1, 0, 1 << 32), False),
    ("openat", (3, 0, 0o1001), True),
    ("openat", (3, 0, 0o1002), True),
    ("openat", (3, 0, 0o2000000), True),
    ("openat", (3, 0, 0o1000), False),
    ("openat", (3, 0, 0o1003), False),
)
"""A call, its arguments, and whether it is let through."""


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_the_filter_on_every_machine(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads may be made, processes may not; sockets and signals are refused; the rest is not."""
    monkeypatch.setattr(syscalls, "machine", lambda: machine)
    own, architecture = syscalls.forbidden(), syscalls.ARCHITECTURES[machine]
    checked = syscalls.checked()
    program = filter_program(architecture, own, checked)

    assert len(program) // 8 < 4096
    assert {REFUSED} == {outcome(program, architecture, one) for one in own}
    assert not set(own) & set(checked.values())
    for name, arguments, allowed in CASES:
        found = outcome(program, architecture, checked[name], *arguments)
        assert (name, arguments, found) == (name, arguments, seccomp.ALLOW if allowed else REFUSED)
    for one in (syscalls.CLONE3, syscalls.UNKNOWN, 512, 2**30 - 1):
        assert seccomp.REFUSE | errno.ENOSYS == outcome(program, architecture, one)
    assert seccomp.END_PROCESS == outcome(program, architecture + 1, 0)


STALLING = {"sync": (162, 81), "syncfs": (306, 267), "fsync": (74, 82), "msync": (26, 227)}
NEEDLESS = {
    "io_setup": (206, 0),
    "vmsplice": (278, 75),
    "mbind": (237, 235),
    "personality": (135, 92),
    "statmount": (457, 457),
    "listmount": (458, 458),
}
"""Number on x86_64 and in the generic table."""


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_what_stalls_the_disk_or_is_of_no_use_is_refused(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls by which a process that may write nothing would still hold up the database."""
    monkeypatch.setattr(syscalls, "machine", lambda: machine)
    generic = machine != "x86_64"

    named = {pair[generic] for pair in (*STALLING.values(), *NEEDLESS.values())}

    assert set() == named - set(syscalls.forbidden())
    assert generic or 154 in syscalls.forbidden(), "modify_ldt"


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_the_further_filter_refuses_threads(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under it no thread is made, and nothing else is refused that was not before."""
    monkeypatch.setattr(syscalls, "machine", lambda: machine)
    architecture, clone = syscalls.ARCHITECTURES[machine], syscalls.checked()["clone"]
    program = thread_program(architecture, clone)

    assert REFUSED == outcome(program, architecture, clone, THREAD)
    assert seccomp.ALLOW == outcome(program, architecture, clone + 1)
    assert seccomp.END_PROCESS == outcome(program, architecture + 1, clone)


@given(st.integers(0, 600) | st.integers(0, 2**31))
def test_what_is_not_named_is_allowed(number: int) -> None:
    """The filter refuses what it names, what is newer than it and, on x86_64, the second table of
    numbers.
    """
    architecture = syscalls.ARCHITECTURES["x86_64"]
    checked = {name: 380 + at for at, name in enumerate(syscalls.checked())}
    program = filter_program(architecture, (41, 57), checked)

    named = number in (41, 57) or number >= seccomp.X32_BIT
    if number == syscalls.CLONE3 or number in checked.values():
        return
    expected = REFUSED if named else seccomp.ALLOW
    if not named and number >= syscalls.UNKNOWN:
        expected = seccomp.REFUSE | errno.ENOSYS
    assert expected == outcome(program, architecture, number)


def tried(folder: Path, *, landlock: int | None = None, filtered: bool = True) -> dict[str, Any]:
    """What came of every attempt in a process that closed itself."""
    (folder / "file").write_text("kept", encoding="utf-8")
    order = {"landlock": landlock, "seccomp": filtered, "folder": str(folder)}
    result = subprocess.run(
        [sys.executable, ATTEMPTS, json.dumps(order)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("landlock", [None, 5, 2, 0])
def test_nothing_that_harms_others_can_be_done(landlock: int | None, tmp_path: Path) -> None:
    """Signals by every way, tracing, files' rights, disk, sockets and threads are refused, also
    below the version of Landlock that keeps signals inside.
    """
    if not seccomp.offers() or not confinement.landlock_version():
        missing("a kernel with Landlock and seccomp")

    found = tried(tmp_path, landlock=landlock)

    assert {} == {name: error for name, error in found["outcomes"].items() if not error}
    for name in ("sync", "syncfs", "fsync", "io_setup", "mbind", "personality", "vmsplice"):
        assert (name, errno.EPERM) == (name, found["outcomes"][name])
    assert errno.ENOSYS == found["outcomes"]["newer"]
    assert [] == found["broken"]
    assert found["closed"]["signals"]
    assert found["closed"]["threads"]
    assert "kept" == (tmp_path / "file").read_text(encoding="utf-8")
    assert {"file": 4} == {
        one.name: one.stat().st_size for one in tmp_path.iterdir() if one.stat().st_size
    }


def test_what_is_open_without_a_filter_is_told(tmp_path: Path) -> None:
    """Without seccomp, and with a Landlock that knows no signals, both are told as open."""
    found = tried(tmp_path, landlock=min(5, confinement.landlock_version()), filtered=False)

    assert [False] * 3 == [found["closed"][name] for name in ("seccomp", "signals", "threads")]


def test_limits_have_the_kernels_names() -> None:
    """Each is a limit of `resource`, and none is for ever."""
    import resource

    limits = ProcessLimits(memory_bytes=300 * MIB).rlimits()

    assert 300 * MIB == limits["RLIMIT_AS"]
    assert 0 == limits["RLIMIT_FSIZE"]
    assert all(isinstance(getattr(resource, name), int) for name in limits)


def test_modules_come_from_the_installation_and_what_is_named_only() -> None:
    """No other entry of the path is handed on: it may be the folder of the deployment."""
    places = Places.of(("county_gov_sensors",))
    readable = [str(one) for one in places.as_order()["readable"]]  # type: ignore[attr-defined] # a list

    assert {"county_gov", "county_gov_sensors"} >= {name for name, _place in places.roots}
    assert not {"", "/", ".", "/root", "/home"} & set(readable)
    assert all("/" in one for one in readable)


def test_what_is_missing_is_said_in_words() -> None:
    """Each missing protection is one of those that are known."""
    known = {words.in_language("en") for _name, words in PROTECTIONS}

    assert set(missing_protections()) <= known
