"""Closes itself as a plugin's process does, tries what harms others, and tells how it went.

Run as ``python attempts.py '{"landlock": 5, "seccomp": true, "folder": "…"}'``; each attempt that
was refused is told with its error, each that was not with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from county_gov.registry.isolation import confinement, seccomp, syscalls
from county_gov.registry.isolation.places import Places
from county_gov.registry.isolation.threads import waiting_threads
from county_gov.registry.limits import MIB, ProcessLimits

LIBC = ctypes.CDLL(None, use_errno=True)
OWN = syscalls._X86_64 if syscalls.machine() == "x86_64" else syscalls._GENERIC
NUMBERS = {**OWN, **syscalls._SHARED, **syscalls.checked(), "newer": syscalls.UNKNOWN}
F_SETSIG, F_SETOWN_EX, F_NOTIFY, F_SETLEASE = 10, 15, 1026, 1024
FIOSETOWN, SIOCSPGRP, FIOASYNC = 0x8901, 0x8902, 0x5452
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER = 1, 4, 0x59616D61


def call(name: str, *arguments: object) -> None:
    """Make a system call.

    Raises:
        OSError: as the kernel says.
    """
    ctypes.set_errno(0)
    if LIBC.syscall(NUMBERS[name], *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def prctl(option: int, value: int) -> None:
    """Change something of this process."""
    if LIBC.prctl(option, value, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno() or 1, "prctl")


def thread() -> None:
    """Make a thread.

    Raises:
        OSError: if it cannot be made.
    """
    try:
        threading.Thread(target=int).start()
    except RuntimeError as error:
        raise OSError(1, str(error)) from None


def attempts(parent: int, file: Path) -> dict[str, Callable[[], object]]:
    """What is tried, by name; all of it works in a process that is not closed."""
    own, _other = os.pipe()
    stream, _peer = socket.socketpair()
    opened = os.open(file, os.O_RDONLY)
    owner, vector = struct.pack("ii", 1, parent), struct.pack("PN", 0, 0)
    information = ctypes.create_string_buffer(struct.pack("iii", 0, 0, -2), 128)
    name = os.fsencode(file)
    return {
        "kill": lambda: os.kill(parent, 0),
        "tkill": lambda: call("tkill", parent, 0),
        "tgkill": lambda: call("tgkill", parent, parent, 0),
        "rt_sigqueueinfo": lambda: call("rt_sigqueueinfo", parent, 0, information),
        "rt_tgsigqueueinfo": lambda: call("rt_tgsigqueueinfo", parent, parent, 0, information),
        "pidfd_open": lambda: call("pidfd_open", parent, 0),
        "pidfd_send_signal": lambda: call("pidfd_send_signal", own, 0, None, 0),
        "F_SETOWN": lambda: fcntl.fcntl(own, fcntl.F_SETOWN, parent),
        "F_SETOWN_EX": lambda: fcntl.fcntl(own, F_SETOWN_EX, owner),
        "F_SETSIG": lambda: fcntl.fcntl(own, F_SETSIG, signal.SIGKILL),
        "F_SETLEASE": lambda: fcntl.fcntl(opened, F_SETLEASE, fcntl.F_RDLCK),
        "F_NOTIFY": lambda: fcntl.fcntl(opened, F_NOTIFY, 1),
        "FIOSETOWN": lambda: fcntl.ioctl(stream, FIOSETOWN, struct.pack("i", parent)),
        "SIOCSPGRP": lambda: fcntl.ioctl(stream, SIOCSPGRP, struct.pack("i", parent)),
        "FIOASYNC": lambda: fcntl.ioctl(own, FIOASYNC, struct.pack("i", 1)),
        "PR_SET_PDEATHSIG": lambda: prctl(PR_SET_PDEATHSIG, 0),
        "PR_SET_DUMPABLE": lambda: prctl(PR_SET_DUMPABLE, 1),
        "PR_SET_PTRACER": lambda: prctl(PR_SET_PTRACER, parent),
        "ptrace": lambda: call("ptrace", 16, parent, 0, 0),
        "kcmp": lambda: call("kcmp", parent, parent, 2, 0, 0),
        "process_vm_readv": lambda: call("process_vm_readv", parent, vector, 0, vector, 0, 0),
        "process_vm_writev": lambda: call("process_vm_writev", parent, vector, 0, vector, 0, 0),
        "get_robust_list": lambda: call(
            "get_robust_list",
            parent,
            ctypes.byref(ctypes.c_void_p()),
            ctypes.byref(ctypes.c_size_t()),
        ),
        "setpriority": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
        "sched_setaffinity": lambda: os.sched_setaffinity(parent, {0}),
        "prlimit": lambda: call("prlimit64", parent, 7, None, struct.pack("QQ", 0, 0)),
        "fork": os.fork,
        "thread": thread,
        "socket": socket.socket,
        "datagrams": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
        "sendto": lambda: stream.sendto(b"x", "/run/systemd/notify"),
        "sendmsg": lambda: stream.sendmsg([b"x"]),
        "inotify": lambda: call("inotify_init1", 0),
        "shmget": lambda: call("shmget", 0, 4096, 0o1600),
        "chmod": lambda: file.chmod(0),
        "fchmod": lambda: os.fchmod(opened, 0),
        "chown": lambda: os.chown(file, os.getuid(), os.getgid()),
        "utime": lambda: os.utime(file),
        "setxattr": lambda: os.setxattr(file, "user.x", b"x"),
        "truncate": lambda: call("truncate", name, 0),
        "empty while reading": lambda: os.open(file, os.O_RDONLY | os.O_TRUNC),
        "empty without access": lambda: os.open(file, os.O_TRUNC | 3),
        "write": lambda: os.write(os.open(file, os.O_WRONLY), b"x"),
        "create": lambda: os.write(os.open(file.with_name("new"), os.O_WRONLY | os.O_CREAT), b"x"),
        "temporary": tempfile.TemporaryFile,
        "sync": lambda: call("sync"),
        "syncfs": lambda: call("syncfs", opened),
        "fsync": lambda: os.fsync(opened),
        "io_setup": lambda: call("io_setup", 1, ctypes.byref(ctypes.c_ulong())),
        "mbind": lambda: call("mbind", None, 0, 0, None, 0, 0),
        "personality": lambda: call("personality", 0xFFFFFFFF),
        "vmsplice": lambda: call("vmsplice", _other, vector, 0, 0),
        "newer": lambda: call("newer"),
    }


async def ordinary() -> list[str]:
    """What goes on working: a list of what did not."""
    broken = []
    if await asyncio.to_thread(sum, [1, 2]) != 3:
        broken.append("a thread that waits")
    first, second = socket.socketpair()
    first.send(b"x")
    if second.recv(1) != b"x":
        broken.append("a pair of sockets")
    os.set_inheritable(first.fileno(), False)
    os.set_blocking(first.fileno(), False)
    with contextlib.suppress(OSError):
        os.isatty(0)
    return broken


def main() -> None:
    """Close this process, try everything, and print what came of it."""
    order = json.loads(sys.argv[1])
    file = Path(order["folder"]) / "file"
    if order["landlock"] is not None:
        vars(confinement)["landlock_version"] = lambda: order["landlock"]
    if not order["seccomp"]:
        vars(seccomp)["_install"] = lambda _program: False
    tried = attempts(os.getppid(), file)
    places = Places.of(())
    closed = confinement.confine(
        limits=ProcessLimits(memory_bytes=2048 * MIB).rlimits(),
        readable=[*map(str, places.as_order()["readable"]), str(file)],  # type: ignore[call-overload] # a list
        parent=os.getppid(),
    )
    threads = waiting_threads(2)
    closed["threads"] = confinement.close_threads()
    outcomes = {}
    for name, attempt in tried.items() if order["seccomp"] else ():
        try:
            attempt()
            outcomes[name] = 0
        except OSError as error:
            outcomes[name] = error.errno or -1
    loop = asyncio.new_event_loop()
    loop.set_default_executor(threads)
    broken = loop.run_until_complete(ordinary())
    if file.read_text(encoding="utf-8") != "kept":
        broken.append("reading")
    told = json.dumps({"closed": closed, "outcomes": outcomes, "broken": broken})
    os.write(1, told.encode())
    os._exit(0)


if __name__ == "__main__":
    main()
