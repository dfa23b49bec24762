"""The spine: registers, journal, intake, observations, alerts, cases, notices, access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Real: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")


def upgrade() -> None:
    """Make all tables."""
    _registers()
    _journal()
    _intake()
    _observations()
    _alerts()
    _cases()
    _notices()
    _access()


def _number(
    name: str, *, null: bool = False, default: str | None = None, identity: bool = False
) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=null, server_default=default, autoincrement=identity)


def _real(name: str, *, null: bool = False) -> sa.Column[float]:
    return sa.Column(name, Real, nullable=null)


def _words(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null, server_default=default)


def _raw(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def _registers() -> None:
    op.create_table(
        "register_versions",
        _words("name"),
        _number("version"),
        sa.PrimaryKeyConstraint("name", name="pk_register_versions"),
        sqlite_strict=True,
    )
    op.create_table(
        "areas",
        _words("code"),
        _words("kind"),
        _words("name"),
        _words("name_en", default=""),
        sa.PrimaryKeyConstraint("code", name="pk_areas"),
        sqlite_strict=True,
    )
    op.create_table(
        "area_parents",
        _words("code"),
        _number("valid_from"),
        _words("parent", null=True),
        _number("valid_to", null=True),
        sa.PrimaryKeyConstraint("code", "valid_from", name="pk_area_parents"),
        sqlite_strict=True,
    )
    op.create_index("ix_area_parents_parent", "area_parents", ["parent"])
    op.create_table(
        "units",
        _words("code"),
        _words("name"),
        _words("name_en", default=""),
        _words("kind"),
        _words("area"),
        sa.PrimaryKeyConstraint("code", name="pk_units"),
        sqlite_strict=True,
    )
    op.create_table(
        "things",
        _number("number", identity=True),
        _words("code"),
        _words("name"),
        _words("name_en", default=""),
        _real("longitude", null=True),
        _real("latitude", null=True),
        _words("area"),
        _words("unit"),
        _number("active", default="1"),
        sa.UniqueConstraint("code", name="uq_things_code"),
        sa.PrimaryKeyConstraint("number", name="pk_things"),
        sqlite_strict=True,
    )
    op.create_table(
        "datastreams",
        _number("number", identity=True),
        _words("code"),
        _number("thing"),
        _words("observed_property"),
        _words("name"),
        _words("name_en", default=""),
        _words("unit_symbol"),
        _number("period"),
        _number("decimals"),
        _real("minimum", null=True),
        _real("maximum", null=True),
        _number("active", default="1"),
        sa.UniqueConstraint("code", name="uq_datastreams_code"),
        sa.PrimaryKeyConstraint("number", name="pk_datastreams"),
        sqlite_strict=True,
    )
    op.create_index("ix_datastreams_thing", "datastreams", ["thing"])


def _journal() -> None:
    op.create_table(
        "journal",
        _number("position"),
        _words("kind"),
        _words("ref"),
        _number("at"),
        _raw("payload", null=True),
        sa.PrimaryKeyConstraint("position", name="pk_journal"),
        sqlite_strict=True,
    )
    op.create_table(
        "followers",
        _words("name"),
        _number("position"),
        _words("owner", default=""),
        _number("lease_until", default="0"),
        _number("fence", default="0"),
        sa.PrimaryKeyConstraint("name", name="pk_followers"),
        sqlite_strict=True,
    )


def _intake() -> None:
    op.create_table(
        "batches",
        _number("id", identity=True),
        _words("key"),
        _words("source"),
        _words("wire_format"),
        _words("provenance"),
        _number("received_at"),
        _number("committed_at"),
        _number("accepted"),
        _number("duplicate"),
        _number("revised"),
        _number("quarantined"),
        sa.UniqueConstraint("key", name="uq_batches_key"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sqlite_strict=True,
    )
    op.create_index("ix_batches_source_received_at", "batches", ["source", "received_at"])
    op.create_table(
        "cursors",
        _words("source"),
        _words("cursor"),
        _number("updated_at"),
        sa.PrimaryKeyConstraint("source", name="pk_cursors"),
        sqlite_strict=True,
    )
    op.create_table(
        "quarantine",
        _number("id", identity=True),
        _number("batch"),
        _number("row", null=True),
        _words("code"),
        _words("message"),
        _words("field", default=""),
        _words("value", default=""),
        _words("datastream", default=""),
        _raw("raw"),
        _words("wire_format"),
        _words("source"),
        _words("provenance"),
        _number("received_at"),
        _words("state", default="open"),
        _number("retried_batch", null=True),
        _words("resolved_by", default=""),
        _number("resolved_at", null=True),
        _raw("digest"),
        sa.CheckConstraint("state IN ('open', 'retried', 'dismissed')", name="ck_quarantine_state"),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sqlite_strict=True,
    )
    op.create_index("ix_quarantine_state_id", "quarantine", ["state", "id"])
    op.create_index(
        "ix_quarantine_digest",
        "quarantine",
        ["digest"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _observations() -> None:
    op.create_table(
        "landings",
        _number("number", identity=True),
        _number("opened_at"),
        _number("closed_at", null=True),
        _number("rows", default="0"),
        _number("changes", default="0"),
        _number("settled_day", null=True),
        _number("settled_datastream", null=True),
        _number("settled_at", null=True),
        sa.PrimaryKeyConstraint("number", name="pk_landings"),
        sqlite_strict=True,
    )
    op.create_table(
        "blocks",
        _number("day"),
        _number("datastream"),
        _number("rows"),
        _number("last"),
        _raw("body"),
        sa.PrimaryKeyConstraint("day", "datastream", name="pk_blocks"),
        sqlite_strict=True,
    )
    op.create_table(
        "heads",
        _number("datastream"),
        _number("time"),
        sa.PrimaryKeyConstraint("datastream", name="pk_heads"),
        sqlite_strict=True,
    )
    op.create_table(
        "revisions",
        _number("id", identity=True),
        _number("datastream"),
        _number("time"),
        _number("value"),
        _number("flag"),
        _number("result_time", null=True),
        _number("batch"),
        _number("replaced_by"),
        _number("replaced_at"),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
        sqlite_strict=True,
    )
    op.create_index("ix_revisions_datastream_time", "revisions", ["datastream", "time"])
    op.create_table(
        "latest",
        _number("datastream"),
        _number("time"),
        _number("value"),
        _number("flag"),
        _number("received_at"),
        sa.PrimaryKeyConstraint("datastream", name="pk_latest"),
        sqlite_strict=True,
    )


def _alerts() -> None:
    op.create_table(
        "episodes",
        _number("id", identity=True),
        _words("policy"),
        _number("datastream"),
        _words("area"),
        _words("severity"),
        _number("started_at"),
        _number("ended_at", null=True),
        _number("last_reading_at"),
        _real("peak"),
        _real("limit_value", null=True),
        _words("rule_version"),
        _words("citation"),
        _number("corrected", default="0"),
        _number("withdrawn", default="0"),
        _number("case", null=True),
        _number("created_at"),
        _number("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_episodes"),
        sqlite_strict=True,
    )
    op.create_index("ix_episodes_ended_at", "episodes", ["ended_at"])
    op.create_index(
        "ix_episodes_policy_datastream_started_at",
        "episodes",
        ["policy", "datastream", "started_at"],
    )
    op.create_table(
        "episode_changes",
        _number("id", identity=True),
        _number("episode"),
        _number("at"),
        _words("change"),
        _words("details", default="{}"),
        sa.PrimaryKeyConstraint("id", name="pk_episode_changes"),
        sqlite_strict=True,
    )
    op.create_index("ix_episode_changes_episode", "episode_changes", ["episode"])
    op.create_table(
        "judging_states",
        _words("policy"),
        _number("datastream"),
        _number("judged_until"),
        _words("state"),
        _number("skipped_from", null=True),
        _number("skipped_to", null=True),
        sa.PrimaryKeyConstraint("policy", "datastream", name="pk_judging_states"),
        sqlite_strict=True,
    )


def _cases() -> None:
    op.create_table(
        "cases",
        _number("id", identity=True),
        _words("number"),
        _words("workflow"),
        _number("workflow_version"),
        _words("state"),
        _number("version"),
        _words("area"),
        _words("title"),
        _words("subject"),
        _words("data"),
        _number("opened_at"),
        _number("moved_at"),
        _number("closed_at", null=True),
        _number("drill", default="0"),
        sa.UniqueConstraint("number", name="uq_cases_number"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sqlite_strict=True,
    )
    op.create_index("ix_cases_area", "cases", ["area"])
    op.create_index("ix_cases_subject", "cases", ["subject"])
    op.create_index("ix_cases_workflow_state", "cases", ["workflow", "state"])
    op.create_table(
        "case_serials",
        _words("workflow"),
        _number("year"),
        _number("last"),
        sa.PrimaryKeyConstraint("workflow", "year", name="pk_case_serials"),
        sqlite_strict=True,
    )
    op.create_table(
        "case_events",
        _number("id", identity=True),
        _number("case"),
        _number("sequence"),
        _words("event"),
        _words("from_state"),
        _words("to_state"),
        _words("actor"),
        _number("account", null=True),
        _number("at"),
        _words("data"),
        sa.UniqueConstraint("case", "sequence", name="uq_case_events_case_sequence"),
        sa.PrimaryKeyConstraint("id", name="pk_case_events"),
        sqlite_strict=True,
    )
    op.create_table(
        "case_units",
        _number("case"),
        _words("unit"),
        _number("since", default="1"),
        sa.PrimaryKeyConstraint("case", "unit", name="pk_case_units"),
        sqlite_strict=True,
    )
    op.create_index("ix_case_units_unit", "case_units", ["unit"])
    op.create_table(
        "case_persons",
        _number("case"),
        _number("account"),
        _number("since", default="1"),
        sa.PrimaryKeyConstraint("case", "account", name="pk_case_persons"),
        sqlite_strict=True,
    )
    op.create_index("ix_case_persons_account", "case_persons", ["account"])
    op.create_table(
        "tasks",
        _number("id", identity=True),
        _number("case"),
        _words("state"),
        _words("title"),
        _words("title_en", default=""),
        _words("role"),
        _number("account", null=True),
        _words("unit", null=True),
        _words("area"),
        _number("created_at"),
        _number("ended_at", null=True),
        _words("ended_by", default=""),
        _words("outcome", default=""),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sqlite_strict=True,
    )
    op.create_index("ix_tasks_case", "tasks", ["case"])
    op.create_index("ix_tasks_ended_at_role", "tasks", ["ended_at", "role"])
    op.create_table(
        "idempotency_keys",
        _words("scope"),
        _words("key"),
        _words("fingerprint"),
        _words("result"),
        _number("at"),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_idempotency_keys"),
        sqlite_strict=True,
    )


def _notices() -> None:
    op.create_table(
        "outbox",
        _number("id", identity=True),
        _words("key"),
        _words("notifier"),
        _words("recipient"),
        _words("subject"),
        _words("body"),
        _number("case", null=True),
        _number("created_at"),
        _number("next_attempt_at"),
        _number("attempts", default="0"),
        _words("state", default="pending"),
        _words("detail", default=""),
        _number("ended_at", null=True),
        _number("drill", default="0"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'dead', 'withheld')", name="ck_outbox_state"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_strict=True,
    )
    op.create_index("ix_outbox_state_next_attempt_at", "outbox", ["state", "next_attempt_at"])
    op.create_table(
        "plugin_notes",
        _words("plugin"),
        _words("key"),
        _words("value"),
        sa.PrimaryKeyConstraint("plugin", "key", name="pk_plugin_notes"),
        sqlite_strict=True,
    )


def _access() -> None:
    op.create_table(
        "accounts",
        _number("number", identity=True),
        _words("login"),
        _words("name"),
        _words("name_en", default=""),
        _words("password"),
        _number("active", default="1"),
        _number("failures", default="0"),
        _number("locked_until", default="0"),
        _words("language", default="zh"),
        _number("created_at"),
        sa.UniqueConstraint("login", name="uq_accounts_login"),
        sa.PrimaryKeyConstraint("number", name="pk_accounts"),
        sqlite_strict=True,
    )
    op.create_table(
        "posts",
        _number("id", identity=True),
        _number("account"),
        _words("role"),
        _words("unit"),
        _words("area"),
        _number("valid_from"),
        _number("valid_to", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
        sqlite_strict=True,
    )
    op.create_index("ix_posts_account", "posts", ["account"])
    op.create_index("ix_posts_role", "posts", ["role"])
    op.create_table(
        "sessions",
        _raw("token"),
        _number("account"),
        _number("created_at"),
        _number("seen_at"),
        _number("expires_at"),
        _words("address", default=""),
        _words("agent", default=""),
        sa.PrimaryKeyConstraint("token", name="pk_sessions"),
        sqlite_strict=True,
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_table(
        "devices",
        _words("code"),
        _words("name"),
        _words("area", default=""),
        _number("epoch"),
        _number("previous_until", default="0"),
        _number("active", default="1"),
        _number("created_at"),
        sa.PrimaryKeyConstraint("code", name="pk_devices"),
        sqlite_strict=True,
    )
    op.create_table(
        "audit",
        _number("id", identity=True),
        _number("at"),
        _words("actor"),
        _number("account", null=True),
        _words("action"),
        _words("object"),
        _words("area", default=""),
        _words("outcome"),
        _words("request", default=""),
        _words("details", default="{}"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_strict=True,
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_object", "audit", ["object"])
