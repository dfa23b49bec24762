"""Locking an account after wrong passwords, for a time that grows."""

from __future__ import annotations

from attrs import field, frozen, validators

from county_gov.contract.clock import MICROSECONDS


@frozen
class Lockout:
    """When an account is locked, and for how long.

    Args:
        failures: Wrong passwords in a row after which the account is locked.
        first_seconds: Seconds of the first lock; each further failure doubles them.
        longest_seconds: Seconds of the longest lock, so that nobody can lock somebody else out
            for good.
    """

    failures: int = field(default=5, validator=validators.ge(1))
    first_seconds: int = field(default=60, validator=validators.ge(1))
    longest_seconds: int = field(default=1800, validator=validators.ge(1))

    def duration(self, failures: int) -> int:
        """Microseconds for which an account is locked after so many failures in a row; 0: not."""
        beyond = failures - self.failures
        if beyond < 0:
            return 0
        seconds = min(self.first_seconds << min(beyond, 32), self.longest_seconds)
        return seconds * MICROSECONDS
