"""What the writer says about itself."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from county_gov.store.changes import Priority


@frozen(eq=False)
class WriterFigures:
    """Counts since the start, for ``/metrics``.

    Args:
        commits: Commits, the failed ones included.
        changes: Changes that were kept.
        failures: Changes that failed, each for its own reason or with their commit.
        seconds: Seconds spent in commits.
        longest_seconds: Seconds of the longest commit.
        longest_change_seconds: Seconds of the longest single change.
        waiting: Changes that wait, by priority.
        waiting_rows: Rows that they bring, by priority.
    """

    commits: int
    changes: int
    failures: int
    seconds: float
    longest_seconds: float
    longest_change_seconds: float
    waiting: Mapping[Priority, int]
    waiting_rows: Mapping[Priority, int]
