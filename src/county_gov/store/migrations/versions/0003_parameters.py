"""Parameters: values that the county sets, proposed and approved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "parameter_serials",
        _words("parameter"),
        _number("proposed"),
        _number("approved"),
        sa.PrimaryKeyConstraint("parameter", name="pk_parameter_serials"),
        sqlite_strict=True,
    )
    op.create_table(
        "parameter_proposals",
        _number("id", identity=True),
        _words("parameter"),
        _number("number"),
        _words("area"),
        _words("value"),
        _words("unit"),
        _number("effective_from"),
        _words("document"),
        _words("document_number"),
        _words("article"),
        _words("reason"),
        _words("state", default="open"),
        _words("proposed_by"),
        _number("proposed_account"),
        _number("proposed_at"),
        _words("decided_by", default=""),
        _number("decided_account", null=True),
        _number("decided_at", null=True),
        _words("decided_reason", default=""),
        _number("approval", null=True),
        sa.UniqueConstraint("parameter", "number", name="uq_parameter_proposals_parameter_number"),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'rejected', 'withdrawn')",
            name="ck_parameter_proposals_state",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_parameter_proposals"),
        sqlite_strict=True,
    )
    op.create_index("ix_parameter_proposals_state", "parameter_proposals", ["state"])


def _number(name: str, *, null: bool = False, identity: bool = False) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=null, autoincrement=identity)


def _words(name: str, *, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)
