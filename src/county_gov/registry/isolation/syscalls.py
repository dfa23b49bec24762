"""Numbers of the system calls that a confined process may not make, by machine.

x86_64 has numbers of its own; aarch64, riscv64 and loongarch64 share the generic table of
``include/uapi/asm-generic/unistd.h``.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from types import MappingProxyType

ARCHITECTURES: Mapping[str, int] = MappingProxyType(
    {
        "x86_64": 0xC000003E,
        "aarch64": 0xC00000B7,
        "riscv64": 0xC00000F3,
        "loongarch64": 0xC0000102,
    }
)
"""``AUDIT_ARCH_*`` of ``include/uapi/linux/audit.h``."""

_SHARED: Mapping[str, int] = MappingProxyType(
    {
        "pidfd_send_signal": 424,
        "io_uring_setup": 425,
        "io_uring_enter": 426,
        "io_uring_register": 427,
        "open_tree": 428,
        "move_mount": 429,
        "fsopen": 430,
        "fsconfig": 431,
        "fsmount": 432,
        "fspick": 433,
        "pidfd_open": 434,
        "pidfd_getfd": 438,
        "process_madvise": 440,
        "mount_setattr": 442,
        "memfd_secret": 447,
    }
)
_X86_64: Mapping[str, int] = MappingProxyType(
    {
        "shmget": 29, "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50,
        "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "semget": 64, "msgget": 68,
        "ptrace": 101, "rt_sigqueueinfo": 129, "setpriority": 141, "sched_setparam": 142,
        "sched_setscheduler": 144, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166,
        "tkill": 200, "sched_setaffinity": 203, "tgkill": 234, "mq_open": 240, "add_key": 248,
        "request_key": 249, "keyctl": 250, "ioprio_set": 251, "unshare": 272, "accept4": 288,
        "rt_tgsigqueueinfo": 297, "perf_event_open": 298, "name_to_handle_at": 303,
        "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
        "sched_setattr": 314, "memfd_create": 319, "bpf": 321, "execveat": 322,
        "userfaultfd": 323,
    }
)  # fmt: skip
_GENERIC: Mapping[str, int] = MappingProxyType(
    {
        "ioprio_set": 30, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51,
        "unshare": 97, "ptrace": 117, "sched_setparam": 118, "sched_setscheduler": 119,
        "sched_setaffinity": 122, "kill": 129, "tkill": 130, "tgkill": 131,
        "rt_sigqueueinfo": 138, "setpriority": 140, "mq_open": 180, "msgget": 186, "semget": 190,
        "shmget": 194, "socket": 198, "bind": 200, "listen": 201, "accept": 202, "connect": 203,
        "add_key": 217, "request_key": 218, "keyctl": 219, "execve": 221,
        "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "accept4": 242,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "sched_setattr": 274, "memfd_create": 279, "bpf": 280,
        "execveat": 281, "userfaultfd": 282,
    }
)  # fmt: skip
CLONE3 = 435
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446


def machine() -> str:
    """The machine that this process runs on, as `ARCHITECTURES` names it."""
    return platform.machine()


def forbidden() -> tuple[int, ...]:
    """Calls that answer EPERM: new processes, other processes, sockets, mounts, keys, tracing."""
    own = _X86_64 if machine() == "x86_64" else _GENERIC
    return tuple(sorted({*own.values(), *_SHARED.values()}))


def clone() -> int:
    """Number of ``clone``, which may make threads only."""
    return 56 if machine() == "x86_64" else 220


def prlimit() -> int:
    """Number of ``prlimit64``, which may name its own process only."""
    return 302 if machine() == "x86_64" else 261
