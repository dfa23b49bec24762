"""How much a plugin may use."""

from __future__ import annotations

from attrs import frozen

MIB = 1 << 20


@frozen
class ProcessLimits:
    """Bounds of a plugin's process.

    Args:
        seconds: How long one call of a sync function may take; then the process is ended.
        start_seconds: How long it may take to start.
        memory_bytes: Address space that it may have.
        message_bytes: Longest message, and so the largest result, that is taken.
        cpu_seconds: Processor time after which it is ended, and started anew.
        open_files: Descriptors that it may have open.
        threads: How many its async functions may hand work to; it can make no others.
    """

    seconds: float = 10.0
    start_seconds: float = 30.0
    memory_bytes: int = 1024 * MIB
    message_bytes: int = 64 * MIB
    cpu_seconds: int = 3600
    open_files: int = 64
    threads: int = 4

    def rlimits(self) -> dict[str, int]:
        """The limits that the kernel keeps, by their names in `resource`."""
        return {
            "RLIMIT_AS": self.memory_bytes,
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_FSIZE": 0,
            "RLIMIT_CORE": 0,
        }
