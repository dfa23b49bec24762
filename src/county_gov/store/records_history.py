"""What records were before each of their changes, and what idempotency keys stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.schema import Value
from county_gov.store import tables
from county_gov.store.records import RowKey

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store.transaction import Snapshot, Transaction

ChangeKind = Literal["added", "changed", "removed", "upgraded"]
KEYS_A_STATEMENT = 500

history = tables.record_history


@frozen(eq=False)
class PastChange:
    """One change of a row.

    Args:
        key: What identifies the row.
        version: The version that the change made.
        change: What it was.
        before: Values by field before it, None where there was no row: as people see them, so that
            they can be read whatever becomes of the schema; exact numbers keep all their digits.
        schema_version: Version of the schema that ``before`` is of.
    """

    key: RowKey
    version: int
    change: ChangeKind
    before: Mapping[str, Value | Decimal] | None
    schema_version: int


@frozen(eq=False)
class HistoryRow:
    """A change as it was kept: with who made it, and when."""

    id: int
    change: PastChange
    actor: str
    account: int | None
    at: int
    request: str


def append(
    tx: Transaction,
    dataset: str,
    changes: Sequence[PastChange],
    actor: Actor,
    *,
    request: str = "",
) -> None:
    """Keep what rows were before they changed."""
    if not changes:
        return
    tx.execute(
        sa.insert(history),
        [
            {
                "dataset": dataset,
                "record": one.key.record,
                "valid_from": one.key.valid_from,
                "version": one.version,
                "change": one.change,
                "before": None if one.before is None else encode(one.before),
                "schema_version": one.schema_version,
                "actor": actor.name,
                "account": actor.account,
                "at": tx.at,
                "request": request,
            }
            for one in changes
        ],
    )


def of_record(
    snapshot: Snapshot, dataset: str, record: str, *, limit: int = 1000
) -> tuple[HistoryRow, ...]:
    """The changes of a key's rows, of all days, latest first."""
    statement = (
        sa.select(history)
        .where(history.c.dataset == dataset, history.c.record == record)
        .order_by(history.c.id.desc())
        .limit(limit)
    )
    return tuple(
        HistoryRow(
            id=row.id,
            change=PastChange(
                key=RowKey(row.record, row.valid_from),
                version=row.version,
                change=row.change,
                before=None if row.before is None else decode(row.before),
                schema_version=row.schema_version,
            ),
            actor=row.actor,
            account=row.account,
            at=row.at,
            request=row.request,
        )
        for row in snapshot.rows(statement)
    )


def last_versions(snapshot: Snapshot, dataset: str, records: Iterable[str]) -> dict[RowKey, int]:
    """The highest version that rows of some keys ever had, also those that were removed."""
    wanted = sorted(set(records))
    found: dict[RowKey, int] = {}
    for start in range(0, len(wanted), KEYS_A_STATEMENT):
        some = wanted[start : start + KEYS_A_STATEMENT]
        statement = (
            sa.select(history.c.record, history.c.valid_from, sa.func.max(history.c.version))
            .where(history.c.dataset == dataset, history.c.record.in_(some))
            .group_by(history.c.record, history.c.valid_from)
        )
        for record, day, version in snapshot.rows(statement):
            found[RowKey(record, day)] = version
    return found


def encode(values: Mapping[str, Any]) -> str:
    """Values as JSON text, exact numbers as numbers."""
    return msgspec.json.Encoder(decimal_format="number").encode(dict(values)).decode()


def decode(text: str) -> Mapping[str, Value]:
    """Values of JSON text."""
    values: dict[str, Value] = msgspec.json.decode(text)
    return values


@frozen
class KeptWrite:
    """What an idempotency key stands for: which request, and what it made.

    The key's record is empty for an import; ``version`` is 0 for a removal, and an import's number.
    """

    fingerprint: str
    key: RowKey
    version: int


def kept_write(snapshot: Snapshot, scope: str, key: str) -> KeptWrite | None:
    """What an idempotency key stands for, or None where it is new."""
    table = tables.idempotency_keys
    row = snapshot.first(sa.select(table).where(table.c.scope == scope, table.c.key == key))
    if row is None:
        return None
    result = msgspec.json.decode(row.result)
    key_of = RowKey(result["record"], result["valid_from"])
    return KeptWrite(row.fingerprint, key_of, result["version"])


def keep_write(tx: Transaction, scope: str, key: str, kept: KeptWrite) -> None:
    """Remember what an idempotency key stands for."""
    result = {
        "record": kept.key.record,
        "valid_from": kept.key.valid_from,
        "version": kept.version,
    }
    tx.insert(
        tables.idempotency_keys,
        scope=scope,
        key=key,
        fingerprint=kept.fingerprint,
        result=encode(result),
        at=tx.at,
    )
