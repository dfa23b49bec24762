"""Parameters: their proposals and what was decided."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from county_gov.store.tables.columns import identity, key, number, table, words

parameter_serials = table(
    "parameter_serials", key("parameter"), number("proposed"), number("approved")
)
parameter_proposals = table(
    "parameter_proposals",
    identity(),
    words("parameter"),
    number("number"),
    words("area"),
    words("value"),
    words("unit"),
    number("effective_from"),
    words("document"),
    words("document_number"),
    words("article"),
    words("reason"),
    words("state", default="open"),
    words("proposed_by"),
    number("proposed_account"),
    number("proposed_at"),
    words("decided_by", default=""),
    number("decided_account", null=True),
    number("decided_at", null=True),
    words("decided_reason", default=""),
    number("approval", null=True),
    words("subject", default=""),
    UniqueConstraint("parameter", "number"),
    Index(None, "state"),
    CheckConstraint("state IN ('open', 'approved', 'rejected', 'withdrawn')", name="state"),
)
