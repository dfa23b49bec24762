"""What a starting process loads: the highest times and the open landing table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from county_gov.store import tables
from county_gov.store.observations.landing import Landing, OpenTable, open_table
from county_gov.store.observations.lookup import unsettled
from county_gov.store.transaction import Snapshot


def load(snapshot: Snapshot, landing: Landing) -> None:
    """Load heads and the open table into a landing."""
    _load_heads(landing, snapshot.rows(sa.select(tables.heads)))
    for table in unsettled(snapshot):
        name = f"landing_{table.number:d}"
        _load_heads(
            landing,
            snapshot.rows(sa.text(f"SELECT datastream, max(time) FROM {name} GROUP BY datastream")),
        )
    current = open_table(snapshot)
    if current is not None:
        rows = snapshot.scalar(sa.text(f"SELECT count(*) FROM landing_{current.number:d}"))
        landing.resume(OpenTable(current.number, current.opened_at, rows))


def _load_heads(landing: Landing, heads: Sequence[sa.Row[Any]]) -> None:
    pairs = np.array([tuple(row) for row in heads], np.int64)
    if len(pairs):
        landing.heads.load(pairs[:, 0], pairs[:, 1])
