"""Records: what datasets there are, what their rows were, and files that are imported."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; each dataset's own is made at the start that brings the dataset."""
    op.create_table(
        "datasets",
        _words("id"),
        _words("table_name"),
        _number("version"),
        _words("declaration"),
        _words("upgrade", null=True),
        _number("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("table_name", name="uq_datasets_table_name"),
        sqlite_strict=True,
    )
    op.create_table(
        "record_history",
        _number("id", identity=True),
        _words("dataset"),
        _words("record"),
        _number("valid_from", null=True),
        _number("version"),
        _words("change"),
        _words("before", null=True),
        _number("schema_version"),
        _words("actor"),
        _number("account", null=True),
        _number("at"),
        _words("request", default=""),
        sa.PrimaryKeyConstraint("id", name="pk_record_history"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_record_history_dataset_record_id", "record_history", ["dataset", "record", "id"]
    )
    op.create_table(
        "record_imports",
        _number("id", identity=True),
        _words("dataset"),
        _words("name"),
        _words("actor"),
        _number("account", null=True),
        _number("created_at"),
        _words("state"),
        _words("plan", default="{}"),
        _words("outcome", default="{}"),
        _number("applied_at", null=True),
        sa.CheckConstraint(
            "state IN ('read', 'previewed', 'applying', 'applied')",
            name="ck_record_imports_state",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_record_imports"),
        sqlite_strict=True,
    )
    op.create_index("ix_record_imports_created_at", "record_imports", ["created_at"])
    op.create_table(
        "record_import_parts",
        _number("import"),
        _number("number"),
        _words("kind"),
        _number("rows"),
        _raw("body"),
        sa.CheckConstraint(
            "kind IN ('rejected', 'write', 'written', 'unchanged')",
            name="ck_record_import_parts_kind",
        ),
        sa.PrimaryKeyConstraint("import", "number", name="pk_record_import_parts"),
        sqlite_strict=True,
    )


def _number(
    name: str, *, null: bool = False, default: str | None = None, identity: bool = False
) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=null, server_default=default, autoincrement=identity)


def _words(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null, server_default=default)


def _raw(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)
