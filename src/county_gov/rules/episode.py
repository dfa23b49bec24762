"""What an alert's machine keeps between two readings, for one series or for many at once.

The machine of a policy has one switch per level. A switch goes on where the raising condition has
passed for ``hold_for``, and off where the clearing condition passes; an episode lasts while any
switch is on. Readings that say nothing (ignored flags, unknown verdicts, gaps) change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
import numpy as np
from attrs import define, frozen

from county_gov.contract.alert import AlertPolicy
from county_gov.contract.batch import NO_TIME, Bools, Float64s, Int8s, Int64s
from county_gov.contract.rule import Rule

FORMAT = 2
NOWHERE = -1
"""Stands for no level."""


@frozen
class Episode:
    """An alert episode as the machine found it; instants are event time.

    Args:
        started_at: First reading of the run that raised it.
        ended_at: The reading that cleared it, None while open.
        level: Index of the highest level reached.
        peak: The most extreme value, in the direction in which the limit was crossed.
        limit: The limit that raised the highest level; NaN where the rule has none.
        limited_at: The row that raised the highest level, and so whose limit that is.
        last_reading_at: The last reading that said something while it lasted.
    """

    started_at: int
    ended_at: int | None
    level: int
    peak: float
    limit: float
    limited_at: int
    last_reading_at: int


@define(eq=False)
class States:
    """The machine's memory for S series and L levels, in columns.

    Args:
        on: Whether each level's switch is on, shape (S, L).
        since, confirmed: First and last reading of the run in which a level's raising condition
            passes, `NO_TIME` where there is none, shape (S, L).
        high, low: Extremes of the values since that run began, NaN where there is none, (S, L).
        started: When the open episode began, `NO_TIME` where none is open, shape (S,).
        last: Last reading that said something in the open episode, shape (S,).
        level: Highest level that the open episode reached, shape (S,).
        direction: 1 where it rose above its limit, -1 where it fell below, shape (S,).
        peak_high, peak_low: Extremes of the open episode, shape (S,).
        limit: The limit that raised its highest level, shape (S,).
        limited: The row that did, `NO_TIME` where none is open, shape (S,).
    """

    on: Bools
    since: Int64s
    confirmed: Int64s
    high: Float64s
    low: Float64s
    started: Int64s
    last: Int64s
    level: Int8s
    direction: Int8s
    peak_high: Float64s
    peak_low: Float64s
    limit: Float64s
    limited: Int64s

    @classmethod
    def quiet(cls, series: int, levels: int) -> States:
        """Nothing on, nothing pending."""
        shape = (series, levels)
        return cls(
            on=np.zeros(shape, np.bool_),
            since=np.full(shape, NO_TIME),
            confirmed=np.full(shape, NO_TIME),
            high=np.full(shape, np.nan),
            low=np.full(shape, np.nan),
            started=np.full(series, NO_TIME),
            last=np.full(series, NO_TIME),
            level=np.full(series, NOWHERE, np.int8),
            direction=np.ones(series, np.int8),
            peak_high=np.full(series, np.nan),
            peak_low=np.full(series, np.nan),
            limit=np.full(series, np.nan),
            limited=np.full(series, NO_TIME),
        )

    @property
    def series(self) -> int:
        """How many series there are."""
        return len(self.started)


class Run(msgspec.Struct, array_like=True, frozen=True):
    """One level of one series, as it is written down."""

    on: bool
    since: int | None
    confirmed: int | None
    high: float | None
    low: float | None


class Open(msgspec.Struct, array_like=True, frozen=True):
    """The open episode of one series, as it is written down."""

    started: int
    last: int
    level: int
    direction: int
    high: float | None
    low: float | None
    limit: float | None
    limited: int


class OpenHour(msgspec.Struct, array_like=True, frozen=True):
    """The clock hour that is being filled: readings that count, and what they add to its figure.

    Args:
        hour: Its beginning.
        count: Readings that count.
        total, second: What they add together; see `county_gov.rules.figures.Parts`.
    """

    hour: int
    count: int
    total: int | float
    second: float = 0.0


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one series under one policy, as it is written down.

    Args:
        format: Version of this form.
        policy: Fingerprint of the policy under which it was made.
        runs: One per level; empty where nothing is on or pending.
        open: The open episode.
        hour: For hourly means: the hour that is not over yet.
    """

    format: int
    policy: str
    runs: tuple[Run, ...] = ()
    open: Open | None = None
    hour: OpenHour | None = None


_decoder = msgspec.json.Decoder(Written)


def fingerprint(policy: AlertPolicy, rule: Rule) -> str:
    """What a state depends on besides the readings; another one makes the state useless.

    The rule's edition stands for its limits: a run or an open episode does not go on under
    limits other than those that raised it.
    """
    levels = [(one.severity, one.raise_when, one.clear_when, one.hold_for) for one in policy.levels]
    given = (policy.rule, rule.edition, repr(tuple(rule.inputs.items())))
    parts = (*given, levels, policy.stale_after, policy.ignore_flags)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def read_written(text: str, policy: str) -> Written | None:
    """A state that was written down, or None where its format or policy is another one."""
    try:
        written = _decoder.decode(text)
    except msgspec.DecodeError:
        return None
    return written if (written.format, written.policy) == (FORMAT, policy) else None


def put(states: States, row: int, written: Written) -> None:
    """Fill one row of quiet states from its written form."""
    for level, run in enumerate(written.runs):
        states.on[row, level] = run.on
        states.since[row, level] = NO_TIME if run.since is None else run.since
        states.confirmed[row, level] = NO_TIME if run.confirmed is None else run.confirmed
        states.high[row, level] = _number(run.high)
        states.low[row, level] = _number(run.low)
    if written.open is not None:
        states.started[row] = written.open.started
        states.last[row] = written.open.last
        states.level[row] = written.open.level
        states.direction[row] = written.open.direction
        states.peak_high[row] = _number(written.open.high)
        states.peak_low[row] = _number(written.open.low)
        states.limit[row] = _number(written.open.limit)
        states.limited[row] = written.open.limited


def write_down(states: States, policy: str, hours: Sequence[OpenHour | None]) -> list[str]:
    """Each row's written form: JSON, a few dozen bytes where nothing happens.

    Args:
        states: The rows.
        policy: Fingerprint of the policy.
        hours: For each row the hour that is being filled, or None.
    """
    moved = states.on.any(axis=1) | (states.since != NO_TIME).any(axis=1)
    quiet = msgspec.json.encode(Written(FORMAT, policy)).decode()
    texts = []
    for row, stirred in enumerate(moved.tolist()):
        if not stirred and hours[row] is None:
            texts.append(quiet)
            continue
        runs = _runs(states, row) if stirred else ()
        written = Written(FORMAT, policy, runs, _open(states, row), hours[row])
        texts.append(msgspec.json.encode(written).decode())
    return texts


def _runs(states: States, row: int) -> tuple[Run, ...]:
    return tuple(
        Run(
            bool(states.on[row, level]),
            _instant(states.since[row, level]),
            _instant(states.confirmed[row, level]),
            _finite(states.high[row, level]),
            _finite(states.low[row, level]),
        )
        for level in range(states.on.shape[1])
    )


def _open(states: States, row: int) -> Open | None:
    if states.started[row] == NO_TIME:
        return None
    return Open(
        int(states.started[row]),
        int(states.last[row]),
        int(states.level[row]),
        int(states.direction[row]),
        _finite(states.peak_high[row]),
        _finite(states.peak_low[row]),
        _finite(states.limit[row]),
        int(states.limited[row]),
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _finite(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _instant(value: np.int64) -> int | None:
    return None if value == NO_TIME else int(value)


def is_stale(ended_at: int | None, last_reading_at: int, stale_after: int, now: int) -> bool:
    """Whether an open episode has had no reading for too long; stale never means resolved."""
    return ended_at is None and now - last_reading_at > stale_after
