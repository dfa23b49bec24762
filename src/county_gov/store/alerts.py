"""Alert episodes and their changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
import sqlalchemy as sa
from attrs import asdict, frozen

from county_gov.contract.context import EpisodeView
from county_gov.errors import NotFound
from county_gov.store.scope import visible
from county_gov.store.tables import (
    datastreams,
    episode_changes,
    episodes,
    things,
)

if TYPE_CHECKING:
    from county_gov.contract.access import Scope
    from county_gov.contract.alert import Severity
    from county_gov.store.transaction import Snapshot, Transaction

FEW = 200
"""Up to so many datastreams are named one by one in a query."""

Change = Literal["raised", "level", "cleared", "corrected", "withdrawn"]


@frozen
class EpisodeRow:
    """An episode as it is stored; ``datastream`` is a number."""

    id: int
    policy: str
    datastream: int
    area: str
    severity: str
    started_at: int
    ended_at: int | None
    last_reading_at: int
    peak: float
    limit_value: float | None
    rule_version: str
    citation: str
    corrected: bool
    withdrawn: bool
    case: int | None


@frozen
class ChangeRow:
    """One entry of an episode's history."""

    at: int
    change: Change
    details: Mapping[str, Any]


@frozen
class EpisodeDetail:
    """An episode with everything that explains it.

    Args:
        view: The episode.
        limit: The limit that raised its highest level, None where the rule has none.
        rule_version: Version of the rule that judged it.
        citation: Where the limit stands, in words.
        changes: What happened to it, oldest first.
    """

    view: EpisodeView
    limit: float | None
    rule_version: str
    citation: str
    changes: tuple[ChangeRow, ...]


def of_datastreams(table: sa.Table, numbers: Sequence[int]) -> sa.ColumnElement[bool]:
    """The condition that a row is of some datastreams, or near them where they are many."""
    column = table.c.datastream
    if len(numbers) <= FEW:
        return column.in_(numbers)
    return column.between(min(numbers), max(numbers))


_EPISODE = (
    episodes.c.id,
    episodes.c.policy,
    episodes.c.datastream,
    episodes.c.area,
    episodes.c.severity,
    episodes.c.started_at,
    episodes.c.ended_at,
    episodes.c.last_reading_at,
    episodes.c.peak,
    episodes.c.limit_value,
    episodes.c.rule_version,
    episodes.c.citation,
    episodes.c.corrected,
    episodes.c.withdrawn,
    episodes.c.case,
)


def _episode(row: sa.Row[Any]) -> EpisodeRow:
    return _episode_of(row._asdict())


def _episode_of(values: dict[str, Any]) -> EpisodeRow:
    truths = {name: bool(values[name]) for name in ("corrected", "withdrawn")}
    return EpisodeRow(**values | truths)


def open_episodes(snapshot: Snapshot, policy: str, numbers: Sequence[int]) -> dict[int, EpisodeRow]:
    """The open episode of each datastream that has one, by number."""
    if not numbers:
        return {}
    statement = sa.select(*_EPISODE).where(
        episodes.c.policy == policy,
        of_datastreams(episodes, numbers),
        episodes.c.ended_at.is_(None),
        episodes.c.withdrawn == 0,
    )
    wanted = set(numbers)
    rows = map(_episode, snapshot.rows(statement))
    return {row.datastream: row for row in rows if row.datastream in wanted}


def count_by_policy(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """How many episodes not withdrawn are open, and how many have ended, by policy."""
    open_ones = sa.func.sum(sa.case((episodes.c.ended_at.is_(None), 1), else_=0))
    statement = (
        sa.select(episodes.c.policy, open_ones, sa.func.count())
        .where(episodes.c.withdrawn == 0)
        .group_by(episodes.c.policy)
    )
    rows = (tuple(row) for row in snapshot.rows(statement))
    return {policy: (int(lasting), int(number) - int(lasting)) for policy, lasting, number in rows}


def episodes_between(
    snapshot: Snapshot, policy: str, datastream: int, start: int, end: int
) -> list[EpisodeRow]:
    """Episodes not withdrawn that lasted at some instant of [start, end], by their beginning."""
    statement = (
        sa.select(*_EPISODE)
        .where(
            episodes.c.policy == policy,
            episodes.c.datastream == datastream,
            episodes.c.started_at <= end,
            sa.or_(episodes.c.ended_at.is_(None), episodes.c.ended_at >= start),
            episodes.c.withdrawn == 0,
        )
        .order_by(episodes.c.started_at)
    )
    return [_episode(row) for row in snapshot.rows(statement)]


def find_episode(snapshot: Snapshot, episode: int) -> EpisodeRow | None:
    """An episode of an id, withdrawn or not; None where there is none."""
    row = snapshot.first(sa.select(*_EPISODE).where(episodes.c.id == episode))
    return None if row is None else _episode(row)


def open_among(
    snapshot: Snapshot, policies: Sequence[str], numbers: Sequence[int]
) -> list[EpisodeRow]:
    """The open episodes of some policies on some datastreams, by their beginning."""
    if not policies or not numbers:
        return []
    statement = (
        sa.select(*_EPISODE)
        .where(
            episodes.c.policy.in_(policies),
            episodes.c.datastream.in_(numbers),
            episodes.c.ended_at.is_(None),
            episodes.c.withdrawn == 0,
        )
        .order_by(episodes.c.started_at, episodes.c.id)
    )
    return [_episode(row) for row in snapshot.rows(statement)]


def count_lasting(snapshot: Snapshot, case: int) -> int:
    """How many episodes of a case have not ended."""
    statement = sa.select(sa.func.count()).where(
        episodes.c.case == case, episodes.c.ended_at.is_(None), episodes.c.withdrawn == 0
    )
    return int(snapshot.scalar(statement))


def insert_episodes(tx: Transaction, rows: Sequence[EpisodeRow]) -> list[int]:
    """Write new episodes (their ``id`` is not looked at); returns their ids in the same order."""
    if not rows:
        return []
    statement = sa.insert(episodes).returning(episodes.c.id, sort_by_parameter_order=True)
    found = tx.execute(statement, [_values(row, tx.at, created=True) for row in rows])
    return [row[0] for row in found]


def update_episodes(tx: Transaction, rows: Sequence[EpisodeRow]) -> None:
    """Write what judging may change of episodes; a linked case stays linked."""
    if not rows:
        return
    names = [name for name in _values(rows[0], 0, created=False) if name != "case"]
    statement = (
        sa.update(episodes)
        .where(episodes.c.id == sa.bindparam("of"))
        .values({name: sa.bindparam(f"new_{name}") for name in names})
    )
    values = []
    for row in rows:
        columns = _values(row, tx.at, created=False)
        values.append({"of": row.id, **{f"new_{name}": columns[name] for name in names}})
    tx.execute(statement, values)


def _values(row: EpisodeRow, at: int, *, created: bool) -> dict[str, Any]:
    values = asdict(row)
    del values["id"]
    values |= {"corrected": int(row.corrected), "withdrawn": int(row.withdrawn), "updated_at": at}
    return values | {"created_at": at} if created else values


def insert_changes(tx: Transaction, changes: Sequence[tuple[int, Change, bytes]]) -> None:
    """Add to episodes' histories: (episode, change, details as JSON)."""
    if changes:
        rows = [
            {"episode": episode, "at": tx.at, "change": change, "details": details.decode()}
            for episode, change, details in changes
        ]
        tx.execute(sa.insert(episode_changes), rows)


def link_case(tx: Transaction, episode: int, case: int) -> None:
    """Remember which case was opened for an episode."""
    tx.execute(sa.update(episodes).where(episodes.c.id == episode).values(case=case))


_VIEW = (*_EPISODE, datastreams.c.code)
_SORTS = {
    "started_at": episodes.c.started_at,
    "ended_at": episodes.c.ended_at,
    "peak": episodes.c.peak,
    "severity": sa.case(
        {"notice": 0, "warning": 1, "alarm": 2, "urgent": 3}, value=episodes.c.severity
    ),
    "datastream": datastreams.c.code,
    "policy": episodes.c.policy,
    "area": episodes.c.area,
}
SORTS = tuple(_SORTS)
"""What episodes can be sorted by; with a leading "-" descending."""


def view_of(row: EpisodeRow, code: str) -> EpisodeView:
    """A stored episode as plugins see it."""
    return EpisodeView(
        id=row.id,
        policy=row.policy,
        datastream=code,
        area=row.area,
        severity=cast("Severity", row.severity),
        started_at=row.started_at,
        ended_at=row.ended_at,
        last_reading_at=row.last_reading_at,
        peak=row.peak,
        corrected=row.corrected,
        withdrawn=row.withdrawn,
        case="" if row.case is None else str(row.case),
        limit=row.limit_value,
    )


def _view(row: sa.Row[Any]) -> EpisodeView:
    values = row._asdict()
    code = values.pop("code")
    return view_of(_episode_of(values), code)


def _filtered(
    columns: Sequence[sa.ColumnElement[Any]],
    scope: Scope,
    day: int,
    *,
    policy: str = "",
    datastream: str = "",
    open_only: bool = False,
    withdrawn: bool = False,
    case: int | None = None,
) -> sa.Select[Any]:
    unit_of = (
        sa.select(sa.literal(1))
        .select_from(things)
        .where(things.c.number == datastreams.c.thing)
        .correlate(datastreams)
    )
    conditions = [
        visible(
            scope,
            area=episodes.c.area,
            day=day,
            units=lambda unit: unit_of.where(things.c.unit == unit).exists(),
        )
    ]
    if policy:
        conditions.append(episodes.c.policy == policy)
    if datastream:
        conditions.append(datastreams.c.code == datastream)
    if open_only:
        conditions.append(episodes.c.ended_at.is_(None))
    if not withdrawn:
        conditions.append(episodes.c.withdrawn == 0)
    if case is not None:
        conditions.append(episodes.c.case == case)
    return (
        sa.select(*columns)
        .select_from(episodes.join(datastreams, datastreams.c.number == episodes.c.datastream))
        .where(*conditions)
    )


def list_episodes(  # noqa: PLR0913  each filter is a part of the page's address
    snapshot: Snapshot,
    scope: Scope,
    *,
    day: int,
    policy: str = "",
    datastream: str = "",
    open_only: bool = False,
    withdrawn: bool = False,
    case: int | None = None,
    sort: str = "-started_at",
    limit: int = 100,
    offset: int = 0,
) -> tuple[EpisodeView, ...]:
    """Episodes within a scope.

    Args:
        snapshot: Where to read.
        scope: What the actor may see; a grant to a unit shows what its own stations measured.
        day: The local day whose tree of areas counts, days since 1970-01-01.
        policy: Only of this policy's id.
        datastream: Only of this datastream's code.
        open_only: Only those that have not ended.
        withdrawn: Also those that late data withdrew.
        case: Only those that belong to this case.
        sort: One of `SORTS`, with a leading "-" for descending.
        limit: How many at most.
        offset: How many are passed over first.

    Raises:
        NotFound: if ``sort`` is not a column.
    """
    column = _SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise NotFound(f"episodes: sort {sort!r}: expected one of {', '.join(SORTS)}")
    order = column.desc() if sort.startswith("-") else column.asc()
    statement = _filtered(
        _VIEW,
        scope,
        day,
        policy=policy,
        datastream=datastream,
        open_only=open_only,
        withdrawn=withdrawn,
        case=case,
    )
    last = episodes.c.id.desc() if sort.startswith("-") else episodes.c.id.asc()
    rows = snapshot.rows(statement.order_by(order, last).limit(limit).offset(offset))
    return tuple(_view(row) for row in rows)


def count_episodes(
    snapshot: Snapshot,
    scope: Scope,
    *,
    day: int,
    policy: str = "",
    datastream: str = "",
    open_only: bool = False,
    withdrawn: bool = False,
    case: int | None = None,
) -> int:
    """How many episodes `list_episodes` has in all."""
    statement = _filtered(
        [sa.func.count()],
        scope,
        day,
        policy=policy,
        datastream=datastream,
        open_only=open_only,
        withdrawn=withdrawn,
        case=case,
    )
    return int(snapshot.scalar(statement))


def count_open(snapshot: Snapshot, scope: Scope, *, day: int) -> dict[str, int]:
    """Open episodes within a scope by severity; a severity without any is missing."""
    statement = _filtered([episodes.c.severity, sa.func.count()], scope, day, open_only=True)
    return {row[0]: row[1] for row in snapshot.rows(statement.group_by(episodes.c.severity))}


def get_episode(snapshot: Snapshot, scope: Scope, episode: int, *, day: int) -> EpisodeDetail:
    """An episode with its history, withdrawn or not.

    Raises:
        NotFound: if there is none of this id within the scope.
    """
    statement = _filtered(_VIEW, scope, day, withdrawn=True)
    row = snapshot.first(statement.where(episodes.c.id == episode))
    if row is None:
        raise NotFound(f"alert episode {episode} does not exist, or lies outside your area")
    changes = snapshot.rows(
        sa.select(episode_changes.c.at, episode_changes.c.change, episode_changes.c.details)
        .where(episode_changes.c.episode == episode)
        .order_by(episode_changes.c.id)
    )
    return EpisodeDetail(
        _view(row),
        row.limit_value,
        row.rule_version,
        row.citation,
        tuple(ChangeRow(at, change, msgspec.json.decode(text)) for at, change, text in changes),
    )
