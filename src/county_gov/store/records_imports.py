"""Files of records that somebody brought: what each would do, row by row, and what became of it.

What a file would do is planned once and kept in parts of a few rows, so that taking them in holds
up no other change and can go on after an interruption. Parts are of a kind: "rejected" rows, rows
to "write", "written" ones, and "unchanged" ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store.transaction import Snapshot, Transaction

ImportState = Literal["read", "previewed", "applying", "applied"]
PartKind = Literal["rejected", "write", "written", "unchanged"]
LATER = 1_000_000
"""Added to a part's number for the rows of it that are rejected while it is taken in."""

imports = tables.record_imports
parts = tables.record_import_parts


@frozen(eq=False)
class KeptImport:
    """A file that somebody brought.

    Args:
        id: Its number.
        dataset: What it is to become.
        name: The file's name.
        account: Who brought it, None for the system.
        state: "read" while its parts are kept, then "previewed", "applying", "applied".
        plan: What is known of all of its rows, as JSON text.
        outcome: How many rows were added, changed and so on until now.
    """

    id: int
    dataset: str
    name: str
    account: int | None
    created_at: int
    state: ImportState
    plan: str
    outcome: Mapping[str, int]
    applied_at: int | None


@frozen
class PartPlace:
    """Where a part stands: its number, its kind, and how many rows it has."""

    number: int
    kind: PartKind
    rows: int


@frozen(eq=False)
class Part:
    """Some rows of a file, packed."""

    number: int
    kind: PartKind
    rows: int
    body: bytes


def begin(tx: Transaction, dataset: str, name: str, actor: Actor) -> int:
    """Note that a file was brought; gives its number."""
    return tx.insert(
        imports,
        dataset=dataset,
        name=name,
        actor=actor.name,
        account=actor.account,
        created_at=tx.at,
        state="read",
    )


def add_parts(tx: Transaction, number: int, some: Sequence[Part]) -> None:
    """Keep parts of what a file would do."""
    if some:
        values = [
            {
                "import": number,
                "number": one.number,
                "kind": one.kind,
                "rows": one.rows,
                "body": one.body,
            }
            for one in some
        ]
        tx.execute(sa.insert(parts), values)


def mark_written(tx: Transaction, number: int, part: int) -> None:
    """Note that all rows of a part were written."""
    here = (parts.c["import"] == number, parts.c.number == part)
    tx.execute(sa.update(parts).where(*here).values(kind="written"))


def replace_part(tx: Transaction, number: int, part: Part) -> None:
    """Put a part in the place of that of the same number."""
    here = (parts.c["import"] == number, parts.c.number == part.number)
    if part.rows:
        values = {"kind": part.kind, "rows": part.rows, "body": part.body}
        tx.execute(sa.update(parts).where(*here).values(**values))
    else:
        tx.execute(sa.delete(parts).where(*here))


def move(
    tx: Transaction,
    number: int,
    *,
    state: ImportState,
    plan: str | None = None,
    outcome: Mapping[str, int] | None = None,
) -> None:
    """Put an import into its next state, or note how far it has come."""
    values: dict[str, object] = {"state": state}
    if plan is not None:
        values["plan"] = plan
    if outcome is not None:
        values["outcome"] = msgspec.json.encode(dict(outcome)).decode()
    if state == "applied":
        values["applied_at"] = tx.at
    tx.execute(sa.update(imports).where(imports.c.id == number).values(**values))


def read_import(snapshot: Snapshot, number: int) -> KeptImport | None:
    """What is known of an import, or None."""
    row = snapshot.first(sa.select(imports).where(imports.c.id == number))
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name for it)
    values.pop("actor")
    values["outcome"] = msgspec.json.decode(values["outcome"])
    return KeptImport(**values)


def part_places(snapshot: Snapshot, number: int, *kinds: PartKind) -> tuple[PartPlace, ...]:
    """The parts of an import, those of some kinds only where they are named, by number."""
    statement = sa.select(parts.c.number, parts.c.kind, parts.c.rows).where(
        parts.c["import"] == number
    )
    if kinds:
        statement = statement.where(parts.c.kind.in_(kinds))
    found = snapshot.rows(statement.order_by(parts.c.number))
    return tuple(PartPlace(row.number, row.kind, row.rows) for row in found)


def read_part(snapshot: Snapshot, number: int, part: int) -> Part | None:
    """One part of an import, or None."""
    statement = sa.select(parts).where(parts.c["import"] == number, parts.c.number == part)
    row = snapshot.first(statement)
    return None if row is None else Part(row.number, row.kind, row.rows, row.body)


def forget_parts(tx: Transaction, *, before: int, begun_before: int, limit: int = 20) -> int:
    """Drop parts of files that nobody needs any more; gives how many.

    Args:
        tx: The transaction.
        before: Files are forgotten that were applied before this instant, or brought before it
            and never applied.
        begun_before: Those whose rows are being taken in only if they were brought before this.
        limit: Parts at most.
    """
    key = sa.tuple_(parts.c["import"], parts.c.number)
    since = sa.func.coalesce(imports.c.applied_at, imports.c.created_at)
    begun = imports.c.state == "applying"
    old = (
        sa.select(parts.c["import"], parts.c.number)
        .join(imports, imports.c.id == parts.c["import"])
        .where(imports.c.created_at < before)
        .where(
            sa.or_(
                sa.and_(begun, imports.c.created_at < begun_before),
                sa.and_(~begun, since < before),
            )
        )
        .limit(limit)
    )
    return tx.execute(sa.delete(parts).where(key.in_(old))).rowcount
