"""What a plugin's process gives up before it imports the plugin; none of it can be taken back.

Only the standard library is used. Each protection is tried by itself; what the kernel does not
offer is left out and told, so that ``county-gov check`` and the plugins page can say so.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from county_gov.registry.isolation import seccomp, syscalls

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x8000000, 0x10000000, 0x40000000
CAPABILITY_VERSION_3 = 0x20080522

READ_FILE, READ_DIR, EXECUTE = 1 << 2, 1 << 3, 1 << 0
FILE_RIGHTS = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)
"""Landlock's rights that a single file can have: execute, write, read, truncate, ioctl."""
FIRST_RIGHTS = (1 << 13) - 1
MORE_RIGHTS = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Version of Landlock's interface, and the right that came with it."""
TCP_SINCE, TCP_RIGHTS = 4, 0b11
FIOSETOWN = 0x8901
SCOPED_SINCE, SCOPES = 6, 0b11
"""Since which version TCP can be closed, and abstract Unix sockets and signals be kept inside."""


def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Version of Landlock that the kernel offers, 0 for none."""
    return max(0, int(libc().syscall(syscalls.LANDLOCK_CREATE, None, 0, 1)))


def offers_namespaces() -> bool:
    """Whether a process without rights may have a network of its own, as far as files tell."""
    for name in ("user/max_user_namespaces", "user/max_net_namespaces"):
        path = Path("/proc/sys") / name
        with contextlib.suppress(OSError, ValueError):
            if int(path.read_text()) == 0:
                return False
    with contextlib.suppress(OSError, ValueError):
        return Path("/proc/sys/kernel/unprivileged_userns_clone").read_text().strip() != "0"
    return Path("/proc/self/ns/net").exists() and Path("/proc/self/ns/user").exists()


def confine(
    *, limits: Mapping[str, int], readable: Iterable[str], parent: int
) -> dict[str, bool | int]:
    """Close what can be closed; returns what was. Nothing on disk stays writable.

    Args:
        limits: Names of `resource` limits and their values.
        readable: Files and folders that stay readable.
        parent: Process at whose end this one ends.
    """
    c = libc()
    c.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    for name, value in limits.items():
        number = getattr(resource, name)
        _soft, hard = resource.getrlimit(number)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (allowed, allowed))
    c.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    closed: dict[str, bool | int] = {}
    closed["namespaces"] = c.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0
    _drop_capabilities(c)
    c.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    closed["landlock"] = _landlock(c, readable)
    closed["seccomp"] = seccomp.refuse_calls()
    closed["signals"] = closed["landlock"] >= SCOPED_SINCE or not _can_signal(parent)
    return closed


def close_threads() -> bool:
    """Let no further thread be made; whether the kernel sees to that for every account."""
    if seccomp.refuse_threads():
        return True
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return False


def _can_signal(process: int) -> bool:
    """Whether another process can be sent signals, at once or by what becomes of a descriptor."""
    own, other = os.pipe()
    try:
        for attempt in (
            lambda: os.kill(process, 0),
            lambda: fcntl.fcntl(own, fcntl.F_SETOWN, process),
            lambda: fcntl.ioctl(own, FIOSETOWN, struct.pack("i", process)),
        ):
            with contextlib.suppress(OSError):
                attempt()
                return True
    finally:
        os.close(own)
        os.close(other)
    return False


def _drop_capabilities(c: ctypes.CDLL) -> None:
    head = struct.pack("<Ii", CAPABILITY_VERSION_3, 0)
    c.capset(ctypes.create_string_buffer(head), ctypes.create_string_buffer(bytes(24)))


def _landlock(c: ctypes.CDLL, readable: Iterable[str]) -> int:
    """Let these files be read and no other; the version in force, 0 where it could not be done."""
    version = landlock_version()
    if not version:
        return 0
    rights = FIRST_RIGHTS | sum(right for since, right in MORE_RIGHTS if version >= since)
    attributes = struct.pack("<Q", rights)
    if version >= TCP_SINCE:
        attributes += struct.pack("<Q", TCP_RIGHTS)
    if version >= SCOPED_SINCE:
        attributes += struct.pack("<Q", SCOPES)
    rules = int(c.syscall(syscalls.LANDLOCK_CREATE, attributes, len(attributes), 0))
    if rules < 0:
        return 0
    try:
        for path in readable:
            _allow(c, rules, path, READ_FILE | READ_DIR | EXECUTE)
        done = int(c.syscall(syscalls.LANDLOCK_RESTRICT, rules, 0)) == 0
    finally:
        os.close(rules)
    return version if done else 0


def _allow(c: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be readable
    try:
        if not Path(path).is_dir():
            rights &= FILE_RIGHTS
        rule = struct.pack("<Qi", rights, descriptor)
        c.syscall(syscalls.LANDLOCK_ADD, rules, 1, rule, 0)
    finally:
        os.close(descriptor)
