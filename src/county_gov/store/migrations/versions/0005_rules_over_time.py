"""When judging goes on although no reading comes; what a parameter's value is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the instants; each known state is looked at once, for it may wait already."""
    op.add_column("judging_states", sa.Column("closes_at", Number, nullable=True))
    op.execute("UPDATE judging_states SET closes_at = 0")
    subject = sa.Column("subject", sa.Text(), nullable=False, server_default="")
    op.add_column("parameter_proposals", subject)
    op.create_index("ix_judging_states_policy_closes_at", "judging_states", ["policy", "closes_at"])
