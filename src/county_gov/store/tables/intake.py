"""What was taken in: batches, cursors of sources, rows that could not be accepted."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from county_gov.store.tables.columns import identity, key, number, number_key, octets, table, words

batches = table(
    "batches",
    identity(),
    words("key"),
    words("source"),
    words("wire_format"),
    words("provenance"),
    number("received_at"),
    number("committed_at"),
    number("accepted"),
    number("duplicate"),
    number("revised"),
    number("quarantined"),
    UniqueConstraint("key"),
    Index(None, "source", "received_at"),
)
batch_folds = table(
    "batch_folds",
    key("source"),
    number_key("day"),
    number("first"),
    number("last"),
    number("batches"),
    number("accepted"),
    number("duplicate"),
    number("revised"),
)
cursors = table("cursors", key("source"), words("cursor"), number("updated_at"))
quarantine = table(
    "quarantine",
    identity(),
    number("batch"),
    number("row", null=True),
    words("code"),
    words("message"),
    words("field", default=""),
    words("value", default=""),
    words("datastream", default=""),
    octets("raw"),
    words("wire_format"),
    words("source"),
    words("provenance"),
    number("received_at"),
    words("state", default="open"),
    number("retried_batch", null=True),
    words("resolved_by", default=""),
    number("resolved_at", null=True),
    octets("digest"),
    octets("corrected", null=True),
    CheckConstraint("state IN ('open', 'retried', 'dismissed')", name="state"),
    Index(None, "state", "id"),
    Index(
        None,
        "digest",
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
)
