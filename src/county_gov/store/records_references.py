"""Which of some codes the registers know; areas and units are in memory and not asked for here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from county_gov.store import tables

if TYPE_CHECKING:
    from county_gov.store.transaction import Snapshot

CODES_A_STATEMENT = 500


def things(snapshot: Snapshot, codes: Iterable[str]) -> set[Any]:
    """Those of some codes that are things."""
    return _known(snapshot, tables.things.c.code, codes)


def accounts(snapshot: Snapshot, numbers: Iterable[object]) -> set[Any]:
    """Those of some numbers that are accounts, active or not."""
    return _known(snapshot, tables.accounts.c.number, numbers)


def _known(snapshot: Snapshot, column: sa.Column[Any], values: Iterable[object]) -> set[Any]:
    wanted = list(values)
    found: set[Any] = set()
    for start in range(0, len(wanted), CODES_A_STATEMENT):
        some = wanted[start : start + CODES_A_STATEMENT]
        found.update(row[0] for row in snapshot.rows(sa.select(column).where(column.in_(some))))
    return found
