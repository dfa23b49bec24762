"""Numbers of the system calls that a confined process may not make, by machine.

This is a list of what is refused. Calls that came after it was written have numbers from `UNKNOWN`
on and are refused as well, so that a newer kernel offers a plugin nothing that nobody has judged.

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
        "openat2": 437,
        "pidfd_getfd": 438,
        "process_madvise": 440,
        "mount_setattr": 442,
        "quotactl_fd": 443,
        "memfd_secret": 447,
        "process_mrelease": 448,
        "set_mempolicy_home_node": 450,
        "fchmodat2": 452,
        "statmount": 457,
        "listmount": 458,
        "setxattrat": 463,
        "removexattrat": 466,
        "open_tree_attr": 467,
        "file_setattr": 469,
    }
)
_X86_64: Mapping[str, int] = MappingProxyType(
    {
        "shmget": 29, "shmat": 30, "shmctl": 31, "socket": 41, "connect": 42, "accept": 43,
        "sendmsg": 46, "bind": 49, "listen": 50, "fork": 57, "vfork": 58, "execve": 59, "kill": 62,
        "semget": 64, "semop": 65, "semctl": 66, "msgget": 68, "msgsnd": 69, "msgrcv": 70,
        "msgctl": 71, "truncate": 76, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93,
        "lchown": 94, "ptrace": 101, "syslog": 103, "rt_sigqueueinfo": 129, "utime": 132,
        "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144, "pivot_root": 155,
        "chroot": 161, "mount": 165, "umount2": 166, "quotactl": 179, "setxattr": 188,
        "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198,
        "fremovexattr": 199, "tkill": 200, "sched_setaffinity": 203, "semtimedop": 220,
        "tgkill": 234, "utimes": 235, "mq_open": 240, "mq_unlink": 241, "add_key": 248,
        "request_key": 249, "keyctl": 250, "ioprio_set": 251, "inotify_init": 253,
        "inotify_add_watch": 254, "migrate_pages": 256, "fchownat": 260, "futimesat": 261,
        "fchmodat": 268, "unshare": 272, "get_robust_list": 274, "move_pages": 279,
        "utimensat": 280, "accept4": 288, "inotify_init1": 294, "rt_tgsigqueueinfo": 297,
        "perf_event_open": 298, "fanotify_init": 300, "fanotify_mark": 301,
        "name_to_handle_at": 303, "open_by_handle_at": 304, "sendmmsg": 307, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "sched_setattr": 314,
        "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323, "msync": 26,
        "fsync": 74, "fdatasync": 75, "personality": 135, "modify_ldt": 154, "sync": 162,
        "io_setup": 206, "mbind": 237, "set_mempolicy": 238, "sync_file_range": 277,
        "vmsplice": 278, "syncfs": 306,
    }
)  # fmt: skip
_GENERIC: Mapping[str, int] = MappingProxyType(
    {
        "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15,
        "fremovexattr": 16, "inotify_init1": 26, "inotify_add_watch": 27, "ioprio_set": 30,
        "umount2": 39, "mount": 40, "pivot_root": 41, "truncate": 45, "chroot": 51, "fchmod": 52,
        "fchmodat": 53, "fchownat": 54, "fchown": 55, "quotactl": 60, "utimensat": 88,
        "unshare": 97, "get_robust_list": 100, "syslog": 116, "ptrace": 117, "sched_setparam": 118,
        "sched_setscheduler": 119, "sched_setaffinity": 122, "kill": 129, "tkill": 130,
        "tgkill": 131, "rt_sigqueueinfo": 138, "setpriority": 140, "mq_open": 180,
        "mq_unlink": 181, "msgget": 186, "msgctl": 187, "msgrcv": 188, "msgsnd": 189,
        "semget": 190, "semctl": 191, "semtimedop": 192, "semop": 193, "shmget": 194,
        "shmctl": 195, "shmat": 196, "socket": 198, "bind": 200, "listen": 201, "accept": 202,
        "connect": 203, "sendmsg": 211, "add_key": 217, "request_key": 218, "keyctl": 219,
        "execve": 221, "migrate_pages": 238, "move_pages": 239, "rt_tgsigqueueinfo": 240,
        "perf_event_open": 241, "accept4": 242, "fanotify_init": 262, "fanotify_mark": 263,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268, "sendmmsg": 269,
        "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "sched_setattr": 274,
        "memfd_create": 279, "bpf": 280, "execveat": 281, "userfaultfd": 282, "io_setup": 0,
        "vmsplice": 75, "sync": 81, "fsync": 82, "fdatasync": 83, "sync_file_range": 84,
        "personality": 92, "msync": 227, "mbind": 235, "set_mempolicy": 237, "syncfs": 267,
    }
)  # fmt: skip
_X86_64_CHECKED: Mapping[str, int] = MappingProxyType(
    {
        "open": 2, "ioctl": 16, "sendto": 44, "socketpair": 53, "clone": 56, "fcntl": 72,
        "prctl": 157, "openat": 257, "prlimit64": 302, "seccomp": 317,
    }
)  # fmt: skip
_GENERIC_CHECKED: Mapping[str, int] = MappingProxyType(
    {
        "fcntl": 25, "ioctl": 29, "openat": 56, "prctl": 167, "socketpair": 199, "sendto": 206,
        "clone": 220, "prlimit64": 261, "seccomp": 277,
    }
)  # fmt: skip
CLONE3 = 435
UNKNOWN = 470
"""The first number that was given to no call when this list was written (Linux 6.17)."""
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446


def machine() -> str:
    """The machine that this process runs on, as `ARCHITECTURES` names it."""
    return platform.machine()


def forbidden() -> tuple[int, ...]:
    """Calls that answer EPERM.

    New processes, other processes, sockets, mounts, keys, tracing; and what Landlock leaves open:
    the rights, owners, times and attributes of files, and watching folders. Making the disk write
    what it has cached, which would hold up the database. What no plugin needs: asynchronous
    requests (``io_setup``), pages lent to pipes (``vmsplice``), segments, the placing of memory,
    ``personality``, and the list of mounts.
    """
    own = _X86_64 if machine() == "x86_64" else _GENERIC
    return tuple(sorted({*own.values(), *_SHARED.values()}))


def checked() -> Mapping[str, int]:
    """Calls whose arguments decide, by name, and ``seccomp`` itself."""
    return _X86_64_CHECKED if machine() == "x86_64" else _GENERIC_CHECKED
