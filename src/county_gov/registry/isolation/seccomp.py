"""Which system calls a plugin's process may make, as classic BPF (``seccomp(2)``).

Only the standard library is used. Some calls are refused whatever they ask for, and so are those
that are newer than this list; others are let through with the arguments that harm nobody.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Mapping

from county_gov.registry.isolation import syscalls

RETURN, LOAD, EQUAL, AT_LEAST, ANY_BIT, AND = 0x06, 0x20, 0x15, 0x35, 0x45, 0x54
ALLOW, REFUSE, END_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER_AT, ARCHITECTURE_AT = 0, 4
X32_BIT = 0x40000000
SET_FILTER, ALL_THREADS = 1, 1
"""``SECCOMP_SET_MODE_FILTER`` and ``SECCOMP_FILTER_FLAG_TSYNC``."""

CLONE_THREAD = 0x10000
STREAM, KIND_OF_SOCKET = 1, 0xF
TRUNCATE, ACCESS = 0o1000, 0o3
"""``O_TRUNC``, and the bits of ``open`` that say whether is read or written."""
FCNTL = (*range(8), 36, 37, 38, 1030, 1031, 1032, 1034)
"""Duplicates, flags, locks and the size of pipes. Not: owners (``F_SETOWN``, ``F_SETSIG``,
``F_SETOWN_EX``), who may be another process and is sent signals; leases, which hold up who opens a
file; notices of folders."""
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""``TCGETS``, ``TIOCGWINSZ``, ``FIONREAD``, ``FIONBIO``, ``FIONCLEX``, ``FIOCLEX``. Not:
``FIOSETOWN``, ``SIOCSPGRP``, ``FIOASYNC``, which send signals; devices and flags of files."""
PRCTL = (2, 3, 15, 16, 21, 22, 23, 38, 39, 0x53564D41)
"""What is asked, the name of a thread or of memory, further filters, and no new rights. Not: the
signal at the parent's end, being dumped, being traced."""


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction: ``then`` and ``otherwise`` are instructions skipped."""
    return struct.pack("<HBBI", code, then, otherwise, value)


ALLOWED, REFUSED = _step(RETURN, ALLOW), _step(RETURN, REFUSE | errno.EPERM)


def argument(number: int, *, high: bool = False) -> int:
    """Where the low or the high half of an argument stands; the first is 0."""
    return 16 + 8 * number + (4 if high else 0)


def _when(number: int, *block: bytes) -> list[bytes]:
    """A block for one call; it ends with what it returns."""
    return [_step(EQUAL, number, otherwise=len(block)), *block]


def _only(number: int, at: int, allowed: Iterable[int]) -> list[bytes]:
    """A call that is let through with these values of an argument only."""
    checks = [step for one in allowed for step in (_step(EQUAL, one, otherwise=1), ALLOWED)]
    return _when(number, _step(LOAD, argument(at)), *checks, REFUSED)


def _begin(architecture: int) -> list[bytes]:
    program = [
        _step(LOAD, ARCHITECTURE_AT),
        _step(EQUAL, architecture, then=1),
        _step(RETURN, END_PROCESS),
        _step(LOAD, NUMBER_AT),
    ]
    if architecture == syscalls.ARCHITECTURES["x86_64"]:
        program += [_step(AT_LEAST, X32_BIT, otherwise=1), REFUSED]
    return program


def filter_program(
    architecture: int, forbidden: Iterable[int], checked: Mapping[str, int]
) -> bytes:
    """The filter under which a plugin is imported.

    Args:
        architecture: ``AUDIT_ARCH_*`` of the machine.
        forbidden: Numbers of calls that are refused.
        checked: Numbers of the calls whose arguments are looked at, by name.
    """
    program = _begin(architecture)
    # As on a kernel that has not got them, so that the C library takes the older call.
    program += [
        _step(AT_LEAST, syscalls.UNKNOWN, otherwise=1),
        _step(RETURN, REFUSE | errno.ENOSYS),
    ]
    for number in forbidden:
        program += _when(number, REFUSED)
    # The C library falls back to clone where clone3, whose flags no filter can read, is not known.
    program += _when(syscalls.CLONE3, _step(RETURN, REFUSE | errno.ENOSYS))
    program += _when(
        checked["clone"],
        _step(LOAD, argument(0)),
        _step(ANY_BIT, CLONE_THREAD, otherwise=1),
        ALLOWED,
        REFUSED,
    )
    program += _only(checked["prlimit64"], 0, (0,))
    program += _only(checked["fcntl"], 1, FCNTL)
    program += _only(checked["ioctl"], 1, IOCTL)
    program += _only(checked["prctl"], 0, PRCTL)
    # A pair of datagram sockets could send to any other socket that has a name.
    program += _when(
        checked["socketpair"],
        _step(LOAD, argument(1)),
        _step(AND, KIND_OF_SOCKET),
        _step(EQUAL, STREAM, otherwise=1),
        ALLOWED,
        REFUSED,
    )
    program += _when(
        checked["sendto"],
        _step(LOAD, argument(4)),
        _step(EQUAL, 0, otherwise=3),
        _step(LOAD, argument(4, high=True)),
        _step(EQUAL, 0, otherwise=1),
        ALLOWED,
        REFUSED,
    )
    # Landlock before its third version lets who may read a file empty it while opening.
    for name, at in (("open", 1), ("openat", 2)):
        if name in checked:
            program += _when(
                checked[name],
                _step(LOAD, argument(at)),
                _step(AND, TRUNCATE | ACCESS),
                _step(EQUAL, TRUNCATE, then=1),
                _step(EQUAL, TRUNCATE | ACCESS, otherwise=1),
                REFUSED,
                ALLOWED,
            )
    return b"".join([*program, ALLOWED])


def thread_program(architecture: int, clone: int) -> bytes:
    """A further filter, under which no more threads are made."""
    return b"".join([*_begin(architecture), *_when(clone, REFUSED), ALLOWED])


def offers() -> bool:
    """Whether system calls can be filtered."""
    known = syscalls.machine() in syscalls.ARCHITECTURES
    return known and int(ctypes.CDLL(None).prctl(21, 0, 0, 0, 0)) >= 0


def refuse_calls() -> bool:
    """Put this process under `filter_program`; whether it could be done."""
    architecture = syscalls.ARCHITECTURES.get(syscalls.machine())
    if architecture is None:
        return False
    return _install(filter_program(architecture, syscalls.forbidden(), syscalls.checked()))


def refuse_threads() -> bool:
    """Let no further thread be made in this process; whether it could be done."""
    architecture = syscalls.ARCHITECTURES.get(syscalls.machine())
    if architecture is None:
        return False
    return _install(thread_program(architecture, syscalls.checked()["clone"]))


def _install(program: bytes) -> bool:
    """Put all threads of this process under a filter."""
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    number = syscalls.checked()["seccomp"]
    return int(ctypes.CDLL(None).syscall(number, SET_FILTER, ALL_THREADS, head)) == 0
