"""What has to be written when a stretch of a datastream was judged (again)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import Any

from attrs import frozen

from county_gov.contract.alert import AlertPolicy
from county_gov.rules.episode import NOWHERE, Episode
from county_gov.store.alerts import Change, EpisodeRow

FOREVER = (1 << 63) - 1


@frozen(eq=False)
class EpisodeWrite:
    """An episode as it shall be.

    Args:
        old: The stored episode, None for a new one.
        new: The episode found, None where the stored one is withdrawn.
        changes: What to tell of it, with details; none where only its last reading moved.
        corrects: Whether what was told before was wrong.
    """

    old: EpisodeRow | None
    new: Episode | None
    changes: tuple[tuple[Change, dict[str, Any]], ...] = ()
    corrects: bool = False


Cite = Callable[[Episode], str]
"""Where the limit of an episode stands."""


def difference(
    policy: AlertPolicy,
    old: Sequence[EpisodeRow],
    new: Sequence[Episode],
    judged_until: int,
    cite: Cite,
) -> list[EpisodeWrite]:
    """Bring stored episodes to what was found.

    Args:
        policy: Gives the levels' names.
        old: Stored episodes of the stretch, not withdrawn, by their beginning.
        new: The episodes that the stretch has, by their beginning.
        judged_until: The last instant that had been judged before; what is found later than that
            goes on from the stored episodes, what is found earlier corrects them.
        cite: Where the limit of an episode stands.

    Returns:
        Withdrawn and corrected episodes first, then new ones; nothing for those that are the same.
    """
    pairs = _match(old, new)
    writes: list[EpisodeWrite] = []
    kept = {row.id: found for found, row in pairs if row is not None}
    for row in old:
        if row.id not in kept:
            into = next(
                (
                    other.id
                    for found, other in pairs
                    if other is not None and _overlap(row, found) > 0
                ),
                None,
            )
            details = {"merged_into": into} if into else {}
            writes.append(EpisodeWrite(row, None, (("withdrawn", details),), corrects=True))
    for found, match in pairs:
        if match is None:
            split = next((row.id for row in old if _overlap(row, found) > 0), None)
            details = _late(policy, found, judged_until)
            if split is not None:
                details["split_from"] = split
            writes.append(EpisodeWrite(None, found, (("raised", details),)))
            continue
        write = _moved(policy, match, found, judged_until, cite)
        if write is not None:
            writes.append(write)
    return writes


def _late(policy: AlertPolicy, found: Episode, judged_until: int) -> dict[str, Any]:
    details: dict[str, Any] = {"severity": policy.levels[found.level].severity}
    if found.started_at <= judged_until and found.ended_at is not None:
        details["late"] = found.ended_at <= judged_until
    return details


def _overlap(row: EpisodeRow, found: Episode) -> int:
    """Microseconds that both last; 0 or less for two that do not."""
    begin = max(row.started_at, found.started_at)
    end = min(_end(row.ended_at), _end(found.ended_at))
    return end - begin


def _end(ended_at: int | None) -> int:
    return FOREVER if ended_at is None else ended_at


def _match(
    old: Sequence[EpisodeRow], new: Sequence[Episode]
) -> list[tuple[Episode, EpisodeRow | None]]:
    """Give each episode found the stored one that it continues: same beginning, else overlap."""
    by_start = {row.started_at: row for row in old}
    free = {row.id: row for row in old}
    matches: dict[int, EpisodeRow] = {}
    for index, found in enumerate(new):
        row = by_start.get(found.started_at)
        if row is not None and row.id in free:
            matches[index] = free.pop(row.id)
    for index, found in enumerate(new):
        if index in matches:
            continue
        near = [row for row in free.values() if _overlap(row, found) > 0]
        if near:
            best = max(near, key=lambda row: (_overlap(row, found), -row.started_at))
            matches[index] = free.pop(best.id)
    return [(found, matches.get(index)) for index, found in enumerate(new)]


@frozen
class _Told:
    """What of an episode is told to people."""

    started_at: int
    ended_at: int | None
    severity: str
    peak: float
    limit: float | None
    citation: str


def _moved(
    policy: AlertPolicy, row: EpisodeRow, found: Episode, judged_until: int, cite: Cite
) -> EpisodeWrite | None:
    """How a stored episode goes on, or is corrected; None where it is the same."""
    names = [one.severity for one in policy.levels]
    severity = names[found.level]
    limit = None if isnan(found.limit) else found.limit
    was = _Told(row.started_at, row.ended_at, row.severity, row.peak, row.limit_value, row.citation)
    now = _Told(found.started_at, found.ended_at, severity, found.peak, limit, cite(found))
    same_limit = (was.limit, was.citation) == (now.limit, now.citation)
    if was == now and row.last_reading_at == found.last_reading_at:
        return None
    level = names.index(row.severity) if row.severity in names else NOWHERE
    ended_later = found.ended_at is None or found.ended_at > judged_until
    goes_on = row.ended_at is None and now.started_at == was.started_at and ended_later
    retreats = abs(found.peak - found.limit) < abs(row.peak - found.limit) and level == found.level
    other_limit = found.level == level and not same_limit
    if not goes_on or found.level < level or retreats or other_limit:
        if was == now:
            return EpisodeWrite(row, found)
        return EpisodeWrite(row, found, (("corrected", _reasons(was, now)),), corrects=True)
    changes: list[tuple[Change, dict[str, Any]]] = []
    if found.level > level:
        changes.append(("level", {"from": row.severity, "to": severity}))
    if found.ended_at is not None:
        changes.append(("cleared", {"ended_at": found.ended_at, "peak": found.peak}))
    return EpisodeWrite(row, found, tuple(changes))


def _reasons(was: _Told, now: _Told) -> dict[str, Any]:
    """What was corrected, with the figures of before and after."""
    longer = now.started_at < was.started_at or _end(now.ended_at) > _end(was.ended_at)
    shorter = now.started_at > was.started_at or _end(now.ended_at) < _end(was.ended_at)
    reasons = [
        word
        for word, true in (
            ("extended", longer),
            ("shrunk", shorter),
            ("severity", now.severity != was.severity),
            ("peak", now.peak != was.peak),
            ("limit", (now.limit, now.citation) != (was.limit, was.citation)),
        )
        if true
    ]
    names = ("started_at", "ended_at", "severity", "peak", "limit", "citation")
    before = {name: getattr(was, name) for name in names}
    after = {name: getattr(now, name) for name in before}
    return {"reasons": reasons, "was": before, "now": after}
