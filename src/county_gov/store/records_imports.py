"""Files of records that wait for somebody's word, in parts that hold up no other change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec
import sqlalchemy as sa
from attrs import frozen

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store.transaction import Snapshot, Transaction

ImportState = Literal["read", "previewed", "applying", "applied"]
PART_BYTES = 1 << 20

imports = tables.record_imports
parts = tables.record_import_parts


@frozen(eq=False)
class KeptImport:
    """A file that somebody brought.

    Args:
        id: Its number.
        dataset: What it is to become.
        name: The file's name.
        digest: SHA-256 of its bytes.
        account: Who brought it, None for the system.
        state: "read" while its parts arrive, then "previewed", "applying", "applied".
        fingerprint: Hash of what applying would do, as it was shown.
        outcome: What applying it did.
    """

    id: int
    dataset: str
    name: str
    digest: bytes
    parts: int
    account: int | None
    created_at: int
    state: ImportState
    fingerprint: str
    outcome: Mapping[str, int]
    applied_at: int | None


def begin(tx: Transaction, dataset: str, name: str, digest: bytes, actor: Actor) -> int:
    """Note that a file arrives; gives its number."""
    return tx.insert(
        imports,
        dataset=dataset,
        name=name,
        digest=digest,
        parts=0,
        actor=actor.name,
        account=actor.account,
        created_at=tx.at,
        state="read",
    )


def add_part(tx: Transaction, number: int, part: int, body: bytes) -> None:
    """Keep a part of a file."""
    tx.insert(parts, **{"import": number, "number": part, "body": body})
    tx.execute(sa.update(imports).where(imports.c.id == number).values(parts=part + 1))


def move(
    tx: Transaction,
    number: int,
    *,
    state: ImportState,
    fingerprint: str | None = None,
    outcome: Mapping[str, int] | None = None,
) -> None:
    """Put an import into its next state."""
    values: dict[str, object] = {"state": state}
    if fingerprint is not None:
        values["fingerprint"] = fingerprint
    if outcome is not None:
        values["outcome"] = msgspec.json.encode(dict(outcome)).decode()
    if state == "applied":
        values["applied_at"] = tx.at
    tx.execute(sa.update(imports).where(imports.c.id == number).values(**values))


def read_import(snapshot: Snapshot, number: int) -> KeptImport | None:
    """What is known of an import, or None."""
    row = snapshot.first(sa.select(imports).where(imports.c.id == number))
    return None if row is None else _kept(row)


def latest_of(
    snapshot: Snapshot, dataset: str, digest: bytes, account: int | None
) -> KeptImport | None:
    """The last time that somebody brought the same file for the same dataset, or None."""
    statement = (
        sa.select(imports)
        .where(
            imports.c.dataset == dataset,
            imports.c.digest == digest,
            imports.c.account.is_not_distinct_from(account),
        )
        .order_by(imports.c.id.desc())
        .limit(1)
    )
    row = snapshot.first(statement)
    return None if row is None else _kept(row)


def read_body(snapshot: Snapshot, number: int) -> bytes:
    """The bytes of an import's file; empty once they were forgotten."""
    statement = sa.select(parts.c.body).where(parts.c["import"] == number).order_by(parts.c.number)
    return b"".join(row.body for row in snapshot.rows(statement))


def forget_parts(tx: Transaction, *, before: int, limit: int = 20) -> int:
    """Drop parts of files that were brought before an instant; gives how many."""
    key = sa.tuple_(parts.c["import"], parts.c.number)
    old = (
        sa.select(parts.c["import"], parts.c.number)
        .join(imports, imports.c.id == parts.c["import"])
        .where(imports.c.created_at < before)
        .limit(limit)
    )
    return tx.execute(sa.delete(parts).where(key.in_(old))).rowcount


def _kept(row: sa.Row[object]) -> KeptImport:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name for it)
    values.pop("actor")
    values["outcome"] = msgspec.json.decode(values["outcome"])
    return KeptImport(**values)
